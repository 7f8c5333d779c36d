"""Surfaces for the screen in tiles: placed, closed, without seams, made anew where needed."""

import numpy as np
import pytest
import trimesh

from tests.conftest import oblique_geometry
from vis3d.errors import Cancelled
from vis3d.geometry import FloatArray, Geometry
from vis3d.meshing.tiles import Change, TiledSurface, retiled, tiled_for_view
from vis3d.surface import Surface
from vis3d.volume import Mask
from vis3d.vtk_data import NORMALS

LONG = oblique_geometry((30, 80, 150), (0.9, 1.2, 2.0))
"""Several tiles along two of its axes."""


def ball(geometry: Geometry, center_lps: FloatArray, radius_mm: float) -> Mask:
    points = geometry.to_lps(np.moveaxis(np.indices(geometry.shape)[::-1], 0, -1))
    inside = np.linalg.norm(points - center_lps, axis=-1) <= radius_mm
    return Mask(inside, geometry, "bones")


def middle(geometry: Geometry, i: float, j: float, k: float) -> FloatArray:
    return geometry.to_lps(np.array((i, j, k)))


def edge_uses(surface: Surface) -> np.ndarray:
    """How many triangles meet at each edge, corners of one place joined."""
    corners = surface.points.astype(np.float32)[surface.triangles.reshape(-1)]
    _, index = np.unique(corners, axis=0, return_inverse=True)
    triangles = index.reshape(-1, 3)
    edges = np.sort(np.concatenate([triangles[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))]))
    return np.unique(edges, axis=0, return_counts=True)[1]


def alike(one: TiledSurface, other: TiledSurface) -> bool:
    return (
        one.grain == other.grain
        and set(one.tiles) == set(other.tiles)
        and all(
            np.array_equal(a.points, b.points)
            and np.array_equal(a.triangles, b.triangles)
            and np.array_equal(a.point_data[NORMALS], b.point_data[NORMALS])
            for index in one.tiles
            for a, b in (
                (one.tiles[index].surface, other.tiles[index].surface),
                (one.tiles[index].light, other.tiles[index].light),
            )
        )
    )


def change(before: Mask, after: Mask) -> Change:
    """The box of what changed."""
    changed = before.array ^ after.array
    found = np.nonzero(changed)
    box = tuple(slice(axis.min(), axis.max() + 1) for axis in found)
    return [part.start for part in box], changed[box]


def test_a_ball_across_tiles_lies_where_it_lies_and_is_closed() -> None:
    # Tiles of 64 blocks meet at i = 126 and j = 63 here: blocks are 2 x 1 x 1 voxels.
    center = middle(LONG, 125.3, 62.6, 14.2)
    tiled = tiled_for_view(ball(LONG, center, 18.0))
    assert len(tiled.tiles) == 4
    whole = tiled.whole
    distances = np.linalg.norm(whole.points - center, axis=1)
    assert np.abs(distances - 18.0).max() < 2.0  # half a block, along its diagonal
    assert whole.volume_ml == pytest.approx(4 / 3 * np.pi * 18.0**3 / 1000, rel=0.05)
    mesh = trimesh.Trimesh(whole.points, whole.triangles, process=False, validate=False)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert len(np.unique(whole.triangles)) == len(whole.points)
    assert np.allclose(tiled.bounds_mm, whole.bounds_mm)


def test_normals_point_outwards_and_neighbours_share_them() -> None:
    center = middle(LONG, 125.3, 62.6, 14.2)
    tiled = tiled_for_view(ball(LONG, center, 18.0))
    for light in (False, True):
        surfaces = [tile.light if light else tile.surface for tile in tiled.tiles.values()]
        points = np.concatenate([surface.points for surface in surfaces])
        normals = np.concatenate([surface.point_data[NORMALS] for surface in surfaces])
        outwards = (points - center) / np.linalg.norm(points - center, axis=1, keepdims=True)
        straight = (normals * outwards).sum(axis=1)
        assert straight.min() > 0.7
        assert straight.mean() > 0.98
        assert np.linalg.norm(normals, axis=1) == pytest.approx(1.0, abs=1e-5)
        _, which, count = np.unique(
            points.round(3), axis=0, return_inverse=True, return_counts=True
        )
        for place in np.nonzero(count > 1)[0]:
            same = normals[which.reshape(-1) == place]
            assert np.abs(same - same[0]).max() < 1e-4
        assert (count > 1).sum() > 10


def test_light_copies_are_light_and_leave_no_gap_between_tiles() -> None:
    tiled = tiled_for_view(ball(LONG, middle(LONG, 125.3, 62.6, 14.2), 18.0))
    lights = [tile.light for tile in tiled.tiles.values()]
    assert sum(len(light.triangles) for light in lights) < tiled.triangle_count / 4
    firsts = np.cumsum([0, *(len(light.points) for light in lights[:-1])])
    triangles = [light.triangles + n for light, n in zip(lights, firsts, strict=True)]
    points = np.concatenate([light.points for light in lights]).round(3)
    together = Surface(points, np.concatenate(triangles))
    assert (edge_uses(together) % 2 == 0).all()


