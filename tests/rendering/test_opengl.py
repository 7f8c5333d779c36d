"""No machine crashes: what is missing is said, with what to install."""

import os
from collections.abc import Iterator

import pytest

from vis3d.errors import RequirementError
from vis3d.rendering import opengl


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing remembered, nothing left behind."""
    monkeypatch.setattr(opengl.sys, "platform", "linux")
    monkeypatch.delenv(opengl.VARIABLE, raising=False)
    monkeypatch.delenv("VTK_DEFAULT_EGL_DEVICE_INDEX", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    opengl._offscreen_class.cache_clear()
    yield
    opengl._offscreen_class.cache_clear()


def machine(
    monkeypatch: pytest.MonkeyPatch, libraries: tuple[str, ...], renderers: dict[int, str]
) -> None:
    monkeypatch.setattr(opengl, "_loads", lambda library: library in libraries)
    monkeypatch.setattr(opengl, "egl_renderers", lambda: renderers)


def test_a_bare_machine_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, (), {})
    with pytest.raises(RequirementError, match="apt-get install libosmesa6"):
        opengl.require_opengl()
    with pytest.raises(RequirementError, match="no display"):
        opengl.require_display()


@pytest.mark.parametrize(
    ("libraries", "renderers", "expected", "device"),
    [
        (("libOSMesa.so.8",), {}, opengl.OSMESA, None),
        (("libOSMesa.so.8",), {0: "llvmpipe (LLVM 15)"}, opengl.OSMESA, None),
        (("libOSMesa.so.8",), {0: "llvmpipe", 1: "NVIDIA H100/PCIe"}, opengl.EGL, "1"),
        ((), {0: "llvmpipe (LLVM 15)"}, opengl.EGL, "0"),
    ],
)
def test_a_gpu_comes_first_then_osmesa_then_egl(
    monkeypatch: pytest.MonkeyPatch,
    libraries: tuple[str, ...],
    renderers: dict[int, str],
    expected: str,
    device: str | None,
) -> None:
    machine(monkeypatch, libraries, renderers)
    opengl.require_opengl()
    assert os.environ[opengl.VARIABLE] == expected
    assert os.environ.get("VTK_DEFAULT_EGL_DEVICE_INDEX") == device


def test_a_choice_made_before_is_kept_if_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, ("libOSMesa.so.8",), {0: "NVIDIA H100/PCIe"})
    monkeypatch.setenv(opengl.VARIABLE, opengl.OSMESA)
    opengl.require_opengl()
    assert os.environ[opengl.VARIABLE] == opengl.OSMESA
    opengl._offscreen_class.cache_clear()
    machine(monkeypatch, (), {0: "NVIDIA H100/PCIe"})
    opengl.require_opengl()
    assert os.environ[opengl.VARIABLE] == opengl.EGL


@pytest.mark.parametrize(
    ("name", "software"),
    [
        ("llvmpipe (LLVM 15.0.6, 256 bits)", True),
        ("Google SwiftShader", True),
        ("softpipe", True),
        ("NVIDIA H100/PCIe/SSE2", False),
        ("Mesa Intel(R) UHD Graphics 620 (KBL GT2)", False),
    ],
)
def test_software_renderers_are_known_by_name(name: str, software: bool) -> None:
    assert opengl.is_software(name) == software
