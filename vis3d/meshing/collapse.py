"""Edge collapse by quadric errors (fast-simplification), made patient and stoppable.

The library holds Python's lock for seconds while it works. Large meshes are therefore
handed to a process of their own, which can be stopped at any moment and lets others run.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, TimeoutError

import fast_simplification
import numpy as np

from vis3d.meshing.manifold import Mesh, Points, Triangles
from vis3d.progress import Progress, silent

LARGE = 150_000
"""Triangles from which on a process of its own costs less than the wait."""

LISTEN_SECONDS = 0.1

CHILD = """
import sys
import fast_simplification, numpy
n, m, target, haste = (int(word) for word in sys.argv[1:])
points = numpy.frombuffer(sys.stdin.buffer.read(12 * n), numpy.float32).reshape(-1, 3)
sides = numpy.frombuffer(sys.stdin.buffer.read(12 * m), numpy.int32).reshape(-1, 3)
points, sides = fast_simplification.simplify(
    points.copy(), sides.copy(), target_count=target, agg=haste
)
sys.stdout.buffer.write(numpy.array([len(points)], numpy.int64).tobytes())
sys.stdout.buffer.write(points.astype(numpy.float32).tobytes())
sys.stdout.buffer.write(sides.astype(numpy.int32).tobytes())
"""


def collapse(
    points: Points,
    triangles: Triangles,
    target: int,
    *,
    haste: int,
    progress: Progress | None = None,
) -> Mesh:
    """About `target` triangles; sheets may touch or fold afterwards, none opens.

    `haste` (5 to 11) trades quality for time.
    """
    if len(triangles) >= LARGE:
        found = _in_a_process(points, triangles, target, haste, progress or silent)
        if found is not None:
            return found
    mesh: Mesh = fast_simplification.simplify(points, triangles, target_count=target, agg=haste)
    return mesh


def _in_a_process(
    points: Points, triangles: Triangles, target: int, haste: int, progress: Progress
) -> Mesh | None:
    """The collapsed mesh, or None where no such process can be had."""
    words = [str(n) for n in (len(points), len(triangles), target, haste)]
    sent = points.astype(np.float32).tobytes() + triangles.astype(np.int32).tobytes()
    pipe = subprocess.PIPE
    try:
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, *words], stdin=pipe, stdout=pipe, stderr=pipe
        )
    except OSError:
        return None
    with child, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(child.communicate, sent)
        try:
            while True:
                try:
                    received, _ = answer.result(LISTEN_SECONDS)
                    break
                except TimeoutError:
                    progress(0.5, "Reducing triangles")
        except BaseException:
            child.kill()
            raise
    if child.returncode:
        return None
    n = int(np.frombuffer(received, np.int64, 1)[0])
    found = np.frombuffer(received, np.float32, 3 * n, offset=8).reshape(-1, 3)
    return found, np.frombuffer(received, np.int32, offset=8 + 12 * n).reshape(-1, 3)
