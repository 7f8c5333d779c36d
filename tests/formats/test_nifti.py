import gzip
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from vis3d.errors import InputError, TooLargeError, TruncatedError, UnsupportedError
from vis3d.files import discover, load_volume, read_volume
from vis3d.formats import byte_streams
from vis3d.geometry import Geometry

TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def image(geometry: Geometry, array: np.ndarray | None = None) -> Any:
    """A NIfTI image as another program would make it, voxels 0, 1, 2, ..."""
    if array is None:
        array = np.arange(np.prod(geometry.shape), dtype=np.int16).reshape(geometry.shape)
    return nibabel.Nifti1Image(array.T, TO_LPS @ geometry.affine)


def saved(image: Any, path: Path) -> Path:
    nibabel.save(image, path)
    return path


def test_a_left_handed_grid_keeps_every_voxel_in_its_place(
    oblique: Geometry, tmp_path: Path
) -> None:
    affine = oblique.affine @ np.diag([-1.0, 1, 1, 1])
    array = np.arange(np.prod(oblique.shape), dtype=np.int16).reshape(oblique.shape)
    path = saved(nibabel.Nifti1Image(array.T, TO_LPS @ affine), tmp_path / "left.nii.gz")
    read = read_volume(path)
    assert np.linalg.det(read.geometry.direction) == pytest.approx(1)
    for i, j, k in [(0, 0, 0), (39, 0, 3), (7, 11, 19)]:
        lps = (affine @ [i, j, k, 1])[:3]
        at = np.rint(read.geometry.to_ijk(lps)).astype(int)
        np.testing.assert_allclose(read.geometry.to_lps(at), lps, atol=1e-4)
        assert read.array[tuple(at[::-1])] == array[k, j, i]


def test_big_endian_files_are_read(oblique: Geometry, tmp_path: Path) -> None:
    plain = image(oblique)
    swapped = nibabel.Nifti1Image(
        plain.get_fdata().astype(">i2"), plain.affine, nibabel.Nifti1Header(endianness=">")
    )
    read = read_volume(saved(swapped, tmp_path / "big.nii"))
    np.testing.assert_array_equal(read.array, np.asarray(plain.dataobj).T)
    assert read.geometry.matches(oblique, 1e-3)


def test_nifti_2_is_read(oblique: Geometry, tmp_path: Path) -> None:
    plain = image(oblique)
    second = nibabel.Nifti2Image(np.asarray(plain.dataobj), plain.affine)
    assert read_volume(saved(second, tmp_path / "two.nii.gz")).geometry.matches(oblique, 1e-3)


@pytest.mark.parametrize(("slope", "intercept"), [(1, -1024), (2, 0.5), (0.25, -1000)])
def test_values_are_scaled_as_the_header_says(
    slope: float, intercept: float, tmp_path: Path
) -> None:
    stored = image(Geometry((3, 4, 5)))
    stored.header.set_slope_inter(slope, intercept)
    content = stored.to_bytes()
    (tmp_path / "scaled.nii").write_bytes(content)
    header = bytearray(content)
    header[112:120] = np.array([slope, intercept], "<f4").tobytes()
    (tmp_path / "scaled.nii").write_bytes(header)
    read = read_volume(tmp_path / "scaled.nii")
    np.testing.assert_allclose(read.array.reshape(-1), np.arange(60) * slope + intercept)
    whole = float(slope).is_integer() and float(intercept).is_integer()
    assert read.array.dtype == (np.int16 if whole else np.float32)


def test_the_qform_places_a_file_without_sform(oblique: Geometry, tmp_path: Path) -> None:
    placed = image(oblique)
    placed.header.set_qform(placed.affine, code=1)
    placed.set_sform(None, code=0)
    read = read_volume(saved(placed, tmp_path / "q.nii.gz"))
    assert read.geometry.matches(oblique, 1e-3)


def test_a_file_without_position_says_so(oblique: Geometry, tmp_path: Path) -> None:
    lost = image(oblique)
    lost.set_sform(None, code=0)
    lost.set_qform(None, code=0)
    read = read_volume(saved(lost, tmp_path / "lost.nii.gz"))
    assert "no-position" in [finding.code for finding in read.findings]
    assert read.geometry.spacing == pytest.approx(oblique.spacing)


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1000), ("micron", 0.001)])
def test_other_units_become_millimetres(
    unit: str, factor: float, oblique: Geometry, tmp_path: Path
) -> None:
    metres = image(oblique)
    metres.header.set_xyzt_units(unit)
    read = read_volume(saved(metres, tmp_path / "unit.nii.gz"))
    assert read.geometry.spacing == pytest.approx(np.array(oblique.spacing) * factor)


