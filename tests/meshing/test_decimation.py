"""Fewer triangles, but no hole, no lost piece and no broken promise."""

import re

import numpy as np
import pytest

from tests.meshing.judges import is_closed_and_manifold, piece_count
from tests.meshing.shapes import grid_round, scan_of, sphere, torus, truth_of
from vis3d.errors import InputError
from vis3d.geometry import Geometry
from vis3d.meshing import (
    Deviation,
    collapse,
    decimated,
    decimated_for_view,
    deviation,
    extract_surface,
)
from vis3d.surface import Surface
from vis3d.volume import Mask

GRID = grid_round()


@pytest.fixture(scope="module")
def ball() -> Surface:
    scan = scan_of(sphere, GRID)
    return extract_surface(Mask(truth_of(sphere, GRID), GRID, "ball"), scan)


@pytest.fixture(scope="module")
def sponge() -> Surface:
    """Holes, bridges, specks and cavities: what breaks when edges collapse."""
    geometry = Geometry((14, 20, 24), (0.7, 0.7, 1.2), (100.0, -200.0, 900.0))
    inside = np.random.default_rng(2).random(geometry.shape) < 0.35
    return extract_surface(Mask(inside, geometry, "sponge"))


@pytest.mark.parametrize("limit", [20_000, 2_000, 100])
def test_triangle_limit_is_kept_and_the_mesh_stays_closed(ball: Surface, limit: int) -> None:
    fewer = decimated(ball, max_triangles=limit)
    assert len(fewer.triangles) <= limit
    assert is_closed_and_manifold(fewer)
    assert fewer.volume_ml == pytest.approx(ball.volume_ml, rel=0.06)


@pytest.mark.parametrize("share", [0.5, 0.25])
def test_a_sponge_stays_a_closed_manifold_with_all_its_pieces(
    sponge: Surface, share: float
) -> None:
    limit = int(share * len(sponge.triangles))
    fewer = decimated(sponge, max_triangles=limit)
    assert len(fewer.triangles) <= limit
    assert is_closed_and_manifold(fewer)
    assert piece_count(fewer) >= piece_count(sponge)


def test_a_limit_that_cannot_be_kept_is_refused_with_one_that_can(sponge: Surface) -> None:
    with pytest.raises(InputError, match=r"10 triangles can't hold the \d+ pieces") as refused:
        decimated(sponge, max_triangles=10)
    found = re.search(r"smallest possible is (\d+)", str(refused.value))
    assert found
    smallest = int(found[1])
    assert smallest == 4 * piece_count(sponge)
    fewest = decimated(sponge, max_triangles=smallest)
    assert len(fewest.triangles) <= smallest
    assert is_closed_and_manifold(fewest)


def test_a_mesh_cut_in_parts_gets_light_everywhere(
    ball: Surface, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_one = deviation(decimated(ball, max_triangles=600), ball)
    monkeypatch.setattr(collapse, "LARGE", len(ball.triangles) // 8)
    monkeypatch.setattr(collapse, "PART", len(ball.triangles) // 4)
    fewer = decimated(ball, max_triangles=600)
    assert deviation(fewer, ball).p95 < 1.3 * in_one.p95
    assert is_closed_and_manifold(fewer)


def test_a_surface_that_lost_its_shape_says_so() -> None:
    mask = Mask(truth_of(torus, GRID), GRID, "ring")
    fine = extract_surface(mask, max_triangles=1500)
    assert fine.metadata["findings"] == ()
    coarse = extract_surface(mask, max_triangles=16)
    (finding,) = coarse.metadata["findings"]  # type: ignore[misc]
    assert finding.code == "details-lost"
    assert re.match(r"\d+ triangles keep \d+ % of the area", finding.message)


@pytest.mark.parametrize("limit_mm", [0.05, 0.3])
def test_deviation_limit_is_kept_with_far_fewer_triangles(
    ball: Surface, limit_mm: float
) -> None:
    fewer = decimated(ball, max_deviation_mm=limit_mm)
    assert deviation(fewer, ball).max <= limit_mm
    assert len(fewer.triangles) < (0.6 if limit_mm < 0.1 else 0.1) * len(ball.triangles)
    assert is_closed_and_manifold(fewer)


def test_a_tight_spot_does_not_keep_the_rest_from_getting_lighter() -> None:
    inside = truth_of(sphere, GRID)
    sponge = np.random.default_rng(8).random((6, 14, 14)) < 0.5
    inside[1:7, 1:15, 1:15] = sponge
    surface = extract_surface(Mask(inside, GRID, "ball and sponge"))
    fewer = decimated(surface, max_deviation_mm=0.12)
    assert deviation(fewer, surface).max <= 0.12
    assert len(fewer.triangles) < 0.4 * len(surface.triangles)  # all at once: 0.5
    assert is_closed_and_manifold(fewer)
    assert piece_count(fewer) >= piece_count(surface)


def test_specks_are_kept_where_a_large_piece_takes_the_loss() -> None:
    inside = truth_of(sphere, GRID)
    inside[1::6, 1, 1::6] = True
    inside[::4, 2::6, 0] = True
    surface = extract_surface(Mask(inside, GRID, "ball and dust"))
    fewer = decimated(surface, max_triangles=4000)
    assert piece_count(fewer) == piece_count(surface)
    tight = decimated(surface, max_triangles=4 * piece_count(surface) + 60)
    assert piece_count(tight) == piece_count(surface)
    assert is_closed_and_manifold(tight)


def test_extracting_with_a_limit_tells_how_far_the_result_deviates() -> None:
    mask = Mask(truth_of(torus, GRID), GRID, "ring")
    surface = extract_surface(mask, max_triangles=1500)
    told = surface.metadata["deviation"]
    assert isinstance(told, Deviation)
    assert 0 < told.mean < told.p95 < told.max < 0.6
    assert len(surface.triangles) <= 1500


def test_a_limit_of_triangles_that_costs_the_one_of_deviation_says_so() -> None:
    grid = grid_round(8)
    mask = Mask(truth_of(lambda p: sphere(p, 6), grid), grid, "ball")
    limits = {"max_triangles": 60, "max_deviation_mm": 0.05}
    surface = extract_surface(mask, **limits, measure="nothing")
    (finding,) = surface.metadata["findings"]  # type: ignore[misc]
    assert finding.code == "deviation-exceeded"
    assert len(surface.triangles) <= 60
    both = extract_surface(mask, max_triangles=5000, max_deviation_mm=0.15)
    assert both.metadata["findings"] == ()


def test_nothing_is_done_where_the_limit_is_kept_already(ball: Surface) -> None:
    assert decimated(ball, max_triangles=len(ball.triangles)) is ball
    assert decimated_for_view(ball, len(ball.triangles)) is ball


def test_the_copy_for_the_screen_is_about_as_small_as_asked(ball: Surface) -> None:
    fewer = decimated_for_view(ball, 5000)
    assert len(fewer.triangles) <= 5100
    assert (fewer.name, fewer.color) == (ball.name, ball.color)
