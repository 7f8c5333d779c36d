"""Work that is kept while it is done, without a browser."""

import os
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from vis3d_viewer import continuing, kept_work
from vis3d_viewer.continuing import Continuing
from vis3d_viewer.kept_work import KeptWork
from vis3d_viewer.marks import Marks
from vis3d_viewer.poses import Pose
from vis3d_viewer.session import Session, scan_mark
from vis3d_viewer.settings import Settings
from vis3d_viewer.structures import Structures
from vis3d_viewer.study import Study
from vis3d_viewer.workbench import Workbench

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.desks import PlainDesk
from tests.vis3d_viewer.scans import blob_scan, blob_study
from vis3d.errors import InputError, OutputError, UsageError
from vis3d.volume import Volume

SCAN = blob_scan()


class Sitting:
    """One start of the explorer on a scan."""

    def __init__(self, kept: KeptWork | None, folder: Path, volume: Volume = SCAN) -> None:
        folder.mkdir(exist_ok=True)
        self.desk = PlainDesk(Study(volume), folder)
        self.bench = Workbench(self.desk)
        self.marks = Marks(self.desk, self.bench.showing)
        self.work = Continuing(self.desk, self.bench.showing, kept, delay_s=0)
        assert self.desk.study is not None
        self.bench.open(self.desk.study)
        self.work.open(self.desk.study)
        self.desk.finish()

    def threshold(self, low: float, high: float, name: str) -> None:
        self.bench.add_threshold(low, high, name)
        self.desk.finish()

    @property
    def names(self) -> list[str]:
        assert self.desk.study is not None
        return [structure.name for structure in self.desk.study.structures]


@pytest.fixture
def kept(tmp_path: Path) -> KeptWork:
    return KeptWork(tmp_path / "state" / "sessions")


def test_what_is_done_is_kept_and_goes_on_after_a_crash(kept: KeptWork, tmp_path: Path) -> None:
    first = Sitting(kept, tmp_path / "one")
    assert first.desk.state["kept_work"] is None
    first.threshold(200, 3000, "blob")
    first.bench.reshape(9, "grow", 3)
    first.desk.finish()
    first.marks.mark("distance", [[0, 0, 0], [0, 3, 4]])
    first.desk.choose_settings(layout="large")
    first.desk.finish()
    first.bench.undo()
    first.desk.finish()  # and no more: it crashed
    second = Sitting(kept, tmp_path / "two")
    offer = second.desk.state["kept_work"]
    assert abs(offer.pop("when") - time.time()) < 60
    assert offer == {"steps": 2, "structures": 1, "marks": 0}
    assert second.names == []
    second.work.continue_work()
    second.desk.finish()
    assert second.names == ["blob"]
    assert second.desk.settings.layout == "large"
    assert first.desk.study is not None
    assert second.desk.study is not None
    assert (second.desk.study.masks[9].array == first.desk.study.masks[9].array).all()
    assert set(second.desk.study.surfaces) == {9}
    second.bench.redo()
    second.desk.finish()
    assert second.desk.state["marks"][0]["text"] == "5.0 mm"
    assert second.desk.state["kept_work"] is None
    assert len(list(kept.folder.iterdir())) == 1, "the work goes on in a file of its own"


def test_nothing_is_kept_of_a_look_and_nothing_offered_to_another_scan(
    kept: KeptWork, tmp_path: Path
) -> None:
    Sitting(kept, tmp_path / "one")
    assert not kept.folder.exists()
    Sitting(kept, tmp_path / "one").threshold(200, 3000, "blob")
    array = np.array(SCAN.array)
    array[0, 0, 0] += 1
    other = Sitting(kept, tmp_path / "two", SCAN.with_array(array))
    assert other.desk.state["kept_work"] is None
    with pytest.raises(UsageError, match="No work"):
        other.work.continue_work()


