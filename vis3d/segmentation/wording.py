"""How amounts and places are said in a report."""

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.anatomy import Anatomy


def in_ml(ml: float, anatomy: Anatomy) -> str:
    """A volume in words, as it is in a patient who was read as a larger one."""
    return f"{_as_it_is(ml, 3, anatomy)} ml"


def in_cm2(cm2: float, anatomy: Anatomy) -> str:
    """An area in words, as it is in a patient who was read as a larger one."""
    return f"{_as_it_is(cm2, 2, anatomy)} cm2"


def _as_it_is(amount: float, power: int, anatomy: Anatomy) -> str:
    enlarged = anatomy.frame.enlarged
    real = amount / enlarged**power
    return f"{real:.2g}" if enlarged > 1 and real < 10 else f"{real:.0f}"


def place_of(places: NDArray[np.int64], anatomy: Anatomy) -> str:
    """The middle of voxels (k, j, i) of the 2 mm grid in LPS mm, each with the side that its
    sign stands for: L 20, A 35, S 102. The zero is the scanner's, not the patient's middle.
    """
    fine = (places.mean(axis=0) + 0.5) * anatomy.factors - 0.5
    lps_mm = (anatomy.frame.affine @ [*fine[::-1], 1.0])[:3] / anatomy.frame.enlarged
    sides = ("RL", "AP", "IS")
    words = (
        f"{side[int(mm >= 0)]} {abs(mm):.0f}" for side, mm in zip(sides, lps_mm, strict=True)
    )
    return f"{', '.join(words)} mm in the scan's coordinates"


def slices_of(places: NDArray[np.int64], anatomy: Anatomy) -> str:
    """The numbers of the stored slices that hold voxels of the 2 mm grid, where slices are
    cut across the body's length.
    """
    frame = anatomy.frame
    if frame.axes[0] != 0:
        return ""
    count = frame.hu.shape[0]
    first, last = int(places[:, 0].min()), int(places[:, 0].max()) + 1
    low, high = first * anatomy.factors[0], min(last * anatomy.factors[0], count) - 1
    if frame.flipped[0]:
        low, high = count - 1 - high, count - 1 - low
    return f" (slices {low} to {high}, counted from 0)"
