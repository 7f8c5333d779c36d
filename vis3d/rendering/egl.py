"""What EGL would draw with, asked without VTK, which crashes where nothing answers."""

import ctypes
from ctypes import c_char_p, c_int, c_void_p
from typing import Any

_DEVICES = 8
_PLATFORM_DEVICE = 0x313F
_OPENGL_API = 0x30A2
_CONFIG = (0x3033, 0x0001, 0x3040, 0x0008, 0x3038)  # pbuffer surfaces, OpenGL, end
_PBUFFER = (0x3057, 16, 0x3056, 16, 0x3038)  # width, height, end
_CONTEXT = (0x3098, 3, 0x30FB, 2, 0x3038)  # version 3.2, as VTK asks, end
_GL_RENDERER = 0x1F01


def egl_renderers() -> dict[int, str]:
    """The name of the OpenGL renderer behind each EGL device that works, by device number."""
    try:
        egl = ctypes.CDLL("libEGL.so.1")
        query = _function(egl, b"eglQueryDevicesEXT", c_int, c_int, c_void_p, c_void_p)
        platform_display = _function(
            egl, b"eglGetPlatformDisplayEXT", c_void_p, c_int, c_void_p, c_void_p
        )
    except OSError:
        return {}
    devices, count = (c_void_p * _DEVICES)(), c_int(0)
    if not query(_DEVICES, devices, ctypes.byref(count)):
        return {}
    displays = (
        platform_display(_PLATFORM_DEVICE, devices[n], None) for n in range(count.value)
    )
    names = {number: _renderer(egl, display) for number, display in enumerate(displays)}
    return {number: name for number, name in names.items() if name}


def _renderer(egl: ctypes.CDLL, display: int | None) -> str:
    """The renderer's name, from a context that lives as long as the question; "" for none."""
    if not display or not _call(egl, "eglInitialize", c_void_p(display), None, None):
        return ""
    screen = c_void_p(display)
    config, count = c_void_p(), c_int(0)
    _call(egl, "eglBindAPI", _OPENGL_API)
    found = _call(
        egl, "eglChooseConfig", screen, _ints(_CONFIG),
        ctypes.byref(config), 1, ctypes.byref(count),
    )  # fmt: skip
    if not found or not count.value:
        return ""
    surface = _pointer(egl, "eglCreatePbufferSurface", screen, config, _ints(_PBUFFER))
    context = _pointer(egl, "eglCreateContext", screen, config, None, _ints(_CONTEXT))
    if not surface or not context:
        return ""
    name = None
    if _call(
        egl, "eglMakeCurrent", screen, c_void_p(surface), c_void_p(surface), c_void_p(context)
    ):
        name = _function(egl, b"glGetString", c_char_p, c_int)(_GL_RENDERER)
    _call(egl, "eglMakeCurrent", screen, None, None, None)
    _call(egl, "eglDestroyContext", screen, c_void_p(context))
    _call(egl, "eglDestroySurface", screen, c_void_p(surface))
    return name.decode(errors="replace") if name else ""


def _function(egl: ctypes.CDLL, name: bytes, result: Any, *arguments: Any) -> Any:
    """A function that EGL hands out by name.

    Raises:
        OSError: it hasn't got that one.
    """
    get = egl.eglGetProcAddress
    get.restype, get.argtypes = c_void_p, [c_char_p]
    address = get(name)
    if not address:
        raise OSError(f"EGL has no {name.decode()}")
    return ctypes.CFUNCTYPE(result, *arguments)(address)


def _call(egl: ctypes.CDLL, name: str, *arguments: Any) -> int:
    function = getattr(egl, name)
    function.restype = c_int
    return int(function(*arguments))


def _pointer(egl: ctypes.CDLL, name: str, *arguments: Any) -> int | None:
    function = getattr(egl, name)
    function.restype = c_void_p
    pointer: int | None = function(*arguments)
    return pointer


def _ints(values: tuple[int, ...]) -> Any:
    return (c_int * len(values))(*values)