def test_work_that_was_not_gone_on_with_stays_beside_the_new(
    kept: KeptWork, tmp_path: Path
) -> None:
    Sitting(kept, tmp_path / "one").threshold(200, 3000, "first")
    second = Sitting(kept, tmp_path / "two")
    second.threshold(200, 3000, "second")
    assert len(list(kept.folder.iterdir())) == 2
    second.work.continue_work()
    second.desk.finish()
    assert second.names == ["first"]
    assert second.desk.state["kept_work"]["steps"] == 1, "now the second is on offer"
    second.work.continue_work()
    second.desk.finish()
    assert second.names == ["second"]
    assert len(list(kept.folder.iterdir())) == 2


def test_kept_work_is_private_without_names_and_removed_by_choice(
    kept: KeptWork, tmp_path: Path
) -> None:
    Sitting(kept, tmp_path / "one").threshold(200, 3000, "Doe^John")
    (file,) = kept.folder.iterdir()
    assert kept.folder.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600
    assert set(file.stem) <= set("0123456789abcdef-")
    second = Sitting(kept, tmp_path / "two")
    second.work.remove_work()
    assert second.desk.state["kept_work"] is None
    assert not list(kept.folder.iterdir())
    second.threshold(200, 3000, "blob")
    assert list(kept.folder.iterdir())
    second.work.forget_work()
    assert not list(kept.folder.iterdir())


def test_a_disk_that_is_full_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    sitting = Sitting(KeptWork(tmp_path / "file" / "sessions"), tmp_path / "one")
    sitting.bench.add_threshold(200, 3000, "blob")
    with pytest.raises(OutputError, match="no longer kept"):
        sitting.desk.finish()
    assert sitting.desk.state["keeps_work"] is False
    sitting.threshold(0, 3000, "other")
    assert sitting.names == ["blob", "other"]


def test_without_a_wish_to_keep_nothing_is_written(tmp_path: Path) -> None:
    sitting = Sitting(None, tmp_path / "one")
    sitting.threshold(200, 3000, "blob")
    sitting.work.flush()
    assert sitting.desk.state["keeps_work"] is False


def test_the_last_steps_are_kept_at_the_end(kept: KeptWork, tmp_path: Path) -> None:
    sitting = Sitting(kept, tmp_path / "one")
    sitting.work._delay_s = 1000
    sitting.bench.showing.on_change = lambda: None
    sitting.threshold(200, 3000, "blob")
    assert not kept.folder.exists()
    sitting.work.flush()
    assert Sitting(kept, tmp_path / "two").desk.state["kept_work"]["structures"] == 1


