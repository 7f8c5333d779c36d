"""Work on long arrays, block by block: in the cores' caches, and on all cores."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

BLOCK = 1 << 15
"""Rows a block: small enough that a block's temporary arrays stay in a core's cache."""

THREADS = max(1, min(8, os.cpu_count() or 1))


def in_blocks(work: Callable[[slice], None], count: int, block: int = BLOCK) -> None:
    """Call `work` with slices that cover `count` rows, some at a time.

    NumPy lets go of Python's lock meanwhile. What `work` raises is raised here.
    """
    blocks = [slice(start, min(start + block, count)) for start in range(0, count, block)]
    if len(blocks) < 2 or THREADS == 1:
        for one in blocks:
            work(one)
        return
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(work, blocks):
            pass
