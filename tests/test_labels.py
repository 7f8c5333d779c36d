"""Label maps and the names of structures."""

import numpy as np
import pytest

from vis3d.errors import UnknownStructureError
from vis3d.geometry import Geometry
from vis3d.labels import (
    STRUCTURES,
    LabelMap,
    Report,
    Structure,
    structure_labels,
    whole_maps,
)
from vis3d.volume import Finding, Mask


@pytest.fixture
def labels(oblique: Geometry) -> LabelMap:
    array = np.zeros(oblique.shape, np.uint8)
    for label in range(1, 6):
        array[label, : label + 1] = label
    return LabelMap(array, oblique)


def test_lungs_are_both_lungs(labels: LabelMap) -> None:
    np.testing.assert_array_equal(labels.mask("lungs").array, np.isin(labels.array, [1, 2]))


def test_body_is_everything_inside_the_skin(labels: LabelMap) -> None:
    np.testing.assert_array_equal(labels.mask("body").array, labels.array > 0)


def test_body_is_unknown_where_nobody_looked_for_the_skin(labels: LabelMap) -> None:
    without = LabelMap(labels.array, labels.geometry, STRUCTURES[:4])
    with pytest.raises(UnknownStructureError, match="lungs, left lung, right lung, airways"):
        without.mask("body")


@pytest.mark.parametrize("name", ["left-lung", "Left Lung", "left_lung", " left  lung "])
def test_a_name_may_be_typed_in_many_ways(labels: LabelMap, name: str) -> None:
    np.testing.assert_array_equal(labels.mask(name).array, labels.array == 1)


def test_an_unknown_name_lists_the_legal_ones(labels: LabelMap) -> None:
    with pytest.raises(UnknownStructureError, match="'liver'.*lungs, left lung.*body"):
        labels.mask("liver")
    with pytest.raises(UnknownStructureError, match="'liver'.*lungs, left lung.*body"):
        structure_labels(["bones", "liver"])


def test_a_request_becomes_labels() -> None:
    assert structure_labels(["lungs", "Bones"]) == {1, 2, 4}


def test_a_name_alone_is_a_request() -> None:
    assert structure_labels("lungs") == structure_labels(["lungs"]) == {1, 2}
    with pytest.raises(UnknownStructureError, match="no structure 'lung'"):
        structure_labels("lung")


def test_volume_counts_voxels(labels: LabelMap) -> None:
    voxel_ml = 0.7 * 0.9 * 2.5 / 1000
    assert labels.volume_ml("left lung") == pytest.approx(2 * 40 * voxel_ml)
    assert labels.volume_ml("lungs") == pytest.approx(5 * 40 * voxel_ml)


def test_names_from_elsewhere_are_found(oblique: Geometry) -> None:
    array = np.full(oblique.shape, 700, np.uint16)
    made_elsewhere = LabelMap(array, oblique, (Structure(700, "Rib_Left-3", (1, 2, 3)),))
    assert made_elsewhere.mask("rib left 3").array.all()


def test_body_and_groups_are_plain_names_in_maps_made_elsewhere(oblique: Geometry) -> None:
    names = {1: "BODY", 2: "CouchSurface", 3: "Lungs", 4: "left lung", 5: "right lung"}
    structures = tuple(Structure(n, name, (1, 2, 3)) for n, name in names.items())
    theirs = LabelMap(np.zeros(oblique.shape, np.uint8), oblique, structures)
    assert theirs.labels_of("body") == (1,)
    assert theirs.labels_of("lungs") == (3,)
    assert theirs.whole(structures[0]) == (1,)
    couch, skin = Structure(9, "couch", (1, 2, 3)), Structure(12, "body", (1, 2, 3))
    assert LabelMap(theirs.array, oblique, (couch, skin)).labels_of("body") == (12,)


