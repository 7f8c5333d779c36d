"""Ways through the patient: along the middle of the airways, or through points of one's own."""

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.graph import MCP_Geometric

from vis3d.errors import InputError, UsageError
from vis3d.geometry import FloatArray
from vis3d.progress import Progress, silent
from vis3d.volume import Mask

Side: TypeAlias = Literal["left", "right"]

TOP_MM = 8.0
"""The way begins in the topmost part of the airways, which is this high."""

LEAST_RADIUS_MM = 2.0
"""Narrower branches are not flown into."""

SIDE_MM = 12.0
"""What lies so far beside the trachea belongs to a lung."""

MOST_MM = 20_000.0
"""The longest way, and how far from the frame's origin it may lead: far outside any scan."""

WAY = "finding the way"
STEP_MM = 1.0
SMOOTH_MM = 5.0
"""Standard deviation of the smoothing along the way."""


def airway_path(
    airways: Mask, *, side: Side | None = None, progress: Progress | None = None
) -> FloatArray:
    """The middle of the airways from their top down to the deepest branch, (n, 3) in LPS mm.

    The way keeps as far from the walls as it can (a mm costs 1 / radius^4), and is
    smoothed. `side` chooses the patient's lung in which it ends; by default the farther one.

    Raises:
        InputError: there are no airways to go along, or none on that side.
    """
    if not airways.array.any():
        raise InputError("The scan shows no airways to fly through.")
    tell = progress or silent
    tell(0.0, WAY)
    box = ndimage.find_objects(airways.array.astype(np.uint8))[0]
    lumen = np.pad(airways.array[box], 1)
    offset_kji = np.array([part.start - 1 for part in box])
    spacing = airways.geometry.spacing_kji
    radius_mm = ndimage.distance_transform_edt(lumen, spacing)

    def to_lps(kji: NDArray[np.intp]) -> FloatArray:
        return airways.geometry.to_lps((kji + offset_kji)[:, ::-1])

    def radius_at(points_lps: FloatArray) -> FloatArray:
        kji = airways.geometry.to_ijk(points_lps)[:, ::-1] - offset_kji
        return np.asarray(ndimage.map_coordinates(radius_mm, kji.T, order=1))

    tell(0.2, WAY)
    start = _start(lumen, radius_mm, to_lps)
    least_mm = min(LEAST_RADIUS_MM, 0.5 * float(radius_mm[start]))
    far = MCP_Geometric(np.where(radius_mm >= least_mm, 1.0, -1.0), sampling=spacing)
    length_mm, _ = far.find_costs([start])
    tell(0.5, WAY)
    end = _end(length_mm, to_lps, side)
    cost = np.where(radius_mm >= least_mm, 1 / np.maximum(radius_mm, least_mm) ** 4, -1.0)
    easy = MCP_Geometric(cost, sampling=spacing)
    easy.find_costs([start], [end])
    tell(0.9, WAY)
    steps = evenly(to_lps(np.array(easy.traceback(end))))
    wide = np.clip((radius_at(steps) - LEAST_RADIUS_MM) / LEAST_RADIUS_MM, 0, 1)[:, None]
    wide = ndimage.gaussian_filter1d(wide, SMOOTH_MM / STEP_MM, axis=0)
    calm, near = smoothed(steps, SMOOTH_MM), smoothed(steps, SMOOTH_MM / 3)
    return evenly(wide * calm + (1 - wide) * near)


def path_through(points_lps: FloatArray) -> FloatArray:
    """A smooth way (n, 3) through points (m, 3), all in LPS mm, one mm from point to point.

    Raises:
        InputError: numbers that aren't finite, or a way of more than 20 m or farther away.
        UsageError: fewer than two places.
    """
    points = np.asarray(points_lps, float)
    if points.ndim != 2 or points.shape[1] != 3:
        raise UsageError("A way is a row of places: three numbers each, L, P and S in mm.")
    _check_near(points)
    points = points[np.r_[True, np.linalg.norm(np.diff(points, axis=0), axis=1) > 1e-6]]
    if len(points) < 2:
        raise UsageError("A way needs at least two places.")
    at_mm = _along(points)
    if at_mm[-1] > MOST_MM:
        raise InputError(
            f"The way is too long: {at_mm[-1] / 1000:.3g} m, of at most {MOST_MM / 1000:g} m. "
            "Give fewer places, near the scan."
        )
    fine = np.linspace(0, at_mm[-1], max(2, round(at_mm[-1] / STEP_MM) + 1))
    if len(points) == 2:
        return _at(points, at_mm, fine)
    from scipy.interpolate import CubicSpline  # 13 MB and 0.2 s that only flights need

    return evenly(np.asarray(CubicSpline(at_mm, points)(fine)))


def _check_near(points: FloatArray) -> None:
    far = ~(np.abs(points) <= MOST_MM).all(axis=1)  # so that nan is far
    if far.any():
        place = ", ".join(f"{number:g}" for number in points[far][0])
        raise InputError(
            f"Place {far.argmax() + 1} of the way, {place}, doesn't lie near the scan: L, P "
            f"and S in mm are within {MOST_MM:g}."
        )


def smoothed(points_lps: FloatArray, sigma_mm: float) -> FloatArray:
    """An even way without the steps of voxels; its ends stay."""
    sigma = sigma_mm / STEP_MM
    reach = min(round(4 * sigma), len(points_lps) - 1)
    longer = np.pad(points_lps, ((reach, reach), (0, 0)), "reflect", reflect_type="odd")
    calm = ndimage.gaussian_filter1d(longer, sigma, axis=0, mode="nearest", radius=reach)
    return np.asarray(calm[reach : reach + len(points_lps)])


def evenly(points_lps: FloatArray) -> FloatArray:
    """The same way with a point each mm."""
    at_mm = _along(points_lps)
    count = max(2, round(at_mm[-1] / STEP_MM) + 1)
    return _at(points_lps, at_mm, np.linspace(0, at_mm[-1], count))


def _start(lumen: NDArray[np.bool_], radius_mm: FloatArray, to_lps: Any) -> tuple[int, ...]:
    """The widest place at the top of the airways."""
    inside = np.argwhere(lumen)
    heights_mm = to_lps(inside)[:, 2]
    top = inside[heights_mm > heights_mm.max() - TOP_MM]
    return tuple(top[radius_mm[tuple(top.T)].argmax()].tolist())


def _end(length_mm: FloatArray, to_lps: Any, side: Side | None) -> tuple[int, ...]:
    """The farthest place that is reached, of all or of one side."""
    places = np.argwhere(np.isfinite(length_mm))
    if side is not None:
        lps = to_lps(places)
        upper = lps[lps[:, 2] > np.percentile(lps[:, 2], 60)]
        toward = (lps[:, 0] - np.median(upper[:, 0])) * (1 if side == "left" else -1)
        places = places[toward > SIDE_MM]
    if not len(places):
        raise InputError(f"No airway leads into the {side} lung: fly through all of them.")
    return tuple(places[length_mm[tuple(places.T)].argmax()].tolist())


def _along(points: FloatArray) -> FloatArray:
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _at(points: FloatArray, at_mm: FloatArray, wanted_mm: FloatArray) -> FloatArray:
    return np.stack([np.interp(wanted_mm, at_mm, points[:, n]) for n in range(3)], axis=1)
