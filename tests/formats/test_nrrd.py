from pathlib import Path

import nrrd
import numpy as np
import pytest

from vis3d.errors import InputError, TruncatedError, UnsupportedError
from vis3d.files import find_series, load_volume, read_labelmaps, read_volume
from vis3d.geometry import Geometry

SPACES = {
    "left-posterior-superior": (1, 1, 1),
    "LPS": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "RAS": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "LAS": (1, -1, 1),
}


def values(geometry: Geometry) -> np.ndarray:
    return np.arange(np.prod(geometry.shape), dtype=np.int16).reshape(geometry.shape) - 900


def saved(path: Path, array: np.ndarray, **header: object) -> Path:
    fields = {
        key if key.startswith("Segment") else key.replace("_", " "): value
        for key, value in header.items()
    }
    nrrd.write(str(path), array, fields, index_order="C")
    return path


@pytest.mark.parametrize("space", sorted(SPACES))
def test_every_space_is_read_as_lps(space: str, oblique: Geometry, tmp_path: Path) -> None:
    signs = np.array(SPACES[space])
    array = values(oblique)
    path = saved(
        tmp_path / "scan.nrrd",
        array,
        space=space,
        space_directions=(oblique.direction * oblique.spacing).T * signs,
        space_origin=np.array(oblique.origin) * signs,
    )
    read = read_volume(path)
    assert read.geometry.matches(oblique, 1e-4)
    np.testing.assert_array_equal(read.array, array)
    assert "no-position" not in [finding.code for finding in read.findings]


def test_a_left_handed_file_keeps_every_voxel_in_its_place(
    oblique: Geometry, tmp_path: Path
) -> None:
    array = values(oblique)
    steps = (oblique.direction * oblique.spacing * [1, 1, -1]).T
    path = saved(
        tmp_path / "left.nrrd",
        array,
        space="left-posterior-superior",
        space_directions=steps,
        space_origin=np.array(oblique.origin),
    )
    read = read_volume(path)
    i, j, k = 5, 6, 7
    lps = np.array(oblique.origin) + steps.T @ [i, j, k]
    at = np.rint(read.geometry.to_ijk(lps)).astype(int)
    np.testing.assert_allclose(read.geometry.to_lps(at), lps, atol=1e-6)
    assert read.array[tuple(at[::-1])] == array[k, j, i]


def test_a_missing_space_is_a_finding(oblique: Geometry, tmp_path: Path) -> None:
    path = saved(tmp_path / "scan.nrrd", values(oblique), spacings=[0.7, 0.9, 2.5])
    read = read_volume(path)
    assert "no-position" in [finding.code for finding in read.findings]
    assert read.geometry.spacing == (0.7, 0.9, 2.5)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ascii"])
@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<u1", ">f4", "<f8", "<i4"])
def test_every_encoding_and_type_is_read(encoding: str, dtype: str, tmp_path: Path) -> None:
    array = np.arange(60).reshape(3, 4, 5).astype(dtype)
    path = saved(tmp_path / "scan.nrrd", array, encoding=encoding, space="LPS")
    np.testing.assert_array_equal(read_volume(path).array, array)


def test_the_unit_is_read_where_it_is_stated(oblique: Geometry, tmp_path: Path) -> None:
    path = saved(tmp_path / "scan.nrrd", values(oblique) + 5000, sample_units="HU", space="LPS")
    read = read_volume(path)
    assert read.unit == "HU"
    assert not [finding for finding in read.findings if "unit" in finding.code]


def test_layers_of_overlapping_segments_become_several_label_maps(tmp_path: Path) -> None:
    layers = np.zeros((3, 4, 5, 2), np.uint8)
    layers[0, ..., 0], layers[:, 0, :, 1] = 1, 2
    path = saved(
        tmp_path / "two.seg.nrrd",
        layers,
        space="left-posterior-superior",
        kinds=["list", "domain", "domain", "domain"],
        space_directions=np.vstack([[np.nan] * 3, np.eye(3)]),
        space_origin=np.zeros(3),
        Segment0_LabelValue="1",
        Segment0_Layer="0",
        Segment0_Name="tumour",
        Segment1_LabelValue="2",
        Segment1_Layer="1",
        Segment1_Name="liver",
    )
    first, second = read_labelmaps(path)
    assert [part.name for part in first.structures] == ["tumour"]
    assert [part.name for part in second.structures] == ["liver"]
    assert (first.array[0] == 1).all()
    assert (second.array[:, 0] == 2).all()
    assert first.geometry.shape == (3, 4, 5)


