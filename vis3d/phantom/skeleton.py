"""Spine, ribs, sternum, clavicles, shoulder blades, and muscles of the neck (LPS mm)."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from vis3d.geometry import FloatArray
from vis3d.phantom.canvas import Solid, Tubes
from vis3d.phantom.fields import SUPERELLIPSE_POWER, Floats, superellipse
from vis3d.phantom.torso import CAGE_BACK, CAGE_DEPTH, CAGE_WIDTH, FAR, SPINE_BACK

RIB_LEVELS = (128.0, 106.0, 84.0, 61.0, 38.0, 15.0, -9.0, -33.0, -57.0, -82.0, -108.0)
"""Where ribs 1 to 11 meet the spine, z in mm; the vertebrae T1 to T11 lie there too."""

VERTEBRAE = (172.0, 150.0, *RIB_LEVELS, -134.0, -161.0, -190.0)
"""The middles of the vertebral bodies from C6 to L2, z in mm."""

_RIB_FALL = (26.0, 44.0, 60.0, 74.0, 84.0, 90.0, 92.0, 92.0, 84.0, 66.0, 46.0)
_RIB_END_DEGREES = (140.0, 142.0, 144.0, 143.0, 141.0, 138.0, 134.0, 126.0, 116.0, 104.0, 86.0)


def bar(
    points: ArrayLike,
    radii: float | Sequence[float],
    flat: ArrayLike = (0.0, 0.0, 0.0),
) -> Tubes:
    """A bar through points (n, 3), its radius at each point, drawn out by `flat`."""
    nodes = np.array(points, float)
    radius = np.broadcast_to(np.array(radii, float), len(nodes))
    drawn = np.broadcast_to(np.array(flat, float), (len(nodes) - 1, 3))
    return Tubes(nodes[:-1], nodes[1:], radius[:-1], radius[1:], drawn)


def joined(bars: Iterable[Tubes]) -> Tubes:
    """Many bars as one set."""
    several = list(bars)
    columns = ("starts", "ends", "start_radii", "end_radii", "flat")
    return Tubes(*(np.concatenate([getattr(b, name) for b in several]) for name in columns))


def ribs() -> Tubes:
    """Eleven pairs, flat, curved round the chest and sloping down to the front."""
    return joined(_rib(number, side) for number in range(len(RIB_LEVELS)) for side in (-1, 1))


def cartilages() -> Tubes:
    """From the front ends of ribs 1 to 9 to the sternum, those below 7 by the one above."""
    bars = []
    for side in (-1, 1):
        ends = [_rib_path(number, side)[-1] for number in range(9)]
        for number, end in enumerate(ends):
            goal = _at_sternum(number, side) if number < 7 else ends[number - 1]
            middle = (end + goal) / 2 + np.array([0.0, -4.0, -5.0])
            bars.append(bar([end, middle, goal], 3.6, (0.0, 0.0, 2.0)))
    return joined(bars)


def sternum() -> Tubes:
    """Handle, body and sword, broad and flat."""
    return joined(
        (
            bar([(0, -57, 96), (0, -68, 62)], (6, 5.5), (17.0, 0.0, 0.0)),
            bar([(0, -69, 58), (0, -79, 20), (0, -87, -36)], (5, 5, 5), (12.0, 0.0, 0.0)),
            bar([(0, -88, -42), (0, -88, -62)], (4, 2.5), (4.0, 0.0, 0.0)),
        )
    )


def clavicles() -> Tubes:
    """An S from the sternum to the shoulder on either side."""
    path = np.array(
        [(22, -60, 101), (50, -66, 110), (88, -48, 121), (118, -24, 130), (140, -14, 134)]
    )
    return joined(bar(path * (side, 1, 1), (8, 6, 5.5, 6, 7)) for side in (-1, 1))


def shoulder_blades() -> Tubes:
    """A thin plate behind the ribs on either side, its spine, and the socket."""
    bars = []
    for side in (-1, 1):
        inner, middle, outer = (_outside(side, turn, 60.0, 13.0) for turn in (40.0, 57.0, 74.0))
        up = np.array([0.0, -4.0, 22.0])
        socket = np.array([side * 141.0, 28.0, 112.0])
        plate = (
            bar([inner, middle], 2.6, (0.0, -5.0, 42.0)),
            bar([middle, outer], 2.8, (0.0, -4.0, 25.0)),
        )
        ridge = bar([inner + 1.2 * up, middle + 1.6 * up + (0, 6, 0), socket], (3, 4, 6))
        neck = bar([outer, socket], (5, 9), (0.0, 0.0, 8.0))
        bars += [*plate, ridge, neck]
    return joined(bars)


def neck_muscles() -> Tubes:
    """Those between the upper ribs, the sternum and the neck."""
    bars = [bar([(0, 26, 95), (0, 20, 135), (0, 12, 200)], 8.0, (11.0, 0.0, 0.0))]
    for side in (-1, 1):
        front = np.array([(14, -54, 100), (24, -38, 135), (42, -12, 200)]) * (side, 1, 1)
        middle = np.array([(45, 4, 128), (34, 10, 150), (26, 14, 200)]) * (side, 1, 1)
        back = np.array([(36, 42, 118), (30, 42, 150), (24, 40, 200)]) * (side, 1, 1)
        bars += [
            bar(front, (6.0, 8.0, 10.0), (side * 4.0, 2.0, 0.0)),
            bar(middle, (5.0, 9.0, 11.0), (0.0, 6.0, 0.0)),
            bar(back, (6.0, 12.0, 16.0), (0.0, 6.0, 0.0)),
        ]
    return joined(bars)


def vertebral_arches() -> Tubes:
    """Pedicles, laminae, joints, and the transverse and spinous processes."""
    arch = _arch()
    return joined(arch.moved((0.0, float(SPINE_BACK(level)), level + 3)) for level in VERTEBRAE)


def vertebral_bodies(x: Floats, y: Floats, z: Floats) -> Floats:
    """The bodies with rounded rims and a waist, wider further down."""
    levels = np.array(sorted(VERTEBRAE), np.float32)
    nearest = np.searchsorted((levels[:-1] + levels[1:]) / 2, z)
    gaps = np.gradient(levels).astype(np.float32)
    half_mm = 0.5 * gaps[nearest] - 2.6
    up = (z - levels[nearest]) / half_mm
    waist = 1.6 * (1 - np.clip(up**2, 0, 1))
    width = 16.5 - levels[nearest] * 0.016 - waist
    depth = width * 0.8
    round_about = superellipse(x, y - SPINE_BACK(levels[nearest]), width, depth)
    height = (np.abs(up) - 1) * half_mm
    k = 3.0
    rim = np.sqrt(np.maximum(round_about + k, 0) ** 2 + np.maximum(height + k, 0) ** 2)
    distance: Floats = np.minimum(np.maximum(round_about, height) + k, 0) + rim - k
    return distance


def spinal_canal(x: Floats, y: Floats, z: Floats) -> Floats:
    """The canal behind the bodies."""
    return superellipse(x, y - SPINE_BACK(z) - 21, 9.5, 7.5)


def spinal_cord(x: Floats, y: Floats, z: Floats) -> Floats:
    """The cord in its canal."""
    return superellipse(x, y - SPINE_BACK(z) - 20.5, 5.2, 4.2)


def discs(x: Floats, y: Floats, z: Floats) -> Floats:
    """One column that shows between the bodies."""
    wide = 16.0 - z * 0.016
    return superellipse(x, y - SPINE_BACK(z), wide, wide * 0.8)


def _arch() -> Tubes:
    """One vertebra's arch, behind a body with its middle at (0, 0, -3)."""
    spinous = bar([(0, 31, -2), (0, 42, -15)], (3.6, 3.2), (0.0, 0.0, 4.5))
    pedicle = bar([(11, 8, 3), (13, 22, 0)], 3.4, (0.0, 0.0, 3.0))
    lamina = bar([(13, 22, 0), (0, 31, -3)], 3.0, (0.0, 0.0, 6.0))
    joint = bar([(13, 22, -9), (13, 22, 9)], 4.2)
    transverse = bar([(13, 22, 0), (31, 29, 3)], (4.5, 4.0))
    left = joined((pedicle, lamina, joint, transverse))
    return joined((spinous, left, left.mirrored()))


