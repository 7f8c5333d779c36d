"""Full-resolution work done slab by slab, on all processors, with little memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from vis3d.progress import Progress
from vis3d.segmentation.morphology import THREADS


def each_slab(
    work: Callable[[int, int], None], count: int, step: int, progress: Progress, what: str
) -> None:
    """Calls `work(start, stop)` for all slabs of `step` of `count` slices, several at once.

    NumPy lets other threads run while it computes. Where `progress` or a slab raises, the
    slabs that haven't begun are dropped.
    """
    starts = range(0, count, step)
    pool = ThreadPoolExecutor(THREADS)
    try:
        running = pool.map(lambda start: work(start, min(start + step, count)), starts)
        for done, _ in enumerate(running):
            progress(done / len(starts), what)
    finally:
        pool.shutdown(cancel_futures=True)
