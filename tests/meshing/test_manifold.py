"""Meshes stay closed 2-manifolds when a reader welds equal coordinates."""

import numpy as np
import pytest
import trimesh

from tests.meshing.judges import is_closed_and_manifold
from vis3d.meshing import edges, report_surface
from vis3d.meshing.edges import Edges, fans
from vis3d.meshing.manifold import (
    folded,
    piece_of_points,
    separated,
    use_counts,
    welded,
)
from vis3d.surface import Surface

CORNERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
SIDES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


def joined(*parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tetrahedra with the given corners, as one mesh."""
    sides = [SIDES + 4 * n for n in range(len(parts))]
    return np.concatenate(parts), np.concatenate(sides)


TOUCHING = {
    "at a corner": joined(CORNERS, CORNERS - [1, 0, 0]),
    "along an edge": joined(CORNERS, (CORNERS * [1, -1, -1])[[0, 1, 2, 3]]),
    "four round an edge": joined(
        *(
            CORNERS @ np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
            for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1))
        )
    ),
}


@pytest.mark.parametrize("where", TOUCHING)
def test_bodies_that_touch_are_taken_apart(where: str) -> None:
    points, triangles = TOUCHING[where]
    n_parts = len(points) // 4
    raw = Surface(*welded(points, triangles))
    assert not report_surface(raw).manifold
    mesh = Surface(*separated(points, triangles))
    assert is_closed_and_manifold(mesh)
    assert report_surface(mesh).manifold
    assert mesh.volume_ml == pytest.approx(n_parts / 6000, rel=0.03)
    assert abs(mesh.bounds_mm - raw.bounds_mm).max() < 0.01


def test_a_sound_mesh_passes_unchanged() -> None:
    points, triangles = separated(CORNERS, SIDES)
    assert len(points) == len(triangles) == 4
    assert Surface(points, triangles).volume_ml == pytest.approx(1 / 6000)


def test_triangles_folded_onto_each_other_vanish() -> None:
    # A fin of two triangles back to back on one edge of a tetrahedron.
    points = np.vstack([CORNERS, [0.5, -1, -1]])
    triangles = np.vstack([SIDES, [[0, 1, 4], [1, 0, 4]]])
    assert folded(triangles).tolist() == [False] * 4 + [True] * 2
    mesh = separated(points, triangles)
    assert len(mesh[1]) == 4


def test_vertices_that_float32_cannot_tell_apart_are_welded_before_judging() -> None:
    points = np.vstack([CORNERS, CORNERS[1:2] + 1e-9]) + 1000
    triangles = SIDES.copy()
    triangles[3, 0] = 4  # by index an open mesh, by coordinates a closed one
    assert (use_counts(welded(points, triangles)[1]) == 2).all()
    assert (use_counts(triangles) == 1).any()


def test_fans_are_counted_where_two_cones_share_a_tip() -> None:
    points, triangles = welded(*TOUCHING["at a corner"])
    assert len(points) == 7
    assert fans(Edges.of(triangles).partners(triangles))[0] == 8


@pytest.mark.parametrize("seed", range(4))
def test_collapsing_any_vertices_leaves_a_boundary_that_can_be_made_manifold(
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    points, triangles = joined(*(CORNERS + rng.integers(0, 4, 3) for _ in range(60)))
    assert is_closed_and_manifold(Surface(*separated(points, triangles)))


def test_edges_are_the_same_where_a_sort_has_no_room_for_their_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(5)
    points, triangles = separated(
        *joined(*(CORNERS + rng.integers(0, 3, 3) for _ in range(40)))
    )
    quick = Edges.of(triangles)
    monkeypatch.setattr(edges, "KEY_BITS", 0)
    slow = Edges.of(triangles)
    np.testing.assert_array_equal(slow.sizes, quick.sizes)
    partner = quick.partners(triangles)
    np.testing.assert_array_equal(slow.partners(triangles), partner)
    ends = triangles[:, [1, 2, 0]].reshape(-1)
    np.testing.assert_array_equal(triangles.reshape(-1)[partner], ends)
    assert len(points) == fans(partner)[0]


def test_pieces_are_those_that_trimesh_finds() -> None:
    rng = np.random.default_rng(9)
    points, triangles = welded(*joined(*(CORNERS + rng.integers(0, 9, 3) for _ in range(90))))
    links = np.concatenate([triangles[:, :2], triangles[:, 1:]])
    theirs = trimesh.graph.connected_component_labels(links, len(points))
    ours = piece_of_points(len(points), triangles)
    assert ours.max() == theirs.max() > 3
    pairs = np.unique(np.stack([ours, theirs]), axis=1)
    assert pairs.shape[1] == theirs.max() + 1  # one name for another
