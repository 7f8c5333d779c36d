"""Distances to surfaces and between them are those of geometry."""

import numpy as np
import pytest

from tests.meshing.planning.solids import AT, TURN, ball, brick
from vis3d.errors import InputError, UsageError
from vis3d.meshing.planning import angle_degrees, distance_mm, gap_mm, nearest_point
from vis3d.surface import Surface


@pytest.mark.parametrize(
    ("there", "nearest"),
    [
        ([5, 1, 1], [2, 1, 1]),  # before a face
        ([5, 7, 1], [2, 3, 1]),  # beside an edge
        ([5, 7, -9], [2, 3, -4]),  # off a corner
        ([1.5, 0.5, 0], [2, 0.5, 0]),  # inside
    ],
)
def test_nearest_point_of_a_turned_brick(there: list[float], nearest: list[float]) -> None:
    found = nearest_point(brick((4, 6, 8)), tuple(AT + TURN @ there))
    np.testing.assert_allclose(found.point_lps, AT + TURN @ nearest, atol=1e-4)
    away_mm = np.linalg.norm(np.array(there) - nearest)
    assert found.distance_mm == pytest.approx(away_mm, abs=1e-4)


def test_gap_between_balls_and_between_edges_that_cross() -> None:
    beside = AT + TURN @ [0, 25.0, 0]
    assert gap_mm(ball(10), ball(8, beside)) == pytest.approx(7, abs=0.02)
    assert gap_mm(ball(10), ball(16, beside)) == 0
    assert gap_mm(ball(10), ball(2)) == 0  # one inside the other
    roof = brick((8, 8, 40))
    turn = TURN @ np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]]) @ TURN.T
    points = (roof.points - AT) @ turn.T + AT
    across = Surface(points + 12 * TURN[:, 1], roof.triangles)
    assert gap_mm(roof, across) == pytest.approx(4, abs=1e-3)


def test_a_surface_without_triangles_has_no_nearest_point() -> None:
    empty = Surface(np.zeros((0, 3)), np.zeros((0, 3), int), "none")
    with pytest.raises(InputError, match="none has no triangles"):
        nearest_point(empty, (0, 0, 0))


@pytest.mark.parametrize("degrees", [0.0, 1e-5, 30.0, 90.0, 135.0, 180.0])
def test_distances_and_angles_do_not_mind_how_the_patient_lies(degrees: float) -> None:
    turn = np.radians(degrees)
    one = tuple(AT + TURN @ [7.0, 0, 0])
    other = tuple(AT + TURN @ [0.5 * np.cos(turn), 0.5 * np.sin(turn), 0])
    assert angle_degrees(one, tuple(AT), other) == pytest.approx(degrees, rel=1e-4, abs=1e-9)
    assert distance_mm(one, tuple(AT)) == pytest.approx(7)


def test_a_corner_has_no_angle_with_itself() -> None:
    with pytest.raises(UsageError, match="apart from its corner"):
        angle_degrees((1, 2, 3), (1, 2, 3), (4, 5, 6))
