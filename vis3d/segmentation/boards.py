"""Table tops that press on the skin and are as dense as bone."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from vis3d.segmentation.frame import Bools, Labels, Spacing
from vis3d.segmentation.morphology import fringed

MIN_LENGTH_MM, MIN_LENGTH = 20.0, 0.95
"""A table is as long as the scan."""
MIN_WIDTH_MM, MAX_THICKNESS_MM = 50.0, 15.0
FILLED, EVEN = 0.9, 0.8
"""Four fifths of it lie on lines along the scan that are filled to nine tenths."""
OUTERMOST = 0.9


def are_boards(labels: Labels, body: Bools, spacing_kji: Spacing) -> NDArray[np.bool_]:
    """Which pieces are wide thin boards, the same in all slices, with no body beyond.

    Indexed by label, 0 included. No bone is so: what is as even along the patient, the shaft
    of a limb, is narrow, and skin lies over it.
    """
    boxes = find_objects(labels.astype(np.int32))
    found = np.zeros(len(boxes) + 1, bool)
    for label, box in enumerate(boxes, 1):
        if box is None or not _is_long_and_wide(box, len(labels), spacing_kji):
            continue
        piece = labels[box] == label
        count = np.count_nonzero(piece)
        lines = np.count_nonzero(piece, axis=0)
        if lines[lines > FILLED * len(piece)].sum() > EVEN * count:
            found[label] = _is_outer_layer(labels == label, body, spacing_kji)
    return found


def _is_long_and_wide(box: tuple[slice, ...], slices: int, spacing_kji: Spacing) -> bool:
    k_mm, j_mm, i_mm = ((b.stop - b.start) * mm for b, mm in zip(box, spacing_kji, strict=True))
    least_mm = max(MIN_LENGTH_MM, MIN_LENGTH * slices * spacing_kji[0])
    return bool(k_mm >= least_mm and max(j_mm, i_mm) >= MIN_WIDTH_MM)


def _is_outer_layer(piece: Bools, body: Bools, spacing_kji: Spacing) -> bool:
    """Whether a piece is thin along one axis of the slice, and the last thing on its way."""
    count = np.count_nonzero(piece)
    body_round = body & ~fringed(piece)
    for axis in (1, 2):
        thickness_mm = spacing_kji[axis] * count / np.count_nonzero(piece.any(axis=axis))
        if thickness_mm > MAX_THICKNESS_MM:
            continue
        for turned, others in (
            (piece, body_round),
            (np.flip(piece, axis), np.flip(body_round, axis)),
        ):
            before = np.logical_or.accumulate(others, axis)
            if np.count_nonzero(turned & ~before) > OUTERMOST * count:
                return True
    return False
