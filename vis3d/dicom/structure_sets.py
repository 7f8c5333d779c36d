"""RT structure sets (PS3.3 section A.19) -> label maps."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from vis3d.dicom.contours import (
    Contour,
    Filled,
    lies_in_slices,
    lies_on_slices,
    mask_of,
    own_grid,
)
from vis3d.dicom.frames_of_reference import checked_frame
from vis3d.dicom.headers import header_of, safe_text
from vis3d.dicom.overlaps import packed
from vis3d.dicom.quiet import quietly
from vis3d.errors import InputError, UnsupportedError
from vis3d.geometry import Geometry
from vis3d.labels import STRUCTURES, LabelMap, Report, Structure, normal_name
from vis3d.memory import check_memory
from vis3d.progress import Progress, part
from vis3d.volume import Finding

RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
CLOSED, EXCLUSIVE = "CLOSED_PLANAR", "CLOSEDPLANAR_XOR"
OWN_SPACING_MM = 1.0
FURTHEST_MM = 1e5
"""A point 100 m away is damage, not a patient."""
_CONTOUR_DATA = 0x30060050
_GREY = (200, 200, 200)


@dataclass(frozen=True)
class _Roi:
    """A region of interest that has an inside."""

    structure: Structure
    contours: tuple[Contour, ...]


def read_structure_set(
    path: str | os.PathLike[str],
    geometry: Geometry | None = None,
    *,
    frame_of_reference: str = "",
    progress: Progress | None = None,
) -> tuple[LabelMap, ...]:
    """The regions of an RT structure set, in as many label maps as their overlaps ask for.

    They lie on `geometry`, the scan's grid, or without it on one of their own, whose slices
    are the contours' planes. Points and open contours have no inside and are left out, as
    findings say. `frame_of_reference` is the scan's, as its metadata name it.

    Raises:
        NothingFoundError: there is no such file.
        UnsupportedError: no structure set, or one without closed contours.
        InputError: the file is damaged, or of another frame of reference than the scan.
    """
    file = Path(path)
    with quietly():
        dataset = _opened(file)
        try:
            rois, findings = _rois(dataset)
            frames = _frames_of_reference(dataset)
        except InputError:
            raise
        except Exception as error:  # pydicom raises a dozen kinds on damage
            raise InputError(f"{file.name} is a damaged structure set.") from error
    if not rois:
        raise UnsupportedError(
            f"{file.name} holds no closed contours, so no voxels lie inside."
        )
    every = [contour for roi in rois for contour in roi.contours]
    grid = geometry or own_grid(every, spacing_mm=OWN_SPACING_MM)
    check_memory(grid.shape, 3, what="The structure set")
    on_slices = all(lies_on_slices(roi.contours, grid) for roi in rois)
    made = _label_maps(rois, grid, findings, part(progress, 0.1, 1.0))
    return checked_frame(made, frames, frame_of_reference, fits=on_slices, name=file.name)


def _frames_of_reference(dataset: Any) -> set[str]:
    """Those that the regions name, and the object itself."""
    regions = dataset.get("StructureSetROISequence") or ()
    named = {str(one.get("ReferencedFrameOfReferenceUID", "")) for one in regions}
    return named | {str(dataset.get("FrameOfReferenceUID", ""))}


def _label_maps(
    rois: list[_Roi], grid: Geometry, findings: list[Finding], tell: Progress
) -> tuple[LabelMap, ...]:
    by_label = {roi.structure.label: roi for roi in rois}
    said: list[Filled] = []

    def mask(structure: Structure) -> tuple[NDArray[np.bool_], Geometry]:
        done = len(said) / len(rois)
        tell(done, "Filling contours")
        share = part(tell, done, done + 1 / len(rois))
        made, how = mask_of(by_label[structure.label].contours, grid, share)
        said.append(how)
        return made, grid

    labelmaps = packed([roi.structure for roi in rois], mask)
    between, parts = sum(one.between for one in said), sum(one.parts - 1 for one in said)
    findings = [*findings, *_placement(rois, grid), *_assumed(between, parts)]
    report = Report(findings=tuple(findings))
    return tuple(LabelMap(one.array, one.geometry, one.structures, report) for one in labelmaps)


def _assumed(between: int, parts: int) -> Iterator[Finding]:
    if between:
        text = f"{between} slices between the planes of contours got shapes between theirs."
        yield Finding("contours-interpolated", "note", text)
    if parts:
        text = f"{parts} wide gaps between planes of contours were left empty."
        yield Finding("contour-gaps", "note", text)


def _placement(rois: list[_Roi], grid: Geometry) -> Iterator[Finding]:
    """What doesn't lie as contours of this scan would."""
    turned = [roi.structure.name for roi in rois if not lies_in_slices(roi.contours, grid)]
    if turned:
        text = f"Contours of {', '.join(turned[:5])} aren't in the scan's slices: resampled."
        yield Finding("contours-resampled", "warning", text)
    points = np.concatenate([one.points_lps for roi in rois for one in roi.contours])
    ijk = grid.to_ijk(points)
    outside = ((ijk < -1) | (ijk > np.array(grid.shape[::-1]))).any(axis=1).mean()
    if outside:
        text = f"{outside:.0%} of the contours' points lie outside the scan."
        yield Finding("contours-outside", "warning", text)


