"""Structures as a person changes them: every step forth and back, voxel for voxel."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vis3d_viewer.structures import Structures

from tests.conftest import oblique_geometry
from vis3d.errors import UsageError
from vis3d.labels import STRUCTURES, LabelMap, Report
from vis3d.segmentation import Brush, paint
from vis3d.volume import Mask

GEOMETRY = oblique_geometry((10, 12, 14))


def ball(center_kji: tuple[int, int, int], radius: float) -> Mask:
    kji = np.moveaxis(np.indices(GEOMETRY.shape), 0, -1)
    return Mask(np.linalg.norm(kji - center_kji, axis=-1) <= radius, GEOMETRY, "ball")


def found_map() -> LabelMap:
    labels = np.zeros(GEOMETRY.shape, np.uint8)
    labels[1:9, 1:11, 1:13] = 5
    labels[2:6, 2:6, 2:6] = 1
    labels[2:6, 7:10, 7:10] = 4
    return LabelMap(labels, GEOMETRY, STRUCTURES)


@pytest.fixture
def structures() -> Structures:
    made = Structures(GEOMETRY)
    made.found(found_map(), "Segment")
    return made


def state(structures: Structures) -> tuple[object, ...]:
    """All there is to be seen."""
    masks = {label: mask.array.tobytes() for label, mask in structures.masks().items()}
    return structures.listed, masks, structures.labels.array.tobytes(), structures.voxels


def test_what_was_found_is_listed_by_label_with_its_voxels(structures: Structures) -> None:
    assert [s.label for s in structures.listed] == [1, 4, 5], "airways were not found"
    assert (structures.labels.array == found_map().array).all()
    assert structures.voxels[1] == 64
    assert structures.voxels[5] == 8 * 10 * 12, "the body is all inside the skin"


def test_a_copy_stays_as_it_was(structures: Structures) -> None:
    labels, mask, seen = structures.copy_of_labels(), structures.copy(4), structures.labels
    structures.delete(4)
    assert (labels.array == found_map().array).all()
    assert mask.array.sum() == 36
    assert not (seen.array == 4).any(), "what is looked at follows"
    assert structures.labels.array is not seen.array, "and says so by being another one"


def test_finding_one_again_leaves_the_others(structures: Structures) -> None:
    before = structures.mask(1).array.copy()
    labels = np.zeros(GEOMETRY.shape, np.uint8)
    labels[2:7, 7:11, 7:10] = 4
    changed = structures.found(LabelMap(labels, GEOMETRY, (STRUCTURES[3],)), "Segment bones")
    assert changed == {4}
    assert (structures.mask(1).array == before).all()
    assert structures.voxels[4] == labels.astype(bool).sum()


def test_a_new_structure_lies_over_older_ones_and_under_none(structures: Structures) -> None:
    structures.add(ball((4, 4, 4), 2.5), "nodule", "Add nodule")
    new = structures.listed[-1]
    assert (new.label, new.name) == (9, "nodule")
    inside = ball((4, 4, 4), 2.5).array
    assert (structures.labels.array[inside] == 9).all()
    assert structures.voxels[1] == 64, "the lung keeps its voxels below"
    structures.delete(9)
    assert (structures.labels.array == found_map().array).all()


def test_names_are_unique_and_sound(structures: Structures) -> None:
    structures.add(ball((4, 4, 4), 2), "bones", "Add")
    assert structures.listed[-1].name == "bones 2"
    for name in ("", "  ", "x" * 61, "Left-Lung", "a\nb\x00"):
        with pytest.raises(UsageError):
            structures.rename(4, name)
    structures.rename(4, "ribs  and\tspine")
    assert structures.structure(4).name == "ribs and spine"
    assert structures.structure(4).code is None, "it is no longer what the table means"


def test_sets_are_what_they_are_called(structures: Structures) -> None:
    structures.add(ball((4, 4, 4), 2.5), "ball", "Add")
    lung, extra = structures.mask(1).array.copy(), structures.mask(9).array.copy()
    structures.subtract(1, 9)
    assert (structures.mask(1).array == (lung & ~extra)).all()
    structures.undo()
    structures.merge(1, 9)
    assert (structures.mask(1).array == (lung | extra)).all()
    assert [s.label for s in structures.listed] == [1, 4, 5]
    structures.duplicate(1)
    assert (structures.mask(9).array == (lung | extra)).all()
    assert structures.structure(9).name == "left lung copy"


def test_empty_ones_are_refused(structures: Structures) -> None:
    nothing = Mask(np.zeros(GEOMETRY.shape, bool), GEOMETRY)
    with pytest.raises(UsageError, match="nothing was added"):
        structures.add(nothing, "air", "Add")
    with pytest.raises(UsageError, match="would be left"):
        structures.subtract(1, 5)
    with pytest.raises(UsageError, match="no longer there"):
        structures.mask(77)


def test_an_edit_redraws_the_label_map_where_it_changed(structures: Structures) -> None:
    center = GEOMETRY.to_lps((8, 8, 4))  # in the bones
    brush = Brush(2.0)
    changed = structures.change(1, "Brush", lambda mask: paint(mask, center, brush))
    assert changed == {1}
    assert structures.mask(1).array[4, 8, 8]
    assert structures.labels.array[4, 8, 8] == 4, "bones are listed later"
    fresh = Structures(GEOMETRY)
    for structure in structures.listed:
        one = LabelMap(
            structures.mask(structure.label).array.astype(np.uint8) * structure.label,
            GEOMETRY,
            (structure,),
        )
        fresh.found(one, "again")
    assert (fresh.labels.array == structures.labels.array).all()


def test_the_report_follows_undo(structures: Structures) -> None:
    before = structures.labels.report
    structures.found(LabelMap(found_map().array, GEOMETRY, STRUCTURES, Report(seconds=9)), "S")
    assert structures.labels.report.seconds == 9
    structures.undo()
    assert structures.labels.report == before


TOOLS: list[Callable[[Structures, int, int], object]] = [
    lambda s, a, b: s.rename(a, f"name {b}"),
    lambda s, a, b: s.recolor(a, (b, b, b)),
    lambda s, a, b: s.duplicate(a),
    lambda s, a, b: s.merge(a, b),
    lambda s, a, b: s.subtract(a, b),
    lambda s, a, b: s.delete(a),
    lambda s, a, b: s.add(ball((a % 10, b % 12, a % 14), 1 + b % 3), "ball", "Add ball"),
    lambda s, a, b: s.change(
        a, "Brush", lambda mask: paint(mask, GEOMETRY.to_lps((b % 14, a % 12, 5)), Brush(1.5))
    ),
    lambda s, a, b: s.undo(),
    lambda s, a, b: s.redo(),
]


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from(range(len(TOOLS))), st.integers(0, 7), st.integers(0, 7)),
        max_size=25,
    )
)
def test_whatever_was_done_undo_leads_back_and_redo_forth(
    moves: list[tuple[int, int, int]],
) -> None:
    structures = Structures(GEOMETRY)
    structures.found(found_map(), "Segment")
    start = state(structures)
    for tool, first, second in moves:
        labels = [s.label for s in structures.listed] or [0]
        one, other = labels[first % len(labels)], labels[second % len(labels)]
        try:
            TOOLS[tool](structures, one, other)
        except UsageError:
            continue
    while structures.done < len(structures.steps):
        structures.redo()
    end = state(structures)
    while structures.done > 1:
        structures.undo()
    if structures.done == 1 and structures.steps[0] == "Segment":
        assert state(structures) == start
    while structures.done < len(structures.steps):
        structures.redo()
    assert state(structures) == end
