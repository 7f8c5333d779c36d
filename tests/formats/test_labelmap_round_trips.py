from dataclasses import replace
from pathlib import Path

import nrrd
import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings

from tests.formats.making import foreign_labelmap, geometries, labelmap
from vis3d.errors import InputError
from vis3d.files import read_labelmap, write_labelmap
from vis3d.formats import LABELMAP_WRITERS
from vis3d.geometry import Geometry
from vis3d.labels import STRUCTURES, LabelMap, Report
from vis3d.volume import Finding

SUFFIXES = sorted(LABELMAP_WRITERS)


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(geometry=geometries())
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_was_written_is_read_back(suffix: str, geometry: Geometry, tmp_path: Path) -> None:
    written = labelmap(geometry)
    write_labelmap(written, tmp_path / f"labels{suffix}")
    read = read_labelmap(tmp_path / f"labels{suffix}")
    np.testing.assert_array_equal(read.array, written.array)
    assert read.array.dtype == np.uint8
    assert read.geometry.matches(geometry, 1e-4)
    assert read.structures == STRUCTURES


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_findings_travel_along(suffix: str, oblique: Geometry, tmp_path: Path) -> None:
    findings = (Finding("gantry-tilt", "warning", "Tilted by 12° and corrected."),)
    written = replace(labelmap(oblique), report=Report(findings=findings))
    write_labelmap(written, tmp_path / f"labels{suffix}")
    read = read_labelmap(tmp_path / f"labels{suffix}")
    assert read.report.findings == findings
    assert read.structures == STRUCTURES


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_foreign_names_and_colours_are_kept(
    suffix: str, oblique: Geometry, tmp_path: Path
) -> None:
    written = foreign_labelmap(oblique)
    write_labelmap(written, tmp_path / f"labels{suffix}")
    read = read_labelmap(tmp_path / f"labels{suffix}")
    np.testing.assert_array_equal(read.array, written.array)
    assert read.array.dtype == np.uint16
    assert read.structures == written.structures


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_itk_reads_the_same_labels(suffix: str, oblique: Geometry, tmp_path: Path) -> None:
    written = labelmap(oblique)
    write_labelmap(written, tmp_path / f"labels{suffix}")
    image = SimpleITK.ReadImage(str(tmp_path / f"labels{suffix}"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), written.array)
    lps = image.TransformIndexToPhysicalPoint((3, 4, 5))
    np.testing.assert_allclose(lps, oblique.to_lps((3, 4, 5)), atol=1e-4)


def test_slicer_finds_segments_with_names_colours_and_codes(
    oblique: Geometry, tmp_path: Path
) -> None:
    write_labelmap(labelmap(oblique), tmp_path / "labels.seg.nrrd")
    header = nrrd.read_header(str(tmp_path / "labels.seg.nrrd"))
    assert header["space"] == "left-posterior-superior"
    assert header["Segment0_Name"] == "left lung"
    assert header["Segment0_LabelValue"] == "1"
    assert header["Segment0_Layer"] == "0"
    assert header["Segment0_Extent"] == "0 39 0 29 0 19"
    assert "SCT^44029006^Left lung" in header["Segment0_Tags"]
    color = [float(word) for word in header["Segment0_Color"].split()]
    np.testing.assert_allclose(color, np.array(STRUCTURES[0].color) / 255, atol=1e-5)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_labels_without_names_are_called_by_their_number(
    suffix: str, oblique: Geometry, tmp_path: Path
) -> None:
    image = SimpleITK.GetImageFromArray(labelmap(oblique).array)
    SimpleITK.WriteImage(image, str(tmp_path / f"labels{suffix}"))
    read = read_labelmap(tmp_path / f"labels{suffix}")
    assert [part.name for part in read.structures] == [f"label {n}" for n in range(1, 6)]
    assert len({part.color for part in read.structures}) == 5


@pytest.mark.parametrize("value", [-1, 70_000, 0.5, np.nan])
def test_what_is_no_label_is_refused(value: float, tmp_path: Path) -> None:
    array = np.ones((2, 3, 4), np.float32)
    array[0, 0, 0] = value
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), str(tmp_path / "labels.nii.gz"))
    with pytest.raises(InputError, match=r"labels\.nii\.gz"):
        read_labelmap(tmp_path / "labels.nii.gz")


def test_an_empty_label_map_is_one(oblique: Geometry, tmp_path: Path) -> None:
    empty = LabelMap(np.zeros(oblique.shape, np.uint8), oblique, ())
    write_labelmap(empty, tmp_path / "labels.nii.gz")
    read = read_labelmap(tmp_path / "labels.nii.gz")
    assert not read.array.any()
    assert read.structures == ()


@pytest.mark.real
def test_totalsegmentator_names_its_structures(real_data: Path) -> None:
    folder = real_data / "totalsegmentator"
    labels = read_labelmap(folder / "example_seg_fast_force_split.nii.gz")
    listed = (folder / "labels_total_v2.txt").read_text()
    assert labels.volume_ml("liver") > 100
    for part in labels.structures:
        assert part.name in listed


@pytest.mark.real
def test_slicer_style_nrrd_of_dcmqi_is_read(real_data: Path) -> None:
    files = sorted((real_data / "seg_objects").rglob("*.nrrd"))
    assert files
    for file in files:
        image = SimpleITK.ReadImage(str(file))
        read = read_labelmap(file)
        np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), read.array)
        lps = image.TransformIndexToPhysicalPoint((1, 2, 0))
        np.testing.assert_allclose(lps, read.geometry.to_lps((1, 2, 0)), atol=1e-4)
