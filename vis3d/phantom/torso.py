"""Trunk, rib cage, lungs, heart and what lies under the diaphragm, as implicit functions.

The carina is near z = 32 mm, the diaphragm near z = -65 mm, the lungs end at z = 125 mm.
"""

from functools import partial

import numpy as np

from vis3d.phantom.canvas import Solid
from vis3d.phantom.fields import (
    Field,
    Floats,
    both,
    either,
    ellipsoid,
    profile,
    superellipse,
    without,
)

FAR = 1e4
"""Beyond any grid, mm."""

_SKIN_WIDTH = profile(
    (-160, 152), (-60, 160), (20, 168), (80, 176), (125, 174), (150, 140), (172, 95)
)
_SKIN_DEPTH = profile(
    (-160, 106), (-60, 113), (20, 111), (80, 102), (125, 88), (150, 80), (172, 72)
)
CAGE_WIDTH = profile(
    (-170, 128), (-60, 137), (0, 131), (50, 117), (80, 100), (105, 76), (130, 52)
)
CAGE_DEPTH = profile((-170, 84), (-60, 89), (0, 88), (50, 82), (80, 74), (105, 64), (130, 52))
CAGE_BACK = profile((-160, 0), (-60, -2), (0, 0), (60, 5), (100, 12), (130, 16))
"""Half the width and depth of the surface that the ribs run on, and how far back its middle
lies, by height: all in mm."""

SPINE_BACK = profile(
    (-180, 48), (-120, 51), (-30, 57), (40, 57), (100, 47), (128, 37), (150, 24), (180, 14)
)
"""How far back the middles of the vertebral bodies lie, by height, mm."""

_AORTA_LEFT = profile((-180, 6), (-100, 14), (0, 24), (50, 27))

MUSCLE_DEPTH_MM = 17.0
"""From the skin to the muscles, at its thinnest parts about two thirds of that."""

PLEURA_MM = 8.0
"""From the ribs' middle surface to the lung."""


def skin(x: Floats, y: Floats, z: Floats, fat_mm: float = 0.0) -> Floats:
    """The trunk, or what lies under `fat_mm` of skin and fat (more of it at the flanks)."""
    groove = np.where(y > 0, 4 * np.exp(-((x / 16) ** 2)), 0)
    a = _SKIN_WIDTH(z) - 1.2 * fat_mm
    b = _SKIN_DEPTH(z) - 0.7 * fat_mm
    return superellipse(x, y, a, b) + groove


def cage(x: Floats, y: Floats, z: Floats, out_mm: float = 0.0) -> Floats:
    """The surface that the ribs run on, or one `out_mm` further out."""
    return superellipse(x, y - CAGE_BACK(z), CAGE_WIDTH(z) + out_mm, CAGE_DEPTH(z) + out_mm)


def chest(x: Floats, y: Floats, z: Floats) -> Floats:
    """What the ribs and the muscles between them enclose."""
    return both(cage(x, y, z, 2 - PLEURA_MM), skin(x, y, z, MUSCLE_DEPTH_MM))


def chest_wall_fat(x: Floats, y: Floats, z: Floats) -> Floats:
    """A sheet of fat between the muscles on the ribs and those outside of them."""
    sheet = np.abs(cage(x, y, z, 9)) - 1.5
    return both(sheet, skin(x, y, z, MUSCLE_DEPTH_MM))


def diaphragm(x: Floats, y: Floats, z: Floats, side: int) -> Floats:
    """What lies under one dome; `side` is +1 at the left, where it stands lower."""
    top = -58.0 if side < 0 else -70.0
    fall = ((x - side * 60) / 78) ** 2 * 34 + ((y + 18) / 85) ** 2 * 42
    under: Floats = (z - top + fall) * 0.75
    return under


def under_diaphragm(x: Floats, y: Floats, z: Floats) -> Floats:
    """The abdomen: inside the cage and under either dome."""
    domes = either(diaphragm(x, y, z, -1), diaphragm(x, y, z, +1), 14)
    return both(domes, cage(x, y, z, -PLEURA_MM), 4)


def heart(x: Floats, y: Floats, z: Floats) -> Floats:
    """The heart, its long axis pointing left, to the front and down."""
    axes = ((0.72, -0.47, -0.51), (0.55, 0.835, 0.0), (-0.426, 0.28, -0.86))
    u, v, w = (a * (x - 20) + b * (y + 27) + c * (z + 45) for a, b, c in axes)
    return ellipsoid(u, v, w, (0, 0, 0), (66, 46, 48))


def descending_aorta(x: Floats, y: Floats, z: Floats) -> Floats:
    """Left of the spine, from the arch down."""
    ray = np.sqrt((x - _AORTA_LEFT(z)) ** 2 + (y - SPINE_BACK(z) + 20) ** 2)
    return np.maximum(ray - 12.5, z - 50)