def test_what_is_only_looked_at_is_kept_with_the_work(
    kept: KeptWork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(continuing, "LOOK_DELAY_S", 0)
    sitting = Sitting(kept, tmp_path / "one")
    sitting.work.looked()
    sitting.desk.finish()
    assert not kept.folder.exists(), "of a look alone nothing is kept"
    sitting.threshold(200, 3000, "blob")
    sitting.desk.choose_settings(opacity={"9": 0.5})
    sitting.work.looked()
    sitting.work.looked()
    sitting.desk.finish()
    again = Sitting(kept, tmp_path / "two")
    again.work.continue_work()
    again.desk.finish()
    assert again.desk.settings.opacity == {"9": 0.5}
    when = [file.stat().st_mtime_ns for file in kept.folder.iterdir()]
    again.work.looked()
    again.desk.finish()
    assert [file.stat().st_mtime_ns for file in kept.folder.iterdir()] == when


class Eye:
    """A 3D view that knows where its camera stands."""

    def __init__(self, pose: Pose | None = None) -> None:
        self.pose = pose

    def stand(self, pose: Pose) -> None:
        self.pose = pose


def test_what_is_kept_is_seen_again_from_where_it_was(
    kept: KeptWork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(continuing, "LOOK_DELAY_S", 0)
    sitting, again = Sitting(kept, tmp_path / "one"), Eye()
    sitting.desk.view = Eye()  # type: ignore[assignment]
    sitting.threshold(200, 3000, "blob")
    for position in ((0.0, -500.0, 0.0), (300.0, -400.0, 50.0)):
        pose = Pose(position, (1.0, 2.0, 3.0), (0.0, 0.0, 1.0), 120.0)
        sitting.desk.view = Eye(pose)  # type: ignore[assignment]
        sitting.work.looked()
        sitting.desk.finish()
        second = Sitting(kept, tmp_path / "two")
        second.desk.view = again  # type: ignore[assignment]
        second.work.continue_work()
        second.desk.finish()
        assert again.pose == pose
        for file in kept.folder.iterdir():  # the second sitting's: the first goes on
            if file != sitting.work._place:
                file.unlink()


def test_a_session_is_saved_and_opened_as_a_file(tmp_path: Path) -> None:
    first = Sitting(None, tmp_path / "one")
    first.threshold(200, 3000, "blob")
    first.work.save_session()
    first.desk.finish()
    (file,) = first.desk.offered
    assert file.name == "session.vis3d"
    second = Sitting(None, tmp_path / "two")
    second.threshold(-2000, 0, "air")
    sent = tmp_path / "sent"
    sent.write_bytes(file.read_bytes())
    second.work.take_file(sent)
    second.desk.finish()
    assert second.names == ["blob"]
    assert second.desk.study is not None
    assert set(second.desk.study.surfaces) == {9}
    assert not sent.exists()
    sent.write_bytes(b"PK\3\4")
    second.work.take_file(sent)
    with pytest.raises(InputError, match="no session"):
        second.desk.finish()
    assert not sent.exists()
    assert second.names == ["blob"], "what is open stays"


def test_a_session_given_at_the_start_is_opened_with_its_scan(tmp_path: Path) -> None:
    first = Sitting(None, tmp_path / "one")
    first.threshold(200, 3000, "blob")
    first.work.save_session()
    first.desk.finish()
    second = Sitting(None, tmp_path / "two")
    second.work._given = first.desk.offered[0]
    second.desk.start(second.work.open_given())
    second.desk.finish()
    assert second.names == ["blob"]


def test_sessions_need_a_scan(tmp_path: Path) -> None:
    desk = PlainDesk(blob_study(), tmp_path)
    bench = Workbench(desk)
    work = Continuing(desk, bench.showing, None)
    work.open(Study(None))
    bench.open(Study(None))
    desk.study = Study(None)
    work.save_session()
    with pytest.raises(UsageError, match="no scan"):
        desk.finish()


def write(kept: KeptWork, age_days: float, size: int = 0) -> Path:
    mark = scan_mark(SCAN)
    path = kept.place(mark)
    saved = Structures(oblique_geometry()).saved()
    kept.write(path, Session(mark, saved, asdict(Settings())))
    if size:
        with path.open("ab") as stream:
            stream.truncate(size)
    when = time.time() - age_days * kept_work.DAY_S
    os.utime(path, (when, when))
    return path


def test_the_oldest_and_the_too_many_are_removed(
    kept: KeptWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, young = write(kept, 31), write(kept, 29)
    half = kept.folder / ".vis3d-half"
    half.mkdir()
    os.utime(half, (0, 0))
    kept.tidy()
    assert not old.exists()
    assert not half.exists()
    assert young.exists()
    monkeypatch.setattr(kept_work, "MOST", 2)
    newer, newest = write(kept, 2), write(kept, 1)
    kept.tidy()
    assert sorted(kept.folder.iterdir()) == sorted([newer, newest])
    monkeypatch.setattr(kept_work, "MOST_BYTES", 10_000)
    large = write(kept, 0, size=9_900)
    kept.tidy()
    assert list(kept.folder.iterdir()) == [large]
    assert kept.of(scan_mark(SCAN)) == [], "a damaged file is not on offer"
