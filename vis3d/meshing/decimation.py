"""Fewer triangles: for a file, where everything must stay sound, and for the screen."""

from dataclasses import dataclass, replace
from typing import Self

import fast_simplification
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from vis3d.errors import InputError
from vis3d.geometry import FloatArray
from vis3d.meshing.deviation import deviation
from vis3d.meshing.manifold import Mesh, Triangles, piece_of_points, separated
from vis3d.progress import Progress, part, silent
from vis3d.surface import Surface

SMALLEST_PIECE = 4
"""The triangles of a tetrahedron, the least that encloses anything."""

TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], float)
TETRAHEDRON_SIDES = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])
TETRAHEDRON_VOLUME = 8 / 3


def decimated(
    surface: Surface,
    *,
    max_triangles: int | None = None,
    max_deviation_mm: float | None = None,
    progress: Progress | None = None,
) -> Surface:
    """The same closed 2-manifold, all its pieces kept, with fewer triangles.

    At most `max_triangles`; with `max_deviation_mm` as few as were found that stay so near.
    With both, the limit of triangles is the firm one.

    Raises:
        InputError: so few triangles can't hold all pieces; the message says how many can.
    """
    progress = progress or silent
    smaller = surface
    if max_deviation_mm is not None:
        smaller = _within_deviation(surface, max_deviation_mm, part(progress, 0, 0.8))
    if max_triangles is not None and len(smaller.triangles) > max_triangles:
        smaller = _within_triangles(smaller, max_triangles, part(progress, 0.8, 1))
    return smaller


def decimated_for_view(surface: Surface, max_triangles: int = 400_000) -> Surface:
    """About as many triangles, fast, for the screen only: it may not be a manifold."""
    if len(surface.triangles) <= max_triangles:
        return surface
    points, triangles = fast_simplification.simplify(
        surface.points, surface.triangles, target_count=max_triangles
    )
    return Surface(
        points.astype(np.float32), triangles.astype(int), surface.name, surface.color
    )


@dataclass(frozen=True, eq=False)
class _Pieces:
    """The pieces of a surface, none of which may get lost."""

    points: NDArray[np.floating]
    triangles: Triangles
    piece: NDArray[np.int32]
    tree: KDTree

    @classmethod
    def of(cls, surface: Surface) -> Self:
        piece = piece_of_points(len(surface.points), surface.triangles)
        tree = KDTree(surface.points, balanced_tree=False, compact_nodes=False)
        return cls(surface.points, surface.triangles, piece, tree)

    @property
    def count(self) -> int:
        return int(self.piece.max(initial=-1)) + 1

    def lost(self, points: NDArray[np.floating]) -> Triangles:
        """The triangles of the pieces that no point of a smaller mesh comes from."""
        kept = np.zeros(self.count, bool)
        if len(points):
            kept[self.piece[self.tree.query(points, workers=-1)[1]]] = True
        lost: Triangles = self.triangles[~kept[self.piece[self.triangles[:, 0]]]]
        return lost

    def put_back(self, mesh: Mesh, *, spare: int) -> Mesh:
        """The mesh together with what it has lost.

        Lost pieces come back as they were if that takes at most `spare` triangles,
        otherwise as tetrahedra of the same place and volume.
        """
        lost = self.lost(mesh[0])
        if not lost.size:
            return mesh
        points, triangles = self.points, lost
        if len(lost) > spare:
            points, triangles = _stand_ins(self.points, lost, self.piece)
        together = np.concatenate([mesh[0], points])
        return separated(together, np.concatenate([mesh[1], triangles + len(mesh[0])]))


def _within_triangles(surface: Surface, max_triangles: int, progress: Progress) -> Surface:
    pieces = _Pieces.of(surface)
    least = SMALLEST_PIECE * pieces.count
    core = (surface.points, surface.triangles)
    target = max(max_triangles, least)
    for attempt in range(8):
        progress(0.1 + attempt / 10, "Reducing triangles")
        core = _collapsed(core, target)
        points, triangles = pieces.put_back(core, spare=max_triangles // 8)
        if len(triangles) <= max_triangles:
            return replace(surface, points=points, triangles=triangles)
        target = min(target, len(core[1])) - (len(triangles) - max_triangles) - 4
        if target < 0:
            break
    smallest = len(pieces.put_back(_collapsed(core, least), spare=0)[1])
    raise InputError(
        f"{max_triangles} triangles can't hold the {pieces.count} pieces of "
        f"{surface.name or 'the surface'}: the smallest possible is {smallest}."
    )


def _within_deviation(surface: Surface, limit_mm: float, progress: Progress) -> Surface:
    """Halve the triangles while the surface stays near, then search the last step."""
    pieces = _Pieces.of(surface)
    core, too_few, good = (surface.points, surface.triangles), 0, surface
    for step in range(16):
        progress(step / 16, "Reducing triangles")
        count = (len(core[1]) + too_few) // 2
        smaller = _collapsed(core, count)
        if len(smaller[1]) > 0.95 * len(core[1]):
            break
        points, triangles = pieces.put_back(smaller, spare=len(surface.triangles))
        tried = replace(surface, points=points, triangles=triangles)
        if deviation(tried, surface).max <= limit_mm:
            core, good = smaller, tried
        else:
            too_few = count
    return good


def _collapsed(mesh: Mesh, target: int) -> Mesh:
    """Edges collapsed down to `target` triangles, and sheets that touch taken apart."""
    if target >= len(mesh[1]):
        return mesh
    return separated(*fast_simplification.simplify(*mesh, target_count=target))


def _stand_ins(
    points: NDArray[np.floating], triangles: Triangles, piece: NDArray[np.int32]
) -> tuple[FloatArray, Triangles]:
    """A tetrahedron for each piece, with its centre and volume (a cavity's is negative)."""
    corners = points[triangles].astype(float)
    _, of_triangle = np.unique(piece[triangles[:, 0]], return_inverse=True)
    count = int(of_triangle.max()) + 1
    center = np.empty((count, 3))
    for axis in range(3):
        sums = np.bincount(of_triangle, corners[:, :, axis].sum(axis=1), count)
        center[:, axis] = sums / np.bincount(of_triangle, minlength=count) / 3
    a, b, c = (corners[:, n] - center[of_triangle] for n in range(3))
    volume = np.bincount(of_triangle, np.einsum("ij,ij->i", a, np.cross(b, c)) / 6, count)
    scale = np.cbrt(np.abs(volume) / TETRAHEDRON_VOLUME)
    corners_of = center[:, None] + scale[:, None, None] * TETRAHEDRON
    sides = np.where((volume < 0)[:, None, None], TETRAHEDRON_SIDES[:, ::-1], TETRAHEDRON_SIDES)
    offset = SMALLEST_PIECE * np.arange(count)[:, None, None]
    return corners_of.reshape(-1, 3), (sides + offset).reshape(-1, 3)
