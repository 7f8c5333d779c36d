"""How VTK can draw on this machine, found out before its first window.

VTK's wheel carries no OpenGL of its own. Where the system has none either, the first
`Render()` ends the process (VTK 9.7), so nothing here opens a window before it knows.
"""

import ctypes
import os
import sys
from functools import cache
from typing import Any

from vis3d.errors import RequirementError
from vis3d.rendering.egl import egl_renderers

VARIABLE = "VTK_DEFAULT_OPENGL_WINDOW"
"""Where VTK reads which of its window classes to make."""

OSMESA, EGL, X = "vtkOSOpenGLRenderWindow", "vtkEGLRenderWindow", "vtkXOpenGLRenderWindow"

SOFTWARE_RENDERERS = ("llvmpipe", "softpipe", "swrast", "swiftshader", "software rasterizer")

ADVICE = (
    "Install one, on Debian and Ubuntu with `apt-get install libosmesa6` "
    "(or `apt-get install libegl1 libgl1-mesa-dri`)."
)


def require_opengl() -> None:
    """Make sure that VTK can draw off-screen, and how: a GPU through EGL, else OSMesa.

    Call it before the first window; later calls cost nothing. A choice that the
    environment already holds is kept. Only Linux needs it.

    Raises:
        RequirementError: the system has no OpenGL; the message says what to install.
    """
    if sys.platform == "linux":
        os.environ[VARIABLE] = _offscreen_class()


def require_display() -> None:
    """Make sure that VTK can open a window on the screen, and that it will.

    Raises:
        RequirementError: there is no display, or no OpenGL for it.
    """
    if sys.platform != "linux":
        return
    if not _x_server_answers():
        raise RequirementError(
            "There is no display to open a window on. Use `vis3d serve` to look at the scan "
            "in a browser, or `vis3d render` for a picture."
        )
    if not _loads("libGL.so.1"):
        raise RequirementError(
            "OpenGL for windows is missing. On Debian and Ubuntu `apt-get install libgl1 "
            "libgl1-mesa-dri` brings it."
        )
    os.environ[VARIABLE] = X


@cache
def renderer_is_software() -> bool:
    """Whether OpenGL runs on the CPU, where a ray caster of VTK's own is faster.

    Raises:
        RequirementError: the system has no OpenGL.
    """
    from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow

    require_opengl()
    window = vtkRenderWindow()
    window.SetOffScreenRendering(True)
    window.SetSize(16, 16)
    window.AddRenderer(vtkRenderer())
    window.Render()
    return draws_in_software(window)


def draws_in_software(window: Any) -> bool:
    """Whether this vtkRenderWindow, which has drawn before, is drawn by the CPU."""
    report: str = window.ReportCapabilities()
    names = [line for line in report.splitlines() if "renderer string" in line.lower()]
    return is_software(" ".join(names))


def is_software(renderer: str) -> bool:
    """Whether an OpenGL renderer of that name is one that runs on the CPU."""
    return any(name in renderer.lower() for name in SOFTWARE_RENDERERS)


@cache
def _offscreen_class() -> str:
    chosen = os.environ.get(VARIABLE)
    if chosen and _usable(chosen):
        return chosen
    renderers = egl_renderers()
    for device, name in renderers.items():
        if not is_software(name):
            os.environ.setdefault("VTK_DEFAULT_EGL_DEVICE_INDEX", str(device))
            return EGL
    if _usable(OSMESA):
        return OSMESA
    if renderers:
        os.environ.setdefault("VTK_DEFAULT_EGL_DEVICE_INDEX", str(min(renderers)))
        return EGL
    if _usable(X):
        return X
    raise RequirementError(f"There is no OpenGL on this machine to draw with. {ADVICE}")


def _usable(window_class: str) -> bool:
    if window_class == OSMESA:
        return any(map(_loads, ("libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so")))
    if window_class == EGL:
        return bool(egl_renderers())
    return window_class == X and _loads("libGL.so.1") and _x_server_answers()


def _loads(library: str) -> bool:
    """Whether the dynamic linker, which VTK asks too, finds the library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _x_server_answers() -> bool:
    if not os.environ.get("DISPLAY") or not _loads("libX11.so.6"):
        return False
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = x11.XOpenDisplay(None)
    if display:
        x11.XCloseDisplay(ctypes.c_void_p(display))
    return bool(display)
