"""Where two parts of a mask are joined most thinly: the cut of least area between them."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from vis3d.segmentation.voxels.frame import Bools, Floats, Spacing

FIRST, SECOND = 1, 2
OFF_MIDDLE_MM = 20.0
"""How far off the middle an area counts for twice itself."""
LEVELS_PER_MM2 = 100
"""Areas are counted in hundredths of a mm2: flows are whole numbers."""


def thinnest_cut(
    markers: NDArray[np.uint8], share: Floats, off_middle_mm: Floats, spacing_kji: Spacing
) -> Bools:
    """Which voxels belong to the first of two parts that are marked 1 and 2.

    `share` is how much of each voxel the parts fill. The cut runs through the faces that
    together have the least area, each counted for what of it both voxels fill: a minimum
    cut of the graph of all voxels (Ford and Fulkerson, Can J Math 1956;8:399-404). Areas
    off the middle count for more: a wide bridge without a wall, between heart and
    breastbone, is thinnest where the heart lies, but the mediastinum ends at the breastbone.
    """
    number = np.zeros(markers.shape, np.int32)
    free = (share > 0) & (markers == 0)
    count = int(np.count_nonzero(free)) + 2
    number[free] = np.arange(2, count)
    number[markers == SECOND] = 1
    weight = share * np.sqrt(1 + np.square(off_middle_mm / OFF_MIDDLE_MM))
    graph = _graph(number, weight.astype(np.float32), spacing_kji, count)
    flow = maximum_flow(graph, 0, 1).flow
    rest = csr_array(graph - flow)
    rest.data = np.maximum(rest.data, 0)
    rest.eliminate_zeros()
    reached = np.zeros(count, bool)
    reached[breadth_first_order(rest, 0, return_predecessors=False)] = True
    return np.asarray(reached[number] & (share > 0))


def _graph(
    number: NDArray[np.int32], weight: Floats, spacing_kji: Spacing, count: int
) -> csr_array:
    """The weighted area of the face between each two numbered voxels, both ways."""
    rows, columns, areas = [], [], []
    for axis, step_mm in enumerate(spacing_kji):
        here, there = np.moveaxis(number, axis, 0)[1:], np.moveaxis(number, axis, 0)[:-1]
        filled = np.moveaxis(weight, axis, 0)
        filled = filled[1:] * filled[:-1]
        joined = (filled > 0) & (here != there)
        face_mm2 = float(np.prod(spacing_kji)) / step_mm
        rows += [here[joined], there[joined]]
        columns += [there[joined], here[joined]]
        areas += [filled[joined] * face_mm2] * 2
    levels = np.ceil(np.concatenate(areas) * LEVELS_PER_MM2).astype(np.int32)
    places = np.concatenate(rows), np.concatenate(columns)
    return coo_array((levels, places), shape=(count, count)).tocsr()
