"""Whether tissue parts the lungs from the ribs behind them, where only the pleura should."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter

from vis3d.labels import Check
from vis3d.segmentation.anatomy import Anatomy
from vis3d.segmentation.voxels.frame import Bools
from vis3d.segmentation.voxels.grids import factors_for
from vis3d.segmentation.wording import in_ml, place_of

GRID_MM = 4.0
"""How far apart lines are drawn from the lungs to the back."""
REACH_MM, BONE_HU = 60.0, 200
RIBS_APART_MM = 14.0
"""What lies between two ribs is at most as far from one."""
USUAL_MM, MOST_MM = 2.5, 5.0
"""A lung's border lies 1 to 4 mm from the ribs."""
FAT_HU = -30
"""Fat between pleura and ribs is less dense."""
MIN_ML, MIN_SHARE = 10.0, 0.25
"""How much tissue fails, and behind which share of what is seen of a lung. Where there is as
much of it behind healthy lungs the share is 0.17 at most."""


@dataclass(frozen=True, eq=False)
class _Backs:
    """The hindmost voxels of the lungs, (n, 3) on the 2 mm grid, and what lies behind them."""

    places: NDArray[np.int64]
    gap_mm: NDArray[np.float64]
    """To the ribs near by, square to the lung's border; infinite without any."""
    mm2: NDArray[np.float64]
    """Of the lung's border."""

    @property
    def ml(self) -> NDArray[np.float64]:
        """How much more lies there than between lung and ribs elsewhere."""
        return np.asarray(self.mm2 * (self.gap_mm - USUAL_MM) / 1000)


def rib_gap(anatomy: Anatomy) -> Check:
    """Check `rib-gap` of a chest in which lungs were found."""
    backs = _backs_of(anatomy)
    seen = np.isfinite(backs.gap_mm)
    wide = seen & (backs.gap_mm >= MOST_MM)
    wide[wide] = _half_way_hu(backs, wide, anatomy) > FAT_HU
    left = anatomy.coarse_lungs.left[tuple(backs.places.T)]
    parts = [
        _in_words(backs, wide & side, name, anatomy)
        for name, side in (("left", left), ("right", ~left))
        if _is_much(backs, wide & side, seen & side)
    ]
    if not parts and 2 * np.count_nonzero(seen) <= len(seen):
        return Check("rib-gap", True, "Hardly any ribs are seen behind the lungs.")
    if not parts:
        return Check("rib-gap", True, "The lungs reach the ribs behind them.")
    message = (
        f"Tissue lies between lung and ribs: {' and '.join(parts)}. Collapsed or consolidated "
        "lung there would be lung and is missing; fluid or a thick pleura would not."
    )
    return Check("rib-gap", False, message)


def _is_much(backs: _Backs, wide: Bools, seen: Bools) -> bool:
    much = np.count_nonzero(wide) >= MIN_SHARE * np.count_nonzero(seen)
    return bool(much and backs.ml[wide].sum() >= MIN_ML)


def _in_words(backs: _Backs, wide: Bools, name: str, anatomy: Anatomy) -> str:
    mm = float(np.median(backs.gap_mm[wide])) / anatomy.frame.enlarged
    return (
        f"at least {in_ml(float(backs.ml[wide].sum()), anatomy)} behind the {name} lung, "
        f"{mm:.0f} mm thick, round {place_of(backs.places[wide], anatomy)}"
    )


def _backs_of(anatomy: Anatomy) -> _Backs:
    """Lines run from the lungs straight to the back, as far as the nearest bone."""
    every = factors_for(anatomy.spacing, GRID_MM)
    sampled = (slice(None, None, every[0]), slice(None), slice(None, None, every[2]))
    lungs, hu = anatomy.coarse_lungs.both[sampled], anatomy.hu[sampled]
    j_mm = anatomy.spacing[1]
    last = lungs.shape[1] - 1 - lungs[:, ::-1].argmax(axis=1)
    steps_mm = (anatomy.spacing[0] * every[0], anatomy.spacing[2] * every[2])
    if min(last.shape) < 2:  # too few slices for a slope
        return _Backs(np.zeros((0, 3), int), np.zeros(0), np.zeros(0))
    slopes = np.gradient(last * j_mm, *steps_mm)
    # where a lung's border looks aside rather than back, ribs aren't behind it
    k, i = np.nonzero(lungs.any(axis=1) & (abs(slopes[0]) < 1) & (abs(slopes[1]) < 1))
    places = np.stack([k * every[0], last[k, i], i * every[2]], axis=1)
    gap_mm = np.full(last.shape, np.inf)
    for step in range(int(REACH_MM / j_mm), 0, -1):
        behind = np.minimum(places[:, 1] + step, lungs.shape[1] - 1)
        bone = hu[k, behind, i] > BONE_HU
        gap_mm[k[bone], i[bone]] = step * j_mm
    square = 1 / np.sqrt(1 + slopes[0] ** 2 + slopes[1] ** 2)
    around = [2 * round(RIBS_APART_MM / mm) + 1 for mm in steps_mm]
    nearest = minimum_filter(gap_mm * square, around, mode="constant", cval=np.inf)
    return _Backs(places, nearest[k, i], steps_mm[0] * steps_mm[1] / square[k, i])


def _half_way_hu(backs: _Backs, wide: Bools, anatomy: Anatomy) -> NDArray[np.float64]:
    """What lies between lung and ribs, in the mean of three places on each line."""
    k, j, i = backs.places[wide].T
    voxels = backs.gap_mm[wide] / anatomy.spacing[1]
    last = anatomy.hu.shape[1] - 1
    rows = [np.minimum(np.rint(j + voxels * part), last) for part in (0.35, 0.5, 0.65)]
    return np.asarray(np.mean([anatomy.hu[k, row.astype(int), i] for row in rows], axis=0))
