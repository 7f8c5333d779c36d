"""What every voxel format shares: from a file's header and bytes to Volume or LabelMap."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError, TooLargeError, UnsupportedError, UsageError
from vis3d.formats.label_lists import structures_beside
from vis3d.formats.structures import plain_structures
from vis3d.geometry import FloatArray, Geometry, right_handed
from vis3d.labels import LabelMap, Report, Structure
from vis3d.memory import check_memory
from vis3d.progress import Progress, silent
from vis3d.volume import Finding, Volume

LOWEST_TISSUE_HU = -1024
"""What lies below air's own value is no tissue: scanners mark the outside with it."""

NEGATIVE_HU = -50
"""Only CT has values well below zero: fat and air."""

MOST_FRAMES = 4096
"""More volumes in one file are no time points of a scan, and no layers of a segmentation."""

LARGEST_HU = 33_000
"""Beyond 16-bit HU (metal, extended scales) lies something else than CT."""

AIR_HU = (-1150, -850)
"""Air with its noise: a scan of nothing else holds no value above."""


@dataclass(frozen=True, eq=False)
class VoxelFile:
    """A voxel file whose header was read and checked; `load` reads the voxels.

    `affine` takes (i, j, k) to LPS mm and may be left-handed. `load(frame, progress)` gives
    the values [k, j, i] of one of the `frames`. `facts` are what the file says of its values:
    "unit", "padding", "modality", ... `structures` has those named in each frame.
    """

    path: Path
    kind: str
    shape: tuple[int, int, int]
    affine: FloatArray
    dtype: np.dtype[np.generic]
    load: Callable[[int, Progress], NDArray[np.generic]]
    frames: int = 1
    facts: Mapping[str, object] = field(default_factory=dict)
    structures: tuple[tuple[Structure, ...], ...] = ()
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        if self.frames > MOST_FRAMES:
            raise TooLargeError(
                f"{self.path} holds {self.frames:,} volumes; up to {MOST_FRAMES:,} are read."
            )

    @property
    def geometry(self) -> Geometry:
        """The right-handed grid.

        Raises:
            InputError: a matrix that isn't finite, has no extent, or is sheared.
        """
        if not np.isfinite(self.affine).all():
            raise InputError(f"{self.path}: the {self.kind} header's matrix isn't finite.")
        try:
            return right_handed(np.broadcast_to(np.uint8(0), self.shape), self.affine)[1]
        except (ValueError, np.linalg.LinAlgError) as error:
            raise InputError(
                f"{self.path}: the {self.kind} header places the voxels on no right-angled "
                f"grid ({error}) Resample it onto one with the tool that made it."
            ) from error


def volume_of(
    file: VoxelFile,
    frame: int = 0,
    progress: Progress | None = None,
    *,
    unit: str | None = None,
) -> Volume:
    """The values of one frame as a Volume, int16 where they fit, else float32.

    `unit` is theirs where the file states none.

    Raises:
        UsageError: the file states another unit.
        InputError: the voxels can't be read, or none is a number.
        TooLargeError: there isn't the memory for them.
    """
    geometry = file.geometry
    check_memory(file.shape, max(file.dtype.itemsize, 4), what=f"{file.path}: a volume")
    array, _ = right_handed(file.load(frame, progress or silent), file.affine)
    array, padding, findings = compact(array, file.path)
    facts = dict(file.facts)
    stated_unit = facts.pop("unit", None)
    if unit and stated_unit and stated_unit != unit:
        raise UsageError(f"{file.path} states its unit, {stated_unit}: leave out {unit}.")
    unit = unit or (None if stated_unit is None else str(stated_unit))
    stated_padding = facts.pop("padding", None)
    if isinstance(stated_padding, int | float) and padding is None:
        padding = float(stated_padding)
    if unit is None:
        unit, guessed = guess_unit(array, padding, file.kind)
        findings += guessed
    if unit == "HU" and padding is None:
        padding, guessed = guess_padding(array)
        findings += guessed
    facts["source"] = file.kind.lower()
    facts["findings"] = (*file.findings, *findings)
    return Volume(array, geometry, unit, padding, facts)


