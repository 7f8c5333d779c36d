"""How often each value occurs in a scan, or in one structure of it."""

import os
from csv import writer
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import UsageError
from vis3d.progress import Progress, silent
from vis3d.volume import Mask, Volume
from vis3d.whole_file import whole_file

MAX_BINS = 1 << 17
"""All 16-bit values twice over; wider ranges get wider bins."""

FEW_BINS = 256
"""For values of unknown unit that aren't whole numbers."""


@dataclass(frozen=True)
class Tissue:
    """A range of HU, low <= value < high, that mostly one tissue has."""

    name: str
    low_hu: float
    high_hu: float
    color: tuple[int, int, int]


TISSUES = (
    Tissue("air", -np.inf, -950, (120, 144, 168)),
    Tissue("lung", -950, -500, (79, 163, 224)),
    Tissue("fat", -190, -30, (240, 196, 80)),
    Tissue("soft tissue", -30, 150, (224, 112, 96)),
    Tissue("bone", 150, np.inf, (150, 132, 104)),
)
"""Usual limits: emphysema and air below -950, fat and muscle as in body composition
(-190 to -30, -29 to 150). Contrast medium and metal lie in the range of bone."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of voxels in bins of equal width: bin n holds low <= value < low + width.

    `low` is where the first bin starts. `padding` of the counted voxels lie outside the
    scan (their value is `padding_value`); `not_numbers` are in no bin. `unit` is the volume's.
    """

    low: float
    width: float
    counts: NDArray[np.int64]
    unit: str = "HU"
    name: str = ""
    padding: int = 0
    padding_value: float | None = None
    not_numbers: int = 0

    @property
    def voxels(self) -> int:
        """How many voxels were counted, padding too."""
        return int(self.counts.sum()) + self.not_numbers

    @property
    def lows(self) -> NDArray[np.float64]:
        """Where each bin starts."""
        return self.low + self.width * np.arange(len(self.counts), dtype=np.float64)

    def without_padding(self) -> "Histogram":
        """The same for what the scan measured."""
        if not self.padding or self.padding_value is None:
            return self
        counts = self.counts.copy()
        counts[int((self.padding_value - self.low) // self.width)] -= self.padding
        return Histogram(self.low, self.width, counts, self.unit, self.name)

    def between(self, low: float, high: float) -> int:
        """How many voxels lie in bins that start at low <= value < high."""
        lows = self.lows
        return int(self.counts[(lows >= low) & (lows < high)].sum())

    def tissues(self) -> tuple[tuple[Tissue, int], ...]:
        """The voxels in each tissue's range, padding apart; () where values aren't HU."""
        if self.unit != "HU":
            return ()
        measured = self.without_padding()
        return tuple((one, measured.between(one.low_hu, one.high_hu)) for one in TISSUES)

    def percentile(self, percent: float) -> float:
        """The bin's start below or in which that share of the voxels lies, padding apart."""
        measured = self.without_padding()
        summed = np.cumsum(measured.counts)
        if not len(summed) or not summed[-1]:
            return float("nan")
        place = int(np.searchsorted(summed, max(1, percent / 100 * summed[-1])))
        return float(self.lows[min(place, len(summed) - 1)])

    def __repr__(self) -> str:
        what = self.name or "all voxels"
        return f"Histogram({what}, {self.voxels} voxels, {len(self.counts)} bins)"


def histogram(
    volume: Volume,
    mask: Mask | None = None,
    *,
    bin_width: float | None = None,
    progress: Progress | None = None,
) -> Histogram:
    """Count the voxels of a volume, or of a structure in it, by value; padding is counted.

    Bins start at multiples of `bin_width`: 1 for HU and whole numbers unless given, else
    such that there are about 256. Bins of a range too wide for memory are made wider.

    Raises:
        UsageError: a mask on another grid, or a width that isn't above zero.
    """
    if mask is not None and not mask.geometry.matches(volume.geometry):
        raise UsageError("The mask lies on another grid than the volume: resample it first.")
    if bin_width is not None and not 0 < bin_width < np.inf:
        raise UsageError("A bin's width is a number above zero.")
    say = progress or silent
    name = mask.name if mask is not None else ""
    least, greatest = _range(volume, mask)
    if least > greatest:  # nothing to count
        none = np.zeros(0, np.int64)
        lost = int(np.count_nonzero(mask.array) if mask is not None else volume.array.size)
        return Histogram(0.0, bin_width or 1.0, none, volume.unit, name, not_numbers=lost)
    width = _width(volume, least, greatest, bin_width)
    first = np.floor(least / width)
    counts = np.zeros(int(np.floor(greatest / width) - first) + 1, np.int64)
    lost = padding = 0
    for k, values in enumerate(volume.array):
        say(k / len(volume.array), "counting")
        chosen = values.reshape(-1) if mask is None else values[mask.array[k]]
        if volume.padding is not None:
            padding += int(np.count_nonzero(chosen == volume.padding))
        numbers = _finite(chosen)
        lost += chosen.size - numbers.size
        bins = np.floor(numbers.astype(np.float64) / width) - first
        counts += np.bincount(bins.astype(np.int64), minlength=len(counts))
    return Histogram(
        float(first * width), width, counts, volume.unit, name, padding, volume.padding, lost
    )


def write_histogram_csv(found: Histogram, path: str | os.PathLike[str]) -> None:
    """Write low_hu, high_hu, count: a row a bin; values without a number as nan.

    Raises:
        OutputError: the file can't be written there.
    """
    with whole_file(path) as unfinished, unfinished.open("w", newline="") as stream:
        rows = writer(stream)
        rows.writerow(("low_hu", "high_hu", "count"))
        for low, count in zip(found.lows.tolist(), found.counts.tolist(), strict=True):
            rows.writerow((f"{low:.10g}", f"{low + found.width:.10g}", count))
        if found.not_numbers:
            rows.writerow(("nan", "nan", found.not_numbers))


def _range(volume: Volume, mask: Mask | None) -> tuple[float, float]:
    """The least and the greatest number; least above greatest where there is none."""
    least, greatest = np.inf, -np.inf
    for k, values in enumerate(volume.array):
        numbers = _finite(values.reshape(-1) if mask is None else values[mask.array[k]])
        if numbers.size:
            least = min(least, float(numbers.min()))
            greatest = max(greatest, float(numbers.max()))
    return least, greatest


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind in "biu":
        return values
    finite = np.isfinite(values)
    return values if finite.all() else values[finite]


def _width(volume: Volume, least: float, greatest: float, wanted: float | None) -> float:
    if wanted is None:
        whole = volume.array.dtype.kind in "biu" or volume.unit == "HU"
        wanted = 1.0 if whole else _round_width((greatest - least) / FEW_BINS)
    while (greatest - least) / wanted >= MAX_BINS:
        wanted *= 10
    return wanted


def _round_width(width: float) -> float:
    """The next greater one of 1, 2, 5, 10, 20 ... and their fractions."""
    if width <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(width))
    return float(next(power * step for step in (1, 2, 5, 10) if power * step >= width))
