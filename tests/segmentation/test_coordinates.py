"""Coordinates that lie: the patient turned by half in the file, not in the scanner."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vis3d.files import load_volume
from vis3d.labels import Check
from vis3d.phantom import Phantom, chest_phantom
from vis3d.segmentation import segment
from vis3d.volume import Volume

TURNED = {
    "half round the long axis": ((-1, -1, 1), "the spine lies in front of the lungs:"),
    "feet for head": ((-1, 1, -1), "the trachea leads down from the lungs:"),
    "both": ((1, -1, -1), "in front of the lungs and the trachea leads down from the lungs:"),
}
"""How x, y and z of the file are exchanged, and what is said of it."""


@cache
def oblique_chest() -> Phantom:
    direction = Rotation.from_euler("zx", (12, 8), degrees=True).as_matrix()
    return chest_phantom(shape=(80, 130, 150), spacing=(2.6, 2.4, 4.0), direction=direction)


def said_of(volume: Volume) -> Check:
    checks = segment(volume, ["lungs"]).report.checks
    (check,) = (check for check in checks if check.code == "coordinates")
    return check


def exchanged(volume: Volume, signs: tuple[int, ...]) -> Volume:
    """The volume with the coordinates of a patient who lay otherwise."""
    geometry = volume.geometry
    turn = np.diag(signs)
    direction, origin = turn @ geometry.direction, tuple(turn @ geometry.origin)
    return replace(volume, geometry=replace(geometry, direction=direction, origin=origin))


def test_a_chest_that_lies_as_its_coordinates_say_passes() -> None:
    assert said_of(oblique_chest().volume).ok


@pytest.mark.parametrize(("signs", "message"), TURNED.values(), ids=TURNED)
def test_wrong_coordinates_are_told(signs: tuple[int, ...], message: str) -> None:
    check = said_of(exchanged(oblique_chest().volume, signs))
    assert not check.ok
    assert message in check.message


def test_gas_below_the_lungs_is_no_trachea() -> None:
    phantom, geometry = oblique_chest(), oblique_chest().volume.geometry
    airways, lungs = (phantom.labels.mask(name).array for name in ("airways", "lungs"))
    voxels = np.moveaxis(np.indices(geometry.shape), 0, -1)[..., ::-1]
    x, y, z = np.moveaxis(geometry.to_lps(voxels), -1, 0)
    low, height = z[lungs].min(), np.ptp(z[lungs])
    where = (np.hypot(x, y) < 10) & (abs(z - low - height / 8) < 14) & ~lungs
    array = phantom.volume.array.copy()
    array[airways] = 40
    array[where] = -900
    assert said_of(phantom.volume.with_array(array)).ok


def bright_hearted(lime: float) -> Volume:
    """The chest with a heart full of contrast, and bones with so much of their lime."""
    phantom, geometry = oblique_chest(), oblique_chest().volume.geometry
    masks = {name: phantom.labels.mask(name).array for name in ("lungs", "bones", "body")}
    voxels = np.moveaxis(np.indices(geometry.shape), 0, -1)[..., ::-1]
    middle = geometry.to_lps(voxels[masks["lungs"]].mean(axis=0))
    apart_mm = np.linalg.norm(geometry.to_lps(voxels) - middle - (0, -40, -20), axis=-1)
    heart = (apart_mm < 70) & masks["body"] & ~masks["lungs"] & ~masks["bones"]
    array = phantom.volume.array.copy()
    array[heart] = 500
    array[masks["bones"]] = lime * array[masks["bones"]]
    return phantom.volume.with_array(array)


def test_a_bright_heart_before_a_spine_without_lime_is_no_sign() -> None:
    assert said_of(bright_hearted(lime=0.25)).ok


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, -1, 1), (1, -1, -1)])
def test_beside_a_bright_heart_the_spinal_canal_shows_the_back(signs: tuple[int, ...]) -> None:
    check = said_of(exchanged(bright_hearted(lime=1.0), signs))
    assert ("the spine lies in front" in check.message) == (signs[1] < 0)


@pytest.mark.real
@pytest.mark.parametrize("turn", [None, *TURNED])
def test_a_real_chest_says_when_its_coordinates_lie(real_data: Path, turn: str | None) -> None:
    volume = load_volume(real_data / "cip_small_chest" / "ct-64.nrrd", unit="HU")
    if turn is None:
        assert said_of(volume).ok
        return
    signs, message = TURNED[turn]
    check = said_of(exchanged(volume, signs))
    assert not check.ok
    assert message in check.message
