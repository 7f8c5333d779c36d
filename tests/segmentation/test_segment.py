"""Lungs, airways, bones and body in a chest whose truth is known."""

import gc

import numpy as np
import pytest

from tests.segmentation.simple_chest import TRUTH, chest, dice, turned, upright
from vis3d.errors import Cancelled, UnknownStructureError, UnsupportedError
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap
from vis3d.segmentation import SEGMENTERS, segment
from vis3d.segmentation.anatomy import Anatomy
from vis3d.segmentation.masks.islands import split_islands
from vis3d.segmentation.masks.shaping import fill
from vis3d.volume import Volume

EVERYTHING = ("lungs", "airways", "bones", "body")
LEAST_DICE = {"left lung": 0.97, "right lung": 0.97, "airways": 0.8, "bones": 0.9, "body": 0.99}


def assert_found(labels: LabelMap, truth: np.ndarray, least: dict[str, float]) -> None:
    for name, label in TRUTH.items():
        true = truth > 0 if name == "body" else truth == label
        assert dice(labels.mask(name).array, true) > least[name], name


def checks(labels: LabelMap) -> dict[str, bool]:
    return {check.code: check.ok for check in labels.report.checks}


def test_every_structure_of_an_upright_chest_is_found_where_it_is() -> None:
    volume, truth = chest(upright((2.0, 2.2, 3.0)))
    labels = segment(volume, EVERYTHING)
    assert_found(labels, truth, LEAST_DICE)
    failed = [code for code, ok in checks(labels).items() if not ok]
    assert failed == ["bronchi"], "this chest has a trachea without bronchi"
    assert labels.report.seconds > 0


@pytest.mark.parametrize(("degrees", "axis"), [(30.0, 2), (180.0, 2), (20.0, 0), (-35.0, 1)])
def test_a_turned_grid_changes_neither_sides_nor_shapes(degrees: float, axis: int) -> None:
    volume, truth = chest(turned(degrees, axis))
    least = {**LEAST_DICE, "airways": 0.6, "bones": 0.8, "left lung": 0.95, "right lung": 0.95}
    assert_found(segment(volume, EVERYTHING), truth, {**least, "body": 0.97})


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("flips", [(False, False), (True, True)])
def test_storing_the_voxels_in_another_order_moves_the_answer_with_them(
    axes: tuple[int, int, int], flips: tuple[bool, bool]
) -> None:
    volume, _ = chest(upright((4.0, 4.0, 5.0)))
    expected = segment(volume, EVERYTHING).array
    stored, expected = reordered(volume, expected, axes, flips)
    np.testing.assert_array_equal(segment(stored, EVERYTHING).array, expected)


def reordered(
    volume: Volume, labels: np.ndarray, axes: tuple[int, int, int], flips: tuple[bool, bool]
) -> tuple[Volume, np.ndarray]:
    """The same voxels at the same places, stored along other axes."""
    steps = volume.geometry.affine[:3, :3][:, ::-1][:, list(axes)]
    origin = volume.geometry.affine[:3, 3]
    turns = [slice(None, None, -1 if flip else 1) for flip in flips]
    array, labels = volume.array.transpose(axes), labels.transpose(axes)
    parity = np.linalg.det(steps[:, ::-1]) * (-1) ** sum(flips)
    turns.append(slice(None, None, -1 if parity < 0 else 1))
    for axis, turn in enumerate(turns):
        if turn.step == -1:
            origin = origin + steps[:, axis] * (array.shape[axis] - 1)
            steps[:, axis] *= -1
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = steps[:, ::-1], origin
    array, labels = array[tuple(turns)], labels[tuple(turns)]
    geometry = Geometry.from_affine(affine, array.shape)
    return Volume(np.ascontiguousarray(array), geometry, metadata=volume.metadata), labels


def test_a_scan_without_lungs_is_an_answer_with_a_failed_check() -> None:
    volume, truth = chest(upright((3.0, 3.0, 3.0)), lungs=False)
    labels = segment(volume, EVERYTHING)
    assert labels.volume_ml("lungs") == 0
    assert not checks(labels)["lungs-found"]
    assert any(finding.code == "lungs-found" for finding in labels.report.findings)
    assert dice(labels.mask("body").array, truth > 0) > 0.99
    assert dice(labels.mask("bones").array, truth == 4) > 0.85


def test_only_the_structures_asked_for_are_there() -> None:
    volume, _ = chest(upright((4.0, 4.0, 4.0)))
    labels = SEGMENTERS["lungs"](volume)
    assert [structure.name for structure in labels.structures] == ["left lung", "right lung"]
    assert set(np.unique(labels.array)) == {0, 1, 2}


def test_the_report_tells_the_volume_of_the_body_that_was_drawn() -> None:
    labels = segment(chest(upright((4.0, 4.0, 5.0)))[0], ["body"])
    told = next(check.message for check in labels.report.checks if check.code == "body-found")
    liters = labels.mask("body").volume_ml / 1000
    assert told == f"A body of {liters:.1f} l was found in the scan."


def test_magnetic_resonance_is_refused_with_the_reason() -> None:
    volume = Volume(np.zeros((9, 9, 9), np.int16), Geometry((9, 9, 9)), unit="")
    with pytest.raises(UnsupportedError, match="Hounsfield"):
        segment(volume)
    with pytest.raises(UnsupportedError, match="MR"):
        segment(Volume(volume.array, volume.geometry, metadata={"modality": "MR"}))