def test_vis3d_s_body_is_whole_and_every_other_structure_its_label(labels: LabelMap) -> None:
    for structure in STRUCTURES:
        every = tuple(range(1, 9))
        expected = every if structure.name == "body" else (structure.label,)
        assert labels.whole(structure) == labels.labels_of(structure.name) == expected
    more = LabelMap(
        labels.array, labels.geometry, (*STRUCTURES[:5], Structure(9, "cyst", (1, 2, 3)))
    )
    assert more.labels_of("body") == (1, 2, 3, 4, 5, 9)
    for number in (1, 6):  # what vis3d calls otherwise
        other = Structure(number, "cyst", (1, 2, 3))
        theirs = LabelMap(labels.array, labels.geometry, (STRUCTURES[4], other))
        assert theirs.labels_of("body") == (5,)


def test_what_overlaps_lies_whole_in_maps_of_its_own(oblique: Geometry) -> None:
    spans = {1: (0, 4), 2: (4, 8), 5: (0, 9), 9: (2, 6), 10: (6, 8), 11: (9, 10)}
    parts = []
    for number, (start, stop) in spans.items():
        array = np.zeros(oblique.shape, bool)
        array[start:stop] = True
        name = "body" if number == 5 else f"part {number}"
        parts.append((Structure(number, name, (1, 2, 3)), Mask(array, oblique, name)))
    report = Report(seconds=3.0)
    maps = whole_maps(parts, report)
    held = [tuple(one.label for one in layer.structures) for layer in maps]
    assert held == [(1, 2, 11), (5,), (9, 10)], "what lies outside is no part of the body"
    assert [layer.report.seconds for layer in maps] == [3.0, 0.0, 0.0]
    for structure, mask in parts:
        layer = next(one for one in maps if structure in one.structures)
        assert (layer.mask(structure.name).array == mask.array).all()
    assert whole_maps([]) == ()


def test_structures_of_one_name_are_that_name_together(oblique: Geometry) -> None:
    twins = (Structure(3, "Nodule", (1, 2, 3)), Structure(7, "nodule", (1, 2, 3)))
    theirs = LabelMap(np.zeros(oblique.shape, np.uint8), oblique, twins)
    assert theirs.labels_of("nodule") == (3, 7)
    assert [theirs.whole(one) for one in twins] == [(3,), (7,)]


def test_findings_are_added_to_those_there_and_reach_the_masks(labels: LabelMap) -> None:
    first, then = Finding("first", "note", "1"), Finding("then", "warning", "2")
    told = LabelMap(labels.array, labels.geometry, report=Report(findings=(first,), seconds=3))
    more = told.with_findings(then)
    assert more.report == Report(findings=(first, then), seconds=3)
    assert more.mask("bones").findings == (first, then)
    assert told.report.findings == (first,)


def test_an_array_of_another_kind_is_refused(oblique: Geometry) -> None:
    with pytest.raises(ValueError, match="uint8 or uint16"):
        LabelMap(np.zeros(oblique.shape, np.int32), oblique)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="on a grid of"):
        LabelMap(np.zeros((2, 2, 2), np.uint8), oblique)


def test_labels_and_names_are_each_used_once() -> None:
    assert [structure.label for structure in STRUCTURES] == list(range(1, 9))
    assert len({structure.name for structure in STRUCTURES}) == len(STRUCTURES)


def test_repr_names_what_is_there(labels: LabelMap) -> None:
    assert repr(labels).startswith("LabelMap(left lung, right lung, airways, bones, body,")


def test_bones_are_their_parts_together_where_they_are_split() -> None:
    parts = tuple(s for s in STRUCTURES if s.name in ("cortical", "cancellous"))
    array = np.array([[[0, 6, 7, 4]]], np.uint8)
    split = LabelMap(array, Geometry((1, 1, 4)), parts)
    assert split.names == ("bones", "cortical", "cancellous")
    assert split.mask("bones").array.tolist() == [[[False, True, True, False]]]
    whole = LabelMap(array, Geometry((1, 1, 4)))
    assert whole.mask("bones").array.tolist() == [[[False, False, False, True]]]


def test_bones_asked_for_with_a_part_of_them_are_split() -> None:
    assert structure_labels(["bones", "metal"]) == {4, 8}
    assert structure_labels(["bones", "cortical"]) == {6, 7}
    assert structure_labels(["cancellous"]) == {7}
