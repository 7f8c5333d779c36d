"""Work that is saved and opened again; files that are no such work."""

import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from vis3d_cli.main import main
from vis3d_viewer import session_file
from vis3d_viewer.exports import Exports
from vis3d_viewer.marks import Marks
from vis3d_viewer.poses import Pose
from vis3d_viewer.session import (
    Session,
    read_session,
    read_summary,
    scan_mark,
    settings_of,
    write_session,
)
from vis3d_viewer.session_file import write_container
from vis3d_viewer.settings import Settings
from vis3d_viewer.structures import Structures
from vis3d_viewer.study import Study
from vis3d_viewer.workbench import Workbench

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.desks import PlainDesk
from tests.vis3d_viewer.scans import blob_lps, blob_scan
from vis3d.errors import Cancelled, InputError, NothingFoundError, OutputError, Vis3dError
from vis3d.geometry import Geometry
from vis3d.volume import Volume

GEOMETRY = oblique_geometry()
SCAN = blob_scan()
MARK = scan_mark(SCAN)


def lps(i: float, j: float, k: float) -> list[float]:
    point: list[float] = GEOMETRY.to_lps((i, j, k)).tolist()
    return point


def worked(folder: Path) -> Workbench:
    """A bit of everything, two steps of it undone."""
    desk = PlainDesk(Study(SCAN), folder)
    bench = Workbench(desk)
    assert desk.study is not None
    bench.open(desk.study)
    marks = Marks(desk, bench.showing)
    bench.add_threshold(200, 3000, "blob")
    bench.add_threshold(-2000, 0, "the 'air'")
    desk.finish()
    bench.reshape(9, "grow", 3)
    bench.corrections.stroke("brush", 9, [lps(3, 5, 3), lps(9, 5, 3)], 2.5, None, [-2000, 0])
    bench.recolor(9, "#010203")
    bench.duplicate(10)
    marks.mark("distance", [lps(0, 0, 2), lps(10, 0, 2)])
    marks.mark("ellipse", [lps(9, 20, 5), lps(12, 20, 5), lps(9, 23, 5)])
    desk.finish()
    Exports(desk, bench.showing).export_stl(9)
    marks.rename_mark(1, "axis")
    bench.delete(11)
    bench.rename(9, "nodule")
    desk.finish()
    bench.undo()
    bench.undo()
    desk.finish()
    return bench


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return worked(tmp_path_factory.mktemp("work"))


@pytest.fixture
def file(bench: Workbench, tmp_path: Path) -> Path:
    settings = {**asdict(Settings()), "layout": "large", "crosshair_lps": blob_lps()}
    path = tmp_path / "session.vis3d"
    write_session(path, Session(MARK, bench.structures.saved(), settings))
    return path


def state(structures: Structures) -> tuple[Any, ...]:
    """All there is to be seen."""
    masks = {label: mask.array.tobytes() for label, mask in structures.masks().items()}
    lists = structures.listed, structures.marks, structures.labels.report, structures.voxels
    steps = structures.steps, structures.done, structures.script
    return lists, masks, structures.labels.array.tobytes(), steps


def test_all_work_comes_back_with_every_step(bench: Workbench, file: Path) -> None:
    ours = Structures.restored(GEOMETRY, bench.structures.saved())
    read = read_session(file, SCAN, MARK)
    again = Structures.restored(GEOMETRY, read.saved)
    assert state(again) == state(ours)
    for move in ["redo"] * 2 + ["undo"] * 11 + ["redo"] * 11:
        getattr(ours, move)()
        getattr(again, move)()
        assert state(again) == state(ours), move
    assert settings_of(read) == {
        **asdict(Settings()),
        "layout": "large",
        "crosshair_lps": blob_lps(),
    }


def test_files_that_were_saved_stay_in_the_script(file: Path) -> None:
    again = Structures.restored(GEOMETRY, read_session(file, SCAN, MARK).saved)
    assert "write_surface('blob.stl', 9)" in again.script.splitlines()


def test_a_summary_says_what_there_is(file: Path) -> None:
    summary = read_summary(file)
    assert (summary.scan, summary.structures, summary.marks) == (MARK, 3, 2)
    assert summary.steps == 9


