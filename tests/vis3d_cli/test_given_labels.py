"""`vis3d segment --segmentation`: label maps of any tool become one of the scan's grid."""

from dataclasses import replace

import highdicom as hd
import numpy as np
import pydicom
import pytest

import vis3d
from tests.dicom.test_segmentation_objects import assert_without_errors
from vis3d.dicom import write_ct_series
from vis3d.labels import STRUCTURES, Structure
from vis3d.volume import Volume


@pytest.fixture(scope="module")
def series(phantom, tmp_path_factory):
    """The phantom as DICOM."""
    folder = tmp_path_factory.mktemp("ct")
    write_ct_series(phantom.volume, folder, patient_name="A^B", patient_id="1")
    return folder


@pytest.fixture(scope="module")
def foreign(phantom):
    """The truth with names and numbers of somebody else."""
    numbers = np.array([0, 7, 300, 2, 40, 0, 0, 0, 0], np.uint16)
    names = {7: "lung_upper_lobe_left", 300: "Right Lung", 2: "trachea", 40: "skeleton"}
    structures = tuple(Structure(n, name, (n % 256, 9, 99)) for n, name in names.items())
    return replace(phantom.labels, array=numbers[phantom.labels.array], structures=structures)


def test_a_label_map_of_another_tool_becomes_a_dicom_seg_and_comes_back(
    series, foreign, tmp_path, answer
):
    vis3d.write_labelmap(foreign, tmp_path / "theirs.nii.gz")
    told = answer("segment", series, "--segmentation", tmp_path / "theirs.nii.gz",
                  "-o", tmp_path / "seg.dcm")  # fmt: skip
    assert [one["label"] for one in told["structures"]] == [2, 7, 40, 300]
    made = hd.seg.segread(tmp_path / "seg.dcm")
    for segment, label in zip(made.SegmentSequence, (2, 7, 40, 300), strict=True):
        voxels = made.get_volume(segment_numbers=[int(segment.SegmentNumber)]).array
        assert np.count_nonzero(voxels) == np.count_nonzero(foreign.array == label)
        assert segment.SegmentAlgorithmType != "AUTOMATIC"
        assert "vis3d" not in str(segment).lower()
    assert_without_errors(tmp_path / "seg.dcm")
    answer("segment", series, "--segmentation", tmp_path / "seg.dcm",
           "-o", tmp_path / "back.nii.gz")  # fmt: skip
    back = vis3d.read_labelmap(tmp_path / "back.nii.gz")
    for structure in foreign.structures:
        np.testing.assert_array_equal(
            back.mask(structure.name).array, foreign.array == structure.label
        )


def test_structures_of_the_file_are_chosen_by_name(scan, foreign, tmp_path, answer, refusal):
    vis3d.write_labelmap(foreign, tmp_path / "theirs.nrrd")
    tokens = ("segment", scan, "--segmentation", tmp_path / "theirs.nrrd")
    told = answer(*tokens, "--structures", "trachea,right-lung", "-o", tmp_path / "two.nrrd")
    assert {one["name"] for one in told["structures"]} == {"trachea", "right lung"}
    read = vis3d.read_labelmap(tmp_path / "two.nrrd")
    np.testing.assert_array_equal(read.array, np.where(np.isin(foreign.array, (2, 300)),
                                                       foreign.array, 0))  # fmt: skip
    code, line = refusal(*tokens, "--structures", "spleen", "-o", tmp_path / "x.nrrd")
    assert code == 2
    assert "skeleton" in line


def test_structures_that_overlap_are_refused_by_name(series, phantom, tmp_path, refusal):
    labels = phantom.labels
    for name, mask in (("lung", labels.array == 1), ("half", labels.array > 0)):
        (tmp_path / "masks").mkdir(exist_ok=True)
        vis3d.write_volume(
            Volume(mask.astype(np.int16), labels.geometry, ""),
            tmp_path / "masks" / f"{name}.nii.gz",
        )
    tokens = ("segment", series, "--segmentation", tmp_path / "masks")
    code, line = refusal(*tokens, "-o", tmp_path / "x.nii.gz")
    assert code == 2
    assert "lung overlaps half" in line
    assert "--structures" in line
    assert not (tmp_path / "x.nii.gz").exists()


def test_what_vis3d_found_still_says_so(series, phantom, tmp_path):
    labels = replace(phantom.labels, structures=STRUCTURES)
    (found,) = vis3d.find_series(series)
    vis3d.write_labelmap(labels, tmp_path / "own.dcm", series=found)
    made = hd.seg.segread(tmp_path / "own.dcm")
    assert {segment.SegmentAlgorithmName for segment in made.SegmentSequence} == {"vis3d"}


def test_a_dicom_scan_without_a_series_is_not_called_something_else(series, tmp_path, refusal):
    for path in series.rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        del dataset.SeriesInstanceUID
        (tmp_path / "nameless").mkdir(exist_ok=True)
        dataset.save_as(tmp_path / "nameless" / path.name)
    code, line = refusal(
        *("segment", tmp_path / "nameless", "-o", tmp_path / "seg.dcm"),
        *("--structures", "body", "--quiet"),
    )
    assert code == 4
    assert "names no series" in line


@pytest.fixture(scope="module")
def radiotherapy(phantom, tmp_path_factory):
    """A map made elsewhere: a body, the couch beside it, and two structures of one name."""
    numbers = np.array([2, 3, 4, 1, 1, 1, 1, 1, 1], np.uint8)
    names = {1: "body", 2: "CouchSurface", 3: "Nodule", 4: "nodule"}
    structures = tuple(Structure(n, name, (n, 9, 99)) for n, name in names.items())
    labels = replace(phantom.labels, array=numbers[phantom.labels.array], structures=structures)
    path = tmp_path_factory.mktemp("theirs") / "plan.seg.nrrd"
    vis3d.write_labelmap(labels, path)
    return labels, path


def test_structures_of_a_file_are_reported_each_by_its_label(
    series, radiotherapy, tmp_path, answer
):
    labels, path = radiotherapy
    told = answer("segment", series, "--segmentation", path, "-o", tmp_path / "seg.dcm")
    counts = np.bincount(labels.array.ravel()).tolist()[1:]
    assert [one["voxels"] for one in told["structures"]] == counts
    made = hd.seg.segread(tmp_path / "seg.dcm")
    for number, count in enumerate(counts, 1):
        voxels = made.get_volume(segment_numbers=[number]).array
        assert np.count_nonzero(voxels) == count


def test_measure_counts_the_body_of_a_file_without_the_couch(scan, radiotherapy, answer):
    labels, path = radiotherapy
    told = answer("measure", scan, "--segmentation", path)
    voxels = [one["voxels"] for one in told["regions"]]
    assert voxels == np.bincount(labels.array.ravel()).tolist()[1:]


def test_a_label_map_that_marks_nothing_says_so(scan, phantom, tmp_path, answer):
    empty = replace(phantom.labels, array=np.zeros_like(phantom.labels.array))
    vis3d.write_labelmap(empty, tmp_path / "empty.nii.gz")
    told = answer("segment", scan, "--segmentation", tmp_path / "empty.nii.gz",
                  "-o", tmp_path / "out.nii.gz")  # fmt: skip
    assert told["structures"] == []
    (finding,) = (one for one in told["findings"] if one["code"] == "nothing-marked")
    assert (finding["severity"], finding["message"]) == (
        "warning",
        "The segmentation marks nothing in this scan.",
    )
