"""DICOM segmentations: written as the standard wants, read voxel for voxel."""

import dataclasses
import shutil
import sqlite3
import subprocess
import warnings
from pathlib import Path
from typing import Any

import highdicom
import nrrd
import numpy as np
import pydicom
import pytest

from tests.conftest import oblique_geometry
from tests.needs import need
from vis3d.dicom import (
    Series,
    discover,
    load_series,
    read_segmentation,
    write_ct_series,
    write_segmentation,
)
from vis3d.errors import (
    Cancelled,
    InputError,
    NotDicomError,
    NothingFoundError,
    UnsupportedError,
)
from vis3d.geometry import Geometry
from vis3d.labels import STRUCTURES, LabelMap, Report
from vis3d.volume import Finding, Volume

SHAPE = (7, 22, 31)


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Series:
    """An oblique series of noise."""
    folder = tmp_path_factory.mktemp("series")
    values = np.random.default_rng(0).integers(-1000, 1000, SHAPE, np.int16)
    volume = Volume(values, oblique_geometry(SHAPE))
    write_ct_series(volume, folder, patient_name="Secret^Name", patient_id="X1")
    return discover(folder).series[0]


def labels_on(geometry: Geometry, top: int = 5) -> LabelMap:
    """Any label anywhere, but none in the first two slices."""
    array = np.random.default_rng(2).integers(0, top + 1, geometry.shape, np.uint8)
    array[:2] = 0
    return LabelMap(array, geometry)


def test_what_is_written_is_read_back(series: Series, tmp_path: Path) -> None:
    labels = labels_on(load_series(series).geometry)
    write_segmentation(labels, series, tmp_path / "seg.dcm")
    (back,) = read_segmentation(tmp_path / "seg.dcm")
    np.testing.assert_array_equal(back.array, labels.array)
    assert back.geometry.matches(labels.geometry)
    assert back.structures == STRUCTURES[:5]


