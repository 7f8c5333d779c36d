"""Which files make one volume, which make several, and which make none."""

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_slice, ct_stack, write
from vis3d.dicom import Discovery, discover, load_series
from vis3d.errors import IrregularSeriesError, SeveralSeriesError
from vis3d.files import load_volume

GRID = oblique_geometry((5, 6, 7))


def made(value: int, **elements: object) -> list[Dataset]:
    """A stack whose voxels all have one value, which tells it from others."""
    return ct_stack(np.full(GRID.shape, value, np.int16), GRID, **elements)


def found_in(folder: Path, *stacks: list[Dataset]) -> Discovery:
    write(folder, [dataset for stack in stacks for dataset in stack])
    return discover(folder)


def values(discovery: Discovery) -> list[list[int]]:
    """The values in each series' volume; a mixed one would show both."""
    return [np.unique(load_series(series).array).tolist() for series in discovery.series]


def codes(discovery: Discovery) -> list[set[str]]:
    return [{finding.code for finding in series.findings} for series in discovery.series]


def test_two_series_in_one_folder_stay_apart(tmp_path: Path) -> None:
    one = made(1, SeriesInstanceUID="1.2.3.9", SeriesNumber=7)
    other = made(2, SeriesInstanceUID="1.2.3.8", SeriesNumber=8)
    found = found_in(tmp_path, one, other)
    assert values(found) == [[1], [2]]
    assert [series.index for series in found.series] == [1, 2]


@pytest.mark.parametrize(
    ("keyword", "one", "other"),
    [
        ("AcquisitionNumber", 1, 2),
        ("TemporalPositionIdentifier", 1, 2),
        ("NominalPercentageOfCardiacPhase", 40.0, 75.0),
        ("EchoTime", "2.5", "5"),
        ("ConvolutionKernel", "B30f", "B70f"),
        ("ImageType", ["ORIGINAL", "PRIMARY", "AXIAL"], ["DERIVED", "SECONDARY", "MPR"]),
        ("AcquisitionTime", "101010", "101011.5"),
    ],
)
def test_what_repeats_at_the_same_positions_is_parted(
    tmp_path: Path, keyword: str, one: object, other: object
) -> None:
    found = found_in(tmp_path, made(1, **{keyword: one}), made(2, **{keyword: other}))
    assert sorted(values(found)) == [[1], [2]]
    assert all("repeated-positions" in found_codes for found_codes in codes(found))
    assert keyword in found.series[0].findings[0].message


def test_an_acquisition_number_alone_parts_nothing(tmp_path: Path) -> None:
    slices = made(1)
    for number, dataset in enumerate(slices):
        dataset.AcquisitionNumber = number // 2
        dataset.AcquisitionTime = f"10101{number}"
    (series,) = found_in(tmp_path, slices).series
    assert series.shape == GRID.shape


def test_phases_told_apart_by_two_attributes_are_parted(tmp_path: Path) -> None:
    stacks = [
        made(10 * echo + phase, EchoTime=str(echo), TemporalPositionIdentifier=phase)
        for echo in (1, 2)
        for phase in (1, 2, 3)
    ]
    found = found_in(tmp_path, *stacks)
    assert sorted(values(found)) == [[11], [12], [13], [21], [22], [23]]


def test_passes_told_apart_only_by_their_numbers_are_parted(tmp_path: Path) -> None:
    slices = [*made(1), *made(2)]
    for number, dataset in enumerate(slices):
        dataset.InstanceNumber = number + 1
    assert values(found_in(tmp_path, slices)) == [[1], [2]]


def test_different_pixels_at_one_position_are_refused(tmp_path: Path) -> None:
    intruder = made(2)[3]
    found = found_in(tmp_path, made(1), [intruder])
    (series,) = found.series
    assert not series.loadable
    with pytest.raises(IrregularSeriesError, match="At 1 of 5 positions.*Separate the files"):
        load_series(series)