def test_time_points_that_follow_each_other_are_series(tmp_path: Path) -> None:
    times = np.arange(120, dtype=np.int16).reshape(2, 3, 4, 5)
    path = saved(
        tmp_path / "four.nrrd",
        times,
        space="left-posterior-superior",
        kinds=["domain", "domain", "domain", "time"],
        space_directions=np.vstack([np.eye(3), [[np.nan] * 3]]),
        space_origin=np.zeros(3),
    )
    assert [series.index for series in find_series(path)] == [1, 2]
    np.testing.assert_array_equal(load_volume(path, series=2).array, times[1])


def test_colours_are_refused(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "rgb.nrrd",
        np.zeros((3, 4, 5, 3), np.uint8),
        space="left-posterior-superior",
        kinds=["RGB-color", "domain", "domain", "domain"],
        space_directions=np.vstack([[np.nan] * 3, np.eye(3)]),
        space_origin=np.zeros(3),
    )
    with pytest.raises(UnsupportedError, match="RGB-color"):
        read_volume(path)


def header(sizes: str, *more: str) -> bytes:
    rows = [
        "NRRD0004",
        "type: short",
        "dimension: 3",
        f"sizes: {sizes}",
        "endian: little",
        *more,
    ]
    return "\n".join([*rows, "", ""]).encode()


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ascii"])
def test_sizes_that_the_file_cannot_hold_are_refused(encoding: str, tmp_path: Path) -> None:
    content = header("100000 100000 100000", f"encoding: {encoding}") + b"\x1f\x8b\x08" * 50
    (tmp_path / "huge.nrrd").write_bytes(content)
    with pytest.raises(TruncatedError, match="promises"):
        read_volume(tmp_path / "huge.nrrd")


@pytest.mark.parametrize("target", ["/etc/passwd", "../other.raw", "scan.raw", "LIST"])
def test_voxels_in_another_file_are_refused(target: str, tmp_path: Path) -> None:
    (tmp_path / "apart.nrrd").write_bytes(
        header("2 2 2", "encoding: raw", f"data file: {target}")
    )
    with pytest.raises(UnsupportedError, match="attached"):
        read_volume(tmp_path / "apart.nrrd")


@pytest.mark.parametrize(
    "row",
    [
        "space directions: (1,0,0) (1,0,0) (0,0,1)",
        "space directions: (1,0,0) (0,nan,0) (0,0,1)",
        "space directions: (1,0,0) (0.2,1,0) (0,0,1)",
        "space directions: (0,0,0) (0,1,0) (0,0,1)",
    ],
)
def test_a_grid_that_is_none_is_refused(row: str, tmp_path: Path) -> None:
    content = header("2 2 2", "encoding: raw", "space: left-posterior-superior", row)
    (tmp_path / "flat.nrrd").write_bytes(content + b"\0" * 16)
    with pytest.raises(InputError, match=r"flat\.nrrd"):
        read_volume(tmp_path / "flat.nrrd")


@pytest.mark.parametrize("content", [b"", b"NRRD", b"NRRD0004\nfoo\n\n", b"PK\3\4" * 20])
def test_what_is_no_nrrd_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "not.nrrd").write_bytes(content)
    with pytest.raises(InputError, match=r"not\.nrrd") as caught:
        read_volume(tmp_path / "not.nrrd")
    assert "\n" not in str(caught.value)


@pytest.mark.real
def test_real_nrrd_of_the_chest_lies_where_itk_says(real_data: Path) -> None:
    import SimpleITK

    for path in sorted((real_data / "cip_small_chest").glob("*.nrrd")):
        image, read = SimpleITK.ReadImage(str(path)), read_volume(path)
        random = np.random.default_rng(0)
        for ijk in random.integers(0, image.GetSize(), (20, 3)).tolist():
            lps = image.TransformIndexToPhysicalPoint(ijk)
            at = np.rint(read.geometry.to_ijk(lps)).astype(int)
            np.testing.assert_allclose(read.geometry.to_lps(at), lps, atol=1e-3)
            assert read.array[tuple(at[::-1])] == image[ijk]
