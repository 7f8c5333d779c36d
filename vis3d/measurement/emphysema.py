"""Emphysema as an image shows it: where it is, and how its clusters are distributed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray

from vis3d.geometry import Geometry
from vis3d.labels import STRUCTURES, LabelMap, Structure
from vis3d.measurement.region import LAA_HU, measured, require_same_grid
from vis3d.volume import Volume

LEVEL_HU = LAA_HU[0]
LARGEST = 5
FEWEST_SIZES = 5
"""Fewer sizes of clusters make no line."""

EMPHYSEMA = Structure(STRUCTURES[-1].label + 1, "emphysema", (222, 45, 38))
"""Voxels of the lungs below -950 HU, as an overlay shows them."""


@dataclass(frozen=True)
class Cluster:
    """Connected voxels below the level, and the middle of them in LPS mm."""

    voxels: int
    volume_ml: float
    center_lps: tuple[float, float, float]

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "voxels": self.voxels,
            "volume_ml": self.volume_ml,
            "center_lps": self.center_lps,
        }


@dataclass(frozen=True)
class Clusters:
    """The clusters of voxels below -950 HU in a lung, or in both.

    Voxels of a cluster touch by their faces. `sizes` says how many clusters have how many
    voxels. `exponent` is D of Mishima et al. (PNAS 1999;96:8829-8834): the number of clusters
    at least as large as X falls as X^-D, so it is minus the slope of the line through
    log(number) against log(X), by least squares over the sizes that occur; None where fewer
    than five do. They measured areas in slices, this measures volumes. A smaller D says
    that clusters have run together; noise makes many small ones and raises it.
    """

    name: str
    level_hu: float
    voxel_ml: float
    largest: tuple[Cluster, ...]
    sizes: Mapping[int, int]
    exponent: float | None

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return sum(self.sizes.values())

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it; sizes as pairs of voxels and clusters, the smallest first."""
        return {
            "name": self.name,
            "level_hu": self.level_hu,
            "count": self.count,
            "exponent_d": self.exponent,
            "voxel_ml": self.voxel_ml,
            "largest": [cluster.as_dict() for cluster in self.largest],
            "sizes": [list(pair) for pair in sorted(self.sizes.items())],
        }


def emphysema_clusters(low: NDArray[np.bool_], geometry: Geometry, name: str) -> Clusters:
    """The clusters of a mask of low attenuation [k, j, i]; see `Clusters`."""
    labels = cc3d.connected_components(np.ascontiguousarray(low), connectivity=6)
    voxels = np.bincount(labels[low], minlength=1)
    voxels[0] = 0
    sizes, counts = np.unique(voxels[voxels > 0], return_counts=True)
    order = [n for n in np.argsort(-voxels, kind="stable")[:LARGEST].tolist() if voxels[n]]
    centers = cc3d.statistics(labels)["centroids"] if order else np.zeros((0, 3))
    largest = tuple(
        Cluster(
            int(voxels[n]), float(voxels[n]) * geometry.voxel_ml, _place(geometry, centers[n])
        )
        for n in order
    )
    pairs = dict(zip(sizes.tolist(), counts.tolist(), strict=True))
    return Clusters(name, LEVEL_HU, geometry.voxel_ml, largest, pairs, _exponent(sizes, counts))


def emphysema_map(volume: Volume, labels: LabelMap) -> LabelMap:
    """The lungs, and in them the voxels below -950 HU as the structure `emphysema`.

    Raises:
        UsageError: the label map lies on another grid than the volume.
        UnknownStructureError: the label map has no lungs.
    """
    require_same_grid(volume, labels.geometry)
    wanted = labels.labels_of("lungs")
    sides = [structure for structure in labels.structures if structure.label in wanted]
    table = np.zeros(np.iinfo(labels.array.dtype).max + 1, labels.array.dtype)
    table[list(wanted)] = wanted
    number = EMPHYSEMA.label
    while number in wanted:
        number += 1
    array = table[labels.array]
    values: NDArray[Any] = volume.array
    for plane, marks in zip(values, array, strict=True):
        low = (marks > 0) & (plane < LEVEL_HU)
        if volume.padding is not None:
            low &= plane != volume.padding
        marks[low] = number
    structure = Structure(number, EMPHYSEMA.name, EMPHYSEMA.color)
    return LabelMap(array, labels.geometry, (*sides, structure), labels.report)


def low_attenuation(volume: Volume, inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The measured voxels of a mask below -950 HU."""
    array: NDArray[Any] = volume.array
    return measured(volume, inside & (array < LEVEL_HU))


def _exponent(sizes: NDArray[np.int64], counts: NDArray[np.int64]) -> float | None:
    if len(sizes) < FEWEST_SIZES:
        return None
    at_least = np.cumsum(counts[::-1])[::-1]
    slope = np.polyfit(np.log10(sizes), np.log10(at_least), 1)[0]
    return float(-slope)


def _place(geometry: Geometry, kji: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = geometry.to_lps(kji[::-1]).tolist()
    return x, y, z
