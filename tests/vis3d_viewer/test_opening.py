"""How scans get in, without a browser."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from vis3d_viewer.jobs import Jobs
from vis3d_viewer.opening import Opening, Sources
from vis3d_viewer.recent import RecentScans
from vis3d_viewer.study import Study
from vis3d_viewer.uploads import Upload

from tests.vis3d_viewer.scans import blob_scan
from vis3d import files
from vis3d.errors import Cancelled, Vis3dError
from vis3d.progress import Progress


class Host:
    """What opening tells, and the studies it hands over."""

    def __init__(self) -> None:
        self.study: Study | None = None
        self.told: dict[str, Any] = {}
        self.refused: list[str] = []
        self.shown: list[Study] = []
        self.tasks: list[asyncio.Task[None]] = []

    def update(self, **changes: Any) -> None:
        self.told.update(changes)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.ensure_future(self._guarded(work)))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Vis3dError as error:
            self.refused.append(str(error))
        except (Cancelled, asyncio.CancelledError):
            self.refused.append("cancelled")

    async def show(self, opened: Study) -> None:
        self.study = opened
        self.shown.append(opened)
        self.update(phase="ready")

    async def rest(self) -> None:
        await asyncio.gather(*self.tasks)


def tried(sources: Sources, act: Callable[[Opening, Host], Awaitable[None]]) -> Host:
    host = Host()

    async def main() -> None:
        opening = Opening(host, Jobs(lambda fraction, what: None), sources)
        await act(opening, host)
        await host.rest()

    asyncio.run(main())
    return host


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "sub").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    for folder in ("root", "outside"):
        files.write_volume(blob_scan(), tmp_path / folder / "blob.nii.gz")
    (tmp_path / "root" / "sub" / "link.nii.gz").symlink_to(tmp_path / "outside" / "blob.nii.gz")
    return tmp_path / "root"


def test_without_anything_given_there_is_a_start_page(root: Path) -> None:
    async def act(opening: Opening, host: Host) -> None:
        opening.first()

    host = tried(Sources(data_root=root), act)
    assert host.told["phase"] == "start"
    assert not host.told["has_study"]
    assert [entry["name"] for entry in host.told["browse"]["entries"]] == ["sub", "blob.nii.gz"]
    assert tried(Sources(), act).told.get("browse") is None


def test_what_is_given_is_opened_at_once_and_remembered(root: Path, tmp_path: Path) -> None:
    recent = RecentScans(tmp_path / "recent.json")

    async def act(opening: Opening, host: Host) -> None:
        opening.first()

    host = tried(Sources([root / "blob.nii.gz"], recent=recent), act)
    assert len(host.shown) == 1
    (scan,) = recent.all()
    assert scan.path == str((root / "blob.nii.gz").resolve())
    assert "40 × 30 × 20" in scan.facts


@pytest.mark.parametrize("path", ["../outside/blob.nii.gz", "sub/link.nii.gz", "/etc", 5, None])
def test_nothing_outside_the_root_is_opened(root: Path, path: object) -> None:
    async def act(opening: Opening, host: Host) -> None:
        opening.open_path(path)
        opening.browse(path)

    host = tried(Sources(data_root=root), act)
    assert not host.shown
    assert host.told.get("browse") is None


def test_a_folder_whose_link_leads_out_is_refused(root: Path) -> None:
    async def act(opening: Opening, host: Host) -> None:
        opening.open_path("sub")

    host = tried(Sources(data_root=root), act)
    assert not host.shown
    assert "link.nii.gz" in host.refused[0]


def test_without_a_root_no_folder_is_looked_into(root: Path) -> None:
    async def act(opening: Opening, host: Host) -> None:
        opening.browse("")
        opening.open_path("")
        opening.open_upload("../x")
        opening.open_recent(0)
        opening.choose(3)
        opening.fill_gaps()
        opening.go_back()

    host = tried(Sources(), act)
    assert not host.told
    assert not host.tasks


def test_recent_scans_beside_the_root_are_not_offered(root: Path, tmp_path: Path) -> None:
    recent = RecentScans(tmp_path / "recent.json")
    recent.add(tmp_path / "outside" / "blob.nii.gz", 1, "CT")
    recent.add(root / "blob.nii.gz", 1, "CT")

    async def act(opening: Opening, host: Host) -> None:
        opening.start_page()
        assert [scan["name"] for scan in host.told["recent"]] == ["root/blob.nii.gz"]
        opening.open_recent(1)
        opening.open_recent("0")
        assert not host.tasks
        opening.open_recent(0)

    assert len(tried(Sources(data_root=root, recent=recent), act).shown) == 1


def test_opening_another_scan_stops_the_one_before(root: Path) -> None:
    async def act(opening: Opening, host: Host) -> None:
        opening.open_phantom()
        await asyncio.sleep(0.05)
        opening.open_path("blob.nii.gz")

    host = tried(Sources(data_root=root), act)
    assert [study.volume.array.shape for study in host.shown if study.volume] == [(20, 30, 40)]
    assert host.refused == ["cancelled"]


@pytest.mark.parametrize("delay_s", [None, 0, 0.05])
@pytest.mark.parametrize("way", ["start_page", "go_back"])
def test_nobody_is_led_to_a_scan_they_turned_away_from(
    root: Path, way: str, delay_s: float | None
) -> None:
    async def act(opening: Opening, host: Host) -> None:
        opening.open_path("blob.nii.gz")
        await host.rest()
        opening.open_phantom()
        if delay_s is not None:
            await asyncio.sleep(delay_s)
        opening.triggers[way]()
        await host.rest()
        assert host.told["phase"] == {"start_page": "start", "go_back": "ready"}[way]

    host = tried(Sources(data_root=root), act)
    assert [study.volume.array.shape for study in host.shown if study.volume] == [(20, 30, 40)]
    assert host.refused == ([] if delay_s is None else ["cancelled"])


def test_work_on_the_open_scan_goes_on_behind_the_start_page(root: Path) -> None:
    jobs = Jobs(lambda fraction, what: None)

    def work(progress: Progress) -> str:
        for _ in range(20):
            progress(0.5, "working")
            time.sleep(0.005)
        return "done"

    async def main() -> None:
        host = Host()
        opening = Opening(host, jobs, Sources(data_root=root))
        opening.open_path("blob.nii.gz")
        await host.rest()
        working = asyncio.ensure_future(jobs.run(work))
        await asyncio.sleep(0.02)
        opening.start_page()
        opening.go_back()
        assert await working == "done"

    asyncio.run(main())


def test_only_the_latest_uploads_are_kept(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("upload-a", "upload-b", "upload-c")]

    async def act(opening: Opening, host: Host) -> None:
        for folder in folders:
            folder.mkdir()
            assert len(opening.take_upload(Upload(folder))) >= 16

    tried(Sources(), act)
    assert [folder.exists() for folder in folders] == [False, True, True]
