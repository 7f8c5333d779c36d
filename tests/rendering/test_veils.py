"""Veils: still pictures draw them in true order, of fewer triangles, and nearly the same."""

import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import vis3d
from tests.conftest import oblique_geometry
from vis3d.meshing import extract_surface, isosurface
from vis3d.rendering import screenshot, surface_scene, surfaces
from vis3d.scene import Camera, Scene, SurfaceLayer
from vis3d.surface import Surface
from vis3d.volume import Volume

MEAN_GRAY, MOST_GRAY, SHARE = 1.0, 6, 0.99
"""Of 255: the mean difference, and what `SHARE` of the pixels stay below."""


def shells(count: int) -> list[Surface]:
    """Egg-shaped shells in each other, on an oblique anisotropic grid."""
    grid = oblique_geometry((50, 90, 110), (0.7, 0.9, 1.6))
    offsets = grid.to_lps(np.stack(tuple(np.indices(grid.shape)[::-1]), axis=-1))
    offsets -= grid.center_lps
    away = np.linalg.norm(offsets * (1.0, 1.2, 0.8), axis=-1).astype(np.float32)
    volume = Volume(-away, grid, "")
    return [isosurface(volume, level=-34.0 + 4 * n) for n in range(count)]


def drawn(layers: list[SurfaceLayer]) -> NDArray[np.int64]:
    scene = Scene(layers, Camera("anterior", 20, 10))
    return screenshot(scene, size=(240, 200)).astype(int)


def differences(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    worst: NDArray[np.int64] = np.abs(one - other).max(axis=-1)
    return worst


def assert_nearly_the_same(one: NDArray[np.int64], other: NDArray[np.int64]) -> None:
    found = differences(one, other)
    assert found.mean() <= MEAN_GRAY
    assert np.quantile(found, SHARE) <= MOST_GRAY


def test_a_lighter_veil_looks_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [SurfaceLayer(one, opacity=0.3) for one in shells(3)]
    whole = drawn(layers)
    triangles = len(layers[0].surface.triangles)
    monkeypatch.setattr(surfaces, "LEAST_VEIL_TRIANGLES", triangles // 6)
    monkeypatch.setattr(surfaces, "PIXELS_A_TRIANGLE", 10**9)
    lighter = drawn(layers)
    assert differences(whole, lighter).max() > 0
    assert_nearly_the_same(whole, lighter)


def test_what_hides_all_behind_it_keeps_every_triangle(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [SurfaceLayer(one) for one in shells(1)]
    whole = drawn(layers)
    monkeypatch.setattr(surfaces, "LEAST_VEIL_TRIANGLES", 50)
    monkeypatch.setattr(surfaces, "PIXELS_A_TRIANGLE", 10**9)
    np.testing.assert_array_equal(drawn(layers), whole)


def test_a_large_picture_gets_more_triangles() -> None:
    assert surfaces.veil_triangles((1200, 900)) < surfaces.veil_triangles((3840, 2160))


@pytest.mark.parametrize("count", [2, 6])
def test_a_white_shell_shines_through_the_black_ones_round_it(count: int) -> None:
    """Each black wall leaves the same share of what lies behind it, and adds nothing."""
    black, white = (0, 0, 0), (255, 255, 255)
    *outer, inner = shells(count)
    middle = (100, 120)
    bare = drawn([])[middle]
    share = drawn([SurfaceLayer(inner, opacity=0.2, color=black)])[middle] / bare  # two walls
    glow = drawn([SurfaceLayer(inner, opacity=0.2, color=white)])[middle] - share * bare
    wall = np.sqrt(share) ** len(outer)
    layers = [SurfaceLayer(one, opacity=0.2, color=black) for one in outer]
    seen = drawn([*layers, SurfaceLayer(inner, opacity=0.2, color=white)])[middle]
    np.testing.assert_allclose(seen, wall * (glow + share * wall * bare), atol=4)


@pytest.mark.real
@pytest.mark.slow
def test_a_real_chest_in_veils_is_drawn_faster_and_looks_the_same(
    real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = vis3d.load_volume(real_data / "lidc_idri_0314.zip")
    labels = vis3d.segment(volume, ["lungs", "airways", "body"])
    names = ("left lung", "right lung", "airways", "body")
    scene = surface_scene(extract_surface(labels.mask(name), volume) for name in names)
    took, pictures = [], []
    for least in (10**9, surfaces.LEAST_VEIL_TRIANGLES):
        monkeypatch.setattr(surfaces, "LEAST_VEIL_TRIANGLES", least)
        start = time.process_time()
        pictures.append(screenshot(scene).astype(int))
        took.append(time.process_time() - start)
    assert_nearly_the_same(*pictures)
    assert took[1] < 0.7 * took[0]