@pytest.mark.parametrize(
    ("spot", "left"), [((20.0, 20.0, 14.0), 3), ((126.0, 63.0, 14.0), 0), ((0.0, 79.0, 0.0), 3)]
)
def test_a_change_makes_anew_what_it_reaches_and_gives_the_same_as_all_anew(
    spot: tuple[float, float, float], left: int
) -> None:
    before = ball(LONG, middle(LONG, 75.0, 40.0, 15.0), 55.0)
    tiled = tiled_for_view(before)
    stroke = ball(LONG, middle(LONG, *spot), 6.0)
    after = Mask(before.array ^ stroke.array, LONG, "bones")
    now = retiled(tiled, after, [change(before, after)])
    assert alike(now, tiled_for_view(after))
    kept = [index for index, tile in now.tiles.items() if tile is tiled.tiles.get(index)]
    assert len(kept) == left
    assert len(tiled.tiles) == 4
    back = retiled(now, before, [change(before, after)])
    assert alike(back, tiled)


def test_several_changes_at_once_are_all_seen() -> None:
    before = ball(LONG, middle(LONG, 75.0, 40.0, 15.0), 30.0)
    spots = [ball(LONG, middle(LONG, i, 10.0, 8.0), 5.0) for i in (10.0, 140.0)]
    steps = [before]
    for spot in spots:
        steps.append(Mask(steps[-1].array | spot.array, LONG, "bones"))
    changes = [change(steps[0], steps[1]), change(steps[1], steps[2])]
    now = retiled(tiled_for_view(before), steps[2], changes)
    assert alike(now, tiled_for_view(steps[2]))


def test_from_nothing_to_something_and_back() -> None:
    nothing = Mask(np.zeros(LONG.shape, bool), LONG, "bones")
    something = ball(LONG, middle(LONG, 75.0, 40.0, 15.0), 8.0)
    empty = tiled_for_view(nothing)
    assert not empty.tiles
    assert not len(empty.whole.triangles)
    there = retiled(empty, something, [change(nothing, something)])
    assert alike(there, tiled_for_view(something))
    assert not retiled(there, nothing, [change(nothing, something)]).tiles


@pytest.mark.parametrize("voxels", [1, 3])
def test_the_smallest_structures_are_seen_and_may_grow(voxels: int) -> None:
    mask = np.zeros(LONG.shape, bool)
    mask[5 : 5 + voxels, 20 : 20 + voxels, 9 : 9 + voxels] = True
    small = Mask(mask, LONG)
    tiled = tiled_for_view(small)
    assert tiled.triangle_count >= 4
    at = middle(LONG, *(np.array((9, 20, 5)) + (voxels - 1) / 2))
    assert np.abs(tiled.bounds_mm.mean(axis=0) - at).max() < 0.5
    grown = Mask(mask | ball(LONG, middle(LONG, 75.0, 40.0, 15.0), 25.0).array, LONG)
    assert alike(retiled(tiled, grown, [change(small, grown)]), tiled_for_view(grown))


def test_blocks_are_larger_where_there_would_be_too_many_triangles() -> None:
    mask = ball(LONG, middle(LONG, 75.0, 40.0, 15.0), 25.0)
    fine, coarse = tiled_for_view(mask), tiled_for_view(mask, max_triangles=4000)
    assert coarse.triangle_count <= 4000 < fine.triangle_count
    assert coarse.grain.factors > fine.grain.factors
    assert coarse.whole.volume_ml == pytest.approx(fine.whole.volume_ml, rel=0.05)


def test_all_of_a_grid_is_closed_at_its_edges() -> None:
    whole = tiled_for_view(Mask(np.ones(LONG.shape, bool), LONG)).whole
    volume_ml = np.prod(LONG.shape) * LONG.voxel_ml
    assert whole.volume_ml == pytest.approx(volume_ml, rel=0.02)
    assert trimesh.Trimesh(whole.points, whole.triangles, process=False).is_watertight


def test_it_can_be_stopped() -> None:
    def stop(fraction: float, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        tiled_for_view(ball(LONG, middle(LONG, 75.0, 40.0, 15.0), 25.0), progress=stop)


@pytest.mark.parametrize("across", [(0.6, 0.5, 0.62), (0.0, 0.7, 0.7), (-0.2, 0.9, 0.4)])
def test_a_wall_as_thin_as_a_block_has_no_holes(across: tuple[float, float, float]) -> None:
    geometry = oblique_geometry((70, 80, 90), (0.7, 0.75, 0.8))
    points = geometry.to_lps(np.moveaxis(np.indices(geometry.shape)[::-1], 0, -1))
    off = points - geometry.center_lps
    normal = geometry.direction @ (np.array(across) / np.linalg.norm(across))
    wall = Mask(
        (np.abs(off @ normal) < 0.8) & (np.linalg.norm(off, axis=-1) < 20.0), geometry, "bones"
    )
    whole = tiled_for_view(wall).whole
    mesh = trimesh.Trimesh(whole.points, whole.triangles, process=False, validate=False)
    assert mesh.is_watertight
    assert mesh.euler_number == 2  # one piece, no hole through it
    assert whole.volume_ml == pytest.approx(np.pi * 20.0**2 * 1.6 / 1000, rel=0.25)
    assert np.abs((whole.points - geometry.center_lps) @ normal).max() < 0.8 + 0.8
