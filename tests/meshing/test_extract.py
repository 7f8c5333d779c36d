"""Surfaces lie where the structure lies, closed, outward and of the right size."""

import numpy as np
import pytest
import trimesh

from tests.conftest import oblique_geometry
from vis3d.errors import InputError
from vis3d.geometry import Geometry
from vis3d.meshing import extract_surface, isosurface
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume

RADIUS_MM = 8.0


def ball(geometry: Geometry, radius_mm: float = RADIUS_MM) -> Volume:
    """0 HU outside, 1000 HU inside, an edge 5 mm wide, in the middle of the grid."""
    nk, nj, ni = geometry.shape
    k, j, i = np.meshgrid(np.arange(nk), np.arange(nj), np.arange(ni), indexing="ij")
    lps = geometry.to_lps(np.stack([i, j, k], axis=-1))
    distance_mm = np.linalg.norm(lps - geometry.center_lps, axis=-1)
    edge = np.clip((radius_mm - distance_mm) / 5 + 0.5, 0, 1)
    return Volume((1000 * edge).astype(np.float32), geometry)


def welded(surface: Surface) -> trimesh.Trimesh:
    """As a reader of STL files sees it: corners joined where coordinates are equal."""
    corners = surface.points.astype(np.float32)[surface.triangles.reshape(-1)]
    points, index = np.unique(corners, axis=0, return_inverse=True)
    return trimesh.Trimesh(points, index.reshape(-1, 3), process=False, validate=False)


def is_closed_and_manifold(surface: Surface) -> bool:
    mesh = welded(surface)
    edges = np.sort(mesh.edges, axis=1)
    _, uses = np.unique(edges, axis=0, return_counts=True)
    return bool((uses == 2).all()) and mesh.is_winding_consistent and mesh.area_faces.min() > 0


def test_surface_lies_where_the_mask_lies_in_the_patient(oblique: Geometry) -> None:
    volume = ball(oblique)
    surface = isosurface(volume, 500)
    distance_mm = np.linalg.norm(surface.points - oblique.center_lps, axis=1)
    assert abs(distance_mm - RADIUS_MM).mean() < 0.05
    assert abs(distance_mm - RADIUS_MM).max() < 0.3
    assert is_closed_and_manifold(surface)
    assert surface.volume_ml > 0


def test_isosurface_counts_the_level_itself_as_inside(oblique: Geometry) -> None:
    array = np.zeros(oblique.shape, np.int16)
    array[5, 6, 7] = 300
    surface = isosurface(Volume(array, oblique), 300)
    assert len(surface.triangles) == 8
    assert is_closed_and_manifold(surface)


def test_isosurface_leaves_out_what_lies_outside_the_scan(oblique: Geometry) -> None:
    array = np.zeros(oblique.shape, np.int16)
    array[:, :, 20:] = 3000
    with pytest.raises(InputError, match="No voxel reaches 100 HU"):
        isosurface(Volume(array, oblique, padding=3000), 100)


def test_an_empty_mask_is_refused_by_name(oblique: Geometry) -> None:
    mask = Mask(np.zeros(oblique.shape, bool), oblique, "left lung")
    with pytest.raises(InputError, match="mask left lung is empty"):
        extract_surface(mask)


def test_a_mask_on_another_grid_than_the_volume_is_refused(oblique: Geometry) -> None:
    other = oblique_geometry(origin=(0.0, 0.0, 0.0))
    mask = Mask(np.ones(oblique.shape, bool), oblique, "all")
    with pytest.raises(InputError, match="resample"):
        extract_surface(mask, Volume(np.zeros(other.shape, np.int16), other))


@pytest.mark.parametrize("seed", range(3))
def test_any_mask_gives_a_closed_manifold_even_where_voxels_touch_at_corners(
    seed: int, oblique: Geometry
) -> None:
    noise = np.random.default_rng(seed).random(oblique.shape) < 0.4
    assert is_closed_and_manifold(extract_surface(Mask(noise, oblique, "noise")))


def test_a_structure_cut_by_the_border_is_closed_by_caps_or_left_open(
    oblique: Geometry,
) -> None:
    inside = np.zeros(oblique.shape, bool)
    inside[:, 8:20, 10:30] = True
    mask = Mask(inside, oblique, "column")
    closed = extract_surface(mask)
    opened = extract_surface(mask, open_ends=True)
    assert is_closed_and_manifold(closed)
    assert not welded(opened).is_watertight
    ends_ijk = oblique.to_ijk(closed.points)[:, 2]
    assert (ends_ijk.min(), ends_ijk.max()) == pytest.approx((-0.5, 19.5), abs=1e-4)
