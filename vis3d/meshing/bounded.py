"""As few triangles as were found that stay within a distance of a surface, everywhere.

One tight spot would stop a collapse of the whole mesh. So it is cut into blocks, each of
them collapsed as far as it goes while its border stays, and then cut again elsewhere.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from vis3d.geometry import FloatArray
from vis3d.meshing.collapse import collapse
from vis3d.meshing.deviation import centers_of, distances_to, nearest_triangles, tree_of
from vis3d.meshing.edges import Triangles
from vis3d.meshing.manifold import Mesh, border_points, compact, folded, separated
from vis3d.progress import Progress, part
from vis3d.surface import Surface

BLOCK = 3000
"""Triangles of a block at most."""

ROUNDS = 4
"""How often the mesh is cut anew; a fifth round saves a few percent."""

SHARES = (0.7, 0.45, 0.27, 0.16, 0.09, 0.05, 0.028, 0.015)
"""What may be left of a block's triangles."""

SURE = 0.9
"""The share of the limit that is used: distances are taken at points, not everywhere."""

HASTE = 8


def within(surface: Surface, start: Mesh, limit_mm: float, progress: Progress) -> list[Mesh]:
    """2-manifolds with ever fewer triangles than `start`, which is near the surface.

    Pieces as thin as the limit may be gone.

    Blocks are judged one by one, so the last ones may run out of the limit where sheets of
    two blocks were folded together: the caller takes the last one that doesn't.
    """
    reference = _Reference(surface, tree_of(surface), SURE * limit_mm)
    meshes = [start]
    for number in range(ROUNDS):
        here = part(progress, number / ROUNDS, (number + 1) / ROUNDS)
        meshes.append(_round(meshes[-1], reference, number, here))
        if len(meshes[-1][1]) > 0.97 * len(meshes[-2][1]):
            break
    return meshes[1:]


@dataclass(frozen=True, eq=False)
class _Reference:
    """What the mesh must stay near to."""

    surface: Surface
    tree: KDTree
    limit_mm: float

    def holds(self, mesh: Mesh, theirs: FloatArray) -> bool:
        """Whether a block is near the surface, and near the points that are its own."""
        points, triangles = mesh
        triangles = triangles[~folded(triangles)]
        if not len(triangles):
            return not len(theirs)
        block = Surface(points, triangles)
        on_it = np.concatenate([points, centers_of(block), _middles(block)])
        if not self._near(theirs, block, KDTree(on_it, balanced_tree=False), None):
            return False
        return self._near(
            on_it[: len(points) + len(triangles)], self.surface, self.tree, self.tree
        )

    def _near(
        self, points: FloatArray, surface: Surface, on_it: KDTree, centers: KDTree | None
    ) -> bool:
        """Whether each point is near: to a point on the surface, or else to a triangle."""
        # Most are near to a point, which is found ten times faster.
        away = on_it.query(points, distance_upper_bound=self.limit_mm)[0]
        left = points[np.isinf(away)]
        some = left[:: max(1, len(left) // 100)]
        return not len(left) or all(
            distances_to(part, surface, centers or tree_of(surface)).max() <= self.limit_mm
            for part in (some, left)
        )


def _middles(surface: Surface) -> FloatArray:
    """The middles of the edges."""
    corners = surface.points[surface.triangles]
    return np.asarray((corners + np.roll(corners, 1, axis=1)).reshape(-1, 3) / 2)


def _round(mesh: Mesh, reference: _Reference, number: int, progress: Progress) -> Mesh:
    """Each block collapsed as far as it goes; the blocks are cut another way each round."""
    points, triangles = mesh
    turn = Rotation.random(rng=np.random.default_rng(number)).as_matrix()
    whole = Surface(points, triangles)
    blocks = _leaves(KDTree(centers_of(whole).astype(float) @ turn, leafsize=BLOCK))
    label = np.empty(len(triangles), np.int64)
    for n, rows in enumerate(blocks):
        label[rows] = n
    owned = _owned(reference.surface.points.astype(float), whole, label, len(blocks))
    kept: list[Triangles] = []
    made: list[NDArray[np.floating]] = []
    count, step = len(points), 2
    for n, (rows, own) in enumerate(zip(blocks, owned, strict=True)):
        progress(n / len(blocks), "Reducing triangles")
        theirs = reference.surface.points[own].astype(float)
        smaller, step = _smallest(points, triangles[np.sort(rows)], theirs, reference, step)
        if smaller is None:
            kept.append(triangles[rows])
            continue
        new, sides, old = smaller
        index = np.where(old >= 0, old, count + np.cumsum(old < 0) - 1)
        made.append(new[old < 0])
        count += len(made[-1])
        kept.append(index[sides])
    # An edge of four triangles would look whole in two blocks with two of them each.
    return separated(np.concatenate([points, *made]), np.concatenate(kept))


def _leaves(tree: KDTree) -> list[NDArray[np.intp]]:
    """The rows in each of its leaves."""
    found: list[NDArray[np.intp]] = []
    waiting: list[Any] = [tree.tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, KDTree.leafnode):
            found.append(node.idx)
        else:
            waiting += [node.greater, node.less]
    return found


def _owned(
    points: FloatArray, surface: Surface, label: NDArray[np.int64], count: int
) -> list[NDArray[np.intp]]:
    """For each block of the surface the points that lie nearest to it."""
    block = label[nearest_triangles(points, surface, tree_of(surface))]
    order = np.argsort(block, kind="stable")
    return np.split(order, np.cumsum(np.bincount(block, minlength=count))[:-1])


def _smallest(
    points: NDArray[np.floating],
    triangles: Triangles,
    theirs: FloatArray,
    reference: _Reference,
    step: int,
) -> tuple[tuple[NDArray[np.floating], Triangles, NDArray[np.int64]] | None, int]:
    """The block with fewer triangles that holds, if any, and which share to try next.

    A share is tried after one that held, and the one before after one that didn't.
    """
    used = np.unique(triangles)
    local = compact(points, triangles)
    found = None
    while found is None and step >= 0:
        target = int(SHARES[step] * len(triangles))
        smaller = collapse(*local, target, haste=HASTE, keep_border=True)
        if len(smaller[1]) > 0.97 * len(triangles):
            return None, step
        if reference.holds(smaller, theirs):
            found = smaller
            reached = len(smaller[1]) <= 1.1 * target
            step += 1 if reached else 0  # else the border allows no less
        else:
            step -= 1
    step = min(max(step, 0), len(SHARES) - 1)
    if found is None:
        return None, step
    names = _names(found, local, used)
    return (None if names is None else (*found, names)), step


def _names(new: Mesh, old: Mesh, names: NDArray[np.integer]) -> NDArray[np.int64] | None:
    """The names of the points on the border, -1 for the others; None where it isn't whole."""
    found = np.full(len(new[0]), -1)
    border, before = (np.flatnonzero(border_points(len(m[0]), m[1])) for m in (new, old))
    if len(border):
        if len(border) != len(before):
            return None
        nearest = KDTree(old[0][before]).query(new[0][border])[1]
        if len(np.unique(nearest)) != len(before):
            return None
        found[border] = names[before[nearest]]
    return found
