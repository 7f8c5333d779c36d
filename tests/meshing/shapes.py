"""Solids whose surface is known everywhere, as a scanner would see them."""

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter

from tests.conftest import oblique_geometry
from vis3d.geometry import FloatArray, Geometry
from vis3d.surface import Surface
from vis3d.volume import Volume

SPACING = (0.75, 0.75, 1.5)
BLUR_MM = 0.6
NOISE_HU = 15.0

Distance = Callable[[FloatArray], FloatArray]
"""Signed distance in mm to a solid round the origin, negative inside."""


def sphere(p: FloatArray, radius_mm: float = 25.0) -> FloatArray:
    return np.linalg.norm(p, axis=-1) - radius_mm


def torus(p: FloatArray, radius_mm: float = 18.0, tube_mm: float = 6.0) -> FloatArray:
    ring = np.linalg.norm(p[..., :2], axis=-1) - radius_mm
    return np.hypot(ring, p[..., 2]) - tube_mm


def plate(p: FloatArray, size_mm: tuple[float, ...] = (30.0, 24.0, 2.0)) -> FloatArray:
    over = np.abs(p) - np.array(size_mm) / 2
    inside = np.minimum(over.max(axis=-1), 0)
    return np.asarray(np.linalg.norm(np.maximum(over, 0), axis=-1) + inside)


VOLUME_ML = {
    sphere: 4 / 3 * np.pi * 25**3 / 1000,
    torus: 2 * np.pi**2 * 18 * 6**2 / 1000,
    plate: 30 * 24 * 2 / 1000,
}


def grid_round(radius_mm: float = 29.0) -> Geometry:
    """An oblique anisotropic grid whose middle lies somewhere in the patient."""
    ni, nj, nk = (int(2 * radius_mm / mm) for mm in SPACING)
    return oblique_geometry((nk, nj, ni), SPACING)


def scan_of(
    distance: Distance, geometry: Geometry, *, low_hu: float = 40.0, high_hu: float = 1040.0
) -> Volume:
    """The solid with the values of each voxel averaged, blurred and noisy."""
    ratio = 3
    fine = geometry.with_spacing(tuple(mm / ratio for mm in geometry.spacing))
    inside = distance(_lps(fine) - geometry.center_lps) < 0
    sigma = [BLUR_MM / mm for mm in fine.spacing_kji]
    blurred = gaussian_filter(inside.astype(np.float32), sigma)
    offset = ratio // 2
    hu = low_hu + (high_hu - low_hu) * blurred[offset::ratio, offset::ratio, offset::ratio]
    hu += np.random.default_rng(7).normal(0, NOISE_HU, hu.shape)
    return Volume(np.round(hu).astype(np.int16), geometry)


def truth_of(distance: Distance, geometry: Geometry) -> np.ndarray:
    """The voxels whose centres lie in the solid."""
    return distance(_lps(geometry) - geometry.center_lps) < 0


def _lps(geometry: Geometry) -> FloatArray:
    nk, nj, ni = geometry.shape
    k, j, i = np.meshgrid(np.arange(nk), np.arange(nj), np.arange(ni), indexing="ij")
    return geometry.to_lps(np.stack([i, j, k], axis=-1))


def samples_of(surface: Surface) -> FloatArray:
    """20,000 points spread evenly over a surface."""
    corners = surface.points.astype(float)[surface.triangles]
    sides = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(sides, axis=1)
    rng = np.random.default_rng(11)
    chosen = corners[rng.choice(len(area), 20_000, p=area / area.sum())]
    shares = rng.dirichlet((1, 1, 1), len(chosen))
    return np.einsum("nc,nca->na", shares, chosen)
