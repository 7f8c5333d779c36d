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
FLAT = (DEPTH_MM < 6) & (np.linalg.norm(STEPS, axis=-1) < 46)
"""A whole lung on one side."""


def ball(radius_mm: float, depth_mm: float = 0.0) -> Bools:
    return np.asarray(((STEPS - depth_mm * ACROSS) ** 2).sum(axis=-1) < radius_mm**2)


def tongues(apart_mm: float, wide_mm: float) -> Bools:
    """Two narrow tips of a lung that point at each other."""
    aside = np.cross(ACROSS, ALONG) / np.linalg.norm(np.cross(ACROSS, ALONG))
    tips = (np.abs(DEPTH_MM) < 4) & (np.abs(STEPS @ ALONG) > apart_mm / 2)
    tips &= np.abs(STEPS @ aside) < wide_mm / 2
    return np.asarray(tips & (np.linalg.norm(STEPS, axis=-1) < 46))


def found(
    solid: Bools,
    lung: Bools = SHEET,
    solid_hu: float = 35,
    sd_hu: float = 10,
    bronchus: Bools | None = None,
) -> Bools:
    noise = np.random.default_rng(1).normal(size=SHAPE)
    hu = np.where(lung, -850, 40) + 10 * noise
    hu[solid] = solid_hu + sd_hu * noise[solid]
    if bronchus is not None:
        hu[bronchus] = -1000
    whole = np.rint(hu).astype(np.int16)
    airy = lung & ~solid
    around, lines = walls_around(airy, REACH_MM, MM)
    return nodules_in_gaps(airy, whole > -400, whole, around, lines, MM)


@pytest.mark.parametrize(
    ("lung", "radius_mm"),
    [(SHEET, 11.0), (SHEET, 12.5), (SHEET, 15.0), (RECESS, 10.0), (RECESS, 12.5)],
)
def test_a_nodule_that_fills_a_sheet_of_lung_is_found(lung: Bools, radius_mm: float) -> None:
    nodule = ball(radius_mm) & lung
    answer = found(nodule, lung)
    assert np.count_nonzero(answer & nodule) > 0.95 * np.count_nonzero(nodule)
    assert np.count_nonzero(answer & ~lung) < 0.3 * np.count_nonzero(nodule)


def test_a_sheet_without_a_gap_has_no_nodule() -> None:
    nothing = np.zeros(SHAPE, bool)
    assert not found(nothing).any()
    assert not found(nothing, RECESS).any()


def test_fat_fills_no_gap() -> None:
    assert not found(ball(11) & SHEET, solid_hu=-100).any()


def test_a_nodule_with_calcium_in_it_is_found() -> None:
    nodule = ball(11) & SHEET
    answer = found(nodule, solid_hu=200, sd_hu=90)
    assert np.count_nonzero(answer & nodule) > 0.95 * np.count_nonzero(nodule)


def test_a_sphere_round_a_bronchus_is_no_nodule() -> None:
    nodule = ball(12.5) & RECESS
    bronchus = np.linalg.norm(STEPS - (STEPS @ ACROSS)[..., None] * ACROSS, axis=-1) < 2.5
    bronchus &= nodule
    kept, with_bronchus = found(nodule, RECESS), found(nodule, RECESS, bronchus=bronchus)
    assert np.count_nonzero(with_bronchus & nodule) < 0.8 * np.count_nonzero(kept & nodule)


def test_a_dent_in_a_lung_is_no_gap() -> None:
    assert not found(ball(10, 10) & FLAT, FLAT).any()


@pytest.mark.parametrize(("apart_mm", "wide_mm"), [(12, 14), (16, 20)])
def test_what_parts_two_narrow_tips_of_a_lung_is_no_nodule(
    apart_mm: float, wide_mm: float
) -> None:
    assert not found(np.zeros(SHAPE, bool), tongues(apart_mm, wide_mm)).any()


def test_a_band_across_a_sheet_is_no_nodule() -> None:
    away = STEPS @ np.cross(ACROSS, ALONG) / np.linalg.norm(np.cross(ACROSS, ALONG))
    assert not found((np.abs(away) < 6) & SHEET).any()
