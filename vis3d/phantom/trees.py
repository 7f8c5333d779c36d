"""Airways and vessels: named branches by hand, and trees that grow to fill the lungs."""

import numpy as np

from vis3d.geometry import FloatArray
from vis3d.phantom.canvas import Tubes
from vis3d.phantom.fields import Vector
from vis3d.phantom.skeleton import bar, joined
from vis3d.phantom.torso import LEFT_LUNG, RIGHT_LUNG

BRANCHING_POWER = 2.7
"""A stem's radius to this power is the sum over its branches (Murray's law, as measured)."""

TRACHEA = bar([(0, -14, 260), (0, -8, 160), (0, 4, 96), (0, 17, 34)], (9, 8.8, 8.6, 8.8))

RIGHT_BRONCHI = joined(
    (
        bar([(-1, 17, 37), (-14, 20, 26), (-31, 22, 15)], (7.6, 7.2, 6.8)),
        bar([(-29, 22, 17), (-42, 19, 26), (-55, 14, 40)], (4.8, 4.4, 3.6)),
        bar([(-31, 22, 15), (-39, 22, -4), (-45, 21, -20)], (6.4, 5.6, 5.2)),
        bar([(-45, 21, -18), (-58, 2, -30), (-68, -22, -40)], (3.6, 3.2, 2.6)),
        bar([(-45, 21, -20), (-55, 34, -40), (-63, 42, -60)], (4.8, 4.0, 3.2)),
    )
)

LEFT_BRONCHI = joined(
    (
        bar([(1, 17, 37), (18, 20, 20), (46, 23, 4)], (7.0, 6.6, 6.2)),
        bar([(46, 23, 4), (58, 12, 13), (66, 8, 30)], (4.8, 4.2, 3.4)),
        bar([(55, 14, 11), (70, -8, 2), (82, -30, -8)], (3.4, 3.0, 2.4)),
        bar([(46, 23, 4), (55, 33, -22), (64, 42, -52)], (5.0, 4.4, 3.4)),
    )
)

GREAT_VESSELS = joined(
    (
        bar([(4, -22, -22), (-14, -24, 5), (-13, -20, 38), (-3, -8, 58)], (14, 15.5, 15, 13.5)),
        bar([(-3, -8, 58), (12, 8, 63), (24, 26, 57), (27, 37, 42)], (13.5, 13, 12.5, 12.5)),
        bar([(-12, -14, 62), (-14, -12, 96), (-24, -8, 140)], (6.5, 6, 5.5)),
        bar([(2, -4, 70), (8, -3, 105), (14, -2, 180)], (4.5, 4.2, 4)),
        bar([(14, 8, 70), (20, 10, 105), (48, 2, 128), (80, -6, 128)], (5, 5, 4.8, 4.6)),
        bar([(-28, -4, -25), (-31, -6, 20), (-28, -16, 78)], (11, 10, 9.5)),
        bar([(-28, -16, 78), (-4, -32, 92), (24, -34, 104), (60, -30, 116)], (8, 6.5, 6, 6)),
        bar([(-28, -16, 78), (-34, -20, 104), (-62, -26, 116)], (8, 6.5, 6)),
        bar([(18, -40, -12), (20, -30, 12), (20, -10, 26)], (14, 13.5, 13)),
        bar([(20, -10, 26), (36, 10, 24), (50, 18, 17)], (12, 11, 9)),
        bar([(18, -8, 22), (-6, 3, 14), (-38, 8, 6)], (11, 11, 9.5)),
        bar([(-25, 0, -60), (-24, 0, -100)], (11, 11)),
    )
)

ESOPHAGUS = bar([(2, 8, 260), (3, 18, 120), (5, 33, 40), (5, 35, -60), (16, 22, -110)], 7.5)

_HILA: dict[int, tuple[tuple[Vector, float], ...]] = {
    -1: (((-46.0, 12.0, 4.0), 1.15), ((-34.0, 12.0, -14.0), 1.0)),
    +1: (((52.0, 22.0, 12.0), 1.15), ((40.0, 14.0, -12.0), 1.0)),
}
"""Where arteries and veins enter each lung (LPS mm), and how wide they are."""


VESSEL_ENDS_MM = 15.0
"""How far apart the ends of arteries lie, and those of veins."""

VESSEL_END_RADIUS_MM = 0.62

