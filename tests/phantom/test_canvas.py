"""What is painted by blocks and bars is what the formulas say."""

from functools import partial

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from vis3d.geometry import Geometry
from vis3d.phantom.anatomy import Layer, anatomy
from vis3d.phantom.canvas import Canvas, Solid, Tubes
from vis3d.phantom.fields import ellipsoid
from vis3d.phantom.skeleton import bar, joined

SOLIDS = [layer for layer in anatomy(0)[0] if isinstance(layer.shape, Solid)]
TUBES = [layer for layer in anatomy(0)[0] if isinstance(layer.shape, Tubes)]


def voxels_lps(grid: Geometry) -> np.ndarray:
    """The voxel centres, (3, nk, nj, ni)."""
    kji = np.indices(grid.shape).reshape(3, -1).T
    return grid.to_lps(kji[:, ::-1]).T.reshape(3, *grid.shape).astype(np.float32)


@pytest.fixture(scope="module")
def grid() -> Geometry:
    """An oblique grid over the whole chest."""
    turned = oblique_geometry().direction
    centered = Geometry((37, 46, 41), (9.7, 8.1, 8.9), direction=turned)
    x, y, z = (-centered.center_lps).tolist()
    return Geometry(centered.shape, centered.spacing, (x, y, z), turned)


@pytest.mark.parametrize("layer", SOLIDS, ids=lambda layer: layer.name)
def test_a_solid_painted_by_blocks_is_the_sign_of_its_field(
    grid: Geometry, layer: Layer
) -> None:
    assert isinstance(layer.shape, Solid)
    canvas = Canvas(grid.affine, grid.shape, 0.0, 0.0)
    canvas.paint(canvas.sample(layer.shape), 0.0, 1)
    lps = voxels_lps(grid)
    distance = layer.shape.field(*lps)
    low, high = (
        np.array(end).reshape(3, 1, 1, 1) for end in (layer.shape.low, layer.shape.high)
    )
    in_box = ((lps >= low) & (lps <= high)).all(axis=0)
    inside = distance < 0
    assert not (inside & ~in_box).any()
    clear = np.abs(distance) > 1e-3
    np.testing.assert_array_equal((canvas.label_array() == 1)[clear], inside[clear])


def brute_force(tubes: Tubes, grid: Geometry) -> np.ndarray:
    """The distance of every voxel from all bars, one bar after the other, in float64."""
    points = voxels_lps(grid).reshape(3, -1).T.astype(float)
    nearest = np.full(len(points), np.inf)
    for n in range(len(tubes.starts)):
        start, axis = tubes.starts[n], tubes.ends[n] - tubes.starts[n]
        along = np.clip((points - start) @ axis / max(axis @ axis, 1e-9), 0, 1)
        off = points - start - along[:, None] * axis
        half_mm = np.linalg.norm(tubes.flat[n])
        if half_mm:
            wide = tubes.flat[n] / half_mm
            off = off - np.clip(off @ wide, -half_mm, half_mm)[:, None] * wide
        radius = tubes.start_radii[n] + along * (tubes.end_radii[n] - tubes.start_radii[n])
        nearest = np.minimum(nearest, np.linalg.norm(off, axis=1) - radius)
    return nearest.reshape(grid.shape)


@pytest.mark.parametrize("name", ["clavicles", "shoulder blades", "large airways"])
def test_bars_are_painted_where_the_nearest_one_is(grid: Geometry, name: str) -> None:
    (layer,) = (layer for layer in TUBES if layer.name == name)
    assert isinstance(layer.shape, Tubes)
    canvas = Canvas(grid.affine, grid.shape, 0.0, 0.0)
    canvas.paint(canvas.sample(layer.shape), 0.0, 1)
    distance = brute_force(layer.shape, grid)
    clear = np.abs(distance) > 1e-3
    assert (distance < 0).any()
    np.testing.assert_array_equal((canvas.label_array() == 1)[clear], (distance < 0)[clear])


def test_partial_volumes_of_a_ball_add_up_to_its_volume() -> None:
    grid = oblique_geometry((30, 50, 60), (0.7, 0.9, 1.5))
    radius = 12.0
    x, y, z = grid.center_lps.tolist()
    field = partial(ellipsoid, center=(x, y, z), radii=(radius,) * 3)
    low, high = (x - 14, y - 14, z - 14), (x + 14, y + 14, z + 14)
    canvas = Canvas(grid.affine, grid.shape, 1.2, 0.0)
    canvas.paint(canvas.sample(Solid(field, low, high)), 1.0)
    painted_ml = canvas.hu_array().sum() * grid.voxel_ml
    # An edge that fades over w adds pi * r * w^2 / 3, since more of it lies outside.
    expected_ml = (4 / 3 * np.pi * radius**3 + np.pi * radius * 1.2**2 / 3) / 1000
    assert painted_ml == pytest.approx(expected_ml, rel=1e-3)


def test_the_middle_of_an_edge_is_half_way() -> None:
    grid = oblique_geometry((30, 50, 60), (0.7, 0.9, 1.5))
    x, y, z = grid.center_lps.tolist()
    field = partial(ellipsoid, center=(x, y, z), radii=(9.0, 12.0, 10.0))
    canvas = Canvas(grid.affine, grid.shape, 1.5, -1000.0)
    sample = canvas.sample(Solid(field, (x - 14, y - 14, z - 14), (x + 14, y + 14, z + 14)))
    canvas.paint(sample, 40.0, 1)
    hu, labels = canvas.hu_array(), canvas.label_array()
    np.testing.assert_array_equal(hu[np.abs(hu + 480) > 1] > -480, labels[np.abs(hu + 480) > 1])


def test_a_bars_volume_is_a_cylinder_with_two_half_balls() -> None:
    grid = oblique_geometry((40, 50, 60), (0.5, 0.6, 0.8))
    along = grid.direction @ (4.0, -3.0, 5.0)
    ends = grid.center_lps - along, grid.center_lps + along
    canvas = Canvas(grid.affine, grid.shape, 0.8, 0.0)
    canvas.paint(canvas.sample(bar(ends, 4.0)), 1.0)
    length = 2 * np.linalg.norm(along)
    expected_ml = (np.pi * 16 * length + 4 / 3 * np.pi * 64) / 1000
    assert canvas.hu_array().sum() * grid.voxel_ml == pytest.approx(expected_ml, rel=0.01)


def test_shells_leave_the_inner_part() -> None:
    grid = oblique_geometry((40, 50, 60), (0.5, 0.6, 0.8))
    thick, thin = (bar([grid.center_lps, grid.center_lps + 1], r) for r in (8.0, 6.0))
    shrunk, direct = (Canvas(grid.affine, grid.shape, 0.8, 0.0) for _ in range(2))
    shrunk.paint(shrunk.sample(thick, reach_mm=2.0).shrunk(2.0), 1.0)
    direct.paint(direct.sample(thin), 1.0)
    np.testing.assert_allclose(shrunk.hu_array(), direct.hu_array(), atol=1e-4)


def test_joined_bars_are_all_of_them() -> None:
    two = joined(
        [bar([(0, 0, 0), (1, 0, 0), (2, 0, 0)], 1.0), bar([(0, 5, 0), (0, 9, 0)], 2.0)]
    )
    assert two.starts.shape == (3, 3)
    np.testing.assert_array_equal(two.start_radii, [1, 1, 2])
    np.testing.assert_array_equal(two.grown(0.5).end_radii, [1.5, 1.5, 2.5])