def test_an_unknown_structure_is_refused_before_any_work() -> None:
    volume, _ = chest(upright((10.0, 10.0, 10.0)))
    with pytest.raises(UnknownStructureError, match="choose from lungs"):
        segment(volume, ["spleen"])


@pytest.mark.parametrize("value", [-1000, 0, 40])
def test_a_scan_of_nothing_is_an_answer(value: int) -> None:
    volume = Volume(np.full((5, 8, 9), value, np.int16), Geometry((5, 8, 9), (3.0, 2.0, 4.0)))
    labels = segment(volume, EVERYTHING)
    assert labels.volume_ml("lungs") == labels.volume_ml("bones") == 0


@pytest.mark.parametrize("voxels_apart", [2, 3, 4])
def test_two_specks_of_metal_side_by_side_are_an_answer(voxels_apart: int) -> None:
    volume, _ = chest(upright((4.0, 4.0, 5.0)))
    hu = volume.array.copy()
    place = tuple(np.array(hu.shape) // 2)
    hu[place] = hu[(*place[:2], place[2] + voxels_apart)] = 3071
    labels = segment(volume.with_array(hu), ["bones", "metal"])
    assert np.count_nonzero(labels.mask("metal").array) >= 2


def test_progress_runs_from_nothing_to_the_end() -> None:
    volume, _ = chest(upright((4.0, 4.0, 4.0)))
    told: list[float] = []
    segment(volume, EVERYTHING, progress=lambda fraction, what: told.append(fraction))
    assert told == sorted(told)
    assert told[0] == 0
    assert 0.9 < told[-1] <= 1


@pytest.mark.parametrize("call", [0, 5, 15, 30])
def test_work_stops_where_the_progress_says_so(call: int) -> None:
    volume, _ = chest(upright((4.0, 4.0, 4.0)))
    calls: list[str] = []

    def stop(fraction: float, what: str) -> None:
        calls.append(what)
        if len(calls) > call:
            raise Cancelled

    with pytest.raises(Cancelled):
        segment(volume, EVERYTHING, progress=stop)
    assert len(calls) == call + 1


@pytest.mark.parametrize("step", ["Finding where the bones end", "Parting cortical"])
def test_work_stops_between_the_bones_and_their_cortex_too(step: str) -> None:
    """On whole chests these take half a second."""
    volume, _ = chest(upright((4.0, 4.0, 4.0)))
    told: list[float] = []

    def stop(fraction: float, what: str) -> None:
        told.append(fraction)
        if what.startswith(step):
            raise Cancelled

    with pytest.raises(Cancelled):
        segment(volume, ["cortical", "cancellous", "lungs"], progress=stop)
    assert told[-1] == max(told)


def test_nothing_of_the_work_outlasts_the_answer() -> None:
    gc.collect()
    gc.disable()  # it runs too seldom for half a dozen arrays as large as the scan
    try:
        volume, _ = chest(turned(20, 2))
        segment(volume, EVERYTHING)
        assert not [one for one in gc.get_objects() if isinstance(one, Anatomy)]
    finally:
        gc.enable()


def test_cropping_far_away_changes_nothing_that_matters() -> None:
    volume, _ = chest(upright((3.0, 3.0, 3.0)))
    whole = segment(volume, EVERYTHING)
    start, shape = (0, 4, 5), (110, 92, 123)
    cut = tuple(slice(s, s + n) for s, n in zip(start, shape, strict=True))
    smaller = volume.with_array(
        np.ascontiguousarray(volume.array[cut]), volume.geometry.cropped(start, shape)
    )
    np.testing.assert_array_equal(segment(smaller, EVERYTHING).array, whole.array[cut])


def test_finer_voxels_change_the_volumes_by_less_than_a_hundredth() -> None:
    ml = [
        segment(chest(upright((mm, mm, mm)), noise_hu=5.0)[0], ["lungs"]).volume_ml("lungs")
        for mm in (4.0, 2.5)
    ]
    assert ml[0] == pytest.approx(ml[1], rel=0.01)


@pytest.mark.parametrize(
    ("side", "columns"), [("left lung", (62, 103)), ("right lung", (30, 71))]
)
def test_a_lung_alone_in_the_field_of_view_keeps_its_side(
    side: str, columns: tuple[int, int]
) -> None:
    volume, truth = chest(upright((3.0, 3.0, 3.0)))
    # the field of view ends in the spine on one side and in the lung on the other
    first, last = columns
    smaller = volume.with_array(
        np.ascontiguousarray(volume.array[:, :, first:last]),
        volume.geometry.cropped((0, 0, first), (110, 100, last - first)),
    )
    labels = segment(smaller, EVERYTHING)
    true = truth[:, :, first:last] == TRUTH[side]
    assert dice(labels.mask(side).array, true) > 0.95
    other = "left lung" if side == "right lung" else "right lung"
    assert labels.volume_ml(other) < 0.02 * labels.volume_ml(side)
    assert not checks(labels)["touches-edge"]


def test_bones_hold_no_bubbles_and_no_crumbs() -> None:
    volume, _ = chest(upright((1.5, 1.5, 3.0)), noise_hu=60.0)
    bones = segment(volume, ["bones"]).mask("bones")
    assert bones.volume_ml > 100
    np.testing.assert_array_equal(fill(bones).array, bones.array)
    assert len(split_islands(bones, connectivity=26)) == 1
