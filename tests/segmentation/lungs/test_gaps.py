"""Nodules that fill a sheet of lung from one pleura to the other."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vis3d.segmentation.lungs.gaps import nodules_in_gaps
from vis3d.segmentation.lungs.nodules import REACH_MM
from vis3d.segmentation.voxels.enclosure import walls_around

Bools = NDArray[np.bool_]
SHAPE, MM = (40, 58, 54), (2.5, 1.8, 1.9)
STEPS = np.moveaxis(np.indices(SHAPE), 0, -1) * MM - np.array([48.5, 51.3, 50.4])
ACROSS = np.array([0.35, 0.5, 0.792]) / np.linalg.norm([0.35, 0.5, 0.792])
ALONG = np.array([0.9, -0.6, -0.019]) / np.linalg.norm([0.9, -0.6, -0.019])
DEPTH_MM = STEPS @ ACROSS
"""How far a voxel lies from the middle of a slanting sheet."""
SHEET = (np.abs(DEPTH_MM) < 4.5) & (np.linalg.norm(STEPS, axis=-1) < 46)
RECESS = SHEET & (STEPS @ ALONG > -11)
"""The same, with an end near the middle."""
TONGUES = (
    (np.abs(DEPTH_MM) < 4) & (np.abs(STEPS @ ALONG) > 6) & (np.linalg.norm(STEPS, axis=-1) < 46)
)
TONGUES &= np.abs(STEPS @ np.cross(ACROSS, ALONG)) < 10 * np.linalg.norm(
    np.cross(ACROSS, ALONG)
)
"""Two narrow tips of a lung that point at each other."""
FLAT = (DEPTH_MM < 6) & (np.linalg.norm(STEPS, axis=-1) < 46)
"""A whole lung on one side."""


def ball(radius_mm: float, depth_mm: float = 0.0) -> Bools:
    return np.asarray(((STEPS - depth_mm * ACROSS) ** 2).sum(axis=-1) < radius_mm**2)


def found(solid: Bools, lung: Bools = SHEET, solid_hu: float = 35, sd_hu: float = 10) -> Bools:
    noise = np.random.default_rng(1).normal(size=SHAPE)
    hu = np.where(lung, -850, 40) + 10 * noise
    hu[solid] = solid_hu + sd_hu * noise[solid]
    whole = np.rint(hu).astype(np.int16)
    airy = lung & ~solid
    around, lines = walls_around(airy, REACH_MM, MM)
    return nodules_in_gaps(airy, whole > -400, whole, around, lines, MM)


@pytest.mark.parametrize("lung", [SHEET, RECESS], ids=["sheet", "end of a recess"])
@pytest.mark.parametrize("radius_mm", [11.0, 12.5])
def test_a_nodule_that_fills_a_sheet_of_lung_is_found(lung: Bools, radius_mm: float) -> None:
    nodule = ball(radius_mm) & lung
    answer = found(nodule, lung)
    assert np.count_nonzero(answer & nodule) > 0.6 * np.count_nonzero(nodule)
    assert np.count_nonzero(answer & ~lung) < 0.4 * np.count_nonzero(nodule)


def test_a_sheet_without_a_gap_has_no_nodule() -> None:
    nothing = np.zeros(SHAPE, bool)
    assert not found(nothing).any()
    assert not found(nothing, RECESS).any()


def test_fat_and_what_is_uneven_fill_no_gap() -> None:
    nodule = ball(11) & SHEET
    assert not found(nodule, solid_hu=-100).any()
    assert not found(nodule, sd_hu=90).any()


def test_a_dent_in_a_lung_is_no_gap() -> None:
    assert not found(ball(10, 10) & FLAT, FLAT).any()


def test_what_parts_two_narrow_tips_of_a_lung_is_no_nodule() -> None:
    assert not found(np.zeros(SHAPE, bool), TONGUES).any()


def test_a_band_across_a_sheet_is_no_nodule() -> None:
    away = STEPS @ np.cross(ACROSS, ALONG) / np.linalg.norm(np.cross(ACROSS, ALONG))
    assert not found((np.abs(away) < 6) & SHEET).any()
