"""Contrast medium: what shines like bone but is even inside, as no bone is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_gradient_magnitude, uniform_filter
from skimage.segmentation import watershed

from vis3d.progress import Progress, silent
from vis3d.segmentation.frame import Bools, Floats, Labels, Spacing
from vis3d.segmentation.morphology import (
    components,
    components_in_slices,
    fringed,
    keep,
    sizes,
    sums,
    trimmed,
)

TISSUE_HU = (0.0, 90.0)
"""Soft tissue without contrast: its evenness tells the noise of the scan."""
CORE_HU = 120.0
EVEN_NOISES = 2.0
"""What varies less than this many times the noise is even."""
MIN_CORE_ML = 1.5
MIN_CONTRAST_ML = 15.0
ABOVE_CONTRAST_HU = 100.0
"""Only bone (or metal) is this much denser than the contrast in the vessels."""
BRIGHTER_HU = 60.0
MAX_BRIGHT_SHELL = 0.2
MIN_SOFT_SHELL = 0.3
"""Marrow lies in a brighter shell of cortex, vessels and organs lie in soft tissue."""
METAL_HU = 700.0
"""Even and denser than this are metal, teeth and thick cortex."""
HEART_SHARE = 0.55
"""How far back between the lungs vessels and heart lie and the spine doesn't."""


@dataclass(frozen=True, eq=False)
class Contrast:
    """Where contrast fills vessels and organs on the coarse grid, and how dense it is."""

    mask: Bools
    level_hu: float
    volume_ml: float

    @property
    def found(self) -> bool:
        """Whether there is any."""
        return self.volume_ml > 0


def noise_and_mean(hu: Floats, body: Bools) -> tuple[float, Floats, Floats]:
    """The noise of soft tissue, and the local mean and deviation, on the coarse grid."""
    mean = uniform_filter(hu, 3)
    deviation = np.sqrt(np.maximum(uniform_filter(hu * hu, 3) - mean * mean, 0))
    tissue = body & (mean > TISSUE_HU[0]) & (mean < TISSUE_HU[1])
    # the lower quartile: most deviations in a body come from its structures
    noise = float(np.percentile(deviation[tissue], 25)) if tissue.any() else 10.0
    return max(noise, 2.0), mean, deviation


def find_contrast(
    hu: Floats,
    body: Bools,
    lungs: Bools,
    spacing_kji: Spacing,
    progress: Progress = silent,
) -> Contrast:
    """Vessels, heart and organs that contrast makes as dense as bone."""
    voxel_ml = float(np.prod(spacing_kji)) / 1000
    progress(0.0, "Looking for contrast")
    noise, mean, deviation = noise_and_mean(hu, body)
    progress(0.2, "Looking for contrast")
    cores = components(body & (mean > CORE_HU) & (deviation < EVEN_NOISES * noise))
    large = sizes(cores) * voxel_ml >= MIN_CORE_ML
    in_soft, in_bright = _surroundings(cores, mean)
    thick = np.zeros(len(large), bool)
    thick[cores[trimmed(cores > 0)]] = True
    vessels = keep(cores, large & thick & in_soft)
    volume_ml = float(np.count_nonzero(vessels)) * voxel_ml
    if volume_ml < MIN_CONTRAST_ML:
        return Contrast(np.zeros(hu.shape, bool), 0.0, 0.0)
    progress(0.5, "Following the contrast")
    level = float(np.percentile(mean[vessels], 95))
    dense = body & ~lungs & (hu > CORE_HU)
    marrow = keep(cores, large & in_bright)
    region = _nearer_to(vessels, marrow, dense, hu, level)
    return Contrast(region | _inside_the_chest(dense & ~region, lungs), level, volume_ml)


def _surroundings(cores: Labels, mean: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which cores lie in soft tissue, and which in a brighter shell."""
    core_mean = sums(cores, mean) / np.maximum(sizes(cores), 1)
    shell = np.where(cores == 0, _neighbour_label(cores), np.uint32(0))
    inner = core_mean[shell]
    count = np.maximum(np.bincount(shell.reshape(-1), minlength=len(core_mean)), 1)
    bright = sums(shell, mean > inner + BRIGHTER_HU) / count
    soft = sums(shell, mean < inner - BRIGHTER_HU) / count
    is_vessel = (bright < MAX_BRIGHT_SHELL) & (soft > MIN_SOFT_SHELL)
    is_vessel &= core_mean < METAL_HU
    return np.asarray(is_vessel), np.asarray(~is_vessel)


def _neighbour_label(labels: Labels) -> Labels:
    """The largest label within two voxels along the axes."""
    near = labels.copy()
    for axis in range(3):
        for step in (1, 2, -1, -2):
            np.maximum(near, np.roll(labels, step, axis), out=near)
    return near


def _nearer_to(
    vessels: Bools, marrow: Bools, dense: Bools, hu: Floats, level_hu: float
) -> Bools:
    """What of the dense belongs to vessels rather than to bone: they meet at edges."""
    cortex = dense & (hu > level_hu + ABOVE_CONTRAST_HU) & ~fringed(vessels)
    markers = np.zeros(hu.shape, np.int32)
    markers[cortex | marrow] = 2
    markers[vessels] = 1
    edges = gaussian_gradient_magnitude(hu, 1.0)
    return np.asarray(watershed(edges, markers, mask=dense | vessels | marrow) == 1)


def _inside_the_chest(dense: Bools, lungs: Bools) -> Bools:
    """Dense spots between the lungs and in front of the spine: undiluted contrast, valves.

    Judged slice by slice, since a vein that comes from the arm touches bone there.
    """
    zone = between_lungs(lungs, HEART_SHARE)
    spots = components_in_slices(dense)
    inside = sums(spots, zone) / np.maximum(sizes(spots), 1)
    return keep(spots, inside > 0.9)


def between_lungs(lungs: Bools, front_share: float = 1.0) -> Bools:
    """What has lung on its right and on its left, in the front share of the chest."""
    from_right = np.logical_or.accumulate(lungs, axis=2)
    from_left = np.logical_or.accumulate(lungs[:, :, ::-1], axis=2)[:, :, ::-1]
    zone = from_right & from_left & ~lungs
    for k in np.flatnonzero(lungs.any(axis=(1, 2))):
        rows = np.flatnonzero(lungs[k].any(axis=1))
        back = int(rows[0] + front_share * (rows[-1] - rows[0])) + 1
        zone[k, back:] = False
    return np.asarray(zone)
