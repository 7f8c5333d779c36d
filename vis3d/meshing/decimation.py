"""Fewer triangles: for a file, where everything must stay sound, and for the screen."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from vis3d.errors import InputError
from vis3d.meshing.bounded import within
from vis3d.meshing.collapse import Helpers, collapse
from vis3d.meshing.deviation import deviation
from vis3d.meshing.edges import Triangles
from vis3d.meshing.manifold import (
    Mesh,
    compact,
    folded,
    piece_of_points,
    separated,
    sound,
)
from vis3d.progress import Progress, part, silent
from vis3d.surface import Surface

SMALLEST_PIECE = 4
"""The triangles of a tetrahedron, the least that encloses anything."""

SMALL_PIECE = 400
"""Pieces of at most so many triangles are kept as they are while there is room."""

LARGE_PIECE = 1000
"""Points from which on every fourth tells well enough where a piece is."""

STAGE = 4
"""The share of its triangles, one in so many, to which a mesh is collapsed at once."""

HASTE = 8
"""How fast fast-simplification raises its threshold: at 9 the result gets worse."""

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
    points, triangles = collapse(surface.points, surface.triangles, max_triangles, haste=10)
    return Surface(
        points.astype(np.float32), triangles.astype(int), surface.name, surface.color
    )


@dataclass(frozen=True, eq=False)
class _Pieces:
    """The connected pieces of a surface, none of which may get lost."""

    surface: Surface
    of_point: NDArray[np.int32]

    @classmethod
    def of(cls, surface: Surface) -> Self:
        return cls(surface, piece_of_points(len(surface.points), surface.triangles))

    @cached_property
    def of_triangle(self) -> NDArray[np.int32]:
        of_triangle: NDArray[np.int32] = self.of_point[self.surface.triangles[:, 0]]
        return of_triangle

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """How many triangles each piece has."""
        return np.bincount(self.of_triangle).astype(np.int64, copy=False)

    @cached_property
    def some_points(self) -> NDArray[np.int64]:
        """Every point of a small piece, and enough of the large ones."""
        large = np.bincount(self.of_point) > LARGE_PIECE
        return np.flatnonzero(~large[self.of_point] | (np.arange(len(self.of_point)) % 4 == 0))

    @cached_property
    def tree(self) -> KDTree:
        points = self.surface.points[self.some_points]
        return KDTree(points, balanced_tree=False, compact_nodes=False)

    def small(self, total: int) -> NDArray[np.bool_]:
        """Small pieces, the smallest first, that have at most `total` triangles together."""
        order = np.argsort(self.sizes, kind="stable")
        small = np.zeros(len(order), bool)
        small[order[np.cumsum(self.sizes[order]) <= total]] = True
        return small & (self.sizes <= SMALL_PIECE)

    def missing_from(self, mesh: Mesh) -> NDArray[np.bool_]:
        """The pieces that no piece of a smaller mesh comes from.

        A piece comes from the one that most of its points lie nearest to.
        """
        missing = np.ones(len(self.sizes), bool)
        if len(mesh[0]):
            nearest = self.some_points[self.tree.query(mesh[0], workers=-1)[1]]
            origin = self.of_point[nearest]
            now = piece_of_points(len(mesh[0]), mesh[1]).astype(np.int64)
            votes, counts = np.unique(now * len(self.sizes) + origin, return_counts=True)
            now, origin = np.divmod(votes, len(self.sizes))
            order = np.lexsort((counts, now))
            last = np.append(np.diff(now[order]) != 0, True)
            missing[origin[order][last]] = False
        return missing

    def mesh_of(self, chosen: NDArray[np.bool_]) -> Mesh:
        """The chosen pieces as they were."""
        return compact(self.surface.points, self.surface.triangles[chosen[self.of_triangle]])

    def large_part(self, small: NDArray[np.bool_]) -> Mesh:
        """All but the small pieces, with the points of those too."""
        triangles = self.surface.triangles
        kept = triangles[~small[self.of_triangle]] if small.any() else triangles
        return self.surface.points, kept

    def tetrahedra_for(self, chosen: NDArray[np.bool_]) -> Mesh:
        """A tetrahedron for each chosen piece, with its centre and volume."""
        triangles = self.surface.triangles[chosen[self.of_triangle]]
        if not len(triangles):
            return self.mesh_of(chosen)
        return _tetrahedra(self.surface.points, triangles, self.of_point)


def _within_triangles(surface: Surface, max_triangles: int, progress: Progress) -> Surface:
    with Helpers(len(surface.triangles)) as helpers:
        pieces = _Pieces.of(surface)
        smallest = SMALLEST_PIECE * len(pieces.sizes)
        if max_triangles < smallest:
            raise InputError(
                f"{max_triangles} triangles can't hold the {len(pieces.sizes)} pieces of "
                f"{surface.name or 'the surface'}: the smallest possible is {smallest}."
            )
        some, every = pieces.small(max_triangles // 8), pieces.sizes <= SMALL_PIECE
        ways = ((some, pieces.mesh_of), (every, pieces.tetrahedra_for))
        for number, (small, instead) in enumerate(ways):
            here = part(progress, number / 2, (number + 1) / 2)
            points, triangles = _squeezed(
                pieces, small, instead(small), max_triangles, helpers, here
            )
            if len(triangles) <= max_triangles:
                return replace(surface, points=points, triangles=triangles)
    points, triangles = sound(*pieces.tetrahedra_for(np.ones(len(pieces.sizes), bool)))
    return replace(surface, points=points, triangles=triangles)


def _squeezed(
    pieces: _Pieces,
    small: NDArray[np.bool_],
    aside: Mesh,
    limit: int,
    helpers: Helpers,
    progress: Progress,
) -> Mesh:
    """The large pieces collapsed until, with what was set `aside`, they keep the limit.

    If they can't, as small as they get.
    """
    core, lossless = pieces.large_part(small), True
    n_core = int(np.count_nonzero(~small))
    least = SMALLEST_PIECE * n_core
    spare = limit // 50 if n_core > 1 else 0  # for pieces that get lost and come back
    target = max(limit - len(aside[1]) - spare, least)
    known: int | None = n_core
    for attempt in range(1, 7):
        here = part(progress, (attempt - 1) / 7, attempt / 7)
        here(0.0, "Reducing triangles")
        for stage in _stages(len(core[1]), target):
            core, complete = _collapsed(core, stage, here, pieces=known, helpers=helpers)
            lossless &= complete
            known = None
        whole = _joined(core, aside)
        if not lossless:
            lost = pieces.missing_from(core) & ~small
            few = pieces.sizes[lost].sum() <= spare
            whole = _joined(whole, pieces.mesh_of(lost) if few else pieces.tetrahedra_for(lost))
        if len(whole[1]) <= limit or target <= least:
            break
        target = min(target, len(core[1])) - (len(whole[1]) - limit) - 4
        target = least if attempt == 5 else max(target, least)
    return whole


def _stages(count: int, target: int) -> list[int]:
    """The numbers of triangles on the way from `count` to `target`.

    A mesh that is taken apart in between, where sheets touch, loses half as many pieces.
    """
    stages = []
    while count // STAGE > target:
        count //= STAGE
        stages.append(count)
    return [*stages, target]


def _within_deviation(surface: Surface, limit_mm: float, progress: Progress) -> Surface:
    """As few triangles as were found that stay near; the surface itself if none do."""
    pieces = _Pieces.of(surface)
    good = _halved(pieces, limit_mm, part(progress, 0, 0.2))
    start: Mesh = (good.points, good.triangles)
    for number, share in enumerate((1.0, 0.8)):
        here = part(progress, 0.2 + 0.4 * number, 0.6 + 0.4 * number)
        for mesh in reversed(within(surface, start, share * limit_mm, here)):
            here(1.0, "Measuring the deviation")
            smaller = _complete(pieces, mesh)
            if deviation(smaller, surface).max <= limit_mm:
                return smaller
    return good


def _halved(pieces: _Pieces, limit_mm: float, progress: Progress) -> Surface:
    """The whole mesh collapsed to a half of its triangles as often as it stays near."""
    good = pieces.surface
    mesh: Mesh = (good.points, good.triangles)
    for step in range(16):
        here = part(progress, step / 16, (step + 1) / 16)
        here(0.0, "Reducing triangles")
        smaller, _ = _collapsed(mesh, len(mesh[1]) // 2, here)
        tried = _complete(pieces, smaller)
        if len(smaller[1]) > 0.9 * len(mesh[1]):
            break
        if deviation(tried, pieces.surface).max > limit_mm:
            break
        good, mesh = tried, smaller
    return good


def _complete(pieces: _Pieces, mesh: Mesh) -> Surface:
    """The mesh with the pieces that it lost, as they were."""
    lost = pieces.missing_from(mesh)
    points, triangles = _joined(mesh, pieces.mesh_of(lost)) if lost.any() else mesh
    return replace(pieces.surface, points=points, triangles=triangles)


def _collapsed(
    mesh: Mesh,
    target: int,
    progress: Progress,
    *,
    pieces: int | None = None,
    helpers: Helpers | None = None,
) -> tuple[Mesh, bool]:
    """Edges collapsed down to `target` triangles, and whether every piece is still there.

    Sheets that then touch are taken apart. `pieces` is how many there are, where known.
    """
    if target >= len(mesh[1]):
        return compact(*mesh), True
    points, triangles = collapse(*mesh, target, haste=HASTE, helpers=helpers, progress=progress)
    before = pieces or int(piece_of_points(len(mesh[0]), mesh[1]).max(initial=-1)) + 1
    standing = triangles[~folded(triangles)]
    after = np.unique(piece_of_points(len(points), triangles)[standing[:, 0]])
    return separated(points, triangles), len(after) == before


def _joined(mesh: Mesh, other: Mesh) -> Mesh:
    """Two meshes as one, sound by its coordinates."""
    if not len(other[1]):
        return mesh
    points = np.concatenate([mesh[0], other[0]])
    return sound(points, np.concatenate([mesh[1], other[1] + len(mesh[0])]))


def _tetrahedra(
    points: NDArray[np.floating], triangles: Triangles, piece: NDArray[np.int32]
) -> Mesh:
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
