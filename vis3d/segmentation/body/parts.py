"""Which parts belong to the body: limbs and ears do, boards and the table's feet don't."""

import numpy as np
from numpy.typing import NDArray

from vis3d.segmentation.body.outside import LUNG_HU, SKIN_HU, rim
from vis3d.segmentation.voxels.enclosure import open_directions
from vis3d.segmentation.voxels.frame import Bools, Floats, Labels, Spacing
from vis3d.segmentation.voxels.morphology import (
    bounding_box,
    components,
    fringed,
    grown,
    keep,
    sections,
    sizes,
    sums,
    swept,
)

TISSUE_HU = (-250, 1500)
SMALL_FIELD_MM = 250.0
CORE_MM, SMALL_CORE_MM, CORE_OF_FIELD = 8.0, 6.0, 1 / 16
"""What is thinner than twice this is no body: table tops, blankets, tubes. It is less in fields
of view for children, and no more than this share of any, lest small animals be lost."""
MIN_TISSUE_SHARE = 0.35
EVEN_HU, MIN_WIDE = 25, 6.0
"""What lies apart, varies by less and is as many times wider than thick is a board: limbs hold
fat, muscle and bone, and drawn ones are round."""
MIN_PART_SHARE, MIN_CORE_SHARE = 0.02, 0.02
"""Arms and legs that lie apart are kept from this share of the largest part on, if as much of
that is thick."""
MIN_CUT, MIN_SLIVER_SHARE = 0.15, 0.001
"""What the field of view leaves of arms may be smaller: as much of it lies at the edge."""
MAX_FOOT_SHARE, BOARD_SHARE = 0.1, 0.3
"""Smaller parts behind the body are feet of the table if the table lies between, though a thin
board is missed in places."""
DRY_HU, MIN_DRY_ML = 200, 0.3
"""Where half of the body or more is as dense there is no flesh: its thin bones count too."""
EAR_MM, HEAD_MM2 = 35.0, 35_000
"""What sticks out of a head, thin as it is, and ends within as much is an ear; sections of
trunks are larger."""

CAVITY_MM, MOST_OPEN = 60.0, 4
"""From within mouth, nose and ear canals fewer of 26 directions lead out as far."""


def core_mm(shape: tuple[int, ...], spacing_kji: Spacing) -> float:
    """What is thinner than twice this in a field of view of this size is no body."""
    field_mm = width_mm(shape, spacing_kji)
    usual_mm = CORE_MM if field_mm > SMALL_FIELD_MM else SMALL_CORE_MM
    return min(usual_mm, field_mm * CORE_OF_FIELD)


def width_mm(shape: tuple[int, ...], spacing_kji: Spacing) -> float:
    """The smaller width of the field of view."""
    _, j_mm, i_mm = spacing_kji
    return min(shape[1] * j_mm, shape[2] * i_mm)


def bodies(
    pieces: Labels,
    solid: Bools,
    hu: Floats,
    measured: Bools,
    spacing_kji: Spacing,
) -> Bools:
    """The pieces that consist of tissue to a good part, small ones and boards left out."""
    amount = sums(pieces, (hu > TISSUE_HU[0]) & (hu < TISSUE_HU[1]))
    amount[0] = 0
    # where the edges of the scan cut both lungs, there is more lung in it than tissue
    airy = sums(pieces, (hu > LUNG_HU[0]) & (hu < LUNG_HU[1]))
    share = amount / np.maximum(sizes(pieces) - airy, MIN_TISSUE_SHARE * airy + 1)
    large = _large_enough(pieces, amount, solid, spacing_kji)
    cut = sums(pieces, rim(measured)) > MIN_CUT * sizes(pieces)
    sliver = ~large & cut & (amount > MIN_SLIVER_SHARE * amount.max())
    wanted = (share > MIN_TISSUE_SHARE) & (large | sliver)
    if np.count_nonzero(wanted) > 1:
        deviation = _deviations(pieces * ~fringed(~measured), hu, len(amount))
        even = wanted & (deviation < min(EVEN_HU, deviation[amount.argmax()] / 2))
        wanted &= ~(even & sliver)
        for board in np.flatnonzero(even & large):
            wanted[board] = _width_to_thickness(pieces == board, spacing_kji) < MIN_WIDE
    return keep(pieces, wanted)