def _opened(path: Path) -> Any:
    header = header_of(path)
    if header.text("SOPClassUID") != RT_STRUCTURE_SET:
        raise UnsupportedError(f"{path.name} is DICOM, but no RT structure set.")
    try:
        return pydicom.dcmread(path)
    except Exception as error:  # pydicom raises a dozen kinds on damage
        raise InputError(f"{path.name} is a damaged structure set.") from error


def _rois(dataset: Any) -> tuple[list[_Roi], list[Finding]]:
    """The regions with an inside, and which others there are."""
    named = {int(item.ROINumber): item for item in dataset.get("StructureSetROISequence") or ()}
    listed, open_ones, empty = list[_Roi](), list[str](), list[str]()
    labels = _labels(dataset)
    for item in dataset.get("ROIContourSequence") or ():
        number = int(item.ReferencedROINumber)
        structure = _structure(labels[number], item, named.get(number))
        sequence = item.get("ContourSequence") or ()
        closed = tuple(_closed(sequence, structure.name))
        if closed:
            listed.append(_Roi(structure, closed))
        else:
            (open_ones if len(sequence) else empty).append(structure.name)
    return listed, [*_left_out(open_ones, "points and open contours", "open-contours"),
                    *_left_out(empty, "no contours", "empty-regions")]  # fmt: skip


def _left_out(names: list[str], what: str, code: str) -> list[Finding]:
    if not names:
        return []
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return [Finding(code, "note", f"Left out, for they have {what}: {shown}.")]


def _labels(dataset: Any) -> dict[int, int]:
    """A label for each region's number: the same one where it can be a label."""
    numbers = [
        int(item.ReferencedROINumber) for item in dataset.get("ROIContourSequence") or ()
    ]
    if len(set(numbers)) < len(numbers):
        raise InputError("The structure set has two regions of one number.")
    if all(0 < number <= 65535 for number in numbers):
        return {number: number for number in numbers}
    return {number: label for label, number in enumerate(numbers, 1)}


def _structure(label: int, item: Any, named: Any) -> Structure:
    name = safe_text(str(named.get("ROIName", ""))) if named is not None else ""
    ours = {known.name: known for known in STRUCTURES}.get(normal_name(name))
    channels = [int(float(str(part))) for part in item.get("ROIDisplayColor") or ()]
    fits = len(channels) == 3 and all(0 <= channel <= 255 for channel in channels)
    color = (channels[0], channels[1], channels[2]) if fits else _GREY
    if ours:
        return Structure(label, ours.name, color if fits else ours.color, ours.code)
    return Structure(label, name or f"region {label}", color)


def _closed(sequence: Iterable[Any], name: str) -> Iterator[Contour]:
    """The contours that enclose an area."""
    for item in sequence:
        kind = str(item.get("ContourGeometricType", "")).strip()
        if kind not in (CLOSED, EXCLUSIVE):
            continue
        points = _points(item, name)
        if len(points) >= 3 and np.linalg.norm(Contour(points).normal) > 0:
            yield Contour(points, kind == EXCLUSIVE)


def _points(item: Any, name: str) -> NDArray[np.float64]:
    """Points (n, 3) in LPS mm, read without making an object of each number.

    Raises:
        InputError: no triples of finite numbers.
    """
    raw = item.get_item(_CONTOUR_DATA)
    value = b"" if raw is None else raw.value
    try:
        words = (
            value.split(b"\\") if isinstance(value, bytes) else [str(v) for v in value or ()]
        )
        numbers = np.array([word for word in words if word.strip()], float)
        points = numbers.reshape(-1, 3)
    except ValueError as error:
        raise InputError(f"A contour of {name} isn't made of points of 3 numbers.") from error
    if points.size and not (np.abs(points) < FURTHEST_MM).all():
        raise InputError(f"A contour of {name} has points where no patient is.")
    claimed = item.get("NumberOfContourPoints")
    if claimed is not None and int(claimed) != len(points):
        raise InputError(
            f"A contour of {name} should have {int(claimed)} points and has {len(points)}."
        )
    return points
