"""Which pictures belong together."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vis3d.dicom.frames import SPLITTERS, Frame
from vis3d.dicom.pixels import same_pixels
from vis3d.dicom.stacking import normal_of, order_along_normal, repeats
from vis3d.geometry import ORTHOGONAL_TOLERANCE
from vis3d.progress import Progress, silent
from vis3d.volume import Finding

COMPARING = "comparing slices at one position"
SLICED = ("CT", "MR", "PT")
"""What comes in stacks; several radiographs are several pictures."""

SPACING_TOLERANCE_MM = 1e-3
FEW, FEW_SHARE = 8, 0.1
"""So few slices at taken positions are compared by their pixels before all else."""
LOCALIZERS = 3
"""So few images of another orientation are the scouts that a series was planned on."""
SLICES_A_PART = 8
"""An attribute that parts a stack into more than its passes must part it into real ones."""


@dataclass(frozen=True, eq=False)
class Group:
    """Pictures of one stack, sorted along its normal, and what grouping them found."""

    frames: tuple[Frame, ...]
    findings: tuple[Finding, ...] = field(default=())


def groups_of(frames: Sequence[Frame], progress: Progress = silent) -> list[Group]:
    """All frames of one SeriesInstanceUID, parted into stacks and single pictures.

    Patients, sizes, frames of reference and orientations are always kept apart; acquisitions,
    times, echoes, phases and kernels only where positions repeat.
    """
    patients = _by_patient(frames)
    if len(patients) > 1:
        said = _patients_finding(len(patients))
        apart = [group for part in patients for group in groups_of(part, progress)]
        return [Group(group.frames, (said, *group.findings)) for group in apart]
    parts = _by_layout(frames)
    sizes = {(frame.format.rows, frame.format.columns) for frame in frames}
    groups: list[Group] = []
    for part in parts:
        note = _parted_finding(part, parts, len(sizes))
        if part[0].position is None or part[0].orientation is None:
            unplaced = _no_position(part)
            groups += [Group((frame,), (*note, unplaced)) for frame in part]
        else:
            groups += [
                Group(group.frames, (*note, *group.findings))
                for group in _by_place(part, progress)
            ]
    return groups


def _by_patient(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Frames of one patient together; those without a PatientID where there is but one."""
    if len({frame.header.patient for frame in frames} - {""}) < 2:
        return [list(frames)]
    parts: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        parts[frame.header.patient].append(frame)
    return [parts[patient] for patient in sorted(parts)]


