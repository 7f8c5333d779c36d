"""What is denser than skin and has no skin over it is no body: casts, boards, holders."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.segmentation.simple_chest import chest, dice
from vis3d.geometry import Geometry
from vis3d.segmentation import segment
from vis3d.volume import Volume


def oblique(spacing_mm: tuple[float, float, float] = (1.1, 1.3, 3.1)) -> Geometry:
    """A slanting anisotropic grid over a length of the chest; 400 x 280 x 75 mm."""
    turn = np.eye(3)
    for (a, b), degrees in (((0, 1), 14.0), ((1, 2), -9.0), ((0, 2), 6.0)):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        one = np.eye(3)
        one[a, a], one[a, b], one[b, a], one[b, b] = c, -s, s, c
        turn = turn @ one
    shape = (24, int(290 / spacing_mm[1]), int(400 / spacing_mm[0]))
    middle = np.array(shape[::-1]) * spacing_mm / 2
    x, y, z = (-turn @ middle).tolist()
    return Geometry(shape, spacing_mm, (x, y, z), turn)


def patient(
    geometry: Geometry, *, lungs: bool = True
) -> tuple[NDArray[np.int16], NDArray[np.uint8], NDArray[np.float64]]:
    """The chest without a table, its labels, and where its voxels lie: x, y, z in LPS mm."""
    volume, truth = chest(geometry, lungs=lungs, table=False)
    k, j, i = np.indices(geometry.shape)
    lps = geometry.to_lps(np.stack([i, j, k], axis=-1))
    return volume.array.astype(np.int16), truth, np.moveaxis(lps, -1, 0)


def outside_skin_mm(xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """About how far from the skin each voxel lies."""
    x, y, _ = xyz
    share = np.hypot(x / 170, y / 105)
    return (1 - 1 / np.maximum(share, 0.1)) * np.hypot(x, y)


@pytest.mark.parametrize("thing", ["cast", "strip", "board", "side"])
def test_a_dense_thing_on_the_skin_is_neither_body_nor_bone(thing: str) -> None:
    geometry = oblique()
    array, truth, xyz = patient(geometry)
    x, y, _ = xyz
    where = {
        "cast": outside_skin_mm(xyz) < 8,
        "strip": (np.abs(x - 20) < 15) & (y < 108),
        "board": (y > 100) & (y < 105),
        "side": (x > 160) & (x < 165) & (y > -60),
    }[thing] & (truth == 0)
    array[where] = 350
    labels = segment(Volume(array, geometry), ["bones", "body"])
    body = labels.mask("body").array
    assert not labels.mask("bones").array[where].any()
    assert np.mean(body[where]) < 0.05
    assert dice(body, truth > 0) > 0.995


def test_bone_under_thin_skin_and_bone_that_the_scan_cuts_are_body() -> None:
    geometry = oblique()
    array, truth, xyz = patient(geometry, lungs=False)
    depth = -outside_skin_mm(xyz)
    shin = (depth > 2.5) & (depth < 9) & (truth > 0)
    array[shin] = 700
    array[:, :, :150] = -2000
    labels = segment(Volume(array, geometry, padding=-2000.0), ["body"])
    body, seen = labels.mask("body").array, array > -2000
    assert dice(body, (truth > 0) & seen) > 0.99
    assert np.mean(body[shin & seen]) > 0.99


def test_a_dry_bone_is_a_body_by_itself() -> None:
    geometry = oblique((2.0, 2.3, 3.1))
    _, _, xyz = patient(geometry)
    away = np.linalg.norm(xyz / np.array([1.0, 0.7, 3.0])[:, None, None, None], axis=0)
    bone = (away < 45) & (away > 30)
    array = np.where(bone, 600, -1000).astype(np.int16)
    body = segment(Volume(array, geometry), ["body"]).mask("body").array
    assert np.mean(body[bone]) > 0.9
