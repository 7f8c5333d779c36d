"""Surfaces for the screen."""

import numpy as np
import pytest
from vis3d_viewer.light_surfaces import clustered, light_surface

from tests.conftest import oblique_geometry
from vis3d.geometry import FloatArray, Geometry
from vis3d.labels import STRUCTURES, LabelMap

BONES = STRUCTURES[3]
RADIUS_MM = 14.0


def ball(geometry: Geometry, center_lps: FloatArray) -> LabelMap:
    points = geometry.to_lps(np.moveaxis(np.indices(geometry.shape)[::-1], 0, -1))
    inside = np.linalg.norm(points - center_lps, axis=-1) <= RADIUS_MM
    return LabelMap(np.where(inside, BONES.label, 0).astype(np.uint8), geometry)


@pytest.mark.parametrize("spacing", [(0.6, 0.7, 0.9), (0.7, 0.9, 2.5)])
def test_a_balls_surface_lies_where_the_ball_lies(spacing: tuple[float, float, float]) -> None:
    ni, nj, nk = (int(44 / mm) for mm in spacing)
    geometry = oblique_geometry((nk, nj, ni), spacing)
    center = geometry.center_lps + np.array((1.3, -0.4, 2.2))
    surface = light_surface(ball(geometry, center), BONES)
    distances = np.linalg.norm(surface.points - center, axis=1)
    assert np.abs(surface.points.mean(axis=0) - center).max() < 0.3
    assert np.abs(distances - RADIUS_MM).max() < 2.0  # half a block, along its diagonal
    # Softening draws a small ball in a little; volumes are counted in voxels, not here.
    assert surface.volume_ml == pytest.approx(4 / 3 * np.pi * RADIUS_MM**3 / 1000, rel=0.05)


def test_what_touches_the_scans_edge_is_closed() -> None:
    geometry = oblique_geometry((10, 12, 14))
    whole = LabelMap(np.full(geometry.shape, BONES.label, np.uint8), geometry)
    surface = light_surface(whole, BONES)
    volume_ml = np.prod(geometry.shape) * geometry.voxel_ml
    assert surface.volume_ml == pytest.approx(volume_ml, rel=0.12)  # its corners are rounded


def test_too_many_triangles_are_put_together() -> None:
    geometry = oblique_geometry((60, 60, 60), (0.8, 0.8, 0.8))
    surface = light_surface(ball(geometry, geometry.center_lps), BONES)
    fewer = clustered(surface, 1000)
    assert 300 < len(fewer.triangles) < 2000
    assert np.isfinite(fewer.points).all()
    assert fewer.volume_ml == pytest.approx(surface.volume_ml, rel=0.05)


def test_nothing_has_an_empty_surface() -> None:
    geometry = oblique_geometry()
    nothing = LabelMap(np.zeros(geometry.shape, np.uint8), geometry)
    assert not len(light_surface(nothing, BONES).triangles)