def test_a_sheared_grid_is_refused(tmp_path: Path) -> None:
    affine = np.eye(4)
    affine[0, 1] = 0.2
    sheared = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), affine)
    with pytest.raises(InputError, match=r"sheared\.nii.*right-angled grid"):
        read_volume(saved(sheared, tmp_path / "sheared.nii"))


def test_each_time_point_is_a_series(oblique: Geometry, tmp_path: Path) -> None:
    first = np.arange(np.prod(oblique.shape), dtype=np.int16).reshape(oblique.shape)
    both = np.stack([first.T, first.T + 7], axis=3)
    four = nibabel.Nifti1Image(both, TO_LPS @ oblique.affine)
    path = saved(four, tmp_path / "four.nii.gz")
    assert [series.index for series in discover(path).series] == [1, 2]
    np.testing.assert_array_equal(load_volume(path, series=2).array, first + 7)
    with pytest.raises(ValueError, match="2 volumes"):
        read_volume(path)


@pytest.mark.parametrize("kind", ["colours", "complex", "vectors"])
def test_what_is_no_single_number_is_refused(kind: str, tmp_path: Path) -> None:
    array = {
        "colours": np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")]),
        "complex": np.zeros((4, 5, 6), np.complex64),
        "vectors": np.zeros((4, 5, 6, 1, 3), np.float32),
    }[kind]
    path = saved(nibabel.Nifti1Image(array, np.eye(4)), tmp_path / "odd.nii.gz")
    with pytest.raises(UnsupportedError, match="one number a voxel"):
        read_volume(path)


def test_hu_are_told_from_the_values_with_a_finding(tmp_path: Path) -> None:
    geometry = Geometry((3, 4, 5))
    ct = np.linspace(-1000, 1500, 60).astype(np.int16).reshape(3, 4, 5)
    read = read_volume(saved(image(geometry, ct), tmp_path / "ct.nii"))
    assert (read.unit, [finding.code for finding in read.findings]) == ("HU", ["unit-guessed"])
    other = read_volume(saved(image(geometry, ct + 1024), tmp_path / "mr.nii"))
    assert (other.unit, [f.code for f in other.findings]) == ("", ["unit-unknown"])


@pytest.mark.parametrize("noise_hu", [0, 30])
def test_air_alone_is_hu(tmp_path: Path, noise_hu: float) -> None:
    air = np.random.default_rng(0).normal(-1000, noise_hu, (4, 8, 9)).astype(np.float32)
    read = read_volume(saved(image(Geometry(air.shape), air), tmp_path / "air.nii"))
    assert (read.unit, [finding.code for finding in read.findings]) == ("HU", ["unit-guessed"])


def test_air_and_water_alone_are_hu(tmp_path: Path) -> None:
    array = np.full((4, 8, 8), -1000, np.int16)
    array[1:3, 2:6, 2:6] = 0
    read = read_volume(saved(image(Geometry(array.shape), array), tmp_path / "water.nii"))
    assert read.unit == "HU"


def test_what_surrounds_the_scanned_circle_is_padding(tmp_path: Path) -> None:
    array = np.full((4, 40, 40), -3024, np.int16)
    array[:, 5:35, 5:35] = np.random.default_rng(0).integers(-1000, 900, (4, 30, 30))
    read = read_volume(saved(image(Geometry(array.shape), array), tmp_path / "ge.nii"))
    assert read.padding == -3024
    assert "padding" in [finding.code for finding in read.findings]


def test_voxels_without_a_number_become_padding(tmp_path: Path) -> None:
    array = np.linspace(-1000, 1500, 60, dtype=np.float32).reshape(3, 4, 5)
    array[0, 0, :3] = np.nan, np.inf, -np.inf
    read = read_volume(saved(image(Geometry(array.shape), array), tmp_path / "nan.nii"))
    assert np.isfinite(read.array).all()
    assert read.padding is not None
    assert (read.array == read.padding).sum() == 3
    assert "not-finite" in [finding.code for finding in read.findings]


def test_a_scan_of_no_numbers_at_all_is_refused(tmp_path: Path) -> None:
    array = np.full((3, 4, 5), np.nan, np.float32)
    with pytest.raises(InputError, match="no voxel holds a number"):
        read_volume(saved(image(Geometry(array.shape), array), tmp_path / "nan.nii"))


