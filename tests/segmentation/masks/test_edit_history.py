"""Undo and redo: exact whatever was done, and bounded in memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import oblique_geometry
from vis3d.errors import UsageError
from vis3d.geometry import Geometry
from vis3d.segmentation.masks.edit_history import EditHistory
from vis3d.segmentation.masks.edits import Brush, Edit, difference, erase, paint
from vis3d.segmentation.masks.scissors import scissors
from vis3d.volume import Mask

GRID = oblique_geometry((12, 18, 25))
KEYS = ("one", "two", "new")

Action = tuple[str, str, int]
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(("paint", "erase", "cut", "noise", "undo", "redo")),
        st.sampled_from(KEYS),
        st.integers(0, 99),
    ),
    max_size=16,
)


def random_mask(seed: int) -> Mask:
    return Mask(np.random.default_rng(seed).random(GRID.shape) < 0.4, GRID, "random")


def edit_for(mask: Mask, what: str, seed: int) -> Edit:
    random = np.random.default_rng(seed)
    points = GRID.center_lps + random.uniform(-15, 15, (4, 3))
    if what == "noise":
        return difference(mask, random_mask(seed), what)
    if what == "cut":
        return scissors(mask, points, random.normal(size=3), remove="outside")
    tool = paint if what == "paint" else erase
    return tool(mask, points[:2], Brush(float(random.uniform(0.5, 9))))


@settings(deadline=None, max_examples=20)
@given(actions=ACTIONS)
def test_whatever_was_done_undoing_all_gives_the_start(actions: list[Action]) -> None:
    start = {key: random_mask(n) for n, key in enumerate(("one", "two"))}
    history = EditHistory(GRID, start)
    states = [{key: history.mask(key).array.copy() for key in KEYS}]
    for what, key, seed in actions:
        if what == "undo":
            history.undo()
        elif what == "redo":
            history.redo()
        else:
            other = {"two": edit_for(history.mask("two"), "paint", seed)} if seed % 3 else {}
            step = history.do(what, {**other, key: edit_for(history.mask(key), what, seed)})
            if step.edits:
                now = {key: history.mask(key).array.copy() for key in KEYS}
                states[history.done :] = [now]
        for name in KEYS:  # the state is that of the steps that stand, whichever way it came
            np.testing.assert_array_equal(history.mask(name).array, states[history.done][name])
    while history.redo():
        pass
    while history.undo():
        pass
    for key, mask in start.items():
        np.testing.assert_array_equal(history.mask(key).array, mask.array)
        np.testing.assert_array_equal(mask.array, random_mask(KEYS.index(key)).array)
    assert not history.mask("new").array.any()


def test_steps_are_named_and_say_what_changed() -> None:
    history = EditHistory(GRID, {"one": random_mask(1)})
    edit = paint(history.mask("one"), GRID.center_lps, Brush(5.0))
    history.do("Brush 5 mm", {"one": edit}, note="colour")
    history.do("Erase", {"one": erase(history.mask("one"), GRID.center_lps, Brush(2.0))})
    assert (history.names, history.done) == (("Brush 5 mm", "Erase"), 2)
    history.undo()
    step = history.undo()
    assert step is not None
    assert (step.name, step.note, step.edits["one"].box) == ("Brush 5 mm", "colour", edit.box)
    assert history.undo() is None
    assert history.done == 0
    history.redo()
    history.do("Other", {"one": paint(history.mask("one"), GRID.center_lps, Brush(9.0))})
    assert history.names == ("Brush 5 mm", "Other")
    assert history.redo() is None
    nothing = erase(history.mask("one"), GRID.center_lps + 1e3, Brush(2.0))
    history.do("Erase", {"one": nothing})
    assert history.names == ("Brush 5 mm", "Other")
    assert "2 of 2 steps" in repr(history)


def test_the_oldest_steps_are_forgotten_beyond_the_limit_of_memory() -> None:
    history = EditHistory(GRID, max_bytes=20_000)
    for seed in range(60):
        history.do(f"step {seed}", {"x": edit_for(history.mask("x"), "noise", seed)})
        assert history.nbytes <= 20_000
    assert history.names[-1] == "step 59"
    for _ in range(history.done):
        history.undo()
    first = int(history.names[0].split()[1])
    assert first > 0
    np.testing.assert_array_equal(history.mask("x").array, random_mask(first - 1).array)


def test_a_restored_history_goes_back_and_forth_as_the_first_one() -> None:
    history = EditHistory(GRID, {"one": random_mask(1)})
    for seed in range(4):
        history.do(f"step {seed}", {"one": edit_for(history.mask("one"), "noise", seed)})
    history.undo()
    now = {"one": Mask(history.mask("one").array.copy(), GRID)}
    other = EditHistory.restored(GRID, now, history.steps, history.done)
    assert (other.names, other.done) == (history.names, 3)
    for move in ("redo", "undo", "undo", "undo", "undo", "redo"):
        getattr(history, move)()
        getattr(other, move)()
        np.testing.assert_array_equal(other.mask("one").array, history.mask("one").array)
    with pytest.raises(UsageError, match="can't stand"):
        EditHistory.restored(GRID, now, history.steps, 5)


def test_a_view_of_the_state_cannot_be_written_and_what_was_given_stays() -> None:
    mask = random_mask(1)
    history = EditHistory(GRID, {"one": mask})
    with pytest.raises(ValueError, match="read-only"):
        history.mask("one").array[0, 0, 0] = True
    history.do("noise", {"one": edit_for(mask, "noise", 7)})
    np.testing.assert_array_equal(mask.array, random_mask(1).array)


def test_masks_of_another_grid_and_new_starts_of_edited_masks_are_refused() -> None:
    history = EditHistory(GRID, {"one": random_mask(1)})
    other = Geometry(GRID.shape)
    with pytest.raises(UsageError, match="one grid"):
        history.put("two", Mask(np.zeros(GRID.shape, bool), other))
    history.do("noise", {"one": edit_for(history.mask("one"), "noise", 7)})
    with pytest.raises(UsageError, match="would be a step"):
        history.put("one", random_mask(2))
    with pytest.raises(UsageError, match="same grid"):
        difference(random_mask(1), Mask(np.zeros(GRID.shape, bool), other), "x")
