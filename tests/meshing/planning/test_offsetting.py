"""Offsets and walls are as thick as asked, whichever way the solid lies."""

import re

import numpy as np
import pytest

from tests.meshing.judges import is_closed_and_manifold
from tests.meshing.planning.solids import AT, TURN, ball, brick, ring
from vis3d.errors import Cancelled, InputError, TooLargeError, UsageError
from vis3d.meshing.planning import hollowed, offset, offsetting


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


@pytest.mark.parametrize(("distance_mm", "detail_mm"), [(1, 1e-3), (-1, 1e-4), (1, 1e-320)])
def test_a_grid_without_room_is_refused_with_the_finest_detail(
    distance_mm: float, detail_mm: float
) -> None:
    with pytest.raises(TooLargeError, match=r"take --detail \d") as refused:
        offset(ball(10), distance_mm, detail_mm=detail_mm)
    named = re.search(r"--detail (\S+)", str(refused.value))
    assert named
    finest_mm = float(named[1])
    outside_mm = max(distance_mm, 0.0)
    cells = offsetting._grid_round(ball(10), outside_mm, finest_mm).shape
    assert np.prod(cells) <= offsetting.MOST_CELLS
    with pytest.raises(TooLargeError, match="cells"):
        offsetting._grid_round(ball(10), outside_mm, 0.9 * finest_mm)


def test_little_free_memory_makes_the_finest_detail_coarser(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(offsetting, "free_bytes", lambda: 32 * 30_000)
    with pytest.raises(TooLargeError, match=r"3e\+04 are possible here: take --detail 0\.88 "):
        offset(ball(10), 1, detail_mm=0.3)


def test_an_offset_far_beyond_the_solid_is_refused() -> None:
    with pytest.raises(TooLargeError, match=r"too far for ball of 20 mm: at most 200 mm"):
        offset(ball(10), 1e9)


def test_far_outside_a_coarse_grid_is_exact_enough() -> None:
    far = offset(ball(3), 55)
    assert abs(np.linalg.norm(far.points - AT, axis=1) - 58).max() < 0.05
    assert len(far.triangles) < 200_000


def test_by_default_no_distance_needs_more_than_27_million_cells() -> None:
    large = brick((300, 300, 300))
    for distance_mm in (-1e9, -0.01, 0.01, 50, 2000):
        detail_mm = offsetting._detail_mm(large, distance_mm)
        grid = offsetting._grid_round(large, max(distance_mm, 0), detail_mm)
        assert np.prod(grid.shape) < 30e6


def test_what_falls_between_the_points_of_the_grid_is_told() -> None:
    with pytest.raises(InputError, match="brick is too thin for a detail of 40 mm"):
        offset(brick((1, 1, 1)), 2, detail_mm=40)


def test_distances_that_would_take_minutes_are_foreseen_and_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(offsetting, "LONGEST_S", 0.02)
    with pytest.raises(TooLargeError, match=r"would take about .* minutes") as refused:
        offset(ball(10), 20, detail_mm=0.5)
    named = re.search(r"take --detail (\S+),", str(refused.value))
    assert named
    assert float(named[1]) > 0.5


def test_an_offset_can_be_stopped_while_it_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsetting, "CALL_S", 0.005)
    told = []

    def stop_later(done: float, what: str) -> None:
        told.append(done)
        if 0.3 < done < 0.8:
            raise Cancelled

    with pytest.raises(Cancelled):
        offset(ball(10), 5, progress=stop_later)
    assert len(told) > 5


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