BRONCHIOLE_ENDS_MM = 30.0
BRONCHIOLE_END_RADIUS_MM = 1.35


def pulmonary_vessels(rng: np.random.Generator) -> Tubes:
    """Arteries and veins of both lungs."""
    grown = []
    for side, hila in _HILA.items():
        for root, wide in hila:
            tree = Tree(VESSEL_END_RADIUS_MM * wide, 6.0, rng)
            tree.grow(np.array(root), points_in_lung(side, VESSEL_ENDS_MM, 3.0, rng))
            grown.append(tree.tubes())
    return joined(grown)


def bronchioles(rng: np.random.Generator) -> Tubes:
    """What follows the named bronchi, each serving the part of the lung nearest to it."""
    grown = []
    for side, named in ((-1, RIGHT_BRONCHI), (+1, LEFT_BRONCHI)):
        tips = _tips(named)
        ends = points_in_lung(side, BRONCHIOLE_ENDS_MM, 16.0, rng)
        nearest = np.linalg.norm(ends[:, None] - tips[:, :3], axis=2).argmin(axis=1)
        for number, (*at, radius_mm) in enumerate(tips):
            tip = np.array(at)
            tree = Tree(BRONCHIOLE_END_RADIUS_MM, radius_mm, rng)
            tree.grow(tip, tip + 0.75 * (ends[nearest == number] - tip))
            grown.append(tree.tubes())
    return joined(grown)


def points_in_lung(
    side: int, apart_mm: float, depth_mm: float, rng: np.random.Generator
) -> FloatArray:
    """Points (n, 3) in LPS mm all over a lung, at least `depth_mm` under its surface."""
    lung = LEFT_LUNG if side > 0 else RIGHT_LUNG
    axes = [
        np.arange(low, high, apart_mm) for low, high in zip(lung.low, lung.high, strict=True)
    ]
    lattice = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 3)
    points = lattice + rng.uniform(-0.45 * apart_mm, 0.45 * apart_mm, lattice.shape)
    x, y, z = points.astype(np.float32).T
    return points[lung.field(x, y, z) < -depth_mm]


class Tree:
    """Branches grown from a root by halving the set of ends again and again."""

    def __init__(
        self, end_radius_mm: float, widest_mm: float, rng: np.random.Generator
    ) -> None:
        self._end_radius_mm = end_radius_mm
        self._widest_mm = widest_mm
        self._rng = rng
        self._nodes: list[tuple[FloatArray, FloatArray]] = []
        self._radii: list[float] = []

    def grow(self, root: FloatArray, ends: FloatArray) -> None:
        """Grow from `root` to all `ends`, (n, 3) in LPS mm."""
        if len(ends) == 0:
            return
        middle = ends.sum(axis=0) / len(ends)
        fork = root + (0.42 if len(ends) > 1 else 1.0) * (middle - root)
        self._nodes.append((root, fork))
        radius = self._end_radius_mm * len(ends) ** (1 / BRANCHING_POWER)
        self._radii.append(min(radius, self._widest_mm))
        if len(ends) > 1:
            spread = ends - middle
            widest = int((spread**2).sum(axis=0).argmax())
            order = np.argsort(ends[:, widest])
            self.grow(fork, ends[order[: len(ends) // 2]])
            self.grow(fork, ends[order[len(ends) // 2 :]])

    def tubes(self) -> Tubes:
        """All that has grown, each branch bent a little at its middle."""
        nodes, radii = np.array(self._nodes).reshape(-1, 2, 3), np.array(self._radii)
        starts, ends = nodes[:, 0], nodes[:, 1]
        length_mm = np.linalg.norm(ends - starts, axis=1)[:, None]
        middles = (starts + ends) / 2 + self._rng.normal(0, 0.06, starts.shape) * length_mm
        return Tubes(
            np.concatenate([starts, middles]),
            np.concatenate([middles, ends]),
            np.concatenate([radii, radii]),
            np.concatenate([radii, radii]),
            np.zeros((2 * len(starts), 3)),
        )


def _tips(bronchi: Tubes) -> FloatArray:
    """Ends that no other branch starts from: (n, 4), LPS mm and radius."""
    gaps = np.linalg.norm(bronchi.ends[:, None] - bronchi.starts, axis=2).min(axis=1)
    ends: FloatArray = np.column_stack([bronchi.ends, bronchi.end_radii])[gaps > 3.0]
    return ends
