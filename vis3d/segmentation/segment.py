"""What the library offers: a scan in, a label map with its report out."""

from collections.abc import Callable, Iterable, Mapping
from time import perf_counter

import numpy as np

from vis3d.allocator import give_back_memory, share_one_heap
from vis3d.labels import BODY, STRUCTURES, LabelMap, Report, structure_labels
from vis3d.progress import Progress, silent
from vis3d.segmentation.anatomy import Anatomy
from vis3d.segmentation.checks import checks_of, findings_of
from vis3d.segmentation.lung_drawing import draw_lungs
from vis3d.segmentation.lungs.sides import LEFT, RIGHT
from vis3d.segmentation.voxels.frame import Bools, patient_frame
from vis3d.segmentation.voxels.grids import give_back_much
from vis3d.segmentation.voxels.sparse import sparse_zeros
from vis3d.volume import Volume, require_volume

PAINTERS: Mapping[str, Callable[[Anatomy], Bools]] = {
    "body": lambda anatomy: anatomy.fine_body,
    "bones": lambda anatomy: anatomy.with_bones.bones,
    "cancellous": lambda anatomy: anatomy.with_bones.bones & ~anatomy.with_bones.cortical,
    "cortical": lambda anatomy: anatomy.with_bones.cortical,
    "metal": lambda anatomy: anatomy.all_metal,
}
"""Which part of the anatomy is which structure; later ones are drawn over earlier ones, and
lungs and airways over all."""


def segment(
    volume: Volume,
    structures: Iterable[str] = ("lungs", "airways", "bones"),
    *,
    progress: Progress | None = None,
) -> LabelMap:
    """The structures of a CT scan by density and shape, each voxel with one label.

    Left and right are the patient's, by coordinates. Lungs hold their vessels and nodules
    but not trachea and main bronchi; airways are the lumen; bones are cortex and marrow,
    which `cortical` and `cancellous` split in two; metal is never bone.
    What isn't in the scan stays empty, and the label map's report says so.

    Raises:
        UnknownStructureError: a name that isn't in `STRUCTURES`.
        UnsupportedError: the scan isn't in Hounsfield units.
        UsageError: it is no volume.
    """
    require_volume(volume)
    wanted = structure_labels(structures)
    chosen = tuple(s for s in STRUCTURES if s.label in wanted)
    start = perf_counter()
    share_one_heap()
    anatomy = Anatomy(patient_frame(volume), progress or silent)
    labels = sparse_zeros(anatomy.frame.hu.shape, np.uint8)
    by_name = {s.name: s.label for s in chosen}
    for name, paint in PAINTERS.items():
        if name in by_name:
            part = paint(anatomy)
            give_back_memory()
            np.copyto(labels, np.uint8(by_name[name]), where=part)
            del part
    sides = {"left lung": LEFT, "right lung": RIGHT}
    if wanted_sides := {sides[name]: by_name[name] for name in sides if name in by_name}:
        draw_lungs(anatomy.grown_up, labels, wanted_sides)
    if "airways" in by_name:
        labels.reshape(-1)[anatomy.grown_up.airways.places] = by_name["airways"]
    array = anatomy.frame.as_stored(labels)
    checks = checks_of(anatomy, frozenset(by_name))
    give_back_much(anatomy.factors)
    report = Report(checks, findings_of(anatomy, checks), perf_counter() - start)
    return LabelMap(array, volume.geometry, chosen, report)


def segment_lungs(volume: Volume, *, progress: Progress | None = None) -> LabelMap:
    """Left and right lung; see `segment`."""
    return segment(volume, ["lungs"], progress=progress)


def segment_airways(volume: Volume, *, progress: Progress | None = None) -> LabelMap:
    """The lumen of trachea and bronchi; see `segment`."""
    return segment(volume, ["airways"], progress=progress)


def segment_bones(volume: Volume, *, progress: Progress | None = None) -> LabelMap:
    """Cortex and marrow of all bones; see `segment`."""
    return segment(volume, ["bones"], progress=progress)


def segment_body(volume: Volume, *, progress: Progress | None = None) -> LabelMap:
    """Everything inside the skin, without the table; see `segment`."""
    return segment(volume, [BODY], progress=progress)


SEGMENTERS: Mapping[str, Callable[..., LabelMap]] = {
    "lungs": segment_lungs,
    "airways": segment_airways,
    "bones": segment_bones,
    "body": segment_body,
}
"""The method for each structure or group, by name: Volume -> LabelMap."""
