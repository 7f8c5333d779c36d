"""The edges of a triangle mesh, and the fans of triangles round its vertices.

Half-edge h of a mesh is the one that runs from corner h of the flattened triangles to the
next corner of the same triangle.
"""

from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from vis3d.meshing.threads import in_blocks

Triangles: TypeAlias = NDArray[np.integer]
Indices: TypeAlias = NDArray[np.integer]
Flags: TypeAlias = NDArray[np.bool_]

KEY_BITS = 63
"""What an edge's number and a half-edge's may have together to be sorted as one."""


@dataclass(frozen=True, eq=False)
class Edges:
    """The half-edges (3m,) in an order in which those of one edge are neighbours.

    `first` (e,) is where in it each edge begins, `sizes` (e,) how many half-edges it has:
    2 everywhere in a closed manifold.
    """

    order: Indices
    first: Indices
    sizes: Indices

    @classmethod
    def of(cls, triangles: Triangles) -> Self:
        """Those of triangles (m, 3)."""
        keys, bits = _numbered(triangles)
        if bits:
            keys.sort()  # three times as fast as an argsort
            order = keys & ((1 << bits) - 1)
            keys >>= bits
        else:
            order = np.argsort(keys)
            keys = keys[order]
        return cls(order, *equal_runs(keys))

    @property
    def closed(self) -> bool:
        """Whether no edge has a single triangle."""
        return bool(len(self.sizes) and self.sizes.min() >= 2)

    @property
    def unique(self) -> bool:
        """Whether no edge has more than two triangles."""
        return bool((self.sizes <= 2).all())

    @property
    def crowded(self) -> Indices:
        """The half-edges on edges of more than two triangles, those of each in a row."""
        crowded = self.sizes > 2
        starts, sizes = self.first[crowded], self.sizes[crowded]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        half_edges: Indices = self.order[np.repeat(starts, sizes) + within]
        return half_edges

    @property
    def single(self) -> Indices:
        """The half-edges that no other triangle shares."""
        borders: Indices = self.order[self.first[self.sizes == 1]]
        return borders

    def partners(self, triangles: Triangles) -> Indices:
        """The half-edge on the other side of each one (3m,).

        -1 on edges that haven't exactly two, which run them in opposite ways.
        """
        corner = triangles.reshape(-1)
        pairs = self.first if (self.sizes == 2).all() else self.first[self.sizes == 2]
        one, other = self.order[pairs], self.order[pairs + 1]
        opposite = corner[one] != corner[other]
        if not opposite.all():
            one, other = one[opposite], other[opposite]
        partner = np.full(len(corner), -1, _index_type(len(corner)))
        partner[one], partner[other] = other, one
        return partner


def next_corner(corners: Indices) -> Indices:
    """The corner that follows in the same triangle."""
    following = corners + 1
    following[corners % 3 == 2] -= 3
    return following


def equal_runs(ordered: NDArray[np.integer]) -> tuple[Indices, Indices]:
    """Where runs of equal numbers begin, and how long they are."""
    new = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    starts = np.flatnonzero(new)
    return starts, np.diff(starts, append=len(ordered))


def fans(partner: Indices) -> tuple[int, Indices]:
    """How many fans of triangles there are, and the fan of each triangle corner (3m,).

    `partner` is the other side of each half-edge, -1 where there is none.
    """
    if (partner >= 0).all():
        return _cycles(next_corner(partner))
    here = np.flatnonzero(partner >= 0)
    graph = coo_array(
        (np.ones(len(here), np.int8), (here, next_corner(partner[here]))),
        (len(partner), len(partner)),
    )
    count, label = connected_components(graph, directed=False)
    return int(count), label


def _cycles(following: Indices) -> tuple[int, Indices]:
    """The cycles of a permutation: how many, and which one each element is in."""
    least = np.arange(len(following), dtype=following.dtype)
    while True:
        lower = np.minimum(least, least[following])
        if (lower == least).all():
            break
        least, following = lower, following[following]
    roots = least == np.arange(len(least), dtype=following.dtype)
    return int(np.count_nonzero(roots)), (np.cumsum(roots, dtype=following.dtype) - 1)[least]


def _index_type(count: int) -> type[np.signedinteger[Any]]:
    """The smallest that counts so far: half the bytes, nearly half the time."""
    return np.int32 if count < 2**31 else np.int64


def _numbered(triangles: Triangles) -> tuple[Indices, int]:
    """A number for each half-edge (3m,), in its upper bits the same for each edge.

    How many lower bits are the half-edge's own; none where 63 aren't enough.
    """
    keys = np.empty(triangles.shape, np.int64)
    longest = 1
    for one, other in ((0, 1), (1, 2), (2, 0)):
        longest = max(
            longest, int(np.abs(triangles[:, one] - triangles[:, other]).max(initial=0))
        )
    span = longest + 1
    bits = int(triangles.size).bit_length()
    most = (int(triangles.max(initial=0)) + 1) * span
    shift = bits if most.bit_length() + bits <= KEY_BITS else 0

    def number(rows: slice) -> None:
        corners = triangles[rows].astype(np.int64, copy=False)
        ends = corners[:, (1, 2, 0)]
        low = np.minimum(corners, ends)
        key = low * span + np.abs(corners - ends)
        if shift:
            start, stop = 3 * rows.start, 3 * rows.start + key.size
            key = (key << shift) | np.arange(start, stop).reshape(-1, 3)
        keys[rows] = key

    in_blocks(number, len(triangles))
    return keys.reshape(-1), shift
