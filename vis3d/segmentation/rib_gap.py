"""Whether tissue parts the lungs from the ribs behind them, where only the pleura should."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter

from vis3d.labels import Check
from vis3d.segmentation.anatomy import Anatomy
from vis3d.segmentation.upright import Upright
from vis3d.segmentation.voxels.frame import AIR_HU, Bools
from vis3d.segmentation.wording import in_ml, place_of

ROW_MM, REACH_MM, BONE_HU = 1.0, 60.0, 200
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
    hu: NDArray[np.float64]
    """Half-way to the ribs."""

    @property
    def ml(self) -> NDArray[np.float64]:
        """How much more lies there than between lung and ribs elsewhere."""
        return np.asarray(self.mm2 * (self.gap_mm - USUAL_MM) / 1000)


def rib_gap(anatomy: Anatomy) -> Check:
    """Check `rib-gap` of a chest in which lungs were found."""
    backs = _backs_of(anatomy)
    seen = np.isfinite(backs.gap_mm)
    wide = seen & (backs.gap_mm >= MOST_MM) & (backs.hu > FAT_HU)
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
    upright = Upright.along(anatomy.upright, anatomy, row_mm=ROW_MM)
    lungs, hu = upright.seen(anatomy.coarse_lungs.both), upright.seen(anatomy.hu, AIR_HU)
    k_mm, j_mm, i_mm = upright.spacing_kji
    end = lungs.shape[1] - 1
    last = end - lungs[:, ::-1].argmax(axis=1)
    if min(last.shape) < 2:  # too few slices for a slope
        return _Backs(np.zeros((0, 3), int), np.zeros(0), np.zeros(0), np.zeros(0))
    slopes = np.gradient(last * j_mm, k_mm, i_mm)
    # where a lung's border looks aside rather than back, ribs aren't behind it
    k, i = np.nonzero(lungs.any(axis=1) & (abs(slopes[0]) < 1) & (abs(slopes[1]) < 1))
    j = last[k, i]
    gap_mm = np.full(last.shape, np.inf)
    for step in range(int(REACH_MM / j_mm), 0, -1):
        bone = hu[k, np.minimum(j + step, end), i] > BONE_HU
        gap_mm[k[bone], i[bone]] = step * j_mm
    square = 1 / np.sqrt(1 + slopes[0] ** 2 + slopes[1] ** 2)
    around = [2 * round(RIBS_APART_MM / mm) + 1 for mm in (k_mm, i_mm)]
    nearest = minimum_filter(gap_mm * square, around, mode="constant", cval=np.inf)[k, i]
    rows = [np.minimum(np.rint(j + nearest / j_mm * part), end) for part in (0.35, 0.5, 0.65)]
    half_way_hu = np.mean([hu[k, row.astype(int), i] for row in rows], axis=0)
    places = upright.on_coarse(np.stack([k, j, i], axis=1), anatomy.hu.shape)
    return _Backs(places, nearest, k_mm * i_mm / square[k, i], half_way_hu)