def _large_enough(
    pieces: Labels,
    amount: NDArray[np.float64],
    solid: Bools,
    spacing_kji: Spacing,
) -> NDArray[np.bool_]:
    """Which pieces are no small share of the largest, with what was shrunk away from them.

    Of a child's arm hardly anything is left once it is shrunk.
    """
    thick_mm = core_mm(solid.shape, spacing_kji)
    least = MIN_PART_SHARE * amount.max()
    large: NDArray[np.bool_] = amount > least
    for piece in np.flatnonzero(~large & (amount > least * MIN_CORE_SHARE)):
        box = bounding_box(pieces == piece, thick_mm + max(spacing_kji), spacing_kji)
        if box is not None:
            whole = grown(pieces[box] == piece, thick_mm, spacing_kji) & solid[box]
            large[piece] = np.count_nonzero(whole) > least
    return large


def _width_to_thickness(piece: Bools, spacing_kji: Spacing) -> float:
    """How many times wider than thick it is in its slices, however it lies there."""
    k, *in_slice = np.nonzero(piece)
    voxels = np.maximum(np.bincount(k), 1)
    aside = [
        (x - (np.bincount(k, x) / voxels)[k]) * mm
        for x, mm in zip(in_slice, spacing_kji[1:], strict=True)
    ]
    least, most = np.linalg.eigvalsh(np.cov(aside, ddof=0))
    return float(np.sqrt(most / max(least, 1e-6)))


def _deviations(pieces: Labels, hu: Floats, count: int) -> NDArray[np.float64]:
    """The standard deviation of the HU in each piece; nan in empty ones."""
    voxels = sizes(pieces, count)
    with np.errstate(invalid="ignore"):
        mean, square = (sums(pieces, values, count) / voxels for values in (hu, hu * hu))
    return np.asarray(np.sqrt(np.maximum(square - mean * mean, 0)))


def above_the_table(core: Bools, hu: Floats) -> Bools:
    """The core without small parts behind a board that lies behind the largest part."""
    pieces = components(core)
    voxels = sizes(pieces)
    voxels[0] = 0
    if np.count_nonzero(voxels) < 2:
        return core
    thing, largest = hu > SKIN_HU, pieces == voxels.argmax()
    past = swept(largest, 1) & ~swept(largest[:, ::-1], 1)[:, ::-1]
    board = swept(past & ~thing, 1) & thing
    below = swept(swept(board, 1) & ~thing, 1)
    beyond = sums(pieces, below, len(voxels)) > BOARD_SHARE * voxels
    return keep(pieces, (voxels > 0) & ~(beyond & (voxels < MAX_FOOT_SHARE * voxels.max())))


def dry_bones(core: Bools, dense: Bools, spacing_kji: Spacing) -> Bools:
    """What is dense, however thin, where no soft tissue is found."""
    if 2 * np.count_nonzero(core & dense) < np.count_nonzero(core):
        return np.zeros_like(core)
    pieces = components(dense)
    ml = sizes(pieces) * float(np.prod(spacing_kji)) / 1000
    return keep(pieces, ml >= MIN_DRY_ML)


def ears(body: Bools, tissue: Bools, holder: Bools, spacing_kji: Spacing) -> Bools:
    """What is thinner than the core, leads out of a head and ends soon, as no wire does.

    It may touch a holder that is denser than skin.
    """
    beyond: Bools = tissue & ~body & ~fringed(holder) & _of_heads(body, spacing_kji)
    if not beyond.any():
        return beyond
    reached = body
    for _ in range(round(EAR_MM / max(spacing_kji[1:]))):
        reached = body | (fringed(reached) & beyond)
    pieces = components(beyond)
    return keep(pieces, (sums(pieces, reached) > 0) & (sums(pieces, ~reached) == 0))


def cavities(body: Bools, hu: Floats, spacing_kji: Spacing) -> Bools:
    """Mouth, nose and ear canals: air in a head that has a narrow way out.

    It leads to air that the head encloses in its slices, as no gap between limbs does.
    """
    found, heads = np.zeros(body.shape, bool), _of_heads(body, spacing_kji)
    box = bounding_box(body & heads)
    if box is None:
        return found
    inside = body[box]
    walled = open_directions(inside, CAVITY_MM, spacing_kji) <= MOST_OPEN
    pieces = components(walled & ~inside)
    enclosed = fringed(inside & (hu[box] < SKIN_HU))
    found[box] = keep(pieces, sums(pieces, enclosed) > 0)
    return found & heads


def _of_heads(body: Bools, spacing_kji: Spacing) -> Bools:
    """The slices in which no more lies than a head, as (slices, 1, 1)."""
    pixel_mm2 = spacing_kji[1] * spacing_kji[2]
    return np.asarray((sections(body) * pixel_mm2 < HEAD_MM2)[:, None, None])
