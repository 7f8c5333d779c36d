"""What becomes of a mark when one of its points is dragged."""

import numpy as np
import pytest
from vis3d_viewer.measuring import Kept, Points, moved

from vis3d.errors import UsageError
from vis3d.measurement import Distance

START: Points = ((0.0, 0.0, 0.0), (10.0, 0.0, 0.0), (0.0, 0.0, 4.0))


def kept(kind: str, points: Points = START) -> Kept:
    return Kept(1, kind, kind, points, Distance(points[0], points[1]))


@pytest.mark.parametrize("kind", ["distance", "angle"])
def test_an_end_goes_where_it_is_dragged_and_the_others_stay(kind: str) -> None:
    points = START[:2] if kind == "distance" else START
    now = moved(kept(kind, points), 1, (7.0, 8.0, 9.0))
    assert now == (points[0], (7.0, 8.0, 9.0), *points[2:])


def test_the_middle_of_an_ellipse_takes_it_along() -> None:
    now = moved(kept("ellipse"), 0, (1.0, 2.0, 3.0))
    assert np.allclose(np.subtract(now, START), (1, 2, 3))


def test_an_end_of_an_ellipse_stays_on_its_axis() -> None:
    now = moved(kept("ellipse"), 2, (30.0, 5.0, -6.0))
    assert now == (START[0], START[1], (0.0, 0.0, 6.0))
    flat = moved(kept("ellipse"), 1, (0.0, 3.0, 0.0))
    assert 0 < flat[1][0] < 1, "an ellipse keeps some width"


def test_any_point_of_an_outline_takes_it_along() -> None:
    now = moved(kept("polygon"), 2, (0.0, 5.0, 4.0))
    assert np.allclose(np.subtract(now, START), (0, 5, 0))


def test_there_is_no_other_point() -> None:
    for which in (-1, 2):
        with pytest.raises(UsageError, match="no such point"):
            moved(kept("distance", START[:2]), which, (0.0, 0.0, 0.0))
