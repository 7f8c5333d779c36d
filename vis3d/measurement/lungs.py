"""Lung volumes and densities: each lung, both, and thirds by height."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.labels import LabelMap
from vis3d.measurement.region import Region, measure_values, require_same_grid
from vis3d.volume import Finding, Volume

SIDES = ("left lung", "right lung")
THIRDS = ("lower third", "middle third", "upper third")
THICK_MM = 3.0
"""Above this slice thickness densities of emphysema aren't comparable with the literature."""


@dataclass(frozen=True)
class LungMeasurements:
    """The regions' numbers, the conditions they were taken under, and what to mind.

    `regions`: left lung, right lung, lungs, then the thirds of each. `conditions`: kernel,
    thickness_mm and contrast of the scan, None where it doesn't say.
    """

    regions: tuple[Region, ...]
    conditions: dict[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def region(self, name: str) -> Region:
        """The region of that name.

        Raises:
            KeyError: there is none.
        """
        return {region.name: region for region in self.regions}[name]

    def as_dict(self) -> dict[str, Any]:
        """As `vis3d measure --json` prints it."""
        return {
            "regions": [region.as_dict() for region in self.regions],
            "conditions": dict(self.conditions),
            "findings": [finding.as_dict() for finding in self.findings],
        }

    def __repr__(self) -> str:
        columns = f"{'':24}{'volume':>9}{'density':>16}{'mass':>8}{'LAA-950':>9}{'Perc15':>8}"
        rows = [columns, *(_row(region) for region in self.regions)]
        said = [
            f"{name}: {value}" for name, value in self.conditions.items() if value is not None
        ]
        notes = [finding.message for finding in self.findings]
        return "\n".join([*rows, *([", ".join(said)] if said else []), *notes])


def measure_lungs(volume: Volume, labels: LabelMap) -> LungMeasurements:
    """Volume, density, mass and emphysema of each lung, of both, and of thirds by height.

    Thirds divide each lung's own height along the patient's axis into three equal parts, so
    they hold different volumes. Airways have their own label and count in none of the
    regions, nor does padding. `Region` says how each number is defined.

    Raises:
        UsageError: the label map lies on another grid than the volume.
        UnknownStructureError: the label map has no lungs.
    """
    require_same_grid(volume, labels.geometry)
    sides = {name: _values_and_heights(volume, labels, name) for name in SIDES}
    voxel_ml = volume.geometry.voxel_ml
    whole = [measure_values(name, values, voxel_ml) for name, (values, _) in sides.items()]
    both = np.concatenate([values for values, _ in sides.values()])
    thirds = [
        measure_values(name, values, voxel_ml)
        for side, (values, height_mm) in sides.items()
        for name, values in _thirds(side, values, height_mm)
    ]
    regions = (*whole, measure_values("lungs", both, voxel_ml), *thirds)
    return LungMeasurements(regions, conditions_of(volume), _findings(volume, labels))


def conditions_of(volume: Volume) -> dict[str, Any]:
    """What densities depend on and the scan says: kernel, thickness, contrast."""
    return {name: volume.metadata.get(name) for name in ("kernel", "thickness_mm", "contrast")}


def _values_and_heights(
    volume: Volume, labels: LabelMap, name: str
) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """The values of a lung's voxels and their heights in mm along the patient's axis."""
    inside = labels.mask(name).array
    if volume.padding is not None:
        inside &= volume.inside_scan()
    k, j, i = np.nonzero(inside)
    up = (volume.geometry.direction[2] * volume.geometry.spacing).astype(np.float32)
    height_mm = sum(
        (index.astype(np.float32) * step for index, step in zip((i, j, k), up, strict=True)),
        start=np.zeros(len(k), np.float32),
    )
    return volume.array[k, j, i], np.asarray(height_mm, np.float32)


def _thirds(
    side: str, values: NDArray[Any], height_mm: NDArray[np.float32]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """The values of each third of a lung's height, the upper one first."""
    low, high = (height_mm.min(), height_mm.max()) if len(height_mm) else (0.0, 1.0)
    third = np.clip((height_mm - low) / max(float(high - low), 1e-6) * 3, 0, 2.999).astype(int)
    for number in (2, 1, 0):
        yield f"{side} {THIRDS[number]}", values[third == number]


def _findings(volume: Volume, labels: LabelMap) -> tuple[Finding, ...]:
    """What the reader of the numbers should mind: the method's doubts and the conditions."""
    findings = list(labels.report.findings)
    thickness = volume.metadata.get("thickness_mm")
    if isinstance(thickness, int | float) and thickness > THICK_MM:
        findings.append(
            Finding(
                "thick-slices",
                "warning",
                f"Slices of {thickness:g} mm average air with tissue: emphysema and "
                f"percentiles can't be compared with those of slices up to {THICK_MM:g} mm.",
            )
        )
    if volume.metadata.get("contrast"):
        findings.append(
            Finding("contrast", "note", "Contrast raises the density of the lungs slightly.")
        )
    return tuple(findings)


def _row(region: Region) -> str:
    if region.mean_hu is None:
        return f"{region.name:24}{'nothing':>9}"
    density = f"{region.mean_hu:.0f} ± {region.sd_hu:.0f} HU"
    return (
        f"{region.name:24}{region.volume_ml:6.0f} ml{density:>16}{region.mass_g:6.0f} g"
        f"{region.laa950_percent:7.1f} %{region.perc15_hu:5.0f} HU"
    )
