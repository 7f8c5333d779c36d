"""Every structure of a label map in numbers, with the conditions they were taken under."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from vis3d.labels import PARTS, Check, LabelMap, normal_name
from vis3d.measurement.emphysema import Clusters
from vis3d.measurement.histograms import RegionHistogram
from vis3d.measurement.lungs import SIDES, measure_sides
from vis3d.measurement.region import Region, measure_mask, require_same_grid
from vis3d.progress import Progress, part, silent
from vis3d.surface import Surface
from vis3d.volume import Finding, Mask, Volume

THICK_MM = 3.0
"""Above this slice thickness densities of emphysema aren't comparable with the literature."""

CONTRAST = "contrast"

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Measurements:
    """The regions' numbers, the conditions they were taken under, and what to mind.

    `regions`: left lung, right lung, lungs, then the thirds of each, then every other
    structure. `conditions`: kernel, thickness_mm and contrast of the scan, None where it
    doesn't say, and `contrast_found`: whether the segmentation met contrast as dense as bone,
    None where it didn't look. `histograms` and `clusters` (emphysema) are those of the lungs.
    `checks` are what the segmentation asked itself.
    """

    regions: tuple[Region, ...]
    conditions: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    checks: tuple[Check, ...] = ()
    histograms: tuple[RegionHistogram, ...] = ()
    clusters: tuple[Clusters, ...] = ()

    def region(self, name: str) -> Region:
        """The region of that name.

        Raises:
            KeyError: there is none.
        """
        return {region.name: region for region in self.regions}[name]

    @property
    def doubts(self) -> tuple[str, ...]:
        """What to mind about the numbers: warnings and failed checks, each sentence once."""
        warned = [finding.message for finding in self.findings if finding.severity != "note"]
        failed = [check.message for check in self.checks if not check.ok]
        return tuple(dict.fromkeys((*warned, *failed)))

    def as_dict(self) -> dict[str, Any]:
        """As `vis3d measure --json` prints it."""
        return {
            "regions": [region.as_dict() for region in self.regions],
            "conditions": dict(self.conditions),
            "findings": [finding.as_dict() for finding in self.findings],
            "checks": [
                {"code": check.code, "ok": bool(check.ok), "message": check.message}
                for check in self.checks
            ],
            "histograms": [histogram.as_dict() for histogram in self.histograms],
            "emphysema": [clusters.as_dict() for clusters in self.clusters],
        }

    def __repr__(self) -> str:
        columns = f"{'':24}{'volume':>9}{'density':>16}{'mass':>8}{'LAA-950':>9}{'Perc15':>10}"
        rows = [columns, *(_row(region) for region in self.regions)]
        said = [
            f"{name}: {value}" for name, value in self.conditions.items() if value is not None
        ]
        notes = [finding.message for finding in self.findings]
        return "\n".join([*rows, *([", ".join(said)] if said else []), *notes])


def measure_lungs(
    volume: Volume, labels: LabelMap, *, progress: Progress | None = None
) -> Measurements:
    """Volume, density, mass and emphysema of each lung, of both, and of thirds by height.

    Thirds divide each lung's own height along the patient's axis into three equal parts, so
    they hold different volumes. Airways have their own label and count in none of the
    regions, nor does padding. `Region` says how each number is defined.

    Raises:
        UsageError: the label map lies on another grid than the volume.
        UnknownStructureError: the label map has no lungs.
    """
    only = tuple(s for s in labels.structures if normal_name(s.name) in SIDES)
    if not only:
        labels.labels_of(SIDES[0])  # says which structures there are
    return measure_structures(volume, replace(labels, structures=only), progress=progress)


def measure_structures(
    volume: Volume,
    labels: LabelMap | Sequence[LabelMap],
    *,
    surfaces: Mapping[str, Surface] | None = None,
    progress: Progress | None = None,
) -> Measurements:
    """The numbers of every structure of a label map; of lungs also those of `measure_lungs`.

    Structures that overlap come in several label maps. `surfaces`, by name of the structure,
    give areas. Structures that hold no voxel are there with a volume of 0.

    Raises:
        UsageError: a label map lies on another grid than the volume.
    """
    maps = (labels,) if isinstance(labels, LabelMap) else tuple(labels)
    for one in maps:
        require_same_grid(volume, one.geometry)
    say, areas = progress or silent, surfaces or {}
    parts = [found for one in maps for found in _parts_of(one)]
    named = {normal_name(one.name): one for one in reversed(parts)}
    sides = {name: named[name] for name in SIDES if name in named}
    lungs = None
    if sides:
        here, masks = _cut_out(volume, sides)
        lungs = measure_sides(here, masks, part(say, 0.05, 0.5))
    regions = list(lungs.regions) if lungs else []
    others = [one for one in parts if one not in sides.values()]
    for number, other in enumerate(others):
        say(0.5 + 0.5 * number / len(others), f"Measuring {other.name}")
        here, masks = _cut_out(volume, {other.name: other})
        regions.append(measure_mask(here, masks[other.name]))
    return Measurements(
        tuple(_with_area(region, areas) for region in regions),
        conditions_of(volume, maps),
        _findings(
            volume, maps, densities=any(r.voxels for r in (lungs.regions if lungs else ()))
        ),
        tuple(check for one in maps for check in one.report.checks),
        lungs.histograms if lungs else (),
        lungs.clusters if lungs else (),
    )


