"""What was drawn in another frame of reference is refused, or warned of."""

from dataclasses import replace

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from tests.conftest import oblique_geometry
from tests.dicom.test_structure_sets import ball, structure_set
from tests.dicom.test_structure_sets import item as contour
from vis3d.dicom import load_series, write_ct_series, write_segmentation
from vis3d.dicom.discovery import discover
from vis3d.errors import InputError
from vis3d.files import read_labelmaps
from vis3d.labels import LabelMap, Structure
from vis3d.resample import resample
from vis3d.volume import Volume

GRID = oblique_geometry(shape=(24, 40, 36), spacing=(1.7, 1.9, 2.5))


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """A series and its volume."""
    hu = np.random.default_rng(3).integers(-900, 900, GRID.shape).astype(np.int16)
    folder = tmp_path_factory.mktemp("ct")
    write_ct_series(Volume(hu, GRID, "HU"), folder, patient_name="A^B", patient_id="1")
    (series,) = discover(folder).series
    return series, load_series(series)


def marks():
    array = np.zeros(GRID.shape, np.uint8)
    array[6:14, 9:22, 8:30] = 1
    return LabelMap(array, GRID, (Structure(1, "liver", (1, 2, 3)),))


def read(path, volume):
    return read_labelmaps(
        path,
        geometry=volume.geometry,
        frame_of_reference=volume.metadata["frame_of_reference"],
    )


def codes(labelmaps):
    return [finding.code for one in labelmaps for finding in one.report.findings]


def elsewhere(path):
    made = hd.seg.segread(path)
    made.FrameOfReferenceUID = generate_uid()
    made.save_as(path)
    return path


def test_the_metadata_name_the_frame_without_its_uid(scan):
    series, volume = scan
    uid = str(next(iter(series.source_datasets())).FrameOfReferenceUID)
    assert len(volume.metadata["frame_of_reference"]) == 16
    assert uid not in str(volume.metadata)


def test_a_segmentation_of_the_scan_is_read_in_silence(scan, tmp_path):
    series, volume = scan
    write_segmentation(marks(), series, tmp_path / "own.dcm")
    assert codes(read(tmp_path / "own.dcm", volume)) == []


def test_the_scans_own_voxels_in_another_frame_are_warned_of(scan, tmp_path):
    series, volume = scan
    write_segmentation(marks(), series, tmp_path / "lost.dcm")
    found = read(elsewhere(tmp_path / "lost.dcm"), volume)
    assert codes(found) == ["frame-of-reference"]
    np.testing.assert_array_equal(found[0].array, marks().array)


def test_another_grid_in_another_frame_is_refused(scan, tmp_path):
    series, volume = scan
    coarse = resample(marks(), GRID.with_spacing((3.0, 3.0, 3.0)))
    write_segmentation(coarse, series, tmp_path / "coarse.dcm")
    assert codes(read(tmp_path / "coarse.dcm", volume)) == []
    with pytest.raises(InputError, match=r"^coarse.dcm has another frame of reference"):
        read(elsewhere(tmp_path / "coarse.dcm"), volume)


@pytest.mark.parametrize("stated", ["FrameOfReferenceUID", "StructureSetROISequence"])
def test_contours_in_another_frame_must_lie_on_the_scans_slices(scan, tmp_path, stated):
    _, volume = scan
    grid = volume.geometry
    shifted = replace(grid, origin=tuple(grid.to_lps((0, 0, 0.4)).tolist()))
    for where, refused in ((grid, False), (shifted, True)):
        items = [contour(points) for points in ball(12, range(6, 18), grid=where)]
        path = structure_set(tmp_path / "rt.dcm", [(1, "Target", items)])
        assert "frame-of-reference" not in codes(read(path, volume))
        rename(path, stated)
        if refused:
            with pytest.raises(InputError, match="doesn't lie on the scan's slices"):
                read(path, volume)
        else:
            assert "frame-of-reference" in codes(read(path, volume))


def rename(path, stated):
    """State a frame of reference of its own."""
    made = pydicom.dcmread(path)
    if stated == "FrameOfReferenceUID":
        made.FrameOfReferenceUID = generate_uid()
    else:
        made.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = generate_uid()
    made.save_as(path)