def labelmap_of(file: VoxelFile, frame: int = 0, progress: Progress | None = None) -> LabelMap:
    """The labels of one frame as a LabelMap, with the file's names where it has some.

    Raises:
        InputError: values that are no labels: negative, broken or above 65535.
    """
    geometry = file.geometry
    check_memory(file.shape, max(file.dtype.itemsize, 4), what=f"{file.path}: a volume")
    array, _ = right_handed(file.load(frame, progress or silent), file.affine)
    labels = as_labels(array, file.path)
    present = [label for label in _values_in(labels) if label]
    known = file.structures[frame] if frame < len(file.structures) else ()
    known = known or structures_beside(file.path)
    named = {structure.label for structure in known}
    if max(named, default=0) > np.iinfo(labels.dtype).max:
        labels = labels.astype(np.uint16)  # so that every label named can be asked for
    nameless = plain_structures(label for label in present if label not in named)
    structures = tuple(sorted((*known, *nameless), key=lambda s: s.label))
    return LabelMap(labels, geometry, structures, Report(findings=file.findings))


def _values_in(labels: NDArray[np.uint8] | NDArray[np.uint16]) -> list[int]:
    """The values that occur; by slices, since counting makes eight bytes of each voxel."""
    seen = np.zeros(np.iinfo(labels.dtype).max + 1, bool)
    for values in labels:
        seen[values] = True
    found: list[int] = np.flatnonzero(seen).tolist()
    return found


def compact(
    array: NDArray[np.generic], path: Path
) -> tuple[NDArray[np.generic], float | None, tuple[Finding, ...]]:
    """The same values as int16 where they fit, else float32; then a padding, findings.

    Values that are no numbers become padding below all the others.
    """
    if array.dtype == np.int16:
        return array, None, ()
    padding, findings = None, tuple[Finding, ...]()
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        if not finite.all():
            array, padding = _without_gaps(array, finite, path)
            count = array.size - int(np.count_nonzero(finite))
            message = f"{count} voxels without a value (NaN) are taken as outside the scan."
            findings = (Finding("not-finite", "warning", message),)
        if _loses_nothing(array, np.dtype(np.int16)):
            return array.astype(np.int16), padding, findings
        return array.astype(np.float32, copy=False), padding, findings
    least, greatest = int(array.min()), int(array.max())
    fits = least >= -32768 and greatest <= 32767
    return array.astype(np.int16 if fits else np.float32), padding, findings


def guess_unit(
    array: NDArray[np.generic], padding: float | None, kind: str
) -> tuple[str, tuple[Finding, ...]]:
    """HU where the values can be CT's and little else's, else "", and the finding."""
    least, greatest = float(array.min()), float(array.max())
    usual = 0 <= greatest <= LARGEST_HU or AIR_HU[0] <= greatest <= AIR_HU[1]
    if -LARGEST_HU <= least <= NEGATIVE_HU and usual:
        message = (
            f"{kind} states no unit; values from {least:g} to {greatest:g} are read as HU."
        )
        return "HU", (Finding("unit-guessed", "note", message),)
    message = (
        f"{kind} states no unit, and values from {least:g} to {greatest:g} don't look like HU. "
        'If they are, say so: unit="HU" (--unit HU).'
    )
    return "", (Finding("unit-unknown", "warning", message),)


def guess_padding(array: NDArray[np.generic]) -> tuple[float | None, tuple[Finding, ...]]:
    """The value outside the scanned circle, if one stands below all tissue in many voxels."""
    least = array.min()
    if float(least) >= LOWEST_TISSUE_HU:
        return None, ()
    share = np.count_nonzero(array == least) / array.size
    if share < 0.005:
        return None, ()
    message = (
        f"{share:.1%} of the voxels hold {float(least):g} and are taken as outside the scan."
    )
    return float(least), (Finding("padding", "note", message),)


