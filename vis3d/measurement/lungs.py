"""Lung volumes and densities: each lung, both, and thirds by height."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.geometry import Geometry
from vis3d.measurement.emphysema import Clusters, emphysema_clusters, low_attenuation
from vis3d.measurement.extent import extent_of
from vis3d.measurement.histograms import RegionHistogram, histogram_of
from vis3d.measurement.region import Region, measure_values, measured
from vis3d.progress import Progress
from vis3d.volume import Mask, Volume

SIDES = ("left lung", "right lung")
BOTH = "lungs"
THIRDS = ("lower third", "middle third", "upper third")


@dataclass(frozen=True)
class LungNumbers:
    """What is measured of the lungs: see `Measurements`."""

    regions: tuple[Region, ...]
    histograms: tuple[RegionHistogram, ...]
    clusters: tuple[Clusters, ...]


def measure_sides(volume: Volume, sides: dict[str, Mask], progress: Progress) -> LungNumbers:
    """The numbers of one or two lungs; `volume` and masks share a grid.

    Thirds divide each lung's own height along the patient's axis, from the outer faces of its
    voxels, into three equal parts, so they hold different volumes.
    """
    hounsfield, voxel_ml = volume.unit == "HU", volume.geometry.voxel_ml
    voxel_mm = float(np.abs(volume.geometry.direction[2] * volume.geometry.spacing).sum())
    values: dict[str, NDArray[Any]] = {}
    thirds: list[Region] = []
    for number, (name, mask) in enumerate(sides.items()):
        progress(0.3 * number, f"Measuring the {name}")
        inside = measured(volume, mask.array)
        values[name] = volume.array[inside]
        height_mm = _heights_mm(volume.geometry, inside)
        thirds += [
            measure_values(third, those, voxel_ml, hounsfield=hounsfield)
            for third, those in _thirds(name, values[name], height_mm, voxel_mm)
        ]
    masks = dict(sides)
    if len(sides) == 2:
        left, right = sides.values()
        masks[BOTH] = Mask(left.array | right.array, left.geometry, BOTH)
        values[BOTH] = np.concatenate(list(values.values()))
    regions, clusters = [], []
    for number, (name, mask) in enumerate(masks.items()):
        progress(0.6 + 0.13 * number, f"Measuring the {name}")
        region = measure_values(name, values[name], voxel_ml, hounsfield=hounsfield)
        regions.append(replace(region, extent=extent_of(mask)))
        if hounsfield:
            low = low_attenuation(volume, mask.array)
            clusters.append(emphysema_clusters(low, volume.geometry, name))
    histograms = (
        tuple(histogram_of(name, found) for name, found in values.items()) if hounsfield else ()
    )
    return LungNumbers((*regions, *thirds), histograms, tuple(clusters))


def _heights_mm(geometry: Geometry, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The height of each voxel of a mask along the patient's axis, in the array's order."""
    up = (geometry.direction[2] * geometry.spacing)[::-1]
    k, j, i = (np.arange(n) * step for n, step in zip(geometry.shape, up, strict=True))
    in_plane = j[:, None] + i
    heights = [in_plane[plane] + k[n] for n, plane in enumerate(inside)]
    return np.concatenate(heights)


def _thirds(
    side: str, values: NDArray[Any], height_mm: NDArray[np.float64], voxel_mm: float
) -> Iterator[tuple[str, NDArray[Any]]]:
    """The values of each third of a lung's height, the upper one first.

    `height_mm` are those of the voxels' middles, `voxel_mm` is how high a voxel is.
    """
    low, high = (height_mm.min(), height_mm.max()) if len(height_mm) else (0.0, 0.0)
    above_mm = height_mm - low + voxel_mm / 2
    which = (above_mm / float(high - low + voxel_mm) * 3).astype(np.uint8)
    for number in (2, 1, 0):
        yield f"{side} {THIRDS[number]}", values[which == number]
