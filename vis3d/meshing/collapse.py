"""Edge collapse by quadric errors (fast-simplification), made patient and stoppable.

The library holds Python's lock for seconds while it works. Large meshes are therefore
handed to processes of their own, which can be stopped at any moment and let others run.
"""

import subprocess
import sys
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Self

import fast_simplification
import numpy as np
from numpy.typing import NDArray

from vis3d.meshing.edges import Triangles
from vis3d.meshing.manifold import Mesh, Points, compact, neighbor_means, welded
from vis3d.meshing.threads import THREADS
from vis3d.progress import Progress, silent

LARGE = 150_000
"""Triangles from which on a process of its own costs less than the wait."""

PART = 1_000_000
"""About so many triangles are collapsed at once; where larger meshes are cut for that, the
triangles along the cut stay as they are."""

EDGE = 1.8
"""The library raises its threshold from a fixed start, in the units of the points. With
edges of about this length it needs few rounds and still takes the cheapest edges first."""

LISTEN_SECONDS = 0.1

CHILD = """
import sys
import fast_simplification, numpy
def read(kind, count):
    return numpy.frombuffer(sys.stdin.buffer.read(kind().itemsize * count), kind)
n, m, target, haste, cut = read(numpy.int64, 5).tolist()
points, sides = read(numpy.float32, 3 * n).reshape(-1, 3), read(numpy.int32, 3 * m)
used = numpy.zeros(n, bool)
used[sides] = True
sides = (numpy.cumsum(used, dtype=numpy.int32) - 1)[sides].reshape(-1, 3)
points, sides = fast_simplification.simplify(
    points[used], sides, target_count=target, agg=haste, preserve_border=bool(cut)
)
sys.stdout.buffer.write(numpy.array([len(points)], numpy.int64).tobytes())
sys.stdout.buffer.write(points.astype(numpy.float32).tobytes())
sys.stdout.buffer.write(sides.astype(numpy.int32).tobytes())
"""


class Helpers:
    """Processes that collapse; started early they are ready when there is work for them.

    As a context, which ends those that are left.
    """

    def __init__(self, triangles: int = 0) -> None:
        """Starts as many as a mesh of so many triangles takes."""
        self._started: list[subprocess.Popen[bytes]] = []
        self._waiting: list[subprocess.Popen[bytes]] = []
        self._stopped = False
        if triangles >= LARGE:
            with suppress(OSError):
                self._waiting += [self._start() for _ in range(min(THREADS, _parts(triangles)))]

    def __enter__(self) -> Self:
        self._stopped = False
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def take(self) -> subprocess.Popen[bytes]:
        """One that waits for its work.

        Raises:
            OSError: there is none, and no other can be started.
        """
        return self._waiting.pop() if self._waiting else self._start()

    def stop(self) -> None:
        """End all of them at once."""
        self._stopped = True
        self._waiting.clear()
        while self._started:
            with self._started.pop() as child:
                child.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        words = [sys.executable, "-c", CHILD]
        child = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe)
        self._started.append(child)
        if self._stopped:
            child.kill()
        return child