def _rib(number: int, side: int) -> Tubes:
    path = _rib_path(number, side)
    thick = 3.3 + 0.5 * np.sin(np.linspace(0, np.pi, len(path)))
    height = 2.0 if number == 0 else 3.2
    lean = (0.0, 0.0, height) if number else (0.0, 2.2, 1.2)
    head = np.array([side * 19.0, SPINE_BACK(RIB_LEVELS[number]) + 8, path[0, 2] - 3])
    return bar(np.vstack([head, path]), [3.4, *thick], lean)


def _rib_path(number: int, side: int) -> FloatArray:
    """The middle line of a rib, from beside the spine round to the front."""
    share = np.linspace(0, 1, 26)
    turn = 21 + share * (_RIB_END_DEGREES[number] - 21)
    fall = _RIB_FALL[number] * share**1.25
    level = RIB_LEVELS[number] + 7 - fall
    return np.array([_outside(side, *at, 0.0) for at in zip(turn, level, strict=True)])


def _outside(side: int, turn_degrees: float, z: float, out_mm: float) -> FloatArray:
    """A point of the cage; 0 degrees is at the back, 90 at the side, 180 at the front."""
    a, b = float(CAGE_WIDTH(z)) + out_mm, float(CAGE_DEPTH(z)) + out_mm
    s, c = np.sin(np.radians(turn_degrees)), np.cos(np.radians(turn_degrees))
    ray = (abs(s / a) ** SUPERELLIPSE_POWER + abs(c / b) ** SUPERELLIPSE_POWER) ** (
        -1 / SUPERELLIPSE_POWER
    )
    return np.array([side * ray * s, float(CAGE_BACK(z)) + ray * c, z])


def _at_sternum(number: int, side: int) -> FloatArray:
    z = (84.0, 60.0, 40.0, 20.0, 2.0, -16.0, -32.0)[number]
    front = np.interp(z, (-36, 20, 58, 96), (-87, -79, -69, -57))
    return np.array([side * 17.0, front, z])


BODIES = Solid(vertebral_bodies, (-26, -15, -FAR), (26, 85, FAR))
CANAL = Solid(spinal_canal, (-14, 0, -FAR), (14, 100, FAR))
CORD = Solid(spinal_cord, (-14, 0, -FAR), (14, 100, FAR))
DISCS = Solid(discs, (-26, -15, -FAR), (26, 85, FAR))
