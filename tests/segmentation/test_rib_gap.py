"""Tissue between a lung and the ribs behind it: collapsed lung that the mask lacks."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from vis3d.geometry import Geometry
from vis3d.labels import Check
from vis3d.phantom import Phantom, chest_phantom
from vis3d.segmentation import segment
from vis3d.volume import Volume

TURNS = {
    "as usual": (0.0, 0.0, 0.0),
    "oblique": (14.0, 9.0, 0.0),
    "turned": (-24.0, 0.0, 0.0),
    "askew": (30.0, 20.0, -15.0),
}
"""How the grid is turned, about the long axis, from side to side, and nodding."""
SIDES = ("left lung", "right lung")


@cache
def phantom(turn: str) -> Phantom:
    direction = Rotation.from_euler("zxy", TURNS[turn], degrees=True).as_matrix()
    return chest_phantom(shape=(80, 140, 160), spacing=(2.5, 2.3, 4.0), direction=direction)


def y_of(geometry: Geometry) -> NDArray[np.float64]:
    """How far behind every voxel [k, j, i] lies."""
    voxels = np.moveaxis(np.indices(geometry.shape), 0, -1)[..., ::-1]
    return np.asarray(geometry.to_lps(voxels)[..., 1])


def layered(
    found: Phantom, hu: int, names: tuple[str, ...] = SIDES, mm: float = 7.0
) -> tuple[Volume, float]:
    """The hindmost mm of lungs filled with something, and its ml."""
    array, geometry = found.volume.array.copy(), found.volume.geometry
    layer = np.zeros(array.shape, bool)
    y = y_of(geometry)
    for name in names:
        lung = found.labels.mask(name).array
        deep = np.zeros_like(lung)
        steps = (np.linalg.inv(geometry.affine[:3, :3]) @ (0, mm, 0))[::-1]
        k, j, i = np.nonzero(lung)
        ahead = [
            np.rint(at + step).astype(int) for at, step in zip((k, j, i), steps, strict=True)
        ]
        inside = np.all([(a >= 0) & (a < n) for a, n in zip(ahead, lung.shape, strict=True)], 0)
        still = np.zeros(len(k), bool)
        still[inside] = lung[tuple(a[inside] for a in ahead)]
        deep[k[still], j[still], i[still]] = True
        layer |= lung & ~deep & (y > np.median(y[lung]))
    noise = np.random.default_rng(3).normal(0, 15, np.count_nonzero(layer))
    array[layer] = np.rint(hu + noise)
    ml = float(np.count_nonzero(layer)) * geometry.voxel_ml
    return found.volume.with_array(array), ml


def said_of(volume: Volume) -> Check:
    checks = segment(volume, ["lungs"]).report.checks
    (check,) = (check for check in checks if check.code == "rib-gap")
    return check


@pytest.mark.parametrize("turn", TURNS)
def test_healthy_lungs_reach_the_ribs(turn: str) -> None:
    check = said_of(phantom(turn).volume)
    assert check.ok
    assert "reach the ribs" in check.message


@pytest.mark.parametrize("mm", [5.0, 7.0])
@pytest.mark.parametrize("turn", TURNS)
def test_a_thin_layer_of_collapsed_lung_behind_is_said(turn: str, mm: float) -> None:
    volume, ml = layered(phantom(turn), 40, mm=mm)
    check = said_of(volume)
    assert not check.ok
    assert "behind the left lung" in check.message
    assert "behind the right lung" in check.message
    words = check.message.split()
    said_ml = sum(float(words[n - 1]) for n, word in enumerate(words) if word == "ml")
    assert 0.2 * ml < said_ml < ml


def test_only_the_side_that_lacks_lung_is_named() -> None:
    volume, _ = layered(phantom("oblique"), 40, ("right lung",))
    message = said_of(volume).message
    assert "behind the right lung" in message
    assert "left" not in message


@pytest.mark.parametrize("turn", TURNS)
def test_fat_between_lung_and_ribs_is_no_collapse(turn: str) -> None:
    assert said_of(layered(phantom(turn), -100)[0]).ok


def test_without_ribs_nothing_is_claimed() -> None:
    found = phantom("oblique")
    array = found.volume.array.copy()
    np.minimum(array, 120, out=array)
    check = said_of(found.volume.with_array(array))
    assert check.ok
    assert check.message == "Hardly any ribs are seen behind the lungs."
