"""Offsets and walls are as thick as asked, whichever way the solid lies."""

import numpy as np
import pytest

from tests.meshing.judges import is_closed_and_manifold
from tests.meshing.planning.solids import AT, TURN, ball, brick, ring
from vis3d.errors import Cancelled, InputError, UsageError
from vis3d.meshing.planning import hollowed, offset


@pytest.mark.parametrize("distance_mm", [2.5, -3.0])
def test_a_ball_grows_and_shrinks_by_the_distance(distance_mm: float) -> None:
    moved = offset(ball(10), distance_mm, detail_mm=0.5)
    radius_mm = np.linalg.norm(moved.points - AT, axis=1)
    assert abs(radius_mm - 10 - distance_mm).max() < 0.03
    assert is_closed_and_manifold(moved)
    assert (moved.name, moved.color) == ("ball", (1, 2, 3))


def test_a_brick_grows_with_round_edges_and_shrinks_with_sharp_ones() -> None:
    a, b, c = size = (14.0, 10.0, 8.0)
    larger, smaller = (
        offset(brick(size), 2, detail_mm=0.4),
        offset(brick(size), -2, detail_mm=0.4),
    )
    faces, edges = 2 * (a * b + b * c + c * a), 4 * (a + b + c)
    grown_ml = (a * b * c + 2 * faces + np.pi * edges + np.pi * 32 / 3) / 1000
    assert larger.volume_ml == pytest.approx(grown_ml, rel=0.003)
    assert smaller.volume_ml == pytest.approx(10 * 6 * 4 / 1000, rel=0.02)
    corners = (larger.points - AT) @ TURN
    np.testing.assert_allclose(abs(corners).max(axis=0), (9, 7, 6), atol=0.03)


def test_a_ring_offset_far_loses_its_hole() -> None:
    disc = offset(ring(12, 4), 9, detail_mm=0.8)
    outline_mm = abs((disc.points - AT) @ TURN).max(axis=0)
    np.testing.assert_allclose(outline_mm, (25, 25, 13), atol=0.06)


def test_a_hollow_solid_keeps_its_outside_and_its_wall() -> None:
    shell = hollowed(ring(), 1.5, detail_mm=0.3)
    known_ml = 2 * np.pi**2 * 12 * (4**2 - 2.5**2) / 1000
    assert shell.volume_ml == pytest.approx(known_ml, rel=0.01)
    whole = {tuple(point) for point in np.round(ring().points, 3).tolist()}
    assert whole <= {tuple(point) for point in np.round(shell.points, 3).tolist()}
    local = (shell.points - AT) @ TURN
    depth_mm = 4 - np.hypot(np.hypot(local[:, 0], local[:, 1]) - 12, local[:, 2])
    inner = depth_mm > 0.5
    assert abs(depth_mm[inner] - 1.5).max() < 0.08
    assert is_closed_and_manifold(shell)


def test_what_is_thinner_than_two_walls_cannot_be_hollow() -> None:
    with pytest.raises(InputError, match="Nothing of brick is 4.2 mm thick"):
        hollowed(brick((30, 20, 4)), 2.1)


def test_an_offset_can_be_stopped() -> None:
    def stop(done: float, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        offset(ball(10), 1, progress=stop)


@pytest.mark.parametrize(
    "options", [{"distance_mm": np.nan}, {"distance_mm": 1, "detail_mm": 0}]
)
def test_lengths_that_make_no_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="_mm is a length"):
        offset(ball(10), **options)
    with pytest.raises(UsageError, match="wall_mm"):
        hollowed(ball(10), 0)
