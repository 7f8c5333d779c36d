"""Full-resolution work done slab by slab, on all processors, with little memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.ndimage import uniform_filter

from vis3d.progress import Progress, silent
from vis3d.segmentation.frame import Floats
from vis3d.segmentation.morphology import THREADS

SLAB = 16


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


def each_part(
    work: Callable[[slice, slice, slice], None], count: int, halo: int, step: int = SLAB
) -> None:
    """Calls `work(here, around, own)` for slabs of `count` slices with `halo` more round them.

    `own` says where in `around` the slab itself, `here`, lies.
    """

    def work_on(start: int, stop: int) -> None:
        first = max(0, start - halo)
        around = slice(first, min(stop + halo, count))
        work(slice(start, stop), around, slice(start - first, stop - first))

    each_slab(work_on, count, step, silent, "")


def mean_and_deviation(values: Floats, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """The mean and the standard deviation of each voxel and the 26 round it, by weight."""
    if weights is None:
        return _deviating(uniform_filter(values, 3), uniform_filter(values * values, 3))
    total = np.maximum(uniform_filter(weights, 3), np.float32(0.01))
    weighted = values * weights
    mean = uniform_filter(weighted, 3)
    weighted *= values
    square = uniform_filter(weighted, 3)
    mean /= total
    square /= total
    return _deviating(mean, square)


def _deviating(mean: Floats, square: Floats) -> tuple[Floats, Floats]:
    square -= mean * mean
    np.maximum(square, 0, out=square)
    return mean, np.sqrt(square, out=square)
