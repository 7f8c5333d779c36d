"""Objects are cut out where they lie, hints are obeyed, and edges fade inwards."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vis3d.errors import UsageError
from vis3d.imaging import Box, Point, cut_out, feathered, foreground, objects

GRAY, ORANGE = (90, 95, 100), (220, 130, 40)


def ellipses(
    *centers: tuple[int, int], shape: tuple[int, int] = (120, 200)
) -> NDArray[np.bool_]:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    inside = np.zeros(shape, bool)
    for x, y in centers:
        inside |= ((columns - x) / 26) ** 2 + ((rows - y) / 18) ** 2 <= 1
    return inside


def photo(inside: NDArray[np.bool_], noise: float = 6.0) -> NDArray[np.uint8]:
    color = np.where(inside[:, :, None], ORANGE, GRAY).astype(float)
    color += np.random.default_rng(5).normal(0, noise, color.shape)
    return np.clip(np.rint(color), 0, 255).astype(np.uint8)


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def test_two_objects_are_found_without_hints_and_told_apart() -> None:
    truth = ellipses((50, 40), (140, 80))
    found = foreground(photo(truth))
    assert dice(found, truth) > 0.98
    first, second = objects(found)
    assert dice(first | second, truth) > 0.98
    assert {tuple(np.argwhere(one).mean(axis=0).round(-1)) for one in (first, second)} == {
        (40, 50),
        (80, 140),
    }


def test_a_gray_picture_and_a_large_one_are_cut_as_well() -> None:
    truth = ellipses((90, 60))
    large = np.kron(truth, np.ones((9, 9), bool))
    assert dice(foreground(photo(large)[:, :, 0]), large) > 0.98


def test_a_whole_box_leaves_nothing_outside_it() -> None:
    truth = ellipses((50, 40), (140, 80))
    found = foreground(photo(truth), boxes=[Box(15, 15, 85, 65)])
    assert dice(found, ellipses((50, 40))) > 0.98


def test_a_part_box_marks_an_object_that_looks_like_the_border() -> None:
    truth = ellipses((90, 60))
    pixels = photo(truth)
    pixels[55:, :] = np.where(truth[55:, :, None], pixels[55:, :], ORANGE)
    without = foreground(pixels)
    assert not without[100, 100] or without[20, 20]
    hinted = foreground(pixels, boxes=[Box(80, 80, 120, 118, "part")])
    assert hinted[95:103, 95:105].all()


def test_points_are_obeyed() -> None:
    truth = ellipses((50, 40), (140, 80))
    found = foreground(photo(truth), points=[Point(140, 80, "background"), Point(100, 10)])
    assert not found[80, 140]
    assert found[10, 100]


def test_nothing_stands_out_from_one_colour() -> None:
    assert not foreground(np.full((40, 60, 3), 128, np.uint8)).any()


@pytest.mark.parametrize("box", [(5, 5, 5, 20), (0, 0, 201, 20), (0, 30, 20, 20)])
def test_a_box_outside_the_picture_is_refused(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(UsageError, match="200 x 120"):
        foreground(photo(ellipses((50, 40))), boxes=[Box(*box)])


def test_a_point_outside_the_picture_is_refused() -> None:
    with pytest.raises(UsageError, match="outside"):
        foreground(photo(ellipses((50, 40))), points=[Point(200, 0)])


def test_feathering_fades_inwards_over_its_radius() -> None:
    mask = ellipses((90, 60))
    hard, soft = feathered(mask, 0), feathered(mask, 5)
    assert set(np.unique(hard)) == {0, 255}
    assert not soft[~mask].any()
    middle = soft[60, 64:120].astype(int)  # from the left tip inwards
    assert (np.diff(middle[:8]) >= 0).all()
    assert 0 < middle[1] < 128 < middle[4]
    assert (soft[60, 75:105] == 255).all()


def test_the_border_of_the_picture_is_no_edge_to_fade() -> None:
    assert (feathered(np.ones((20, 30), bool), 6) == 255).all()


def test_what_is_cut_away_is_gone_and_colours_mix_at_the_edge() -> None:
    pixels = np.full((1, 3, 3), 200, np.uint8)
    opacity = np.array([[0, 102, 255]], np.uint8)
    transparent = cut_out(pixels, opacity, None)
    assert transparent.tolist() == [[[0, 0, 0, 0], [200, 200, 200, 102], [200, 200, 200, 255]]]
    on_red = cut_out(pixels, opacity, (100, 0, 0))
    assert on_red.tolist() == [[[100, 0, 0], [140, 80, 80], [200, 200, 200]]]
