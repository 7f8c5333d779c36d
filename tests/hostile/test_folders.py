"""Folders with loops, pipes and strange names; DICOMDIRs that lead elsewhere."""

import os
import struct
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_stack, write, write_dicomdir
from vis3d.dicom import discover, load_series
from vis3d.errors import InputError, Vis3dError

GRID = oblique_geometry((4, 5, 6))
VALUES = np.arange(120, dtype=np.int16).reshape(GRID.shape)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "scan", ct_stack(VALUES, GRID))
    return tmp_path / "scan"


def assert_good_series(path: Path) -> dict[str, str]:
    """The good series loads; what was skipped, and why."""
    found = discover(path)
    (series,) = found.series
    np.testing.assert_array_equal(load_series(series).array, VALUES)
    return {entry.path: entry.reason for entry in found.skipped}


def test_links_that_loop_are_told_and_left(folder: Path) -> None:
    (folder / "loop").symlink_to(folder)
    (folder / "nowhere").symlink_to(folder / "missing")
    skipped = assert_good_series(folder)
    assert "isn't followed" in skipped["loop"]
    assert "cannot be read" in skipped["nowhere"]


def test_pipes_and_empty_files_hold_nothing_up(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "empty").touch()
    skipped = assert_good_series(folder)
    assert skipped == {"pipe": "not a regular file", "empty": "an empty file"}


def test_a_pipe_named_directly_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        discover(folder / "pipe")


def test_names_that_are_no_text_are_shown_safely(folder: Path) -> None:
    for raw in (b"\xff\xfe\x80", b"bell\x07\x1b[2J", b"-rf", b"line\nbreak"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + raw)).write_bytes(b"no scan")
    skipped = assert_good_series(folder)
    assert len(skipped) == 4
    assert all(name.isprintable() and name.encode() for name in skipped)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_without_permission_are_skipped(folder: Path) -> None:
    (folder / "closed").write_bytes(b"x")
    (folder / "closed").chmod(0)
    assert "cannot be read" in assert_good_series(folder)["closed"]


def test_many_other_files_are_looked_through_quickly(folder: Path) -> None:
    for number in range(2000):
        (folder / f"note{number}").write_bytes(b"text")
    started = time.monotonic()
    assert len(assert_good_series(folder)) == 2000
    assert time.monotonic() - started < 10


LEADING_OUT = [
    ["..", "..", "secret"],
    ["", "etc", "passwd"],
    ["/etc", "passwd"],
    ["C:", "secret"],
    ["..\\..\\secret"],
    ["A/../../secret"],
    ["."],
    ["A\0B"],
    [*"ABCDEFGHI"],
]


@pytest.mark.parametrize("file_id", LEADING_OUT)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_dicomdir_leads_nowhere_else(
    folder: Path, tmp_path: Path, file_id: list[str]
) -> None:
    (tmp_path / "secret").write_bytes(b"keep out")
    good = [[file.name] for file in folder.iterdir()]
    write_dicomdir(folder / "DICOMDIR", [file_id, *good])
    skipped = assert_good_series(folder / "DICOMDIR")
    assert all("keep out" not in reason for reason in skipped.values())
    assert len(skipped) == 1


def test_a_dicomdir_follows_no_links(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (folder / "F000").rename(outside)
    names = [file.name for file in folder.iterdir()]
    (folder / "LINK").symlink_to(outside)
    write_dicomdir(folder / "DICOMDIR", [["LINK"], *([name] for name in names)])
    found = discover(folder / "DICOMDIR")
    assert [entry.reason for entry in found.skipped] == [
        "refused: a link, which a DICOMDIR must not lead through"
    ]
    assert found.series[0].shape[0] == 3


def test_offsets_in_a_circle_are_not_followed(folder: Path) -> None:
    write_dicomdir(folder / "DICOMDIR", [[file.name] for file in folder.iterdir()])
    data = bytearray((folder / "DICOMDIR").read_bytes())
    tag = struct.pack("<HH", 0x0004, 0x1400)
    at = data.find(tag)
    while at >= 0:  # every record says that the first one follows it
        data[at + 8 : at + 12] = struct.pack("<I", 132)
        at = data.find(tag, at + 1)
    (folder / "DICOMDIR").write_bytes(data)
    assert_good_series(folder / "DICOMDIR")


def test_a_million_records_are_refused_in_time(folder: Path) -> None:
    write_dicomdir(folder / "DICOMDIR", [["F000"]])
    data = (folder / "DICOMDIR").read_bytes()
    at = data.index(b"\x04\x00\x20\x12SQ")
    records = b"".join(
        struct.pack("<HHI", 0xFFFE, 0xE000, 16)
        + struct.pack("<HH2sH", 0x0004, 0x1500, b"CS", 8)
        + f"{number:08d}".encode()
        for number in range(1_000_000)
    )
    sequence = data[at : at + 8] + struct.pack("<I", len(records)) + records
    (folder / "DICOMDIR").write_bytes(data[:at] + sequence)
    started = time.monotonic()
    with pytest.raises(Vis3dError, match="DICOMDIR names more than"):
        discover(folder / "DICOMDIR")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("cut", range(1, 400, 29))
def test_a_cut_dicomdir_never_crashes(folder: Path, cut: int) -> None:
    write_dicomdir(folder / "DICOMDIR", [[file.name] for file in folder.iterdir()])
    data = (folder / "DICOMDIR").read_bytes()
    (folder / "DICOMDIR").write_bytes(data[:-cut])
    with suppress(Vis3dError):
        discover(folder / "DICOMDIR")
