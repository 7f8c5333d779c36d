"""Archives built to escape, to explode or to confuse: members are bytes, names mean nothing."""

import gzip
import io
import struct
import tarfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_stack, write
from vis3d.dicom import discover, load_series
from vis3d.errors import InputError, TooLargeError, Vis3dError

GRID = oblique_geometry((4, 5, 6))
VALUES = np.arange(120, dtype=np.int16).reshape(GRID.shape)


@pytest.fixture
def files(tmp_path: Path) -> list[bytes]:
    """The files of a good series."""
    return [path.read_bytes() for path in write(tmp_path / "src", ct_stack(VALUES, GRID))]


def assert_good_series(path: Path) -> None:
    (series,) = discover(path).series
    np.testing.assert_array_equal(load_series(series).array, VALUES)


EVIL_NAMES = [
    "../../../outside",
    "/etc/outside",
    "C:\\outside",
    "a" * 4096,
    "same",
    "SAME",
    "x\x1b[31m\u202e",
]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_member_names_lead_nowhere(tmp_path: Path, files: list[bytes]) -> None:
    names = [*EVIL_NAMES, "same"]
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(zipfile.ZipInfo(name), files[number % 4])
    before = sorted(tmp_path.rglob("*"))
    (series,) = discover(tmp_path / "evil.zip").series
    np.testing.assert_array_equal(load_series(series).array, VALUES)
    assert sorted(tmp_path.rglob("*")) == before
    assert all(name.isprintable() and len(name) < 300 for name in series.files)


def _zip_with(change: Callable[[zipfile.ZipInfo], None], *, flag: int = 0) -> bytes:
    """A zip whose one member is changed, in its local and central header."""
    buffer = io.BytesIO()
    info = zipfile.ZipInfo("odd")
    change(info)
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, b"target")
    data = bytearray(buffer.getvalue())
    data[6] |= flag
    data[data.index(b"PK\x01\x02") + 8] |= flag
    return bytes(data)


def _symlink(info: zipfile.ZipInfo) -> None:
    info.create_system, info.external_attr = 3, 0o120777 << 16


def _device(info: zipfile.ZipInfo) -> None:
    info.create_system, info.external_attr = 3, 0o060666 << 16


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_zip_with(_symlink), "a link or device"),
        (_zip_with(_device), "a link or device"),
        (_zip_with(lambda info: None, flag=1), "encrypted"),
    ],
)
def test_odd_members_are_skipped(
    tmp_path: Path, files: list[bytes], data: bytes, reason: str
) -> None:
    (tmp_path / "odd.zip").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "odd.zip", "a") as archive:
        for number, file in enumerate(files):
            archive.writestr(f"good{number}", file)
    assert_good_series(tmp_path / "odd.zip")
    (left_out,) = discover(tmp_path / "odd.zip").skipped
    assert reason in left_out.reason


@pytest.mark.parametrize("method", [9, 12, 14, 98, 99])
def test_unknown_packing_is_skipped(tmp_path: Path, files: list[bytes], method: int) -> None:
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive:
        archive.writestr("odd", b"content")
        for number, file in enumerate(files):
            archive.writestr(f"good{number}", file)
    data = bytearray((tmp_path / "odd.zip").read_bytes())
    at = data.index(b"PK\x01\x02")
    data[8:10] = data[at + 10 : at + 12] = struct.pack("<H", method)
    (tmp_path / "odd.zip").write_bytes(data)
    assert_good_series(tmp_path / "odd.zip")


def test_a_bomb_is_inflated_no_further_than_it_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(200 << 20))
    assert_cheap(tmp_path / "bomb.zip")
    assert discover(tmp_path / "bomb.zip").skipped[0].reason == "not DICOM"