def as_labels(array: NDArray[np.generic], path: Path) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Whole numbers from 0 to 65535 as uint8 where they fit, else uint16.

    Raises:
        InputError: any other value.
    """
    least, greatest = float(array.min()), float(array.max())
    if not 0 <= least <= greatest <= 65535:
        raise InputError(
            f"{path}: values from {least:g} to {greatest:g} are no labels (0 to 65535); "
            f"is it a scan rather than a segmentation?"
        )
    small: NDArray[np.uint8] | NDArray[np.uint16] = (
        array.astype(np.uint8, copy=False)
        if greatest <= 255
        else array.astype(np.uint16, copy=False)
    )
    if array.dtype.kind == "f" and not np.array_equal(small, array):
        raise InputError(
            f"{path}: the values aren't whole numbers, so they are no labels; "
            f"cut a probability map at 0.5 first."
        )
    return small


def little_endian(array: NDArray[np.generic]) -> NDArray[np.generic]:
    """The voxels as files hold them: C-ordered, little endian, flags as bytes; a view if so."""
    voxels = np.ascontiguousarray(array.view(np.uint8) if array.dtype == np.bool_ else array)
    return voxels.astype(voxels.dtype.newbyteorder("<"), copy=False)


def facts_of(volume: Volume) -> dict[str, object]:
    """What travels in an export's header: nothing that identifies anybody."""
    facts: dict[str, object] = {"unit": volume.unit}
    if volume.padding is not None:
        facts["padding"] = volume.padding
    for key in ("modality", "kernel", "thickness_mm", "contrast", "patient_position", "lossy"):
        value = volume.metadata.get(key)
        if isinstance(value, str | int | float | bool):
            facts[key] = value
    if volume.findings:
        facts["findings"] = [finding.as_dict() for finding in volume.findings]
    return facts


def facts_json(volume: Volume) -> str:
    """The facts as one line of JSON."""
    return json.dumps(facts_of(volume), ensure_ascii=True)


def findings_json(labelmap: LabelMap) -> str:
    """What is known of the scan and of the segmentation, as `facts_json` writes it."""
    listed = [finding.as_dict() for finding in labelmap.report.findings]
    return json.dumps({"unit": "", "findings": listed}, ensure_ascii=True)


def facts_from_json(text: str) -> tuple[dict[str, object], tuple[Finding, ...]]:
    """The facts and findings that an export of ours carries; nothing from any other text."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}, ()
    if not isinstance(content, dict) or "unit" not in content:
        return {}, ()
    findings = _findings(content.pop("findings", []))
    facts = {key: value for key, value in content.items() if _is_fact(key, value)}
    return facts, findings


def refuse_values(path: Path, kind: str, what: str) -> UnsupportedError:
    """The error for voxels that are no single numbers."""
    return UnsupportedError(
        f"{path}: this {kind} file holds {what}; vis3d reads one number a voxel."
    )


LARGEST_FACT = 1e9
_FACT_TYPES: dict[str, tuple[type, ...]] = {
    "unit": (str,),
    "padding": (int, float),
    "modality": (str,),
    "kernel": (str,),
    "thickness_mm": (int, float),
    "contrast": (bool,),
    "patient_position": (str,),
    "lossy": (bool,),
}


def _is_fact(key: object, value: object) -> bool:
    if not (isinstance(key, str) and isinstance(value, _FACT_TYPES.get(key, ()))):
        return False
    return not isinstance(value, int | float) or abs(value) <= LARGEST_FACT


def _findings(rows: object) -> tuple[Finding, ...]:
    if not isinstance(rows, list):
        return ()
    return tuple(
        Finding(str(row["code"]), row["severity"], str(row["message"]))
        for row in rows
        if isinstance(row, dict)
        and row.keys() >= {"code", "severity", "message"}
        and row["severity"] in ("note", "warning", "error")
    )


def _without_gaps(
    array: NDArray[np.generic], finite: NDArray[np.bool_], path: Path
) -> tuple[NDArray[np.generic], float]:
    if not finite.any():
        raise InputError(f"{path}: no voxel holds a number.")
    least = float(array.min(where=finite, initial=np.inf))
    padding = float(min(LOWEST_TISSUE_HU, np.floor(least)) - 1)
    return np.where(finite, array, array.dtype.type(padding)), padding


def _loses_nothing(array: NDArray[np.generic], dtype: np.dtype[np.int16]) -> bool:
    if array.min() < -32768 or array.max() > 32767:
        return False
    middle = array[len(array) // 2]
    return bool(
        np.array_equal(middle, middle.astype(dtype))
        and np.array_equal(array, array.astype(dtype))
    )
