"""DICOM SEG as other tools write it: frames left out, shuffled, compressed, half described."""

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.pixels.utils import pack_bits
from pydicom.sr.codedict import codes
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless, generate_uid

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_stack
from vis3d.dicom import read_segmentation

GRID = oblique_geometry(shape=(12, 20, 24))
TYPE_2 = "PatientBirthDate PatientSex AccessionNumber StudyID StudyDate StudyTime".split()


def marked(slices):
    array = np.zeros((*GRID.shape, 2), np.uint8)
    array[slices, 5:12, 6:15, 0] = 1
    return array


def written(path, array, kind="BINARY"):
    """The object that highdicom makes, which leaves empty frames out, read by pydicom."""
    sources = ct_stack(np.zeros(GRID.shape, np.uint16), GRID, SliceThickness="2.5")
    for source in sources:
        for keyword in (*TYPE_2, "ReferringPhysicianName"):
            setattr(source, keyword, "")
    described = [
        hd.seg.SegmentDescription(
            number, name, codes.SCT.Organ, codes.SCT.Liver, "MANUAL",
            tracking_uid=generate_uid(), tracking_id=name,
        )
        for number, name in ((1, "liver"), (2, "absent"))
    ]  # fmt: skip
    uids = [generate_uid() for _ in range(2)]
    made = hd.seg.Segmentation(
        sources, array, kind, described, uids[0], 1, uids[1], 1, "m", "m", "1", "1"
    )
    made.save_as(path)
    return pydicom.dcmread(path)


def assert_marks(path, array):
    """The same points in the patient are marked, on however many slices."""
    (labels,) = read_segmentation(path)
    assert labels.structures[0].name == "liver"
    k, j, i = np.nonzero(labels.array == 1)
    found = labels.geometry.to_lps(np.stack([i, j, k], axis=1))
    k, j, i = np.nonzero(array[..., 0])
    true = GRID.to_lps(np.stack([i, j, k], axis=1))
    assert found.shape == true.shape
    assert np.abs(np.sort(found, axis=0) - np.sort(true, axis=0)).max() < 0.01


@pytest.mark.parametrize("slices", [[2, 3, 4, 8, 9], [2, 9], [5], [1, 3, 8], [2, 4, 6]])
def test_frames_that_were_left_out_are_empty_slices(tmp_path, slices):
    array = marked(slices)
    written(tmp_path / "seg.dcm", array)
    assert_marks(tmp_path / "seg.dcm", array)


def shuffle(made):
    groups, pixels = made.PerFrameFunctionalGroupsSequence, made.pixel_array
    order = np.random.default_rng(0).permutation(len(groups))
    made.PerFrameFunctionalGroupsSequence = [groups[n] for n in order]
    made.PixelData = pack_bits(pixels[order].ravel())


def forget_content(made):
    for group in made.PerFrameFunctionalGroupsSequence:
        del group.FrameContentSequence


def forget_spacing(made):
    measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    del measures.SpacingBetweenSlices
    measures.SliceThickness = "5"


def measure_each_frame(made):
    shared = made.SharedFunctionalGroupsSequence[0]
    for group in made.PerFrameFunctionalGroupsSequence:
        group.PixelMeasuresSequence = shared.PixelMeasuresSequence
        group.PlaneOrientationSequence = shared.PlaneOrientationSequence
    del shared.PixelMeasuresSequence
    del shared.PlaneOrientationSequence


def round_positions(made):
    for group in made.PerFrameFunctionalGroupsSequence:
        place = group.PlanePositionSequence[0]
        place.ImagePositionPatient = [f"{mm:.2f}" for mm in place.ImagePositionPatient]


def deflate(made):
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian


def without(*keywords):
    def forget(made):
        for keyword in keywords:
            delattr(made, keyword)

    return forget


QUIRKS = {
    "shuffled frames": shuffle,
    "no content of frames": forget_content,
    "no spacing, thick slices": forget_spacing,
    "measures in each frame": measure_each_frame,
    "rounded positions": round_positions,
    "deflated": deflate,
    "no dimensions": without("DimensionIndexSequence", "DimensionOrganizationSequence"),
    "no frame of reference": without("FrameOfReferenceUID"),
    "no references": without("ReferencedSeriesSequence"),
    "no codes": lambda made: delattr(
        made.SegmentSequence[0], "SegmentedPropertyTypeCodeSequence"
    ),
}


@pytest.mark.parametrize("quirk", QUIRKS)
def test_what_another_tool_leaves_out_costs_no_voxel(tmp_path, quirk):
    array = marked(slice(3, 9))
    made = written(tmp_path / "seg.dcm", array)
    QUIRKS[quirk](made)
    made.save_as(tmp_path / "seg.dcm")
    assert_marks(tmp_path / "seg.dcm", array)


@pytest.mark.parametrize("compressed", [False, True])
def test_fractions_are_cut_at_a_half(tmp_path, compressed):
    array = marked(slice(3, 9))
    fractions = array * 0.7
    fractions[3:9, 5:12, 15:18, 0] = 0.3
    made = written(tmp_path / "seg.dcm", fractions, "FRACTIONAL")
    if compressed:
        made.compress(RLELossless)
        made.save_as(tmp_path / "seg.dcm")
    assert_marks(tmp_path / "seg.dcm", array)


def test_a_label_map_object_reads_like_a_binary_one(tmp_path):
    array = marked(slice(3, 9))
    written(tmp_path / "seg.dcm", array, "LABELMAP")
    assert_marks(tmp_path / "seg.dcm", array)
