"""Bowel full of contrast beside bones, on a slanting grid of unequal sides."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from vis3d.geometry import Geometry
from vis3d.segmentation import segment
from vis3d.segmentation.bones.bowel import bowel_with_contrast, trunk_below_lungs
from vis3d.volume import Volume

SHAPE, SPACING = (44, 100, 130), (3.0, 2.1, 2.4)
"""Voxels (k, j, i) of unequal sides in mm, as of a trunk."""
Arrays = dict[str, np.ndarray]


def mm(at: tuple[float, float, float]) -> tuple[np.ndarray, ...]:
    """How far each voxel lies from a place along axes that lie askew to the grid, in mm."""
    k, j, i = np.indices(SHAPE) * np.reshape(SPACING, (3, 1, 1, 1))
    z, y, x = (p - a for p, a in zip((k, j, i), at, strict=True))
    return z - 0.2 * y + 0.1 * x, y + 0.2 * z, x - 0.1 * z


def pelvis(bowel_hu: float = 420.0, mottled_hu: float = 80.0) -> Arrays:
    """A hip whose marrow is as dense as cartilage, and bowel that touches it, in a trunk."""
    random = np.random.default_rng(4)
    z, y, x = mm((66.0, 105.0, 156.0))
    body = (x / 150) ** 2 + (y / 98) ** 2 < 1
    hip = np.sqrt(z**2 + y**2 + (x - 62) ** 2)
    loop = (np.hypot(y + 20, x - 16) < 18) & (np.abs(z) < 52)
    hu = np.where(body, 40.0, -1000.0)
    texture = gaussian_filter(random.normal(size=SHAPE), 1.5)
    hu[loop] = np.maximum(bowel_hu + mottled_hu * (texture / texture.std())[loop], 40)
    hu[hip < 34] = 850
    hu[hip < 30] = 230
    hu = gaussian_filter(hu, 0.4) + random.normal(0, 12, SHAPE)
    bone = hip < 34
    return {
        "hu": hu.astype(np.int16),
        "body": body,
        "bone": bone,
        "loop": loop & ~bone,
        "dense": (hu > 130) & (loop | bone),
        "nothing": np.zeros(SHAPE, bool),
    }


def bowel_in(scan: Arrays, lungs: str = "nothing", canal: str = "nothing") -> np.ndarray:
    trunk = trunk_below_lungs(scan["body"], scan[lungs], SPACING)
    return bowel_with_contrast(scan["dense"], scan["hu"], trunk, scan[canal], SPACING)


@pytest.mark.parametrize("mottled_hu", [0.0, 60.0, 110.0])
@pytest.mark.parametrize("bowel_hu", [300.0, 420.0, 700.0])
def test_bowel_that_touches_a_hip_is_told_from_it_without_gas(
    bowel_hu: float, mottled_hu: float
) -> None:
    scan = pelvis(bowel_hu, mottled_hu)
    found = bowel_in(scan)
    assert np.mean(found[scan["loop"] & scan["dense"]]) > 0.75
    assert np.mean(found[scan["bone"]]) < 0.02


def test_a_hip_alone_is_no_bowel() -> None:
    scan = pelvis()
    scan["dense"] = scan["bone"]
    assert not bowel_in(scan).any()


def test_a_dense_place_in_a_bone_is_no_bowel() -> None:
    scan = pelvis()
    z, _, x = mm((66.0, 105.0, 156.0))
    scan["dense"] = scan["bone"]
    scan["hu"][scan["bone"] & (np.hypot(x - 62, z) < 16)] = 900
    assert not bowel_in(scan).any()


def test_a_small_dense_place_alone_is_no_bowel() -> None:
    scan = pelvis()
    z, _, _ = mm((66.0, 105.0, 156.0))
    scan["dense"] = scan["loop"] & (np.abs(z) < 10)
    assert not bowel_in(scan).any()


def test_a_bone_gone_solid_is_no_bowel() -> None:
    scan = pelvis(bowel_hu=1000.0)
    assert not bowel_in(scan).any()


def test_a_vertebra_as_even_as_contrast_is_no_bowel() -> None:
    scan = pelvis()
    _, y, x = mm((66.0, 105.0, 156.0))
    scan["canal"] = np.hypot(y - 8, x - 16) < 8
    assert bowel_in(scan).any()
    assert not bowel_in(scan, canal="canal").any()


def test_a_limb_full_of_cement_is_no_bowel() -> None:
    scan = pelvis()
    assert bowel_in(scan).any()
    scan["body"] = scan["loop"] | scan["bone"]
    assert not bowel_in(scan).any()


@pytest.mark.parametrize(("heights", "found"), [((0, 6), False), ((40, 44), True)])
def test_nothing_above_the_middle_of_the_lungs_is_bowel(
    heights: tuple[int, int], *, found: bool
) -> None:
    scan = pelvis()
    scan["lungs"] = np.zeros(SHAPE, bool)
    scan["lungs"][slice(*heights), 60, 5] = True
    assert bowel_in(scan, lungs="lungs").any() == found


def test_marrow_is_filled_without_bowel_and_the_hip_beside_it_stays_whole() -> None:
    random = np.random.default_rng(9)
    shape, spacing = (60, 150, 180), (1.9, 2.2, 3.0)
    c, s = np.cos(0.25), np.sin(0.25)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ [[1, 0, 0], [0, c, -s], [0, s, c]]
    origin = -turn @ (np.array(shape[::-1]) * spacing / 2)
    geometry = Geometry(shape, spacing, tuple(origin.tolist()), turn)
    places = np.moveaxis(np.indices(shape)[::-1], 0, -1)
    x, y, z = np.moveaxis(geometry.to_lps(places), -1, 0)
    hip = np.sqrt((x - 62) ** 2 + (y - 10) ** 2 + z**2)
    loop = (np.hypot(x - 20, y + 10) < 21) & (np.abs(z) < 60)
    skin = (x / 150) ** 2 + (y / 105) ** 2
    hu = np.select([skin > 1, skin > 0.8, skin > 0.7], [-1000.0, -100.0, -20.0], 45.0)
    texture = gaussian_filter(random.normal(size=shape), 1.5)
    hu[loop] = np.maximum(420 + 110 * texture[loop] / texture.std(), 40)
    hu[hip < 28] = 900
    hu[hip < 24] = -60  # no cord: this is no spinal canal
    hu = gaussian_filter(hu, 0.35) + random.normal(0, 12, shape)
    scan = Volume(hu.round().astype(np.int16), geometry, metadata={"modality": "CT"})
    bones = segment(scan, ["bones"]).mask("bones").array
    assert np.mean(bones[hip < 27]) > 0.97
    assert np.mean(bones[loop & (hip > 30)]) < 0.1
