"""Letters are cut as deep as asked, read from outside and stand upright."""

import numpy as np
import pytest

from tests.meshing.judges import is_closed_and_manifold
from tests.meshing.planning.solids import AT, TURN, ball, brick
from vis3d.errors import InputError, UsageError
from vis3d.meshing.planning import Inscription, Plane, cut_by_plane, engraved, subtracted
from vis3d.surface import Surface

FRONT = AT + TURN @ [0, -5, 0]
"""The middle of a brick's broad side, which looks more or less to the front."""


def outline(surface: Surface, inscription: Inscription, at: np.ndarray) -> np.ndarray:
    """The corners that an inscription makes, seen on that side: right, up, outwards, mm."""
    marked = engraved(surface, inscription, at_lps=tuple(at))
    own = np.linalg.norm(marked.points - at, axis=1) < 20  # the brick's are farther
    outwards = TURN @ [0, -1, 0]
    up = np.array([0, 0, 1]) - outwards[2] * outwards
    up /= np.linalg.norm(up)
    return np.asarray(
        (marked.points[own] - at) @ np.column_stack([np.cross(up, outwards), up, outwards])
    )


def test_an_l_has_its_foot_below_on_the_right() -> None:
    right, up, outwards = outline(brick((80, 10, 60)), Inscription("L", 10, 1.5), FRONT).T
    assert np.ptp(up) == pytest.approx(10, abs=0.03)
    assert (outwards.min(), outwards.max()) == pytest.approx((-1.5, 0), abs=0.01)
    top, bottom = up > up.max() - 0.1, up < up.min() + 0.1
    assert right[top].max() < right[bottom].max() - 2  # the stem is left, the foot right
    assert right[top].min() == pytest.approx(right[bottom].min(), abs=0.1)


def test_letters_take_their_area_times_the_depth_away() -> None:
    whole, text = brick((80, 10, 60)), "T12 left"
    shallow = engraved(whole, Inscription(text, 8, 0.5), at_lps=tuple(FRONT))
    deep = engraved(whole, Inscription(text, 8, 1.5), at_lps=tuple(FRONT))
    lost_ml = [whole.volume_ml - one.volume_ml for one in (shallow, deep)]
    assert lost_ml[1] == pytest.approx(3 * lost_ml[0], rel=0.01)
    assert 0.02 < lost_ml[0] < 0.1
    assert is_closed_and_manifold(deep)


def test_the_flattest_place_is_found() -> None:
    # A ball of 20 mm with a flat foot: the text goes there.
    plane = Plane(tuple(AT + TURN @ [-10, 0, 0]), tuple(TURN[:, 0]))
    whole = cut_by_plane(ball(20), plane)
    marked = engraved(whole, Inscription("R", 6, 1.0))
    cut = subtracted(whole, marked)
    heights_mm = plane.heights_mm(cut.points)
    assert (heights_mm.min(), heights_mm.max()) == pytest.approx((0, 1), abs=0.01)


@pytest.mark.parametrize(
    ("surface", "at", "reason"),
    [
        (brick((40, 10, 30)), FRONT + TURN @ [19, 0, 0], "hang over an edge"),
        (ball(10), AT - np.array([0, 10, 0]), "rises and falls|hang over"),
    ],
)
def test_a_text_that_does_not_fit_is_refused(
    surface: Surface, at: np.ndarray, reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        engraved(surface, Inscription("LEFT", 5), at_lps=tuple(at))


@pytest.mark.parametrize("text", ["", "  ", "Wirbelsäule", "a\nb"])
def test_letters_that_are_not_at_hand_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="letters at hand"):
        Inscription(text)