def column(x: Floats, y: Floats, z: Floats) -> Floats:
    """What the spine keeps free of lung."""
    return superellipse(x, y - SPINE_BACK(z) - 6, 21, 26)


def lung(x: Floats, y: Floats, z: Floats, side: int) -> Floats:
    """One lung with all that it holds; `side` is +1 at the patient's left."""
    apex = ellipsoid(x, y, z, (side * 55.0, 10.0, -45.0), (86.0, 110.0, 170.0))
    chest = both(cage(x, y, z, -PLEURA_MM), apex, 10)
    chest = both(chest, _mediastinum_mm(y, z, side) - side * x, 10)
    chest = without(chest, diaphragm(x, y, z, side), 7)
    chest = without(chest, heart(x, y, z) - 6, 6)
    chest = without(chest, column(x, y, z), 4)
    return without(chest, descending_aorta(x, y, z) - 3, 4) if side > 0 else chest


def _mediastinum_mm(y: Floats, z: Floats, side: int) -> Floats:
    """How far the mediastinum reaches to one side; at the left the arch bulges."""
    center, half, wide, narrow = (6, 36, 21, 7) if side > 0 else (-2, 34, 24, 6)
    reach: Floats = narrow + wide * np.exp(-(((y - center) / half) ** 2))
    if side > 0:
        reach = reach + 12 * np.exp(-(((z - 52) / 20) ** 2) - ((y - 10) / 45) ** 2)
    return reach


def table(x: Floats, y: Floats, z: Floats) -> Floats:
    """The table top: a curved board between two arcs, as long as any grid."""
    above = 452 - np.sqrt(x**2 + (y + 328) ** 2)
    below = np.sqrt(x**2 + (y + 240) ** 2) - 396
    return both(both(above, below, 6), np.abs(x) - 178, 10)


def mattress(x: Floats, y: Floats, z: Floats) -> Floats:
    """Foam between the table and the patient."""
    ray = np.sqrt(x**2 + (y + 328) ** 2)
    return both(np.abs(ray - 440) - 10, np.abs(x) - 165, 6)


def _whole(field: Field, steepness: float = 1.6) -> Solid:
    return Solid(field, (-FAR, -FAR, -FAR), (FAR, FAR, FAR), steepness)


def _ball(x: float, y: float, z: float, a: float, b: float, c: float) -> Solid:
    """An ellipsoid at (x, y, z) with radii (a, b, c)."""
    field = partial(ellipsoid, center=(x, y, z), radii=(a, b, c))
    return Solid(field, (x - a - 4, y - b - 4, z - c - 4), (x + a + 4, y + b + 4, z + c + 4))


def _in_abdomen(solid: Solid) -> Solid:
    """The part of an organ that lies 4 mm under the diaphragm's surface."""

    def field(x: Floats, y: Floats, z: Floats) -> Floats:
        return both(solid.field(x, y, z), under_diaphragm(x, y, z) + 4, 3)

    return Solid(field, solid.low, solid.high)


def _gas(x: Floats, y: Floats, z: Floats) -> Floats:
    """The bubble at the front of the stomach of a patient lying on the back."""
    return both(ellipsoid(x, y, z, (52, -22, -122), (34, 36, 28)), y + 34)


SKIN = _whole(skin, 3.0)
FAT = _whole(partial(skin, fat_mm=2.5), 3.0)
MUSCLE = _whole(partial(skin, fat_mm=MUSCLE_DEPTH_MM), 3.0)
CHEST_WALL_FAT = _whole(chest_wall_fat, 3.0)
CHEST = _whole(chest, 3.0)
ABDOMEN = _whole(under_diaphragm)
ABDOMEN_FAT = _whole(lambda x, y, z: under_diaphragm(x, y, z) + 4)
LIVER = _in_abdomen(_ball(-52, -8, -120, 92, 82, 66))
SPLEEN = _in_abdomen(_ball(84, 40, -118, 34, 38, 42))
STOMACH = _in_abdomen(_ball(52, -22, -122, 40, 42, 34))
STOMACH_GAS = Solid(_gas, (14, -62, -154), (90, -30, -90))
RIGHT_LUNG = Solid(partial(lung, side=-1), (-140, -100, -165), (0, 110, 130))
LEFT_LUNG = Solid(partial(lung, side=+1), (0, -100, -165), (140, 110, 130))
PERICARDIUM = Solid(lambda x, y, z: heart(x, y, z) - 4, (-60, -100, -115), (100, 45, 25))
HEART = Solid(heart, (-60, -100, -115), (100, 45, 25))
LEFT_ATRIUM = _ball(4, 14, -18, 36, 19, 24)
AORTA = Solid(descending_aorta, (-20, 0, -FAR), (60, 80, 60))
TABLE = Solid(table, (-190, 0, -FAR), (190, 200, FAR))
MATTRESS = Solid(mattress, (-190, 0, -FAR), (190, 200, FAR))
