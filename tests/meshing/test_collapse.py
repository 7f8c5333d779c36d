"""Large meshes are collapsed in a process of their own, which can be stopped."""

import subprocess
import time

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from vis3d.errors import Cancelled
from vis3d.meshing import collapse, extract_surface
from vis3d.surface import Surface
from vis3d.volume import Mask


@pytest.fixture(scope="module")
def noise() -> Surface:
    geometry = oblique_geometry((30, 50, 60))
    inside = np.random.default_rng(4).random(geometry.shape) < 0.4
    return extract_surface(Mask(inside, geometry, "noise"))


def test_another_process_gives_what_this_one_would(
    noise: Surface, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(noise.triangles) > collapse.LARGE
    mesh = noise.points, noise.triangles
    there = collapse.collapse(*mesh, 60_000, haste=9)
    monkeypatch.setattr(collapse, "LARGE", len(noise.triangles) + 1)
    here = collapse.collapse(*mesh, 60_000, haste=9)
    np.testing.assert_array_equal(there[1], here[1])
    np.testing.assert_allclose(there[0], here[0])


def test_this_process_helps_out_where_no_other_can_be_had(
    noise: Surface, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collapse, "CHILD", "raise SystemExit(3)")
    _, triangles = collapse.collapse(noise.points, noise.triangles, 60_000, haste=9)
    assert len(triangles) <= 60_000


def test_stopping_is_quick_and_leaves_no_process(
    noise: Surface, monkeypatch: pytest.MonkeyPatch
) -> None:
    children: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def watched(*words: object, **options: object) -> subprocess.Popen[bytes]:
        children.append(popen(*words, **options))  # type: ignore[call-overload]
        return children[-1]

    def stop(done: float, what: str) -> None:
        raise Cancelled

    monkeypatch.setattr(subprocess, "Popen", watched)
    monkeypatch.setattr(collapse, "CHILD", "import time; time.sleep(60)")
    began = time.monotonic()
    with pytest.raises(Cancelled):
        collapse.collapse(noise.points, noise.triangles, 60_000, haste=9, progress=stop)
    assert time.monotonic() - began < 5
    assert children[0].poll() is not None
