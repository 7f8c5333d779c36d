"""The densest place near each voxel, on every grid as far away in mm."""

import numpy as np

from vis3d.segmentation.voxels.frame import Spacing, Values

PEAK_HU = 1200
EIGHTHS = 8
"""How finely places between voxels are told."""


def peaks(values: Values, reach_mm: float, spacing_kji: Spacing) -> Values:
    """The largest value within reach of each voxel along the axes, up to `PEAK_HU`.

    Between voxels the values change linearly: what a finer grid would hold there.
    """
    whole = values.dtype.kind in "iu"
    peak = np.minimum(values, PEAK_HU).astype(np.int16 if whole else np.float32, copy=False)
    for axis, mm in enumerate(spacing_kji):
        full, rest = divmod(round(EIGHTHS * reach_mm / mm), EIGHTHS)
        before: Values = np.moveaxis(peak.copy(), axis, 0)
        turned = np.moveaxis(peak, axis, 0)
        for n in range(1, full + 1):
            np.maximum(turned[n:], before[:-n], out=turned[n:])
            np.maximum(turned[:-n], before[n:], out=turned[:-n])
        n = full + 1
        if rest and len(turned) > n:
            near: Values = before * (EIGHTHS - rest)
            far: Values = before * rest
            for between, to in (
                (near[1 : len(near) - full] + far[:-n], turned[n:]),
                (near[full:-1] + far[n:], turned[:-n]),
            ):
                between = between >> 3 if whole else between / EIGHTHS
                np.maximum(to, between, out=to)
    return peak
