"""Vessels full of contrast that touch bones and aren't bone."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from vis3d.segmentation.bones.bones import CoarseScan
from vis3d.segmentation.bones.contrast import Contrast
from vis3d.segmentation.bones.vessels import drop_vessels
from vis3d.segmentation.voxels.grids import coarse_spacing, pooled_hu

SHAPE, SPACING, FACTORS = (60, 150, 170), (2.1, 0.9, 0.8), (1, 2, 2)
"""Voxels (k, j, i) of unequal sides in mm."""
VESSEL_HU = 380.0


def away_mm(a_mm: tuple[float, ...], b_mm: tuple[float, ...]) -> np.ndarray:
    """How far each voxel lies from the line between two places (k, j, i)."""
    places = [n * mm for n, mm in zip(np.indices(SHAPE, np.float32), SPACING, strict=True)]
    steps = [b - a for a, b in zip(a_mm, b_mm, strict=True)]
    off = [p - a for p, a in zip(places, a_mm, strict=True)]
    along = sum(o * s for o, s in zip(off, steps, strict=True)) / sum(s * s for s in steps)
    along = np.clip(along, 0, 1)
    return np.asarray(
        np.sqrt(sum((o - along * s) ** 2 for o, s in zip(off, steps, strict=True)))
    )


RIBS = [((5.0, 20.0, j), (120.0, 110.0, j + 30.0)) for j in (15.0, 45.0, 75.0)]
ARTERY = ((60.0, 63.0, 89.0), (80.0, 8.0, 112.0))
"""No tube lies along the grid; the artery begins in a rib."""


def chest(cortex_hu: float = 900.0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The HU, the ribs with a shoulder blade, the artery, and how far it is from a rib."""
    hu = np.full(SHAPE, 40.0)
    vessel = away_mm(*ARTERY) < 3.2
    hu[vessel] = VESSEL_HU
    from_rib = np.min([away_mm(*rib) for rib in RIBS], axis=0)
    ribs = from_rib < 5.0
    ribs[:, :, 162:] = True
    hu[ribs] = cortex_hu
    hu[from_rib < 3.5] = 200.0
    hu += np.random.default_rng(4).normal(0, 20, SHAPE)
    return hu, ribs, vessel & ~ribs, from_rib - 5.0


def coarse(hu: np.ndarray, level_hu: float = VESSEL_HU) -> CoarseScan:
    small = pooled_hu(hu, FACTORS)
    everywhere = np.ones(small.shape, bool)
    lungs = np.zeros(small.shape, bool)
    lungs[:, :3] = True
    return CoarseScan(
        small,
        10.0,
        (0.0, 20.0),
        everywhere,
        lungs,
        Contrast(~everywhere, level_hu),
        specimen=False,
        factors=FACTORS,
        spacing_kji=coarse_spacing(SPACING, FACTORS),
    )


def test_an_artery_that_touches_a_rib_is_no_bone_and_the_rib_stays() -> None:
    hu, ribs, artery, from_rib = chest()
    bones = ribs | artery
    drop_vessels(bones, hu, coarse(hu))
    off = artery & (from_rib > 6)
    assert np.count_nonzero(bones & off) < 0.02 * np.count_nonzero(off)
    assert np.count_nonzero(bones & ribs) > 0.995 * np.count_nonzero(ribs)


def without_contrast(scan: CoarseScan) -> CoarseScan:
    return replace(scan, contrast=Contrast(scan.contrast.mask))


def without_lungs(scan: CoarseScan) -> CoarseScan:
    return replace(scan, lungs=np.zeros_like(scan.lungs))


def of_a_phantom(scan: CoarseScan) -> CoarseScan:
    return replace(scan, specimen=True)


@pytest.mark.parametrize("other", [without_contrast, without_lungs, of_a_phantom])
def test_nothing_is_dropped_where_nothing_tells_of_vessels(
    other: Callable[[CoarseScan], CoarseScan],
) -> None:
    hu, ribs, artery, _ = chest()
    bones = ribs | artery
    drop_vessels(bones, hu, other(coarse(hu)))
    np.testing.assert_array_equal(bones, ribs | artery)


def test_ribs_no_denser_than_the_contrast_stay_with_what_touches_them() -> None:
    hu, ribs, artery, _ = chest(cortex_hu=420.0)
    bones = ribs | artery
    drop_vessels(bones, hu, coarse(hu))
    np.testing.assert_array_equal(bones, ribs | artery)