def test_equal_slices_are_used_once(tmp_path: Path) -> None:
    copy = made(1)[2]
    found = found_in(tmp_path, made(1), [copy])
    assert codes(found) == [{"duplicate-slices"}]
    assert load_series(found.series[0]).geometry.matches(GRID)


def test_two_orientations_under_one_uid_are_two_stacks(tmp_path: Path) -> None:
    axial = [ct_slice(np.ones((4, 5), np.int16), (0, 0, k)) for k in range(3)]
    coronal = [
        ct_slice(np.full((4, 5), 2, np.int16), (0, k, 0), (1, 0, 0, 0, 0, -1)) for k in range(4)
    ]
    found = found_in(tmp_path, axial, coronal)
    assert sorted(values(found)) == [[1], [2]]
    assert all("mixed-orientation" in found_codes for found_codes in codes(found))


@pytest.mark.parametrize(("others", "severity"), [(3, "note"), (4, "warning")])
def test_another_orientation_of_more_than_scouts_is_a_warning(
    tmp_path: Path, others: int, severity: str
) -> None:
    slices = [ct_slice(np.ones((4, 5), np.int16), (0, 0, k)) for k in range(9)]
    coronal = [
        ct_slice(np.ones((4, 5), np.int16), (0, k, 0), (1, 0, 0, 0, 0, -1))
        for k in range(others)
    ]
    found = found_in(tmp_path, slices, coronal)
    axial = max(found.series, key=lambda series: len(series.frames))
    assert [one.severity for one in axial.findings if one.code == "mixed-orientation"] == [
        severity
    ]


@pytest.mark.parametrize(
    ("name", "warned"), [("F099", True), ("done.txt", False), ("other/F099", False)]
)
def test_an_empty_file_among_the_slices_is_a_warning(
    tmp_path: Path, name: str, warned: bool
) -> None:
    write(tmp_path, made(1))
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    (series,) = discover(tmp_path).series
    said = [one.message for one in series.findings if one.code == "damaged-files"]
    text = "1 file among the slices can't be used: F099 is an empty file."
    assert said == [text] * warned


@pytest.mark.parametrize("kept", [0, 200, -40])
def test_a_gap_names_the_damaged_file_that_made_it(tmp_path: Path, kept: int) -> None:
    paths = write(tmp_path, [ct_slice(np.ones((4, 5), np.int16), (0, 0, k)) for k in range(9)])
    paths[4].write_bytes(paths[4].read_bytes()[:kept])
    (series,) = discover(tmp_path).series
    for slices in (None, slice(2, 8)):
        with pytest.raises(IrregularSeriesError, match=f"used: {paths[4].name} .* gap of 2"):
            load_series(series, slices=slices)


def test_two_sizes_under_one_uid_are_two_stacks(tmp_path: Path) -> None:
    small = [ct_slice(np.ones((4, 5), np.int16), (0, 0, k)) for k in range(3)]
    large = [ct_slice(np.full((6, 5), 2, np.int16), (0, 0, k)) for k in range(3)]
    found = found_in(tmp_path, small, large)
    assert sorted(values(found)) == [[1], [2]]
    assert all("mixed-size" in found_codes for found_codes in codes(found))


def test_frames_of_reference_are_never_mixed(tmp_path: Path) -> None:
    elsewhere = made(2, FrameOfReferenceUID="1.2.3.77")
    assert sorted(values(found_in(tmp_path, made(1), elsewhere))) == [[1], [2]]


def test_localizers_and_dose_pages_stay_out(tmp_path: Path) -> None:
    scout = ct_slice(
        np.ones((6, 7), np.int16), (9, 9, 9), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]
    )
    page = ct_slice(np.ones((6, 21), np.uint8), PhotometricInterpretation="RGB")
    page.SamplesPerPixel, page.Columns = 3, 7
    found = found_in(tmp_path, made(1), [scout, page])
    (series,) = found.series
    assert load_series(series).geometry.matches(GRID)
    assert sorted(entry.reason for entry in found.skipped) == [
        "a colour image (RGB), not a scan's values",
        "a localizer (scout) image, not a slice",
    ]
    assert "localizer" in {finding.code for finding in series.findings}