def test_forged_sizes_are_found_out(tmp_path: Path, files: list[bytes]) -> None:
    with zipfile.ZipFile(tmp_path / "forged.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("slice", files[0])
    data = bytearray((tmp_path / "forged.zip").read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", len(files[0]) - 40)
    (tmp_path / "forged.zip").write_bytes(data)
    assert "truncated" in discover(tmp_path / "forged.zip").skipped[0].reason


def test_overlapping_members_cost_nothing(tmp_path: Path, files: list[bytes]) -> None:
    """Many directory entries that share one member's bytes."""
    with zipfile.ZipFile(tmp_path / "one.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(20 << 20))
    data = (tmp_path / "one.zip").read_bytes()
    at, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    count = 3000
    directory = data[at:end] * count
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, len(directory), at, 0)
    (tmp_path / "overlap.zip").write_bytes(data[:at] + directory + tail)
    assert_cheap(tmp_path / "overlap.zip")


def test_a_directory_of_millions_is_refused(tmp_path: Path) -> None:
    directory = b"PK\x01\x02" + bytes(46) * 1_200_000
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)
    (tmp_path / "many.zip").write_bytes(b"PK\x03\x04" + directory + tail)
    with pytest.raises(TooLargeError, match=r"many\.zip holds more than 200000 members"):
        discover(tmp_path / "many.zip")


def test_an_archive_inside_an_archive_stays_closed(tmp_path: Path, files: list[bytes]) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("slice", files[0])
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())
    found = discover(tmp_path / "outer.zip")
    assert found.series == ()
    assert found.skipped[0].reason == "an archive or compressed file, which isn't opened here"


@pytest.mark.parametrize("cut", [10, 30, 200, 700])
def test_a_cut_archive_is_called_damaged(tmp_path: Path, files: list[bytes], cut: int) -> None:
    with zipfile.ZipFile(tmp_path / "cut.zip", "w") as archive:
        archive.writestr("slice", files[0])
    path = tmp_path / "cut.zip"
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(InputError, match=r"cut\.zip is a damaged zip archive"):
        discover(path)


def test_something_else_that_is_compressed_is_not_called_a_tar(tmp_path: Path) -> None:
    (tmp_path / "scan.nii.gz").write_bytes(gzip.compress(bytes(range(256)) * 8))
    with pytest.raises(InputError, match="is compressed, but no tar archive"):
        discover(tmp_path / "scan.nii.gz")


def test_a_tar_s_links_and_devices_are_skipped(tmp_path: Path, files: list[bytes]) -> None:
    with tarfile.open(tmp_path / "odd.tar.gz", "w:gz") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
        device = tarfile.TarInfo("device")
        device.type = tarfile.CHRTYPE
        archive.addfile(device)
        for number, data in enumerate(files):
            member = tarfile.TarInfo(f"../../link/{number}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    assert_good_series(tmp_path / "odd.tar.gz")
    reasons = {entry.reason for entry in discover(tmp_path / "odd.tar.gz").skipped}
    assert reasons == {"a link or device inside the archive"}


def test_a_tar_that_inflates_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vis3d.dicom.archives.LEAST_INFLATED_BYTES", 10 << 20)
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz") as archive:
        for number in range(2):
            member = tarfile.TarInfo(f"zeros{number}")
            member.size = 64 << 20
            archive.addfile(member, io.BytesIO(bytes(64 << 20)))
    with pytest.raises(TooLargeError, match="inflates to more than"):
        discover(tmp_path / "bomb.tar.gz")


@pytest.mark.parametrize("kind", ["zip", "tar", "gz"])
def test_flipped_archives_never_crash(tmp_path: Path, files: list[bytes], kind: str) -> None:
    path = tmp_path / "good"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for number, file in enumerate(files):
                archive.writestr(str(number), file)
    else:
        with tarfile.open(path, "w:gz" if kind == "gz" else "w:") as archive:
            archive.add(tmp_path / "src", "src")
    good = path.read_bytes()
    generator = np.random.default_rng(8)
    bad = tmp_path / "bad"
    for _ in range(60):
        data = np.frombuffer(bytearray(good), np.uint8)
        data[generator.integers(0, len(data), 10)] = generator.integers(0, 256, 10)
        bad.write_bytes(data.tobytes())
        try:
            for series in discover(bad).series:
                load_series(series)
        except Vis3dError:
            continue


def assert_cheap(path: Path) -> None:
    """Little memory and little time, whatever the archive promises."""
    started = time.monotonic()
    tracemalloc.start()
    discover(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300 << 20
    assert time.monotonic() - started < 20