def conditions_of(volume: Volume, maps: Sequence[LabelMap] = ()) -> dict[str, Any]:
    """What densities depend on: kernel, thickness and contrast, as the scan's header says
    them, and whether the segmentation found contrast; see `Measurements`.
    """
    said = {name: volume.metadata.get(name) for name in ("kernel", "thickness_mm", "contrast")}
    return {**said, "contrast_found": _contrast_found(maps)}


def _contrast_found(maps: Sequence[LabelMap]) -> bool | None:
    """Files keep the finding alone, a fresh segmentation also says that it looked."""
    if any(finding.code == CONTRAST for one in maps for finding in one.report.findings):
        return True
    looked = any(check.code == CONTRAST for one in maps for check in one.report.checks)
    return False if looked else None


@dataclass(frozen=True, eq=False)
class _Part:
    """A structure in its label map: its labels, and the box of each label there."""

    name: str
    labels: LabelMap
    wanted: tuple[int, ...]
    boxes: Mapping[int, Box]


def _parts_of(labels: LabelMap) -> Iterator[_Part]:
    """Every structure; then those that are only there as their parts together.

    vis3d's body as a structure is everything inside the skin; see `LabelMap.whole`.
    """
    boxes = _boxes(labels)
    names = [normal_name(structure.name) for structure in labels.structures]
    for structure in labels.structures:
        yield _Part(structure.name, labels, labels.whole(structure), boxes)
    for name, members in PARTS.items():
        if name not in names and set(members) & set(names):
            yield _Part(name, labels, labels.labels_of(name), boxes)


def _boxes(labels: LabelMap) -> dict[int, Box]:
    """The box of each label that occurs."""
    found: list[Any] = find_objects(labels.array)
    return {label: box for label, box in enumerate(found, start=1) if box is not None}


def _cut_out(volume: Volume, parts: Mapping[str, _Part]) -> tuple[Volume, dict[str, Mask]]:
    """The structures' masks, and the volume, on the part of the grid that holds them."""
    boxes = [p.boxes[n] for p in parts.values() for n in p.wanted if n in p.boxes]
    box = _around(boxes)
    shape = volume.array[box].shape
    geometry = volume.geometry.cropped((box[0].start, box[1].start, box[2].start), shape)
    masks = {
        name: Mask(_any_of(one.labels.array[box], one.wanted), geometry, name)
        for name, one in parts.items()
    }
    return volume.with_array(volume.array[box], geometry), masks


def _any_of(array: NDArray[Any], labels: tuple[int, ...]) -> NDArray[np.bool_]:
    if len(labels) == 1:
        return np.asarray(array == labels[0])
    return np.isin(array, labels)


def _around(boxes: list[Box]) -> Box:
    """The box that holds all boxes; one voxel where there is none."""
    if not boxes:
        return (slice(0, 1), slice(0, 1), slice(0, 1))
    k, j, i = (
        slice(min(box[axis].start for box in boxes), max(box[axis].stop for box in boxes))
        for axis in range(3)
    )
    return k, j, i


def _with_area(region: Region, surfaces: Mapping[str, Surface]) -> Region:
    surface = surfaces.get(region.name)
    return region if surface is None else replace(region, area_mm2=surface.area_mm2)


def _findings(
    volume: Volume, maps: Sequence[LabelMap], *, densities: bool
) -> tuple[Finding, ...]:
    """What the reader of the numbers should mind: the method's doubts and the conditions."""
    findings = [finding for one in maps for finding in one.report.findings]
    if volume.unit != "HU":
        unit = volume.unit or "no known unit"
        message = f"The values are in {unit}, not in HU: only volumes and sizes are measured."
        return (*findings, Finding("not-hounsfield", "warning", message))
    thickness = volume.metadata.get("thickness_mm")
    if densities and isinstance(thickness, int | float) and thickness > THICK_MM:
        message = (
            f"Slices of {thickness:g} mm average air with tissue: emphysema and percentiles "
            f"can't be compared with those of slices up to {THICK_MM:g} mm."
        )
        findings.append(Finding("thick-slices", "warning", message))
    if densities and (volume.metadata.get("contrast") or _contrast_found(maps)):
        message = "Contrast raises the density of the lungs slightly."
        findings.append(Finding(CONTRAST, "note", message))
    return tuple(findings)


def _row(region: Region) -> str:
    if region.mean_hu is None:
        words = f"{region.volume_ml:6.0f} ml" if region.voxels else f"{'nothing':>9}"
        return f"{region.name:24}{words}"
    density = f"{region.mean_hu:.0f} ± {region.sd_hu:.0f} HU"
    return (
        f"{region.name:24}{region.volume_ml:6.0f} ml{density:>16}{region.mass_g:6.0f} g"
        f"{region.laa950_percent:7.1f} %{region.perc15_hu:7.0f} HU"
    )
