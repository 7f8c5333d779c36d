"""How often each density occurs in a region."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.measurement.region import value_counts

WIDTH_HU = 10.0


@dataclass(frozen=True)
class RegionHistogram:
    """Counts of a region's voxels: bin n holds low_hu + n * width_hu <= value < the next."""

    name: str
    low_hu: float
    width_hu: float
    counts: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "name": self.name,
            "low_hu": self.low_hu,
            "width_hu": self.width_hu,
            "counts": list(self.counts),
        }


def histogram_of(name: str, values_hu: NDArray[Any]) -> RegionHistogram:
    """The histogram of values in bins of 10 HU that begin at multiples of it."""
    if not values_hu.size:
        return RegionHistogram(name, 0.0, WIDTH_HU, ())
    hu, counts = value_counts(values_hu)
    places = np.floor(hu / WIDTH_HU).astype(np.int64)
    bins = np.bincount(places - places[0], counts).astype(np.int64)
    return RegionHistogram(name, float(places[0]) * WIDTH_HU, WIDTH_HU, tuple(bins.tolist()))