def test_objects_that_are_no_images_stay_out(tmp_path: Path) -> None:
    structure_set = ct_slice(np.ones((2, 2), np.int16))
    structure_set.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    del structure_set.PixelData
    segments = ct_slice(np.ones((2, 2), np.int16))
    segments.SOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    found = found_in(tmp_path, made(1), [structure_set, segments])
    assert len(found.series) == 1
    assert sorted(entry.reason for entry in found.skipped) == [
        "a segmentation, not a scan: name it by --segmentation beside its scan",
        "no image (RT Structure Set Storage)",
    ]


def test_directions_rounded_by_the_writer_stay_one_stack(tmp_path: Path) -> None:
    slices = made(1)
    for dataset in slices[::2]:
        dataset.ImageOrientationPatient = [
            round(float(cosine), 4) for cosine in dataset.ImageOrientationPatient
        ]
    assert len(found_in(tmp_path, slices).series) == 1


def test_a_left_out_file_is_told_with_the_series(tmp_path: Path) -> None:
    paths = write(tmp_path, made(1))
    paths[-1].write_bytes(paths[-1].read_bytes()[:-10])
    found = discover(tmp_path)
    assert codes(found) == [{"damaged-files"}]
    assert "truncated" in found.skipped[0].reason


def test_numbers_are_stable_for_the_same_files(tmp_path: Path) -> None:
    stacks = [made(n, SeriesInstanceUID=generate_uid()) for n in range(4)]
    uids = [series.uid for series in found_in(tmp_path / "a", *stacks).series]
    again = [series.uid for series in found_in(tmp_path / "b", *stacks[::-1]).series]
    assert uids == again


def test_a_folder_copied_twice_changes_nothing(tmp_path: Path) -> None:
    stacks = [*made(1, AcquisitionNumber=1), *made(2, AcquisitionNumber=2)]
    write(tmp_path / "a", stacks)
    write(tmp_path / "b", stacks)
    assert values(discover(tmp_path)) == [[1], [2]]


def test_a_file_that_is_there_twice_is_left_out_and_noted(tmp_path: Path) -> None:
    slices = made(1)
    write(tmp_path, slices)
    write(tmp_path / "again", slices[:1])
    (series,) = discover(tmp_path).series
    assert len(series.files) == len(series.frames) == GRID.shape[0]
    (note,) = series.findings
    assert (note.code, note.severity) == ("duplicate-slices", "note")
    assert "1 image of the series is there again" in note.message


def test_one_instance_uid_for_two_slices_loses_none(tmp_path: Path) -> None:
    (series,) = found_in(tmp_path, made(1, SOPInstanceUID="1.2.3.4.5")).series
    assert series.shape == GRID.shape


def test_pixel_spacings_rounded_by_the_writer_stay_one_stack(tmp_path: Path) -> None:
    slices = made(1)
    for dataset, spacing in zip(slices, ["0.70049", "0.70051"] * 3, strict=False):
        dataset.PixelSpacing = ["0.9", spacing]
    assert len(found_in(tmp_path, slices).series) == 1


def test_an_equal_slice_sent_again_later_is_used_once(tmp_path: Path) -> None:
    slices = made(1, ContentTime="101010")
    again = made(1, ContentTime="121212")[2]
    (series,) = found_in(tmp_path, slices, [again]).series
    assert series.shape == GRID.shape
    assert "duplicate-slices" in {finding.code for finding in series.findings}


def test_times_of_single_rotations_part_nothing(tmp_path: Path) -> None:
    slices = made(1)
    for number, dataset in enumerate(slices):
        dataset.AcquisitionTime = f"10101{number // 2}"
    intruder = made(2, AcquisitionTime="222222")[3]
    (series,) = found_in(tmp_path, slices[:4], [intruder], slices[4:]).series
    assert not series.loadable


