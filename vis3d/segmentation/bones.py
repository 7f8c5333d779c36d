"""The bones: cortex and the marrow it encloses."""

import numpy as np

from vis3d.progress import Progress, silent
from vis3d.segmentation.frame import Bools, Spacing
from vis3d.segmentation.morphology import components, filled_in_slices, keep, sizes

SEED_HU = 300
GROW_HU = 160
MIN_PIECE_ML = 0.3
MAX_HOLE_CM2 = 12.0


def find_bones(
    hu: np.ndarray, body: Bools, spacing_kji: Spacing, progress: Progress = silent
) -> Bools:
    """Cortex by hysteresis, marrow by filling what the cortex encloses in each slice."""
    voxel_ml = float(np.prod(spacing_kji)) / 1000
    dense = (hu > GROW_HU) & body
    progress(0.2, "Finding the bones")
    pieces = components(dense, 18)
    large = sizes(pieces) * voxel_ml >= MIN_PIECE_ML
    seeded = np.zeros(len(large), bool)
    seeded[pieces[hu > SEED_HU]] = True
    progress(0.5, "Finding the bones")
    return fill_marrow(keep(pieces, large & seeded), spacing_kji)


def fill_marrow(cortex: Bools, spacing_kji: Spacing) -> Bools:
    """The bones with what they enclose in a slice, up to the size of a vertebra."""
    pixel_mm2 = spacing_kji[1] * spacing_kji[2]
    return filled_in_slices(cortex, MAX_HOLE_CM2 * 100, pixel_mm2)
