"""Planes, boxes and mirrors leave what geometry says, closed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.meshing.judges import is_closed_and_manifold
from tests.meshing.planning.solids import AT, TURN, ball, brick, inside_out, joined, ring
from vis3d.errors import InputError, UsageError
from vis3d.meshing.manifold import welded
from vis3d.meshing.planning import Box, Plane, cut_by_box, cut_by_plane, mirrored
from vis3d.surface import Surface

directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda one: np.linalg.norm(one) > 0.1)


@settings(deadline=None, max_examples=12)
@given(directions, st.floats(-8, 8))
def test_a_plane_leaves_the_cap_of_a_ball(normal: tuple[float, ...], height_mm: float) -> None:
    unit = np.array(normal) / np.linalg.norm(normal)
    plane = Plane(tuple(AT + height_mm * unit), normal)
    cap = cut_by_plane(ball(10), plane)
    known_ml = np.pi * (10 - height_mm) ** 2 * (20 + height_mm) / 3000
    assert cap.volume_ml == pytest.approx(known_ml, rel=0.004)  # the ball has flat sides
    assert plane.heights_mm(cap.points).min() > -1e-3
    assert is_closed_and_manifold(cap)


def test_both_sides_of_a_plane_are_the_whole() -> None:
    whole, there = ring(), (0.3, -0.7, 0.2)
    back = tuple(-x for x in there)
    sides = [cut_by_plane(whole, Plane(tuple(AT), one)) for one in (there, back)]
    assert sum(side.volume_ml for side in sides) == pytest.approx(whole.volume_ml, rel=1e-5)
    assert (sides[0].name, sides[0].color) == (whole.name, whole.color)


def test_a_turned_box_keeps_its_own_volume_or_the_rest() -> None:
    box = Box(tuple(AT), (4.0, 6.0, 8.0), TURN)
    inside = cut_by_box(ball(20), box)
    outside = cut_by_box(ball(20), box, keep="outside")
    assert inside.volume_ml == pytest.approx(0.192, rel=1e-4)
    assert outside.volume_ml + inside.volume_ml == pytest.approx(ball(20).volume_ml, rel=1e-6)
    corners = (inside.points - AT) @ TURN
    np.testing.assert_allclose(abs(corners).max(axis=0), (2, 3, 4), atol=1e-3)
    assert is_closed_and_manifold(inside)
    assert is_closed_and_manifold(outside)


def test_a_mirror_moves_what_lies_beside_it_to_the_other_side() -> None:
    plane = Plane(tuple(AT + TURN @ [10, 0, 0]), tuple(TURN[:, 0]))
    image = mirrored(brick((4, 6, 8)), plane)
    np.testing.assert_allclose(image.points.mean(axis=0), AT + TURN @ [20, 0, 0], atol=1e-4)
    assert image.volume_ml == pytest.approx(0.192, rel=1e-4)
    np.testing.assert_allclose(
        mirrored(image, plane).points, brick((4, 6, 8)).points, atol=1e-3
    )


def test_normals_that_point_inwards_are_turned_round() -> None:
    half = cut_by_plane(inside_out(ball(10)), Plane(tuple(AT), (1.0, 2.0, 3.0)))
    assert half.volume_ml == pytest.approx(2 / 3 * np.pi, rel=0.004)


def test_touching_solids_that_face_inwards_are_turned_round_soundly() -> None:
    two = joined(brick((4, 4, 4)), brick((4, 4, 4), AT + TURN @ [4.0, 4.0, 0]))
    one = Surface(*welded(two.points, two.triangles))  # an edge with four triangles
    half = cut_by_plane(inside_out(one), Plane(tuple(AT), tuple(TURN[:, 2])))
    assert half.volume_ml == pytest.approx(0.064, rel=1e-3)
    assert is_closed_and_manifold(half)


def test_an_open_surface_is_no_solid() -> None:
    whole = ball(10)
    with pytest.raises(InputError, match=r"ball isn't closed \(3 edges"):
        cut_by_plane(
            Surface(whole.points, whole.triangles[1:], "ball"), Plane(tuple(AT), (0, 0, 1))
        )


def test_a_plane_beside_the_solid_leaves_nothing() -> None:
    with pytest.raises(InputError, match="Nothing is left"):
        cut_by_plane(ball(10), Plane(tuple(AT + np.array([0, 0, 11])), (0, 0, 1)))


NONSENSE = {
    "a normal of no length": lambda: Plane((0, 0, 0), (0, 0, 0)),
    "a point nowhere": lambda: Plane((0, np.nan, 0), (0, 0, 1)),
    "a flat box": lambda: Box((0, 0, 0), (1, 0, 1)),
    "axes too long": lambda: Box((0, 0, 0), (1, 1, 1), 2 * np.eye(3)),
    "axes mirrored": lambda: Box((0, 0, 0), (1, 1, 1), np.diag([1.0, 1.0, -1.0])),
    "both sides": lambda: cut_by_box(ball(5), Box((0, 0, 0), (1, 1, 1)), keep="both"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", NONSENSE)
def test_planes_and_boxes_that_are_none_are_refused(what: str) -> None:
    with pytest.raises(UsageError):
        NONSENSE[what]()