def test_ranges_that_overlap_are_parted_by_acquisition(tmp_path: Path) -> None:
    grid = oblique_geometry((20, 4, 5))
    first = ct_stack(np.full(grid.shape, 1, np.int16), grid, AcquisitionNumber=1)
    second = ct_stack(np.full(grid.shape, 2, np.int16), grid, AcquisitionNumber=2)
    assert values(found_in(tmp_path, first[:11], second[10:])) == [[1], [2]]


@pytest.mark.parametrize(
    ("keyword", "values"),
    [
        ("ConvolutionKernel", ("B30f", "B70f")),
        ("KVP", (80, 140)),
        ("PatientPosition", ("HFS", "FFS")),
    ],
)
def test_slices_of_other_settings_are_told(
    tmp_path: Path, keyword: str, values: tuple[object, object]
) -> None:
    slices = made(1)
    for k, dataset in enumerate(slices):
        setattr(dataset, keyword, values[k % 2])
    (series,) = found_in(tmp_path, slices).series
    (finding,) = series.findings
    assert (finding.code, finding.severity) == ("mixed-settings", "warning")


def test_slices_of_one_name_are_all_used_and_told(tmp_path: Path) -> None:
    slices = made(1)
    for dataset in slices[1:3]:
        dataset.SOPInstanceUID = slices[0].SOPInstanceUID
    (series,) = found_in(tmp_path, slices).series
    assert series.shape == GRID.shape
    (finding,) = series.findings
    assert (finding.code, finding.severity) == ("shared-instance-uids", "warning")
    assert finding.message.startswith("2 of 5 files")


def test_slices_without_a_place_say_why_they_make_no_volume(tmp_path: Path) -> None:
    found = found_in(tmp_path, made(1, ImagePositionPatient=None, ImageOrientationPatient=None))
    assert all("no-position" in some for some in codes(found))
    assert len(found.series) == 5
    with pytest.raises(SeveralSeriesError, match=r"5 images .*ImagePositionPatient") as caught:
        load_volume(tmp_path)
    assert str(caught.value).count("ImagePositionPatient") == 1


def test_two_patients_under_one_uid_are_never_mixed(tmp_path: Path) -> None:
    slices = made(1)
    for dataset in slices[::2]:
        dataset.PatientID = "OTHER-SECRET"
    write(tmp_path, slices)
    one, other = discover(tmp_path).series
    assert len(one.frames) + len(other.frames) == len(slices)
    for series in (one, other):
        (finding,) = [f for f in series.findings if f.code == "several-patients"]
        assert finding.severity == "warning"
        assert "SECRET" not in repr((series, series.frames))


def test_a_missing_patient_id_parts_nothing(tmp_path: Path) -> None:
    slices = made(1)
    slices[1].PatientID = ""
    write(tmp_path, slices)
    (series,) = discover(tmp_path).series
    assert series.findings == ()


def test_acquisitions_between_each_other_are_told(tmp_path: Path) -> None:
    grid = oblique_geometry((20, 5, 6))
    slices = ct_stack(np.zeros(grid.shape, np.int16), grid)
    for k, dataset in enumerate(slices):
        dataset.AcquisitionNumber = k // 2  # a rotation of two slices each
    write(tmp_path / "rotations", slices)
    for k, dataset in enumerate(slices):
        dataset.AcquisitionNumber = k % 2
    write(tmp_path / "two breaths", slices)
    assert codes(discover(tmp_path / "rotations")) == [set()]
    assert codes(discover(tmp_path / "two breaths")) == [{"interleaved-acquisitions"}]


def test_files_that_name_no_series_are_a_guess(tmp_path: Path) -> None:
    found = found_in(tmp_path, made(1, SeriesInstanceUID=None))
    assert codes(found) == [{"no-series-uid"}]
    assert values(found) == [[1]]
