"""Contrast in thin arteries that calcium joins to the spine, and in the urinary tract."""

from itertools import pairwise

import numpy as np
import pytest

from tests.segmentation.bones.test_plaques import away, bones_of, trunk

Point = tuple[float, float, float]


def tube(at: tuple[np.ndarray, ...], *points: Point, radius_mm: float) -> np.ndarray:
    """What lies within a radius of the lines from point to point (x, y, z in mm)."""
    inside = np.zeros(at[0].shape, bool)
    for start, end in pairwise(points):
        step = np.subtract(end, start)
        off = [p - a for p, a in zip(at, start, strict=True)]
        along = sum(o * s for o, s in zip(off, step, strict=True)) / (step @ step)
        along = np.clip(along, 0, 1)
        inside |= away(*(o - along * s for o, s in zip(off, step, strict=True))) < radius_mm
    return inside


def test_a_thin_artery_that_calcium_joins_to_the_spine_is_no_bone() -> None:
    hu, spine, at = trunk(320.0)
    hu[spine & (hu < 300)] = 60  # marrow no denser than muscle
    branch = tube(at, (18, -18, 40), (46, -20, 10), (75, -20, -45), radius_mm=5.0)
    calcium = tube(at, (44, -17, 10), (14, 16, 10), radius_mm=3.5) & ~spine
    hu[branch], hu[calcium] = 320, 900
    bones = bones_of(hu)
    assert np.mean(bones[branch & ~calcium]) < 0.05
    assert np.mean(bones[spine]) > 0.97


@pytest.mark.parametrize("with_bladder", [False, True])
def test_kidney_ureter_and_bladder_full_of_contrast_are_no_bone(*, with_bladder: bool) -> None:
    hu, spine, at = trunk(130.0)
    x, y, z = at
    kidney = away((x - 62) / 26, (y - 8) / 22, (z - 18) / 30) < 1
    pelvis = tube(at, (66, 8, 38), (58, 4, 20), (66, 8, 0), radius_mm=8.0)
    ureter = tube(at, (58, 4, 20), (48, -10, -5), (30, -42, -25), radius_mm=3.5)
    bladder = away(x - 5, y + 45, z + 22) < (26 if with_bladder else 0)
    hu[kidney] = 170
    hu[pelvis | ureter | bladder] = 1300
    bones = bones_of(hu)
    assert np.count_nonzero(bones & ~spine) < 0.02 * np.count_nonzero(spine)
    assert np.mean(bones[spine]) > 0.97


def test_a_thick_shaft_of_a_thigh_bone_is_no_bladder() -> None:
    hu, _, at = trunk(320.0)
    shaft = np.hypot(at[0] + 75, at[1] - 10) < 16
    hu[shaft] = 1300
    hu[shaft & (np.hypot(at[0] + 75, at[1] - 10) < 5)] = -50
    assert np.mean(bones_of(hu)[shaft]) > 0.97


def test_a_bladder_full_of_contrast_says_nothing_of_bones_far_off() -> None:
    hu, _, at = trunk(320.0)
    branch = tube(at, (18, -18, 40), (46, -20, 10), (80, -20, -20), radius_mm=5.0)
    rib = tube(at, (82, -18, -20), (128, -10, -34), radius_mm=4.0)
    hu[away(at[0] + 40, at[1] + 40, at[2] + 20) < 26] = 1300
    hu[branch], hu[rib] = 320, 650
    bones = bones_of(hu)
    assert np.mean(bones[branch & ~rib]) < 0.1
    assert np.mean(bones[rib]) > 0.9
