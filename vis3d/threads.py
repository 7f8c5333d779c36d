"""The same work on many items, on all cores."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

from vis3d.progress import Progress, silent

CORES = os.cpu_count() or 1
WAIT_SECONDS = 0.1

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Other = TypeVar("Other")


def in_threads(
    work: Callable[[Item], Answer],
    items: Iterable[Item],
    progress: Progress = silent,
    what: str = "",
    *,
    threads: int = CORES,
) -> list[Answer]:
    """What `work` makes of every item, in the items' order.

    It pays where `work` lets go of Python's lock: NumPy, SciPy, VTK, zlib and files do. Ten
    times a second `progress` hears, on the caller's thread, which fraction is done and `what`
    it is. The first error, or a `progress` that raises (`Cancelled`), drops the items that
    haven't begun; it is raised when those that have are done.
    """
    pool = ThreadPoolExecutor(threads)
    try:
        begun = [pool.submit(work, item) for item in items]
        pending = set(begun)
        while pending:
            done, pending = wait(pending, WAIT_SECONDS, FIRST_EXCEPTION)
            for one in done:
                one.result()
            progress(1 - len(pending) / len(begun), what)
        return [one.result() for one in begun]
    finally:
        pool.shutdown(cancel_futures=True)


def at_once(work: Callable[[], Answer], own: Callable[[], Other]) -> tuple[Answer, Other]:
    """What both answer, the one in a thread while the other works on the caller's."""
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(work)
        answer = own()
        return begun.result(), answer
