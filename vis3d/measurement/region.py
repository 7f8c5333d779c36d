"""What the values of a scan say about one region of it."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import UsageError
from vis3d.geometry import Geometry
from vis3d.measurement.extent import Extent, extent_of
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume

LAA_HU = (-950.0, -910.0)
"""Low attenuation areas: emphysema on thin slices at full inspiration, and the older limit."""


@dataclass(frozen=True)
class Region:
    """The numbers of one region; those that need a voxel are None where there is none.

    - `volume_ml`: voxels counted, padding and values that are no number left out.
    - `mean_hu`, `sd_hu`, `min_hu`, `median_hu`, `max_hu`: of the voxels' values (population
      SD); None where the values aren't Hounsfield units, and so is all below.
    - `mass_g`: each voxel weighs (HU + 1000) / 1000 g per ml, never less than nothing, since
      air of -1000 HU weighs nearly nothing and water of 0 HU 1 g (Hedlund et al.,
      J Comput Assist Tomogr 1983;7:20-26; Coxson et al., AJRCCM 1999;159:851-856). For bone
      that is too much: its HU rise faster than its density.
    - `laa950_percent`, `laa910_percent`: share of voxels below -950 and -910 HU (Gevenois
      et al., AJRCCM 1996;154:187-192; Mueller et al., Chest 1988;94:782-787). They depend on
      slice thickness, kernel, noise, contrast and inspiration.
    - `perc15_hu`, `perc10_hu`: the value that 15 % (10 %) of the voxels don't exceed (Dirksen
      et al., AJRCCM 1999;160:1468-1472). Add 1000 for g/l.
    - `extent`: box and diameters in mm, where they were asked for; see `Extent`.
    - `area_mm2`: of the surface that was given, the sum of its triangles.
    """

    name: str
    voxels: int
    volume_ml: float
    mean_hu: float | None = None
    sd_hu: float | None = None
    mass_g: float | None = None
    laa950_percent: float | None = None
    laa910_percent: float | None = None
    perc15_hu: float | None = None
    perc10_hu: float | None = None
    min_hu: float | None = None
    median_hu: float | None = None
    max_hu: float | None = None
    area_mm2: float | None = None
    extent: Extent | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it: the numbers above, then those of the extent beside them."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "extent"}
        known = {} if self.extent is None else self.extent.as_dict()
        return {**plain, **{f.name: known.get(f.name) for f in fields(Extent)}}


def measure_mask(volume: Volume, mask: Mask, surface: Surface | None = None) -> Region:
    """The numbers of any mask on the volume's grid, with its box and diameters.

    The area is that of a surface made of the mask (`vis3d.extract_surface`), where one is
    given: voxels have none worth the name, their faces add up to too much.

    Raises:
        UsageError: the mask lies on another grid than the volume.
    """
    require_same_grid(volume, mask.geometry)
    values = np.asarray(volume.array[measured(volume, mask.array)])
    region = measure_values(
        mask.name, values, volume.geometry.voxel_ml, hounsfield=volume.unit == "HU"
    )
    area_mm2 = None if surface is None else surface.area_mm2
    return replace(region, extent=extent_of(mask), area_mm2=area_mm2)


def require_same_grid(volume: Volume, geometry: Geometry) -> None:
    """Refuse what lies on another grid than the volume."""
    if not volume.geometry.matches(geometry):
        raise UsageError(
            f"The volume lies on {volume.geometry!r}, the segmentation on {geometry!r}: "
            "resample one of them to the other's grid first."
        )


def measured(volume: Volume, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What of a mask the scan measured: neither padding nor values that are no number."""
    array: NDArray[Any] = volume.array
    if volume.padding is not None:
        inside = inside & (array != volume.padding)
    if array.dtype.kind == "f":
        inside = inside & np.isfinite(array)
    return inside


def measure_values(
    name: str, values: NDArray[Any], voxel_ml: float, *, hounsfield: bool = True
) -> Region:
    """The numbers of a region whose voxels have these values."""
    total = values.size
    if total == 0 or not hounsfield:
        return Region(name, total, total * voxel_ml)
    hu, counts = value_counts(values)
    mean = float((hu * counts).sum() / total)
    laa950, laa910 = (100.0 * float(counts[hu < level].sum()) / total for level in LAA_HU)
    return Region(
        name,
        total,
        total * voxel_ml,
        mean_hu=mean,
        sd_hu=float(np.sqrt((counts * (hu - mean) ** 2).sum() / total)),
        mass_g=float((counts * np.maximum(hu + 1000, 0)).sum() / 1000 * voxel_ml),
        laa950_percent=laa950,
        laa910_percent=laa910,
        perc15_hu=_percentile(hu, counts, 15),
        perc10_hu=_percentile(hu, counts, 10),
        min_hu=float(hu[0]),
        median_hu=_percentile(hu, counts, 50),
        max_hu=float(hu[-1]),
    )


def value_counts(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
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