def test_the_file_is_private_and_holds_no_path(file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    document, _ = taken_apart(file)
    assert str(file.parent) not in json.dumps(document)
    assert list(file.parent.iterdir()) == [file]


def _length(file: Path) -> int:
    head = file.read_bytes().index(b"\n") + 1
    return int(struct.unpack("<Q", file.read_bytes()[head : head + 8])[0])


def test_a_session_saved_again_is_the_same(file: Path, tmp_path: Path) -> None:
    read = read_session(file, SCAN, MARK)
    saved = Structures.restored(GEOMETRY, read.saved).saved()
    write_session(tmp_path / "again", Session(MARK, saved, settings_of(read)))
    assert (tmp_path / "again").read_bytes() == file.read_bytes()


def changed(volume: Volume, k: int, j: int, i: int) -> Volume:
    array = np.array(volume.array)
    array[k, j, i] += 1
    return volume.with_array(array)


def test_another_scan_is_refused_with_the_reason(file: Path) -> None:
    moved = Geometry(
        GEOMETRY.shape,
        GEOMETRY.spacing,
        tuple(np.add(GEOMETRY.origin, (0, 0.01, 0))),
        GEOMETRY.direction,
    )
    smaller = blob_scan(GEOMETRY.cropped((0, 0, 0), (18, 30, 20)))
    for other, why in (
        (smaller, "20 x 30 x 18"),
        (Volume(SCAN.array, moved), "another place"),
        (changed(SCAN, 1, 2, 3), "other values"),
    ):
        with pytest.raises(InputError, match=why):
            read_session(file, other, scan_mark(other))


def test_a_scan_is_known_again_whatever_its_memory_looks_like() -> None:
    other = Volume(np.asfortranarray(SCAN.array), GEOMETRY)
    assert scan_mark(other) == MARK
    turned = Geometry(GEOMETRY.shape, GEOMETRY.spacing, GEOMETRY.origin)
    assert scan_mark(Volume(SCAN.array, turned)).grid != MARK.grid
    assert scan_mark(Volume(SCAN.array.astype(np.float32), GEOMETRY)).voxels != MARK.voxels


def refused(path: Path, words: str = "session file") -> None:
    """One sentence of ours, without the folder's name."""
    with pytest.raises((InputError, NothingFoundError), match=words) as caught:
        read_session(path, SCAN, MARK)
    assert "\n" not in str(caught.value)
    assert str(path.parent) not in str(caught.value)


def test_other_files_are_no_sessions(tmp_path: Path) -> None:
    path = tmp_path / "x.vis3d"
    refused(path, "no session file")
    for content in (
        b"",
        b"vis3d-session",
        b"vis3d-session x\n",
        b"vis3d-session -1\n" + bytes(100),
        pickle.dumps({"steps": [print]}),
        b"\x89PNG\r\n" + bytes(100),
        bytes(10_000),
    ):
        path.write_bytes(content)
        refused(path, "no session file of vis3d")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../session.json", bytes(10_000_000))
    refused(path, "no session file of vis3d")
    path.write_bytes(b"vis3d-session 2\n" + bytes(100))
    refused(path, "version 2")
    path.unlink()
    path.mkdir()
    refused(path, "can't be read")


def test_bombs_are_not_unpacked(file: Path, tmp_path: Path) -> None:
    bomb = zlib.compress(b" " * (200 << 20), 9)
    path = tmp_path / "bomb.vis3d"
    path.write_bytes(b"vis3d-session 1\n" + struct.pack("<Q", len(bomb)) + bomb)
    refused(path, "too long")
    document, blobs = taken_apart(file)
    blobs[0] = bomb
    write_container(path, document, blobs)
    refused(path, "another size")
    lists = zlib.compress(b'{"steps":[' + b"[]," * 10_000_000 + b"[]]}")
    path.write_bytes(b"vis3d-session 1\n" + struct.pack("<Q", len(lists)) + lists)
    refused(path, "too long")
    deep = zlib.compress(b"[" * 1_000_000 + b"]" * 1_000_000)
    path.write_bytes(b"vis3d-session 1\n" + struct.pack("<Q", len(deep)) + deep)
    refused(path, "damaged")


def test_more_than_a_file_holds_is_not_written(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(MARK, bench.structures.saved(), asdict(Settings()))
    for limit in ("MAX_DOCUMENT", "MAX_VALUES", "MAX_BYTES"):
        with monkeypatch.context() as patch, pytest.raises(OutputError, match="more steps"):
            patch.setattr(session_file, limit, 100)
            write_session(tmp_path / "large.vis3d", session)
    assert list(tmp_path.iterdir()) == []


def taken_apart(file: Path) -> tuple[dict[str, Any], list[bytes]]:
    data = file.read_bytes()
    start = data.index(b"\n") + 9
    document = json.loads(zlib.decompress(data[start : start + _length(file)]))
    blobs, at = [], start + _length(file)
    for length in document.pop("blobs"):
        blobs.append(data[at : at + length])
        at += length
    return document, blobs


Spoil = Callable[[dict[str, Any]], object]

SPOILED: dict[str, Spoil] = {
    "no steps": lambda d: d.pop("steps"),
    "steps of another kind": lambda d: d.update(steps="all"),
    "too many stand": lambda d: d.update(done=99),
    "a negative number": lambda d: d.update(now=-1),
    "true is no number": lambda d: d.update(done=True),
    "a number too large": lambda d: d["steps"][0].update(before=10**30),
    "another shape": lambda d: d["masks"]["9"].update(shape=[10**6] * 3),
    "a box beside the grid": lambda d: d["masks"]["9"].update(start=[19, 29, 39]),
    "a huge box": lambda d: d["masks"]["9"].update(start=[0] * 3, shape=[20, 30, 40]),
    "a list in a list": lambda d: d["masks"]["9"].update(start=[[0], 0, 0]),
    "no such voxels": lambda d: d["masks"]["9"].update(blob=10**6),
    "voxels of nothing": lambda d: d["masks"].pop("9"),
    "a label of another kind": lambda d: d["masks"].update({"../9": d["masks"]["9"]}),
    "a label with other digits": lambda d: d["masks"].update({"٩": d["masks"]["9"]}),
    "a label too large": lambda d: d["structures"][0].update(label=300),
    "a name of nothing": lambda d: d["structures"][0].update(name=" \n "),
    "a name too long": lambda d: d["structures"][0].update(name="x" * 100_000),
    "a colour too bright": lambda d: d["structures"][0].update(color=[1, 2, 256]),
    "two of one name": lambda d: [s.update(name="x") for s in d["structures"]],
    "two of one label": lambda d: [s.update(label=9) for s in d["structures"]],
    "a mark in the air": lambda d: d["marks"][0].update(points=[[0, 0, 0]]),
    "a mark too far": lambda d: d["marks"][0].update(points=[[0, 0, 1e300], [0, 0, 0]]),
    "a mark of no kind": lambda d: d["marks"][0].update(kind="__class__"),
    "a mark with no hash": lambda d: d["marks"][0].update(kind=[]),
    "a finding of no kind": lambda d: d["reports"][0].update(findings=[["x", "fatal", "x"]]),
    "endless seconds": lambda d: d["reports"][0].update(seconds="1e999"),
    "another's Python": lambda d: d["steps"][0].update(code="import os"),
    "Python that was lost": lambda d: d.update(lost="masks[1] = open('/etc/passwd')"),
    "Python of another kind": lambda d: d["steps"][0].update(code=5),
    "no scan": lambda d: d.pop("scan"),
    "a scan of no hash": lambda d: d["scan"].update(grid="x"),
    "settings of another kind": lambda d: d.update(settings=[]),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_spoiled_descriptions_are_refused(file: Path, spoil: Spoil) -> None:
    document, blobs = taken_apart(file)
    spoil(document)
    write_container(file, document, blobs)
    refused(file)


POSE = Pose((10.0, -400.0, 20.5), (1.0, 2.0, 3.0), (0.0, 0.6, 0.8), 120.0, 30.0)


def test_the_camera_comes_back_where_it_makes_sense(bench: Workbench, tmp_path: Path) -> None:
    path = tmp_path / "session.vis3d"
    write_session(path, Session(MARK, bench.structures.saved(), asdict(Settings()), POSE))
    camera = read_session(path, SCAN, MARK).camera
    assert camera == replace(POSE, angle_degrees=0.0), "the angle is the view's own"
    whole, blobs = taken_apart(path)
    for poor in (
        None,
        "front",
        {},
        {"up_lps": [0, 0, float("1e300")]},
        {"scale_mm": -1},
        {"up_lps": [0, 0, 0]},
        {"position_lps": [1, 2, 3]},
    ):
        said = {**whole["camera"], **poor} if isinstance(poor, dict) and poor else poor
        write_container(path, {**whole, "camera": said}, blobs)
        assert read_session(path, SCAN, MARK).camera is None


def test_settings_that_make_no_sense_are_left_out(file: Path) -> None:
    document, blobs = taken_apart(file)
    document["settings"].update(layout="<script>", preset="bone", hidden="all", later=5)
    write_container(file, document, blobs)
    settings = settings_of(read_session(file, SCAN, MARK))
    assert (settings["layout"], settings["preset"], settings["hidden"]) == ("grid", "bone", [])
    assert "later" not in settings


def test_packed_voxels_serve_once(file: Path) -> None:
    document, blobs = taken_apart(file)
    one = document["masks"]["9"]
    size = int(np.prod(one["shape"]))
    names = [0, 0, 0]
    document["steps"][0]["edits"] = {
        str(n): {"start": names, "shape": [1, 1, n], "blob": one["blob"]} for n in range(1, 200)
    }
    assert size > 200
    write_container(file, document, blobs)
    refused(file)


@profile(deadline=None, max_examples=150)
@given(st.data())
def test_flipped_and_missing_bytes_never_do_more_than_refuse(data: st.DataObject) -> None:
    content = bytearray(CONTENT["file"])
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(
                st.integers(1, 255)
            )
    path = CONTENT["path"]
    path.write_bytes(content)
    try:
        read = read_session(path, SCAN, MARK)
    except Vis3dError:
        return
    Structures.restored(GEOMETRY, read.saved)


CONTENT: dict[str, Any] = {}


@pytest.fixture(scope="module", autouse=True)
def content(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("flipped") / "session.vis3d"
    bench = worked(path.parent)
    write_session(path, Session(MARK, bench.structures.saved(), asdict(Settings())))
    CONTENT.update(file=path.read_bytes(), path=path)


def test_reading_can_be_stopped(file: Path) -> None:
    def stop(fraction: float, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        read_session(file, SCAN, MARK, progress=stop)


def test_the_command_line_refuses_what_is_no_session_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "work.vis3d"
    command = ["serve", "--no-browser", "--session", str(path)]
    assert main(command) == 3
    assert capsys.readouterr().err.count("\n") == 1
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("session.json", "{}")
    assert main(command) == 4
    said = capsys.readouterr()
    assert "no session file" in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