def test_no_database_stays_open(
    series: Series, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """highdicom keeps one an object; Python 3.13 warns of each that is left open."""
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def recorded(*words: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*words, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", recorded)
    write_segmentation(labels_on(load_series(series).geometry), series, tmp_path / "seg.dcm")
    read_segmentation(tmp_path / "seg.dcm")
    assert len(opened) >= 2
    for database in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            database.execute("SELECT 1")


def test_labels_come_back_where_some_structures_are_missing(
    series: Series, tmp_path: Path
) -> None:
    labels = labels_on(load_series(series).geometry)
    labels.array[(labels.array == 1) | (labels.array == 5)] = 0
    write_segmentation(labels, series, tmp_path / "seg.dcm")
    (back,) = read_segmentation(tmp_path / "seg.dcm")
    np.testing.assert_array_equal(back.array, labels.array)
    assert [structure.label for structure in back.structures] == [2, 3, 4]


def test_the_body_segment_is_everything_inside_the_skin(series: Series, tmp_path: Path) -> None:
    labels = labels_on(load_series(series).geometry)
    write_segmentation(labels, series, tmp_path / "seg.dcm")
    segmentation = highdicom.seg.segread(tmp_path / "seg.dcm")
    number = segmentation.get_segment_numbers(segment_label="body")[0]
    body = segmentation.get_volume(segment_numbers=[number]).array
    assert body.sum() == np.count_nonzero(labels.array)


def test_patient_study_and_frame_of_reference_are_the_series_own(
    series: Series, tmp_path: Path
) -> None:
    write_segmentation(labels_on(load_series(series).geometry), series, tmp_path / "seg.dcm")
    source = next(iter(series.source_datasets()))
    made = pydicom.dcmread(tmp_path / "seg.dcm")
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert made[keyword].value == source[keyword].value
    assert made.SeriesInstanceUID != source.SeriesInstanceUID


def test_each_frame_names_the_image_at_its_place(series: Series, tmp_path: Path) -> None:
    write_segmentation(labels_on(load_series(series).geometry), series, tmp_path / "seg.dcm")
    places = {
        str(source.SOPInstanceUID): np.array(source.ImagePositionPatient, float)
        for source in series.source_datasets()
    }
    made = pydicom.dcmread(tmp_path / "seg.dcm")
    for groups in made.PerFrameFunctionalGroupsSequence:
        image = groups.DerivationImageSequence[0].SourceImageSequence[0]
        here = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        np.testing.assert_allclose(here, places[image.ReferencedSOPInstanceUID], atol=1e-6)


@pytest.mark.parametrize("change", ["other spacing", "one slice less", "shifted", "turned"])
def test_another_grid_names_no_source_of_its_frames(
    series: Series, tmp_path: Path, change: str
) -> None:
    own = load_series(series).geometry
    geometry = {
        "other spacing": own.with_spacing((1.0, 1.0, 1.2)),
        "one slice less": own.cropped((0, 0, 0), (6, 22, 31)),
        "shifted": own.cropped((0, 1, 1), SHAPE),
        "turned": dataclasses.replace(own, direction=np.eye(3)),
    }[change]
    labels = labels_on(geometry)
    write_segmentation(labels, series, tmp_path / "seg.dcm")
    made = pydicom.dcmread(tmp_path / "seg.dcm")
    assert not any(
        "DerivationImageSequence" in groups for groups in made.PerFrameFunctionalGroupsSequence
    )
    (back,) = read_segmentation(tmp_path / "seg.dcm")
    np.testing.assert_array_equal(back.array, labels.array)
    assert back.geometry.matches(geometry)


def test_a_tilted_series_gets_its_segmentation_on_the_corrected_grid(tmp_path: Path) -> None:
    geometry = Geometry(SHAPE, (0.8, 0.9, 2.5))
    origins = geometry.to_lps([(0, 0, k) for k in range(7)]) + np.arange(7)[:, None] * (
        0,
        0.7,
        0,
    )
    volume = Volume(np.zeros(SHAPE, np.int16), geometry)
    write_ct_series(
        volume, tmp_path / "ct", patient_name="A", patient_id="B", slice_origins_lps=origins
    )
    tilted = discover(tmp_path / "ct").series[0]
    labels = labels_on(load_series(tilted).geometry)
    assert labels.geometry.shape != SHAPE
    write_segmentation(labels, tilted, tmp_path / "seg.dcm")
    (back,) = read_segmentation(tmp_path / "seg.dcm")
    np.testing.assert_array_equal(back.array, labels.array)
    made = pydicom.dcmread(tmp_path / "seg.dcm")
    assert "DerivationImageSequence" not in made.PerFrameFunctionalGroupsSequence[0]


def test_codes_and_method_are_named(series: Series, tmp_path: Path) -> None:
    write_segmentation(labels_on(load_series(series).geometry), series, tmp_path / "seg.dcm")
    made = pydicom.dcmread(tmp_path / "seg.dcm")
    for segment, structure in zip(made.SegmentSequence, STRUCTURES[:5], strict=True):
        code = segment.SegmentedPropertyTypeCodeSequence[0]
        assert structure.code is not None
        assert (code.CodingSchemeDesignator, code.CodeValue) == ("SCT", structure.code.value)
        assert segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName == "vis3d"
        assert segment.TrackingUID.startswith("2.25.")


def test_a_dicom_verifier_finds_no_error(series: Series, tmp_path: Path) -> None:
    write_segmentation(labels_on(load_series(series).geometry), series, tmp_path / "seg.dcm")
    assert_without_errors(tmp_path / "seg.dcm")


def assert_without_errors(path: Path) -> None:
    need(shutil.which("dciodvfy") is not None, "dciodvfy (Debian package dicom3tools)")
    verdict = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    assert "Error" not in verdict.stderr


def test_nothing_marked_is_refused(series: Series, tmp_path: Path) -> None:
    geometry = load_series(series).geometry
    with pytest.raises(InputError, match="marks no voxel"):
        write_segmentation(
            LabelMap(np.zeros(SHAPE, np.uint8), geometry), series, tmp_path / "seg.dcm"
        )
    assert not list(tmp_path.iterdir())


def test_a_scan_that_is_not_dicom_is_refused(series: Series, tmp_path: Path) -> None:
    other = dataclasses.replace(series, uid="")
    with pytest.raises(UnsupportedError, match=r"write \.nii\.gz instead"):
        write_segmentation(labels_on(oblique_geometry(SHAPE)), other, tmp_path / "seg.dcm")


def test_no_warning_carries_the_patients_name(tmp_path: Path) -> None:
    # highdicom warns of names with a single component, quoting them.
    volume = Volume(np.zeros(SHAPE, np.int16), oblique_geometry(SHAPE))
    write_ct_series(volume, tmp_path, patient_name="Single", patient_id="B")
    series = discover(tmp_path).series[0]
    labels = labels_on(load_series(series).geometry)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        write_segmentation(labels, series, tmp_path / "seg.dcm")
    assert not caught


def test_cancelling_leaves_nothing(series: Series, tmp_path: Path) -> None:
    def stop(fraction: float, what: str) -> None:
        if fraction >= 0.8:
            raise Cancelled

    labels = labels_on(load_series(series).geometry)
    with pytest.raises(Cancelled):
        write_segmentation(labels, series, tmp_path / "seg.dcm", progress=stop)
    assert not list(tmp_path.iterdir())


DCMQI = "seg_objects/dcmqi/segmentations"


@pytest.mark.parametrize(
    ("file", "truths"),
    [
        ("liver.dcm", ["liver_seg.nrrd"]),
        ("23x38x3/seg/label.seg", ["23x38x3/nrrd/label.nrrd"]),
        ("24x38x3/seg/label.seg", ["24x38x3/nrrd/label.nrrd"]),
        ("partial_overlaps.dcm", [f"partial_overlaps-{n}.nrrd" for n in (1, 2, 3)]),
        ("sparse-labelmap-noppv.dcm", ["sparse_labelmap_noppv_seg.nrrd"]),
    ],
)
def test_a_file_of_others_is_read_as_its_nrrd_truth(
    real_data: Path, file: str, truths: list[str]
) -> None:
    labelmaps = read_segmentation(real_data / DCMQI / file)
    assert len(labelmaps) == len(truths)
    for labelmap, truth in zip(labelmaps, truths, strict=True):
        values, header = nrrd.read(str(real_data / DCMQI / truth))
        np.testing.assert_array_equal(labelmap.array, values.T)
        directions = np.array(header["space directions"])
        np.testing.assert_allclose(
            labelmap.geometry.affine[:3, :3], directions.T, rtol=0, atol=2e-5
        )
        np.testing.assert_allclose(
            labelmap.geometry.origin, header["space origin"], rtol=0, atol=2e-4
        )


def test_fractional_segments_are_cut_at_half(real_data: Path) -> None:
    path = real_data / "seg_objects/highdicom/seg_image_ct_true_fractional.dcm"
    (labelmap,) = read_segmentation(path)
    stored = pydicom.dcmread(path)
    halves = stored.pixel_array / stored.MaximumFractionalValue >= 0.5
    assert np.count_nonzero(labelmap.array) == np.count_nonzero(halves) > 0


@pytest.mark.parametrize("name", ["seg_image_cr_binary.dcm", "seg_image_sm_dots.dcm"])
def test_segmentations_outside_a_patients_space_are_refused(real_data: Path, name: str) -> None:
    with pytest.raises(UnsupportedError, match="no regular grid in a patient"):
        read_segmentation(real_data / "seg_objects/highdicom" / name)


def test_an_image_is_no_segmentation(real_data: Path) -> None:
    with pytest.raises(UnsupportedError, match="not a segmentation"):
        read_segmentation(real_data / "seg_objects/highdicom/ct_image.dcm")


def test_what_is_missing_or_no_dicom_says_so(tmp_path: Path) -> None:
    with pytest.raises(NothingFoundError):
        read_segmentation(tmp_path / "none.dcm")
    (tmp_path / "text.dcm").write_text("hello")
    with pytest.raises(NotDicomError, match="text.dcm"):
        read_segmentation(tmp_path / "text.dcm")


@pytest.mark.parametrize("share", [0.2, 0.6, 0.97])
def test_a_truncated_file_is_an_input_error(
    real_data: Path, tmp_path: Path, share: float
) -> None:
    whole = (real_data / DCMQI / "liver.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match="cut.dcm"):
        read_segmentation(tmp_path / "cut.dcm")


def test_findings_travel_with_the_object_and_break_no_rule(
    series: Series, tmp_path: Path
) -> None:
    told = tuple(
        Finding(f"code-{n}", severity, f'Says "{n}", \\ and µ. ' + 60 * "long ")
        for n, severity in enumerate(("note", "warning", "error") * 12)
    )
    labels = labels_on(load_series(series).geometry)
    labels = dataclasses.replace(labels, report=Report(findings=told))
    write_segmentation(labels, series, tmp_path / "seg.dcm")
    (back,) = read_segmentation(tmp_path / "seg.dcm")
    kept = back.report.findings
    assert set(kept) <= set(told)
    assert [one for one in told if one.severity == "error"] == list(kept[:12])
    assert_without_errors(tmp_path / "seg.dcm")
