"""Slow work beside the event loop."""

import asyncio
import time

import pytest
from trame_server.core import Server
from vis3d_viewer.explorer import Explorer
from vis3d_viewer.jobs import Jobs
from vis3d_viewer.opening import Sources
from vis3d_viewer.wishes import Wishes

from vis3d.errors import Cancelled, UsageError
from vis3d.progress import Progress


def nothing(fraction: float, what: str) -> None:
    """Tell nobody."""


def test_progress_is_told_on_the_loop_while_work_goes_on() -> None:
    async def main() -> tuple[str, list[tuple[float, str]]]:
        told: list[tuple[float, str]] = []
        jobs = Jobs(lambda fraction, what: told.append((fraction, what)))

        def work(progress: Progress) -> str:
            progress(0.25, "Sawing")
            time.sleep(0.05)
            return "done"

        return await jobs.run(work), told

    assert asyncio.run(main()) == ("done", [(0.25, "Sawing")])


def test_the_loop_goes_on_while_work_is_done() -> None:
    async def main() -> int:
        jobs = Jobs(nothing)
        working = asyncio.create_task(jobs.run(lambda progress: time.sleep(0.3)))
        turns = 0
        while not working.done():
            await asyncio.sleep(0.01)
            turns += 1
        return turns

    assert asyncio.run(main()) > 5


def test_cancelling_stops_the_work_at_its_next_word() -> None:
    async def main() -> None:
        jobs = Jobs(nothing)

        def work(progress: Progress) -> None:
            for _ in range(1000):
                time.sleep(0.01)
                progress(0.5, "Sawing")

        asyncio.get_running_loop().call_later(0.1, jobs.cancel)
        await jobs.run(work)

    started = time.monotonic()
    with pytest.raises(Cancelled):
        asyncio.run(main())
    assert time.monotonic() - started < 5


def test_there_is_one_piece_of_work_at_a_time() -> None:
    async def main() -> None:
        jobs = Jobs(nothing)
        first = asyncio.create_task(jobs.run(lambda progress: time.sleep(0.2)))
        await asyncio.sleep(0.05)
        assert jobs.busy
        with pytest.raises(RuntimeError, match="at a time"):
            await jobs.run(lambda progress: None)
        await first
        assert not jobs.busy

    asyncio.run(main())


def test_too_little_memory_is_told_and_is_no_defect(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        server = Server("test")
        explorer = Explorer(server, Sources(), Wishes(keep_work=False))

        async def greedy() -> None:
            raise MemoryError

        explorer.start(greedy())
        await asyncio.sleep(0.05)
        assert "free memory" in server.state.message
        explorer.close()

    asyncio.run(main())
    assert not caplog.records


def test_while_a_scan_is_opened_no_other_work_comes_between() -> None:
    """Between the steps of opening, another page's work once made it fail."""

    async def main() -> None:
        explorer = Explorer(Server("test"), Sources(), Wishes(keep_work=False))
        explorer.update(phase="opening")
        with pytest.raises(UsageError, match="One thing at a time"):
            await explorer.work("Saving", lambda progress: None)
        explorer.update(phase="ready")
        await explorer.work("Saving", lambda progress: None)
        explorer.close()

    asyncio.run(main())
