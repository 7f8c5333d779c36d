"""Tissue where the other side has lung: said of collapse, not of patients who lie turned."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.ndimage import binary_erosion
from scipy.spatial.transform import Rotation

from vis3d.labels import Check
from vis3d.phantom import Phantom, chest_phantom
from vis3d.segmentation import segment
from vis3d.volume import Volume

POSES = {
    "turned": ("z", 25),
    "turned back": ("z", -20),
    "bent": ("y", 15),
    "both": ("zy", (22, -10)),
}
"""How a patient lies in the scanner: about which axes, and by how many degrees."""


@cache
def phantom(degrees: float = 12.0) -> Phantom:
    return on_a_grid("zx", (degrees, 8.0))


@cache
def on_a_grid(axes: str, degrees: tuple[float, ...]) -> Phantom:
    direction = Rotation.from_euler(axes, degrees, degrees=True).as_matrix()
    return chest_phantom(shape=(80, 140, 160), spacing=(2.5, 2.3, 4.0), direction=direction)


def lying(volume: Volume, pose: str) -> Volume:
    """The volume of a patient who lies otherwise."""
    turn = Rotation.from_euler(*POSES[pose], degrees=True).as_matrix()
    geometry = volume.geometry
    direction, origin = turn @ geometry.direction, tuple(turn @ geometry.origin)
    return replace(volume, geometry=replace(geometry, direction=direction, origin=origin))


def without_air_behind(found: Phantom) -> Volume:
    """A third of the right lung, low and behind, is as dense as blood."""
    return without_air(found, "right lung", 0.0)


def with_a_raised_dome(found: Phantom) -> Volume:
    """As much of the left lung is dense, but for 15 mm of lung behind it."""
    return without_air(found, "left lung", 15.0)


def without_air(found: Phantom, side: str, behind_mm: float) -> Volume:
    lung = found.labels.mask(side).array
    geometry = found.volume.geometry
    voxels = np.moveaxis(np.indices(geometry.shape), 0, -1)[..., ::-1]
    _, y, z = np.moveaxis(geometry.to_lps(voxels), -1, 0)
    lobe = lung & (y > np.median(y[lung])) & (z < np.quantile(z[lung], 0.7))
    rows = round(behind_mm / geometry.spacing[1])
    behind = np.ones((1, rows + 1, 1), bool)
    array = found.volume.array.copy()
    array[lobe & binary_erosion(lung, behind, origin=(0, rows // -2, 0))] = 40
    return found.volume.with_array(array)


def said_of(volume: Volume) -> Check:
    checks = segment(volume, ["lungs"]).report.checks
    (check,) = (check for check in checks if check.code == "other-side")
    return check


@pytest.mark.parametrize("nodding", [8.0, -20.0])
def test_what_lies_behind_is_asked_along_the_patients_back(nodding: float) -> None:
    found = on_a_grid("zxy", (30.0, nodding, -15.0))
    lung, geometry = found.labels.mask("right lung").array, found.volume.geometry
    voxels = np.moveaxis(np.indices(geometry.shape), 0, -1)[..., ::-1]
    _, y, z = np.moveaxis(geometry.to_lps(voxels), -1, 0)
    low, high = np.quantile(z[lung], (0.2, 0.45))
    array = found.volume.array.copy()
    # rows of the grid lead up from there into healthy lung
    array[lung & (y > np.median(y[lung])) & (z > low) & (z < high)] = 40
    check = said_of(found.volume.with_array(array))
    assert not check.ok
    assert "on the right" in check.message


@pytest.mark.parametrize("degrees", [12.0, 42.0, -38.0])
def test_an_oblique_grid_is_no_sign_of_collapse(degrees: float) -> None:
    assert said_of(phantom(degrees).volume).ok


@pytest.mark.parametrize("pose", POSES)
def test_a_patient_who_lies_turned_is_no_sign_of_collapse(pose: str) -> None:
    assert said_of(lying(phantom().volume, pose)).ok


@pytest.mark.parametrize("pose", POSES)
def test_a_dome_with_lung_behind_is_no_sign_of_collapse(pose: str) -> None:
    assert said_of(lying(with_a_raised_dome(phantom()), pose)).ok


@pytest.mark.parametrize("pose", POSES)
def test_a_lobe_without_air_is_said_however_the_patient_lies(pose: str) -> None:
    check = said_of(lying(without_air_behind(phantom()), pose))
    assert not check.ok
    assert "on the right" in check.message
