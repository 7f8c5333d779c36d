"""Work on long arrays, block by block: in the cores' caches, and on all cores."""

from collections.abc import Callable

from vis3d.threads import CORES, in_threads

BLOCK = 1 << 15
"""Rows a block: small enough that a block's temporary arrays stay in a core's cache."""

THREADS = min(8, CORES)


def in_blocks(work: Callable[[slice], None], count: int, block: int = BLOCK) -> None:
    """Call `work` with slices that cover `count` rows, some at a time.

    NumPy lets go of Python's lock meanwhile. What `work` raises is raised here.
    """
    blocks = [slice(start, min(start + block, count)) for start in range(0, count, block)]
    if len(blocks) < 2:  # too little to be worth starting threads
        for one in blocks:
            work(one)
    else:
        in_threads(work, blocks, threads=THREADS)
