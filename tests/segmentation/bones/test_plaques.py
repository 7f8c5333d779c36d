"""Calcified arteries, stones and cartilages in a trunk, on a turned grid of unequal sides."""

from collections.abc import Callable

import numpy as np
import pytest

from vis3d.geometry import Geometry
from vis3d.segmentation import segment
from vis3d.volume import Volume

SHAPE, SPACING = (48, 130, 180), (2.0, 2.0, 2.5)
AORTA = (18.0, -18.0)
"""Its middle (x, y) in mm, where the trunk's is 0; the front of the spine is at 0."""
Places = tuple[np.ndarray, np.ndarray, np.ndarray]


def turned() -> Geometry:
    """A grid of unequal sides, turned by 8 degrees about two axes."""
    c, s = np.cos(np.radians(8)), np.sin(np.radians(8))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array(
        [[1, 0, 0], [0, c, -s], [0, s, c]]
    )
    spacing = (SPACING[1], SPACING[2], SPACING[0])
    shape = (SHAPE[0], SHAPE[1], SHAPE[2])
    middle = np.array([(n - 1) / 2 * mm for n, mm in zip(shape[::-1], spacing, strict=True)])
    origin = turn @ -middle
    return Geometry(shape, spacing, tuple(origin.tolist()), turn)


def places(geometry: Geometry) -> Places:
    k, j, i = np.indices(geometry.shape)
    x, y, z = np.moveaxis(geometry.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    return x, y, z


def away(*mm: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(mm, axis=0))


def shell(x: np.ndarray, y: np.ndarray, thickness_mm: float = 3.0) -> np.ndarray:
    """The wall of the aorta."""
    away = np.hypot(x - AORTA[0], y - AORTA[1])
    return (away < 12) & (away > 12 - thickness_mm)


Drawing = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
PLAQUES: dict[str, Drawing] = {
    "beside the spine": lambda x, y, z: shell(x, y) & (y > AORTA[1] + 6) & (abs(z) < 15),
    "before the aorta": lambda x, y, z: shell(x, y) & (y < AORTA[1] - 4) & (abs(z) < 25),
    "of an artery far off": lambda x, y, z: away(x - 70, y + 10, z - 5) < 5,
}
BONES: dict[str, Drawing] = {
    "spur": lambda x, y, z: (abs(x + 12) < 4) & (y > -16) & (y < 2) & (abs(z - 5) < 4),
    "tip of a rib": lambda x, y, z: away(x - 137, y - 5, z) < 6,
    "chip of a process": lambda x, y, z: away(x - 32, y - 45, z) < 5,
}


def trunk(blood_hu: float = 40.0) -> tuple[np.ndarray, np.ndarray, Places]:
    """The HU and the spine of a trunk with skin, fat, muscle and an aorta."""
    x, y, z = places(turned())
    hu = np.full(x.shape, -1000.0)
    hu[np.hypot(x / 160, y / 110) < 1] = -90
    hu[np.hypot(x / 148, y / 98) < 1] = -20  # as patients have it, no specimen
    hu[np.hypot(x / 143, y / 93) < 1] = 40
    hu[np.hypot(x - AORTA[0], y - AORTA[1]) < 15] = -90
    hu[np.hypot(x - AORTA[0], y - AORTA[1]) < 12] = blood_hu
    spine = (np.hypot(x, y - 20) < 20) | (np.hypot(x, y - 48) < 16)
    spine &= np.hypot(x, y - 48) > 9
    marrow = (np.hypot(x, y - 20) < 16) & spine & (np.hypot(x, y - 48) > 12)
    hu[spine], hu[marrow] = 700, 160
    return hu, spine, (x, y, z)


def bones_of(hu: np.ndarray) -> np.ndarray:
    noisy = hu + np.random.default_rng(3).normal(0, 12, hu.shape)
    volume = Volume(noisy.round().astype(np.int16), turned(), metadata={"modality": "CT"})
    return segment(volume, ["bones"]).mask("bones").array


@pytest.mark.parametrize("blood_hu", [40.0, 160.0, 320.0])
def test_calcium_in_arteries_is_no_bone(blood_hu: float) -> None:
    hu, spine, at = trunk(blood_hu)
    plaques = {name: where(*at) for name, where in PLAQUES.items()}
    for plaque in plaques.values():
        hu[plaque] = 900
    bones = bones_of(hu)
    left = {name: float(np.mean(bones[plaque])) for name, plaque in plaques.items()}
    assert max(left.values()) < 0.1, left
    assert np.count_nonzero(bones & ~spine) < 0.03 * np.count_nonzero(spine)
    assert np.count_nonzero(bones & spine) > 0.97 * np.count_nonzero(spine)


@pytest.mark.parametrize("blood_hu", [40.0, 320.0])
def test_small_bones_stay(blood_hu: float) -> None:
    hu, spine, at = trunk(blood_hu)
    small = {name: where(*at) & ~spine for name, where in BONES.items()}
    for bone in small.values():
        hu[bone] = 700
    bones = bones_of(hu)
    left = {name: float(np.mean(bones[bone])) for name, bone in small.items()}
    assert min(left.values()) > 0.85, left


def test_calcium_that_touches_the_spine_goes_where_contrast_shows_the_vessel() -> None:
    hu, spine, (x, y, z) = trunk(320.0)
    plaque = shell(x, y) & (abs(z) < 20) & (y > AORTA[1])
    bridge = (np.hypot(x - 9, y + 6) < 5) & (abs(z) < 4) & ~spine
    bridge &= np.hypot(x - AORTA[0], y - AORTA[1]) > 12
    hu[plaque | bridge] = 900
    bones = bones_of(hu)
    assert np.count_nonzero(bones & plaque) < 0.3 * np.count_nonzero(plaque)
    assert np.count_nonzero(bones & spine) > 0.97 * np.count_nonzero(spine)
