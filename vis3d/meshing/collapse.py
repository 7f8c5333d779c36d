"""Edge collapse by quadric errors (fast-simplification), made patient and stoppable.

The library holds Python's lock for seconds while it works. Large meshes are therefore
handed to processes of their own, which can be stopped at any moment and let others run.
"""

import subprocess
import sys
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

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
n, m, target, haste, cut = (int(word) for word in sys.argv[1:])
points = numpy.frombuffer(sys.stdin.buffer.read(12 * n), numpy.float32).reshape(-1, 3)
sides = numpy.frombuffer(sys.stdin.buffer.read(12 * m), numpy.int32).reshape(-1, 3)
points, sides = fast_simplification.simplify(
    points.copy(), sides.copy(), target_count=target, agg=haste, preserve_border=bool(cut)
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
    keep_border: bool = False,
    progress: Progress | None = None,
) -> Mesh:
    """About `target` triangles; sheets may touch or fold afterwards, none opens.

    `haste` (5 to 11) trades quality for time; with `keep_border` the triangles along an
    open border stay as they are. The points of large meshes come back as float32.
    """
    middle, scale = _measure(points, triangles)
    scaled = ((points - middle) * scale).astype(np.float32)
    count = max(1, round(len(triangles) / PART))
    parts = _cut(scaled, triangles, count)
    targets = [target * len(part[1]) // len(triangles) for part in parts]
    kept = keep_border or count > 1
    if len(triangles) >= LARGE:
        meshes = _in_processes(parts, targets, haste, kept, progress or silent)
    else:
        meshes = [_here(parts[0], targets[0], haste, kept)]
    smaller, sides = _together(meshes) if count > 1 else meshes[0]
    placed = _finite(smaller, sides)
    return (points, triangles) if placed is None else (placed / scale + middle, sides)


def _measure(points: Points, triangles: Triangles) -> tuple[NDArray[np.float64], float]:
    """The middle of the points, and the scale at which their edges are `EDGE` long."""
    some = triangles[:: max(1, len(triangles) // 50_000)]
    edges = points[some].astype(float) - points[np.roll(some, -1, axis=1)]
    mean_square = float((edges**2).sum(axis=2).mean()) if len(some) else 0.0
    middle = points.mean(axis=0, dtype=float) if len(points) else np.zeros(3)
    return middle, EDGE / np.sqrt(mean_square) if mean_square > 0 else 1.0


def _cut(points: Points, triangles: Triangles, count: int) -> list[Mesh]:
    """So many parts with equally many triangles, one after another along the longest axis."""
    if count == 1:
        return [(points, triangles)]
    axis = int(np.ptp(points, axis=0).argmax())
    place = points[triangles[:, 0], axis]
    limits = np.quantile(place[::64], np.linspace(0, 1, count + 1)[1:-1])
    number = np.searchsorted(limits, place)
    return [compact(points, triangles[number == n]) for n in range(count)]


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
    points, triangles = part
    mesh: Mesh = fast_simplification.simplify(
        points,
        triangles.astype(np.int32),
        target_count=min(target, len(triangles)),
        agg=haste,
        preserve_border=keep_border,
    )
    return mesh


class _Children:
    """The processes at work, which are all stopped at once."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen[bytes]] = []
        self._stopped = False

    def start(self, words: list[str]) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        child = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe)
        self._started.append(child)
        if self._stopped:
            child.kill()
        return child

    def stop(self) -> None:
        self._stopped = True
        for child in self._started:
            child.kill()


def _in_processes(
    parts: list[Mesh], targets: list[int], haste: int, keep_border: bool, progress: Progress
) -> list[Mesh]:
    """The collapsed parts; those for which no process can be had are collapsed here."""
    children = _Children()

    def one(part: Mesh, target: int) -> Mesh | None:
        return _in_a_process(part, target, haste, keep_border, children)

    with ThreadPoolExecutor(THREADS) as pool:
        answers = [pool.submit(one, *job) for job in zip(parts, targets, strict=True)]
        try:
            _listen(answers, progress)
            found = [answer.result() for answer in answers]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            children.stop()
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
    part: Mesh, target: int, haste: int, keep_border: bool, children: _Children
) -> Mesh | None:
    """The collapsed mesh, or None where no such process can be had."""
    points, triangles = part
    numbers = len(points), len(triangles), target, haste, int(keep_border)
    sent = points.astype(np.float32).tobytes() + triangles.astype(np.int32).tobytes()
    try:
        child = children.start([sys.executable, "-c", CHILD, *map(str, numbers)])
    except OSError:
        return None
    with child:
        received, _ = child.communicate(sent)
    if child.returncode:
        return None
    n = int(np.frombuffer(received, np.int64, 1)[0])
    found = np.frombuffer(received, np.float32, 3 * n, offset=8).reshape(-1, 3)
    return found, np.frombuffer(received, np.int32, offset=8 + 12 * n).reshape(-1, 3)