def _by_layout(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Frames of one size, frame of reference, orientation and pixel spacing together."""
    parts: list[list[Frame]] = []
    alike: dict[object, list[list[Frame]]] = defaultdict(list)
    for frame in frames:
        size = (frame.format.rows, frame.format.columns)
        reference = frame.header.text("FrameOfReferenceUID")
        layout = (size, reference, frame.unit, frame.stack_id)
        keys = [(layout, cell) for cell in _orientation_cells(frame)]
        near = (part for key in keys for part in alike[key])
        fitting = next((part for part in near if _same_plane(part[0], frame)), None)
        if fitting is None:
            fitting = []
            parts.append(fitting)
            for key in keys:
                alike[key].append(fitting)
        fitting.append(frame)
    return parts


def _orientation_cells(frame: Frame) -> list[object]:
    """Cells of two shifted grids: near orientations share one, so few need comparing."""
    if frame.orientation is None:
        return [None]
    scaled = frame.orientation.ravel() / (20 * ORTHOGONAL_TOLERANCE)
    return [(shift, *np.floor(scaled + shift).tolist()) for shift in (0.0, 0.5)]


def _same_plane(one: Frame, other: Frame) -> bool:
    """Whether two frames lie parallel, with pixels of one size, but for rounding."""
    if (one.position is None) != (other.position is None):
        return False
    return _close(one.orientation, other.orientation, ORTHOGONAL_TOLERANCE) and _close(
        one.pixel_spacing, other.pixel_spacing, SPACING_TOLERANCE_MM
    )


def _close(one: ArrayLike | None, other: ArrayLike | None, tolerance: float) -> bool:
    if one is other or one is None or other is None:
        return one is other
    return bool(np.abs(np.subtract(one, other)).max() <= tolerance)


def _by_place(frames: list[Frame], progress: Progress) -> list[Group]:
    """One stack, or several where positions repeat."""
    once = _without_resent(_sorted(frames), progress)
    groups = _parted(once, progress)
    if len(once) == len(frames):
        return groups
    note = _resent_finding(len(frames) - len(once))
    return [Group(group.frames, (*group.findings, note)) for group in groups]


def _parted(frames: list[Frame], progress: Progress) -> list[Group]:
    """One stack of sorted slices, or several where positions repeat."""
    if not _repeating(frames):
        return [Group(tuple(frames))]
    if len(frames) - int(_places(frames)[-1]) - 1 <= max(FEW, FEW_SHARE * len(frames)):
        single = _without_copies(frames, progress)
        if not _repeating(single.frames):
            return [single]
    parts = _split(frames)
    if len(parts) == 1:
        return [_without_copies(frames, progress)]
    note = _split_finding(frames, parts)
    return [Group(tuple(part), (note,)) for part in parts]


def _without_resent(frames: list[Frame], progress: Progress) -> list[Frame]:
    """Each instance once, where the same file lies in several folders."""
    kept: dict[tuple[str, int], Frame] = {}
    resent: list[Frame] = []
    for frame in frames:
        progress(0.97, COMPARING)
        uid = frame.header.text("SOPInstanceUID")
        first = kept.setdefault((uid or str(id(frame)), frame.number), frame)
        if first is not frame and not _same_slice(first, frame):
            resent.append(frame)  # the same name for another slice: it stays
    return _sorted([*kept.values(), *resent])


def _same_slice(one: Frame, other: Frame) -> bool:
    return np.array_equal(one.position, other.position) and same_pixels(one, other)  # type: ignore[arg-type]


def _without_copies(frames: list[Frame], progress: Progress) -> Group:
    """The stack without slices that are there twice; refused where they differ."""
    places = _places(frames)
    kept: list[Frame] = []
    copies, differ = 0, 0
    for place in range(int(places[-1]) + 1):
        first, *others = (frames[n] for n in np.flatnonzero(places == place))
        progress(0.98, COMPARING)
        kept.append(first)
        different = [other for other in others if not same_pixels(first, other)]
        copies += len(others) - len(different)
        differ += bool(different)
        kept += different
    findings: tuple[Finding, ...] = ()
    if copies:
        findings = (_copies_finding(copies),)
    if differ:
        findings = (*findings, _repeated_finding(differ, int(places[-1]) + 1))
    return Group(tuple(kept), findings)


def _split(frames: list[Frame]) -> list[list[Frame]]:
    """Part a stack whose positions repeat by the first attribute that tells them apart.

    An attribute counts where every part is a stack of its own: no position twice, and not
    a few slices a part (a time that every rotation has for itself tells nothing).
    """
    most = int(np.bincount(_places(frames)).max())
    for keyword in SPLITTERS:
        parts = _parts_by(frames, keyword)
        if len(parts) < 2 or any(_repeating(part) for part in parts):
            continue
        if len(parts) == most or len(frames) >= SLICES_A_PART * len(parts):
            return parts
    for keyword in SPLITTERS:
        parts = _parts_by(frames, keyword)
        if 1 < len(parts) <= most and min(map(len, parts)) > 1:
            deeper = [_split(part) if _repeating(part) else [part] for part in parts]
            if not any(_repeating(part) for some in deeper for part in some):
                return [part for some in deeper for part in some]
    return _split_by_number(frames, most)


def _split_by_number(frames: list[Frame], most: int) -> list[list[Frame]]:
    """Complete passes over all positions, one after another by InstanceNumber, if so."""
    if len(frames) != most * (int(_places(frames)[-1]) + 1) or len(frames) == most:
        return [frames]
    numbered = sorted(frames, key=_instance_number)
    length = len(frames) // most
    parts = [_sorted(numbered[n : n + length]) for n in range(0, len(frames), length)]
    return [frames] if any(_repeating(part) for part in parts) else parts


def _parts_by(frames: Iterable[Frame], keyword: str) -> list[list[Frame]]:
    parts: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        parts[frame.telling(keyword)].append(frame)
    return [parts[value] for value in sorted(parts, key=_natural)]


def _natural(text: str) -> tuple[float, str]:
    try:
        return (float(text), text)
    except ValueError:
        return (float("inf"), text)


def _instance_number(frame: Frame) -> tuple[float, int]:
    return (_natural(frame.header.text("InstanceNumber"))[0], frame.number)


def _sorted(frames: Sequence[Frame]) -> list[Frame]:
    orientation = frames[0].orientation
    assert orientation is not None
    by_number = sorted(frames, key=_instance_number)
    positions = np.array([frame.position for frame in by_number])
    return [by_number[n] for n in order_along_normal(positions, orientation)]


def _places(frames: Sequence[Frame]) -> NDArray[np.intp]:
    orientation = frames[0].orientation
    assert orientation is not None
    return repeats(np.array([frame.position for frame in frames]) @ normal_of(orientation))


def _repeating(frames: Sequence[Frame]) -> bool:
    return len(frames) > 1 and int(_places(frames)[-1]) + 1 < len(frames)


def _parted_finding(
    part: Sequence[Frame], parts: Sequence[Sequence[Frame]], sizes: int
) -> tuple[Finding, ...]:
    """Say that a series holds more than this part of it: loudly, if more than localizers."""
    if len(parts) == 1:
        return ()
    code, how = (
        ("mixed-size", "have several sizes")
        if sizes > 1
        else (
            "mixed-orientation",
            "differ in orientation, frame of reference, pixel spacing or unit",
        )
    )
    images = sum(map(len, parts))
    elsewhere = max(len(other) for other in parts if other is not part)
    return (
        Finding(
            code,
            "warning" if elsewhere > LOCALIZERS else "note",
            f"The series' images {how}: they make {len(parts)} stacks that load apart; this "
            f"one has {len(part)} of the {images}.",
        ),
    )


def _patients_finding(count: int) -> Finding:
    return Finding(
        "several-patients",
        "warning",
        f"{count} different PatientIDs share the series' UID: their images load apart.",
    )


def _no_position(part: Sequence[Frame]) -> Finding:
    if len(part) > 1 and part[0].header.text("Modality") in SLICED:
        return Finding(
            "no-position",
            "warning",
            f"{len(part)} images of the series don't say where they lie in the patient "
            "(ImagePositionPatient, ImageOrientationPatient): nothing tells their order and "
            "distance, so each is a picture of its own and no volume is made of them.",
        )
    return Finding(
        "no-position",
        "note",
        "The image has no place in the patient: it is a single picture, not part of a stack.",
    )


def _split_finding(frames: Sequence[Frame], parts: Sequence[Sequence[Frame]]) -> Finding:
    apart = [
        keyword
        for keyword in SPLITTERS
        if len({part[0].telling(keyword) for part in parts}) > 1
        and all(len({frame.telling(keyword) for frame in part}) == 1 for part in parts)
    ]
    by = apart[0] if apart else "InstanceNumber"
    return Finding(
        "repeated-positions",
        "note",
        f"The {len(frames)} images of the series lie several times at the same positions; they "
        f"are parted by {by} into {len(parts)} stacks that load apart.",
    )


def _copies_finding(count: int) -> Finding:
    slices = "slice is there twice" if count == 1 else "slices are there twice"
    return Finding(
        "duplicate-slices", "note", f"{count} {slices} with equal pixels; one of each is used."
    )


def _resent_finding(count: int) -> Finding:
    are = "1 image of the series is" if count == 1 else f"{count} images of the series are"
    return Finding(
        "duplicate-slices", "note", f"{are} there again in another file, which is left out."
    )


def _repeated_finding(differ: int, places: int) -> Finding:
    return Finding(
        "repeated-positions",
        "error",
        f"At {differ} of {places} positions lie several slices with different pixels, and no "
        "attribute tells which belong together. Separate the files and load each part.",
    )
