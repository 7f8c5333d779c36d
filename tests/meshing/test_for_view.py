"""Surfaces for the screen, made from masks."""

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from vis3d.geometry import FloatArray, Geometry
from vis3d.meshing.for_view import surface_for_view
from vis3d.volume import Mask

RADIUS_MM = 14.0


def ball(geometry: Geometry, center_lps: FloatArray) -> Mask:
    points = geometry.to_lps(np.moveaxis(np.indices(geometry.shape)[::-1], 0, -1))
    inside = np.linalg.norm(points - center_lps, axis=-1) <= RADIUS_MM
    return Mask(inside, geometry, "bones")


@pytest.mark.parametrize("spacing", [(0.6, 0.7, 0.9), (0.7, 0.9, 2.5)])
def test_a_balls_surface_lies_where_the_ball_lies(spacing: tuple[float, float, float]) -> None:
    ni, nj, nk = (int(44 / mm) for mm in spacing)
    geometry = oblique_geometry((nk, nj, ni), spacing)
    center = geometry.center_lps + np.array((1.3, -0.4, 2.2))
    surface = surface_for_view(ball(geometry, center))
    distances = np.linalg.norm(surface.points - center, axis=1)
    assert np.abs(surface.points.mean(axis=0) - center).max() < 0.3
    assert np.abs(distances - RADIUS_MM).max() < 2.0  # half a block, along its diagonal
    # Softening draws a small ball in a little; volumes are counted in voxels, not here.
    assert surface.volume_ml == pytest.approx(4 / 3 * np.pi * RADIUS_MM**3 / 1000, rel=0.05)


def test_what_touches_the_scans_edge_is_closed() -> None:
    geometry = oblique_geometry((10, 12, 14))
    whole = Mask(np.ones(geometry.shape, bool), geometry)
    surface = surface_for_view(whole)
    volume_ml = np.prod(geometry.shape) * geometry.voxel_ml
    assert surface.volume_ml == pytest.approx(volume_ml, rel=0.12)  # its corners are rounded


def test_no_more_triangles_than_wanted_are_drawn() -> None:
    geometry = oblique_geometry((60, 60, 60), (0.8, 0.8, 0.8))
    surface = surface_for_view(ball(geometry, geometry.center_lps))
    fewer = surface_for_view(ball(geometry, geometry.center_lps), max_triangles=1000)
    assert len(fewer.triangles) <= 1020 < len(surface.triangles)
    assert np.isfinite(fewer.points).all()
    assert fewer.volume_ml == pytest.approx(surface.volume_ml, rel=0.05)


def test_nothing_has_an_empty_surface() -> None:
    geometry = oblique_geometry()
    nothing = Mask(np.zeros(geometry.shape, bool), geometry)
    assert not len(surface_for_view(nothing).triangles)


@pytest.mark.parametrize("voxels", [1, 3])
def test_the_smallest_structures_are_seen(voxels: int) -> None:
    geometry = oblique_geometry((20, 30, 40))
    mask = np.zeros(geometry.shape, bool)
    mask[5 : 5 + voxels, 20 : 20 + voxels, 9 : 9 + voxels] = True
    surface = surface_for_view(Mask(mask, geometry))
    assert len(surface.triangles) >= 4
    middle = geometry.to_lps(np.array((9, 20, 5)) + (voxels - 1) / 2)
    assert np.abs(surface.bounds_mm.mean(axis=0) - middle).max() < 0.5
