import errno
import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pytest

from tests.conftest import oblique_geometry
from tests.formats.making import labelmap, tetrahedron, volume
from vis3d import files
from vis3d.dicom import Series, discover
from vis3d.errors import (
    Cancelled,
    NotDicomError,
    NothingFoundError,
    OutputError,
    SeveralSeriesError,
    UnsupportedError,
    UsageError,
)
from vis3d.geometry import Geometry

ALL_OUTPUTS = [
    *(("volume", suffix) for suffix in files.VOLUME_SUFFIXES),
    *(("labelmap", suffix) for suffix in files.LABELMAP_SUFFIXES if suffix != ".dcm"),
    *(("surface", suffix) for suffix in files.SURFACE_SUFFIXES if suffix != ".dcm"),
]


def write(kind: str, path: Path) -> None:
    small = oblique_geometry((3, 4, 5))
    match kind:
        case "volume":
            files.write_volume(volume(small), path)
        case "labelmap":
            files.write_labelmap(labelmap(small), path)
        case "surface":
            files.write_surface(tetrahedron(), path)


@pytest.mark.parametrize(("kind", "suffix"), ALL_OUTPUTS)
def test_a_missing_folder_is_an_output_error(kind: str, suffix: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        write(kind, tmp_path / "nowhere" / f"file{suffix}")


@pytest.mark.parametrize(("kind", "suffix"), ALL_OUTPUTS)
def test_a_full_disk_leaves_nothing_and_the_old_file_whole(
    kind: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / f"file{suffix}"
    target.write_bytes(b"old")

    def full(self: Path, target: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        write(kind, target)
    monkeypatch.undo()
    assert [file.name for file in tmp_path.iterdir()] == [target.name]
    assert target.read_bytes() == b"old"


@pytest.mark.parametrize(("kind", "suffix"), ALL_OUTPUTS)
def test_a_write_that_fails_halfway_leaves_nothing(
    kind: str, suffix: str, tmp_path: Path
) -> None:
    write(kind, tmp_path / f"sound{suffix}")
    for file in tmp_path.iterdir():
        file.unlink()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))  # bytes a file: writing fails
    try:
        with pytest.raises(OutputError, match="Cannot write"):
            write(kind, tmp_path / f"file{suffix}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", files.VOLUME_SUFFIXES)
def test_writing_can_be_stopped_and_leaves_nothing(suffix: str, tmp_path: Path) -> None:
    def stop(fraction: float, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        files.write_volume(volume(), tmp_path / f"scan{suffix}", progress=stop)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("kind", "suffix"), ALL_OUTPUTS)
def test_suffixes_are_known_in_capitals(kind: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"FILE{suffix.upper()}"
    write(kind, path)
    assert path.stat().st_size > 0
    if suffix != ".npz":
        reader = {
            "volume": files.read_volume,
            "labelmap": files.read_labelmap,
            "surface": files.read_surface,
        }[kind]
        reader(path)


@pytest.mark.parametrize("kind", ["volume", "labelmap", "surface"])
def test_an_unknown_suffix_lists_the_legal_ones(kind: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.(nii\.gz|stl), ") as caught:
        write(kind, tmp_path / "file.xyz")
    assert ".xyz" in str(caught.value)


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name in ("none.nii.gz", "none", "none.stl", "x" * 5000, "nul\0"):
        with pytest.raises(NothingFoundError, match="There is no"):
            files.load_volume(tmp_path / name)


def test_the_kind_of_an_input_is_told_by_its_suffix(tmp_path: Path) -> None:
    for name in ("scan.nii.gz", "SCAN.MHA", "scan.seg.nrrd", "scan.vti"):
        (tmp_path / name).touch()
        assert files.input_kind(tmp_path / name) == "volume"
    for name in ("bones.stl", "bones.3MF"):
        (tmp_path / name).touch()
        assert files.input_kind(tmp_path / name) == "surface"
    for name in ("IM001", "scan.zip", "scan.tar.gz", "scan.dcm"):
        (tmp_path / name).touch()
        assert files.input_kind(tmp_path / name) == "dicom"
    assert files.input_kind(tmp_path) == "dicom"


def test_a_volume_file_is_one_series_without_uid(oblique: Geometry, tmp_path: Path) -> None:
    files.write_volume(volume(oblique), tmp_path / "scan.nii.gz")
    (one,) = files.find_series(tmp_path / "scan.nii.gz")
    assert (one.index, one.uid, one.modality, one.unit) == (1, "", "CT", "HU")
    assert one.files == ("scan.nii.gz",)
    assert one.shape == oblique.shape
    assert one.geometry is not None
    assert one.geometry.matches(oblique)
    assert [finding.code for finding in one.findings] == ["gantry-tilt"]


def test_load_volume_reads_volume_files_and_slices_of_them(
    oblique: Geometry, tmp_path: Path
) -> None:
    scan = volume(oblique)
    files.write_volume(scan, tmp_path / "scan.nrrd")
    whole = files.load_volume(tmp_path / "scan.nrrd")
    np.testing.assert_array_equal(whole.array, scan.array)
    part = files.load_volume(tmp_path / "scan.nrrd", slices=slice(5, 9))
    np.testing.assert_array_equal(part.array, scan.array[5:9])
    np.testing.assert_allclose(part.geometry.origin, oblique.to_lps((0, 0, 5)))
    with pytest.raises(UsageError, match="keep none of 0 to 19"):
        files.load_volume(tmp_path / "scan.nrrd", slices=slice(20, 30))


def test_a_surface_is_no_scan(tmp_path: Path) -> None:
    files.write_surface(tetrahedron(), tmp_path / "bones.stl")
    with pytest.raises(UsageError, match="is a surface"):
        files.load_volume(tmp_path / "bones.stl")


def test_a_file_of_another_kind_is_told_what_scans_end_in(tmp_path: Path) -> None:
    (tmp_path / "scan.hdr").write_bytes(b"a header of some other kind " * 20)
    with pytest.raises(NotDicomError, match=r"hdr is not DICOM\. Scans .* end in .*\.mha"):
        files.load_volume(tmp_path / "scan.hdr")
    (tmp_path / "scan.hdr").write_bytes(b"")
    with pytest.raises(NotDicomError, match=r"scan\.hdr is an empty file\.$"):
        files.load_volume(tmp_path / "scan.hdr")


def test_a_nifti_in_a_folder_is_to_be_named(tmp_path: Path) -> None:
    files.write_volume(volume(oblique_geometry((3, 4, 5))), tmp_path / "scan.nii.gz")
    with pytest.raises(NothingFoundError, match=r"Name scan\.nii\.gz itself to read it"):
        files.load_volume(tmp_path)


def test_a_folder_without_a_scan_is_nothing_found(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("hello")
    with pytest.raises(NothingFoundError, match=r"note\.txt"):
        files.load_volume(tmp_path)


def test_a_seg_needs_a_dicom_series(tmp_path: Path) -> None:
    labels = labelmap(oblique_geometry((3, 4, 5)))
    for source in (None, Series(1, "", "CT", "", ("a",), None, (9, 8, 7), "HU", (), True, ())):
        with pytest.raises(UnsupportedError, match=r"write \.nii\.gz instead"):
            files.write_labelmap(labels, tmp_path / "seg.dcm", series=source)
    assert not list(tmp_path.iterdir())


def test_several_label_maps_are_not_taken_for_one(tmp_path: Path) -> None:
    both = np.ones((3, 4, 5, 2), np.uint8)
    nibabel.save(nibabel.Nifti1Image(both, np.eye(4)), tmp_path / "two.nii.gz")
    assert len(files.read_labelmaps(tmp_path / "two.nii.gz")) == 2
    with pytest.raises(UnsupportedError, match="read_labelmaps"):
        files.read_labelmap(tmp_path / "two.nii.gz")


def test_progress_is_told_and_can_stop_the_reading(oblique: Geometry, tmp_path: Path) -> None:
    files.write_volume(volume(oblique), tmp_path / "scan.nii.gz")
    told: list[float] = []
    files.load_volume(tmp_path / "scan.nii.gz", progress=lambda part, _: told.append(part))
    assert told

    def stop(fraction: float, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.load_volume(tmp_path / "scan.nii.gz", progress=stop)


@pytest.mark.real
def test_dicom_and_its_nifti_show_the_same_patient(real_data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(real_data / "totalsegmentator" / "example_ct_dicom.zip") as package:
        package.extractall(tmp_path / "ct")
    scan = files.load_volume(tmp_path / "ct")
    labels = files.read_labelmap(real_data / "totalsegmentator" / "example_seg_dicom.nii.gz")
    ours = scan.geometry.corners_lps
    theirs = labels.geometry.corners_lps
    np.testing.assert_allclose(np.sort(ours, axis=0), np.sort(theirs, axis=0), atol=0.05)
    files.write_volume(scan, tmp_path / "scan.nii.gz")
    again = files.load_volume(tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(again.array, scan.array)
    assert again.geometry.matches(scan.geometry, 1e-4)
    assert (again.unit, again.padding) == (scan.unit, scan.padding)


@pytest.mark.real
def test_a_dicom_segmentation_is_a_label_map(real_data: Path) -> None:
    folder = real_data / "seg_objects" / "dcmqi" / "segmentations"
    labels = files.read_labelmap(folder / "liver.dcm")
    truth = files.read_labelmap(folder / "liver_seg.nrrd")
    assert labels.names == ("Liver",)
    assert labels.geometry.matches(truth.geometry, 1e-3)
    np.testing.assert_array_equal(labels.array > 0, truth.array > 0)
    with pytest.raises(UnsupportedError, match="3 label maps"):
        files.read_labelmap(folder / "partial_overlaps.dcm")


@pytest.mark.real
def test_a_folder_of_two_kernels_asks_which(real_data: Path) -> None:
    path = real_data / "lung_pet_ct_dx_a0002.zip"
    with pytest.raises(SeveralSeriesError) as caught:
        files.load_volume(path)
    assert len(caught.value.choices) == 2
    assert discover(path).series[1].index == 2
    assert files.load_volume(path, series=2, slices=slice(0, 3)).geometry.shape[0] == 3


@pytest.mark.real
@pytest.mark.parametrize(
    ("scan", "truth"),
    [
        ("anatomical/001", "anatomical/001_ground_truth.nii.gz"),
        ("anatomical/001", "anatomical/001_ground_truth_reoriented.nii.gz"),
        ("anatomical/002_non_isotropic", "anatomical/002_non_isotropic_ground_truth.nii.gz"),
        ("compressed_j2k/001", "compressed_j2k/001_ground_truth_reoriented.nii.gz"),
    ],
)
def test_every_voxel_of_a_series_lies_where_its_nifti_has_it(
    scan: str, truth: str, real_data: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(real_data / "dicom2nifti_generic.zip") as package:
        package.extractall(tmp_path)
    ours = files.load_volume(tmp_path / "generic" / scan)
    theirs = files.load_volume(tmp_path / "generic" / truth)
    kji = np.indices(ours.geometry.shape).reshape(3, -1).T
    ijk = theirs.geometry.to_ijk(ours.geometry.to_lps(kji[:, ::-1]))
    at = np.rint(ijk).astype(int)
    assert np.abs(ijk - at).max() < 0.01
    i, j, k = at.T
    found = theirs.array[k, j, i].astype(float)
    np.testing.assert_allclose(found, ours.array.reshape(-1), rtol=1e-4, atol=1.0)


def test_finding_series_loads_neither_scipy_nor_nibabel() -> None:
    code = (
        "import sys, vis3d.files, vis3d.dicom; print(*{n.split('.')[0] for n in sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pydicom" in loaded.stdout.split()
    assert not {"scipy", "nibabel", "vtkmodules", "highdicom"} & set(loaded.stdout.split())
