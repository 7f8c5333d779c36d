"""What the values of a scan say about one region of it."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import UsageError
from vis3d.geometry import Geometry
from vis3d.volume import Mask, Volume

LAA_HU = (-950.0, -910.0)
"""Low attenuation areas: emphysema on thin slices at full inspiration, and the older limit."""


@dataclass(frozen=True)
class Region:
    """The numbers of one region; those that need a voxel are None where there is none.

    - `volume_ml`: voxels counted, padding left out.
    - `mean_hu`, `sd_hu`: of the voxels' values (population SD).
    - `mass_g`: each voxel weighs (HU + 1000) / 1000 g per ml, never less than nothing, since
      air of -1000 HU weighs nearly nothing and water of 0 HU 1 g (Hedlund et al.,
      J Comput Assist Tomogr 1983;7:20-26; Coxson et al., AJRCCM 1999;159:851-856).
    - `laa950_percent`, `laa910_percent`: share of voxels below -950 and -910 HU (Gevenois
      et al., AJRCCM 1996;154:187-192; Mueller et al., Chest 1988;94:782-787). They depend on
      slice thickness, kernel, noise, contrast and inspiration.
    - `perc15_hu`, `perc10_hu`: the value that 15 % (10 %) of the voxels don't exceed (Dirksen
      et al., AJRCCM 1999;160:1468-1472). Add 1000 for g/l.
    """

    name: str
    voxels: int
    volume_ml: float
    mean_hu: float | None
    sd_hu: float | None
    mass_g: float | None
    laa950_percent: float | None
    laa910_percent: float | None
    perc15_hu: float | None
    perc10_hu: float | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON and CSV hold it, in the order above."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def measure_mask(volume: Volume, mask: Mask) -> Region:
    """The numbers of any mask on the volume's grid.

    Raises:
        UsageError: the mask lies on another grid than the volume.
    """
    require_same_grid(volume, mask.geometry)
    inside = mask.array & volume.inside_scan() if volume.padding is not None else mask.array
    return measure_values(mask.name, np.asarray(volume.array[inside]), volume.geometry.voxel_ml)


def require_same_grid(volume: Volume, geometry: Geometry) -> None:
    """Refuse what lies on another grid than the volume."""
    if not volume.geometry.matches(geometry):
        raise UsageError(
            f"The volume lies on {volume.geometry!r}, the segmentation on {geometry!r}: "
            "resample one of them to the other's grid first."
        )


def measure_values(name: str, values_hu: NDArray[Any], voxel_ml: float) -> Region:
    """The numbers of a region whose voxels have these values."""
    hu, counts = _histogram(values_hu)
    total = int(counts.sum())
    if total == 0:
        return Region(name, 0, 0.0, None, None, None, None, None, None, None)
    mean = float((hu * counts).sum() / total)
    deviation = float(np.sqrt((counts * (hu - mean) ** 2).sum() / total))
    mass = float((counts * np.maximum(hu + 1000, 0)).sum() / 1000 * voxel_ml)
    laa950, laa910 = (100.0 * float(counts[hu < level].sum()) / total for level in LAA_HU)
    perc15, perc10 = (_percentile(hu, counts, percent) for percent in (15, 10))
    return Region(
        name, total, total * voxel_ml, mean, deviation, mass, laa950, laa910, perc15, perc10
    )


def _histogram(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The values that occur, in order, and how often."""
    if values.size and values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
        lowest = int(values.min())
        counts = np.bincount((values.astype(np.int32) - lowest).reshape(-1))
        found = np.flatnonzero(counts)
        return (found + lowest).astype(np.float64), counts[found].astype(np.int64)
    found, counts = np.unique(values, return_counts=True)
    return found.astype(np.float64), counts.astype(np.int64)


def _percentile(hu: NDArray[np.float64], counts: NDArray[np.int64], percent: float) -> float:
    """The smallest value that at least `percent` of the voxels don't exceed."""
    reached = np.cumsum(counts) * 100 >= percent * counts.sum()
    return float(hu[int(reached.argmax())])