def header_with(dims: tuple[int, ...]) -> bytes:
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.int16)
    header.set_data_shape((1, 1, 1))
    header["dim"] = [3, *dims, 1, 1, 1, 1]
    header["vox_offset"] = 352
    return header.binaryblock + b"\0" * 4


def test_sizes_that_the_file_cannot_hold_are_refused(tmp_path: Path) -> None:
    (tmp_path / "huge.nii").write_bytes(header_with((32767, 32767, 32767)) + b"\0" * 100)
    with pytest.raises(TruncatedError, match="promises"):
        read_volume(tmp_path / "huge.nii")


def test_sizes_that_a_bomb_could_hold_are_refused_for_want_of_memory(tmp_path: Path) -> None:
    block = gzip.compress(b"\0" * (1 << 24), 9)
    with (tmp_path / "bomb.nii.gz").open("wb") as stream:
        stream.write(gzip.compress(header_with((32000, 32000, 2000))))
        for _ in range(2100):  # gzip members follow each other: 35 GB in 34 MB
            stream.write(block)
    with pytest.raises((TooLargeError, TruncatedError)):
        read_volume(tmp_path / "bomb.nii.gz")


def test_a_shape_of_zero_or_less_is_refused(tmp_path: Path) -> None:
    for dims in [(0, 4, 4), (-3, 4, 4)]:
        (tmp_path / "none.nii").write_bytes(header_with(dims) + b"\0" * 100)
        with pytest.raises(InputError, match="make no image"):
            read_volume(tmp_path / "none.nii")


def test_a_truncated_gzip_is_said_to_be_truncated(oblique: Geometry, tmp_path: Path) -> None:
    path = saved(image(oblique), tmp_path / "cut.nii.gz")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(TruncatedError, match=r"cut\.nii\.gz: the voxels end after"):
        read_volume(path)


def test_a_wrong_checksum_is_noticed(oblique: Geometry, tmp_path: Path) -> None:
    path = saved(image(oblique), tmp_path / "damaged.nii.gz")
    content = bytearray(path.read_bytes())
    content[-8] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read_volume(path)


def test_a_matrix_of_nan_is_refused(oblique: Geometry, tmp_path: Path) -> None:
    content = bytearray(image(oblique).to_bytes())
    content[280:284] = np.float32("nan").tobytes()
    (tmp_path / "nan.nii").write_bytes(content)
    with pytest.raises(InputError, match="isn't finite"):
        read_volume(tmp_path / "nan.nii")


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"\x5c\x01\0\0", b"GIF89a" * 100])
def test_what_is_no_nifti_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    for name in ("not.nii", "not.nii.gz"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name) as caught:
            read_volume(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.real
def test_a_real_nifti_lies_where_nibabel_says(real_data: Path) -> None:
    path = real_data / "totalsegmentator" / "example_ct.nii.gz"
    read, other = read_volume(path), nibabel.load(path)
    values = np.asarray(other.dataobj)
    for ijk in np.random.default_rng(0).integers(0, other.shape, (30, 3)):
        lps = nibabel.affines.apply_affine(TO_LPS @ other.affine, ijk)
        at = np.rint(read.geometry.to_ijk(lps)).astype(int)
        np.testing.assert_allclose(read.geometry.to_lps(at), lps, atol=1e-3)
        assert read.array[tuple(at[::-1])] == values[tuple(ijk)]
    assert (read.unit, read.array.dtype) == ("HU", np.int16)


def test_blank_voxels_that_inflate_without_end_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(byte_streams, "LEAST_INFLATED_BYTES", 1 << 20)
    blank = np.zeros((80, 200, 200), np.uint8)
    nibabel.Nifti1Image(blank, np.eye(4)).to_filename(tmp_path / "blank.nii.gz")
    with pytest.raises(TooLargeError, match="as no scan does"):
        load_volume(tmp_path / "blank.nii.gz")


def test_more_volumes_than_time_points_of_any_scan_are_refused(tmp_path: Path) -> None:
    many = np.zeros((1, 1, 1, 5000), np.uint8)
    nibabel.Nifti1Image(many, np.eye(4)).to_filename(tmp_path / "many.nii")
    with pytest.raises(TooLargeError, match="5,000 volumes"):
        load_volume(tmp_path / "many.nii")
