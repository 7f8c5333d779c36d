"""Large meshes are collapsed in a process of their own, which can be stopped."""

import subprocess
import time

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from vis3d.errors import Cancelled, InputError
from vis3d.meshing import collapse, decimated, decimated_for_view, extract_surface
from vis3d.meshing.manifold import use_counts
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
    np.testing.assert_allclose(there[0], here[0], atol=1e-4)


def test_this_process_helps_out_where_no_other_can_be_had(
    noise: Surface, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collapse, "CHILD", "raise SystemExit(3)")
    _, triangles = collapse.collapse(noise.points, noise.triangles, 60_000, haste=9)
    assert len(triangles) <= 60_000


def test_a_mesh_collapsed_in_parts_is_whole_again(
    noise: Surface, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collapse, "PART", len(noise.triangles) // 3)
    points, triangles = collapse.collapse(noise.points, noise.triangles, 120_000, haste=8)
    assert len(triangles) <= 120_000
    assert (use_counts(triangles) % 2 == 0).all()  # nothing gapes along the cuts
    monkeypatch.undo()
    in_one = Surface(*collapse.collapse(noise.points, noise.triangles, 120_000, haste=8))
    assert Surface(points, triangles).volume_ml == pytest.approx(in_one.volume_ml, rel=0.02)


@pytest.mark.parametrize("large", [True, False])
def test_points_lost_to_a_division_by_zero_come_back_amidst_their_neighbours(
    noise: Surface, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    simplify = collapse.fast_simplification.simplify

    def losing(*words: object, **options: object) -> tuple[np.ndarray, np.ndarray]:
        points, triangles = simplify(*words, **options)
        points[::50] = np.nan
        points[triangles[5]] = np.inf
        return points, triangles

    monkeypatch.setattr(collapse.fast_simplification, "simplify", losing)
    monkeypatch.setattr(collapse, "CHILD", "raise SystemExit(3)")
    monkeypatch.setattr(collapse, "LARGE", 0 if large else len(noise.triangles) + 1)
    points, triangles = collapse.collapse(noise.points, noise.triangles, 60_000, haste=9)
    edges_mm = np.linalg.norm(points[triangles] - points[np.roll(triangles, 1, axis=1)], axis=2)
    assert edges_mm.max() < 15  # NaN would fail here too
    assert Surface(points, triangles).volume_ml == pytest.approx(noise.volume_ml, rel=0.25)


def test_a_surface_lost_altogether_is_shown_as_it_was(
    noise: Surface, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(points: np.ndarray, triangles: np.ndarray, **_: object) -> object:
        return np.full_like(points, np.nan), triangles

    monkeypatch.setattr(collapse.fast_simplification, "simplify", lost)
    monkeypatch.setattr(collapse, "CHILD", "raise SystemExit(3)")
    np.testing.assert_array_equal(decimated_for_view(noise, 50_000).points, noise.points)


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that are started."""
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def watched(*words: object, **options: object) -> subprocess.Popen[bytes]:
        started.append(popen(*words, **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", watched)
    return started


def test_stopping_is_quick_and_leaves_no_process(
    noise: Surface, monkeypatch: pytest.MonkeyPatch, children: list[subprocess.Popen[bytes]]
) -> None:
    def stop(done: float, what: str) -> None:
        raise Cancelled

    monkeypatch.setattr(collapse, "CHILD", "import time; time.sleep(60)")
    began = time.monotonic()
    with pytest.raises(Cancelled):
        collapse.collapse(noise.points, noise.triangles, 60_000, haste=9, progress=stop)
    assert time.monotonic() - began < 5
    assert children[0].poll() is not None


def test_helpers_started_early_end_where_nothing_is_to_do(
    noise: Surface, children: list[subprocess.Popen[bytes]]
) -> None:
    with pytest.raises(InputError, match="smallest possible"):
        decimated(noise, max_triangles=8)
    assert len(children) == 1
    assert children[0].poll() is not None