def collapse(
    points: Points,
    triangles: Triangles,
    target: int,
    *,
    haste: int,
    keep_border: bool = False,
    helpers: Helpers | None = None,
    progress: Progress | None = None,
) -> Mesh:
    """About `target` triangles; sheets may touch or fold afterwards, none opens.

    `haste` (5 to 11) trades quality for time; with `keep_border` the triangles along an
    open border stay as they are. The points of large meshes come back as float32.
    """
    middle, scale = _measure(points, triangles)
    scaled = ((points - middle) * scale).astype(np.float32)
    count = _parts(len(triangles))
    parts = _cut(scaled, triangles, count)
    targets = [target * len(part[1]) // len(triangles) for part in parts]
    kept = keep_border or count > 1
    if len(triangles) >= LARGE:
        with helpers or Helpers() as those:
            meshes = _in_processes(parts, targets, haste, kept, those, progress or silent)
    else:
        meshes = [_here(parts[0], targets[0], haste, kept)]
    smaller, sides = _together(meshes) if count > 1 else meshes[0]
    placed = _finite(smaller, sides)
    return (points, triangles) if placed is None else (placed / scale + middle, sides)


def _parts(triangles: int) -> int:
    return max(1, round(triangles / PART))


def _measure(points: Points, triangles: Triangles) -> tuple[NDArray[np.float64], float]:
    """The middle of the points, and the scale at which their edges are `EDGE` long."""
    some = triangles[:: max(1, len(triangles) // 50_000)]
    edges = points[some].astype(float) - points[np.roll(some, -1, axis=1)]
    mean_square = float((edges**2).sum(axis=2).mean()) if len(some) else 0.0
    middle = points.mean(axis=0, dtype=float) if len(points) else np.zeros(3)
    return middle, EDGE / np.sqrt(mean_square) if mean_square > 0 else 1.0


def _cut(points: Points, triangles: Triangles, count: int) -> list[Mesh]:
    """So many parts with equally many triangles, one after another along the longest axis.

    Each has all the points.
    """
    if count == 1:
        return [(points, triangles)]
    axis = int(np.ptp(points, axis=0).argmax())
    place = points[triangles[:, 0], axis]
    limits = np.quantile(place[::64], np.linspace(0, 1, count + 1)[1:-1])
    number = np.searchsorted(limits, place)
    return [(points, triangles[number == n]) for n in range(count)]


def _together(meshes: list[Mesh]) -> Mesh:
    """The parts as one mesh: the points along the cuts are the same in both."""
    offsets = np.cumsum([0, *(len(points) for points, _ in meshes)])
    triangles = [sides + start for (_, sides), start in zip(meshes, offsets, strict=False)]
    return welded(np.concatenate([points for points, _ in meshes]), np.concatenate(triangles))


def _finite(points: Points, triangles: Triangles) -> Points | None:
    """The points, those lost to a division by zero put amidst their neighbours.

    Seen once of fast-simplification 0.2.0. None where a piece has no point left.
    """
    known = np.isfinite(points).astype(float).min(axis=1, initial=1.0)
    if known.all():
        return points
    points = np.where(known[:, None] > 0, points, 0).astype(float)
    means = neighbor_means(len(points), triangles)
    while not known.all():
        share = np.where(known > 0, 0, means @ known)
        found = np.flatnonzero(share)
        if not len(found):
            return None
        points[found] = (means @ points)[found] / share[found, None]
        known[found] = 1
    return points


def _here(part: Mesh, target: int, haste: int, keep_border: bool) -> Mesh:
    points, triangles = compact(*part)
    mesh: Mesh = fast_simplification.simplify(
        points,
        triangles.astype(np.int32),
        target_count=min(target, len(triangles)),
        agg=haste,
        preserve_border=keep_border,
    )
    return mesh


def _in_processes(
    parts: list[Mesh],
    targets: list[int],
    haste: int,
    keep_border: bool,
    helpers: Helpers,
    progress: Progress,
) -> list[Mesh]:
    """The collapsed parts; those for which no process can be had are collapsed here."""

    def one(part: Mesh, target: int) -> Mesh | None:
        return _in_a_process(part, target, haste, keep_border, helpers)

    with ThreadPoolExecutor(THREADS) as pool:
        answers = [pool.submit(one, *job) for job in zip(parts, targets, strict=True)]
        try:
            _listen(answers, progress)
            found = [answer.result() for answer in answers]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            helpers.stop()
            raise
    return [
        mesh or _here(part, target, haste, keep_border)
        for mesh, part, target in zip(found, parts, targets, strict=True)
    ]


def _listen(answers: list[Future[Mesh | None]], progress: Progress) -> None:
    """Wait for all of them, telling so."""
    while wait(answers, LISTEN_SECONDS, FIRST_EXCEPTION).not_done:
        progress(0.5, "Reducing triangles")


def _in_a_process(
    part: Mesh, target: int, haste: int, keep_border: bool, helpers: Helpers
) -> Mesh | None:
    """The collapsed mesh, or None where no such process can be had."""
    points, triangles = part
    numbers = len(points), len(triangles), min(target, len(triangles)), haste, int(keep_border)
    sent = (
        np.array(numbers, np.int64),
        np.ascontiguousarray(points, np.float32),
        np.ascontiguousarray(triangles, np.int32),
    )
    try:
        child = helpers.take()
    except OSError:
        return None
    with child:
        received, _ = child.communicate(b"".join(array.tobytes() for array in sent))
    if child.returncode:
        return None
    n = int(np.frombuffer(received, np.int64, 1)[0])
    found = np.frombuffer(received, np.float32, 3 * n, offset=8).reshape(-1, 3)
    return found, np.frombuffer(received, np.int32, offset=8 + 12 * n).reshape(-1, 3)
