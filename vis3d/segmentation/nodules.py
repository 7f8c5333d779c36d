"""Nodules and masses at the pleura, which no air parts from the chest wall."""

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.frame import Bools, Floats, Labels, Spacing
from vis3d.segmentation.morphology import (
    bounding_box,
    closed,
    components,
    fringed,
    keep,
    opened,
    sizes,
    sums,
)

REACH_MM = 15.0
"""A nodule of up to about twice this width is bridged."""
MIN_RADIUS_MM = 3.0
"""Ribs and vessels dent the lung less deeply than this."""
TISSUE_HU = (-400.0, 200.0)
MIN_MEAN_HU = -200.0
NODULE_ML, NODULE_CONTACT, NODULE_SHARE, NODULE_MM = 0.1, 0.55, 0.35, 45.0
"""A nodule: least volume, contact with lung and share of its box, greatest length."""
MASS_ML, MASS_CONTACT, MASS_MM = 10.0, 0.62, 80.0
"""A mass of any shape; what is smaller may be vessels of the hilum."""
DOUBT_ML, DOUBT_CONTACT = 3.0, 0.45
"""What is as large and lies half in the lung may be consolidation or fluid."""


def pleural_nodules(
    lung: Bools, hu: Floats, body: Bools, spacing_kji: Spacing, *, is_right: bool
) -> tuple[Bools, Bools]:
    """The solid pockets in a lung's outer surface that most of all lung surrounds.

    Each pocket of a wide closing is judged on its own: closing the whole lung so widely would
    take parts of the mediastinum, ribs and diaphragm with it. Pockets on the side of the
    mediastinum (no lung between them and the body's middle) are left to vessels and heart.
    The second answer holds the pockets in doubt: large and half in the lung, but no nodules.
    """
    nodules, doubted = np.zeros(lung.shape, bool), np.zeros(lung.shape, bool)
    box = bounding_box(lung, REACH_MM + max(spacing_kji), spacing_kji)
    if box is None:
        return nodules, doubted
    inner, values = lung[box], hu[box]
    tissue = body[box] & (values > TISSUE_HU[0]) & (values < TISSUE_HU[1])
    # with what a narrower closing took of them before: a rest is too thin to be judged
    pockets = closed(inner, REACH_MM, spacing_kji) & tissue & _lateral(inner, is_right)
    # opening parts the pockets from slivers along ribs; the fringe gives them their rim back
    labels = components(pockets & fringed(opened(pockets, MIN_RADIUS_MM, spacing_kji)))
    taken, in_doubt = _judged(labels, inner & (labels == 0), values, spacing_kji)
    nodules[box], doubted[box] = keep(labels, taken), keep(labels, in_doubt) & ~inner
    return nodules, doubted


def _lateral(lung: Bools, is_right: bool) -> Bools:
    """Where there is lung on the way to the body's middle (i runs to the patient's left)."""
    if is_right:
        from_middle = np.logical_or.accumulate(lung[:, :, ::-1], axis=2)[:, :, ::-1]
    else:
        from_middle = np.logical_or.accumulate(lung, axis=2)
    return np.asarray(from_middle)


def _judged(
    labels: Labels, lung: Bools, hu: Floats, spacing_kji: Spacing
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pockets are nodules or masses, and which may be lung without air."""
    voxels = sizes(labels)
    contact = _contact(labels, lung, spacing_kji)
    box_mm3, length_mm = _boxes(labels, spacing_kji)
    mm3 = voxels * float(np.prod(spacing_kji))
    solid = sums(labels, hu) / np.maximum(voxels, 1) > MIN_MEAN_HU
    nodule = (mm3 >= NODULE_ML * 1000) & (contact >= NODULE_CONTACT)
    nodule &= (mm3 >= NODULE_SHARE * box_mm3) & (length_mm <= NODULE_MM)
    mass = (mm3 >= MASS_ML * 1000) & (contact >= MASS_CONTACT) & (length_mm <= MASS_MM)
    taken = np.asarray((nodule | mass) & solid)
    doubt = (mm3 >= DOUBT_ML * 1000) & (contact >= DOUBT_CONTACT) & solid & ~taken
    return taken, np.asarray(doubt)


def _contact(labels: Labels, lung: Bools, spacing_kji: Spacing) -> NDArray[np.float64]:
    """The share of each pocket's surface that touches lung."""
    count = int(labels.max()) + 1
    surface, touching = np.zeros(count), np.zeros(count)
    for axis, step_mm in enumerate(spacing_kji):
        face_mm2 = float(np.prod(spacing_kji)) / step_mm
        for step in (1, -1):
            edge = (labels > 0) & (np.roll(labels, step, axis) != labels)
            surface += face_mm2 * np.bincount(labels[edge], minlength=count)
            edge &= np.roll(lung, step, axis)
            touching += face_mm2 * np.bincount(labels[edge], minlength=count)
    return touching / np.maximum(surface, 1e-6)


def _boxes(
    labels: Labels, spacing_kji: Spacing
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The volume in mm3 and the greatest length in mm of each pocket's box."""
    count = int(labels.max()) + 1
    volume, longest = np.ones(count), np.zeros(count)
    places = np.nonzero(labels)
    of = labels[places]
    for index, step_mm in zip(places, spacing_kji, strict=True):
        low, high = np.full(count, 1 << 30), np.full(count, -1)
        np.minimum.at(low, of, index)
        np.maximum.at(high, of, index)
        length = np.maximum(high - low + 1, 0) * step_mm
        volume, longest = volume * length, np.maximum(longest, length)
    return volume, longest
