"""The same work on many items, on as many threads as there are cores."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from vis3d.progress import Progress

WAIT_SECONDS = 0.1


def in_threads(
    work: Callable[[int], None],
    items: Iterable[int],
    progress: Progress,
    what: str,
    *,
    workers: int | None = None,
) -> None:
    """Do `work` for every item; the first error, or a cancelling progress, stops the rest."""
    pool = ThreadPoolExecutor(workers or os.cpu_count())
    try:
        pending = {pool.submit(work, item) for item in items}
        count = len(pending)
        while pending:
            done, pending = wait(pending, WAIT_SECONDS, FIRST_EXCEPTION)
            for future in done:
                future.result()
            progress(1 - len(pending) / count, what)
    finally:
        pool.shutdown(cancel_futures=True)
