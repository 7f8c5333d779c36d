"""How far the air of the airways blurs into their wall."""

import numpy as np
from scipy.ndimage import binary_dilation, binary_propagation, generate_binary_structure

from vis3d.segmentation.voxels.frame import AIR_HU, Bools, Floats, Spacing, Values
from vis3d.segmentation.voxels.runs import Places

REACH_MM, MIN_REACH = 6.0, 3
"""How far off the air a wall is looked for, and how many pixels at least."""
MAX_SLICES = 16
"""So many slices tell it as well as all."""


def wall_mm(hu: Values, seeds_kji: Places, above_hu: float, spacing_kji: Spacing) -> float:
    """How far off its lumen, in mm, the wall of the trachea is half reached.

    The lumen hangs in its slice on the seeds (n, 3), voxels of the trachea, and lies at most
    `above_hu` above their median. At least the width of a pixel: soft kernels, and finer voxels
    made of coarse ones, blur farther than that.
    """
    pixel_mm = (spacing_kji[1] + spacing_kji[2]) / 2
    reach = max(MIN_REACH, round(REACH_MM / pixel_mm))
    around, lumen = _some_slices(hu, seeds_kji, reach)
    in_slice = generate_binary_structure(3, 1)
    in_slice[[0, 2]] = False
    air = around < np.median(around[lumen]) + above_hu
    wide = binary_propagation(lumen, in_slice, mask=lumen | air)
    means = [float(around[wide].mean())]
    for _ in range(reach):
        wider = binary_dilation(wide, in_slice)
        means.append(float(around[wider & ~wide].mean()) if (wider > wide).any() else means[-1])
        wide = wider
    return max(1.0, _half_way(np.array(means))) * pixel_mm


def _some_slices(hu: Values, seeds_kji: Places, room: int) -> tuple[Values, Bools]:
    """Slices of the upper half of the seeds with room round them, and the seeds there.

    Lower down the airways branch, and lie beside lung.
    """
    held = np.unique(seeds_kji[:, 0])
    upper = held[len(held) // 2 :]
    chosen = upper[:: -(-len(upper) // MAX_SLICES)]
    k, j, i = seeds_kji[np.isin(seeds_kji[:, 0], chosen)].T
    low_j, low_i = max(0, int(j.min()) - room), max(0, int(i.min()) - room)
    part = hu[chosen, low_j : int(j.max()) + room + 1, low_i : int(i.max()) + room + 1]
    seeds = np.zeros(part.shape, bool)
    seeds[np.searchsorted(chosen, k), j - low_j, i - low_i] = True
    return np.maximum(part, AIR_HU), seeds


def _half_way(means: Floats) -> float:
    """After how many steps the means are half way from the first to the highest."""
    half = (means[0] + means.max()) / 2
    step = int(np.argmax(means > half))
    if step == 0:  # nothing denser is near
        return 0.0
    return step - 1 + float((half - means[step - 1]) / (means[step] - means[step - 1]))
