"""Where the slices of one stack lie: order, spacing, tilt, gaps. Numbers only, no files."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vis3d.geometry import FloatArray
from vis3d.volume import Finding

REGULAR_MM, REGULAR_SHARE = 0.01, 0.01
"""Gaps that differ from the median by no more are equal: what rounding makes of them."""
JITTER_MM, JITTER_SHARE = 0.2, 0.1
"""Gaps that differ by no more are taken as equal, with a warning."""
REPEAT_SHARE = 0.02
"""Slices nearer than this share of the median gap lie at one position."""
LEAST_REPEAT_MM = 1e-3
TILT_PIXELS = 0.5
"""In-plane drift of the whole stack, in pixels, from which on it counts as a tilt."""
MAX_TILT_DEGREES = 45.0
COMMON_SHARE = 0.1
"""A gap that at least this share of all gaps stays below is a sane spacing to fill to."""

REPAIRABLE = frozenset(("missing-slices", "variable-spacing"))
"""Codes of errors that `gaps="interpolate"` repairs."""
FILL_ADVICE = 'Use gaps="interpolate" (--gaps interpolate) to fill the gaps evenly.'
TILT_CORRECTED = "the volume is resampled onto a right-angled grid."


@dataclass(frozen=True, eq=False)
class Stack:
    """The places of n sorted slices.

    `distances` are along the normal (mm, growing from 0), `offsets` (n, 2) the in-plane
    shift (mm along i and along j) of each slice against the first. `spacing` is the
    distance of two slices of the grid that the volume gets.
    """

    distances: FloatArray
    offsets: FloatArray
    spacing: float
    count: int
    tilted: bool
    gapped: bool
    findings: tuple[Finding, ...]

    @property
    def refusal(self) -> str:
        """Why no volume can be made of it ("" where one can)."""
        return next((f.message for f in self.findings if f.severity == "error"), "")


def normal_of(orientation: FloatArray) -> FloatArray:
    """The stack's normal: the row's direction times the column's (LPS)."""
    normal = np.cross(orientation[0], orientation[1])
    unit: FloatArray = normal / np.linalg.norm(normal)
    return unit


def order_along_normal(positions: FloatArray, orientation: FloatArray) -> NDArray[np.intp]:
    """The order of slices along the normal, ties in the order given.

    Positions are projected on the normal of ImageOrientationPatient (PS3.3 C.7.6.2.1.1),
    so tilted stacks sort as well as axial ones.
    """
    return np.argsort(positions @ normal_of(orientation), kind="stable")


def repeats(distances: FloatArray) -> NDArray[np.intp]:
    """For sorted distances, the number of the place each slice lies at, from 0.

    Slices at one place share a number.
    """
    gaps = np.diff(distances)
    apart = gaps[gaps > LEAST_REPEAT_MM]
    limit = max(LEAST_REPEAT_MM, REPEAT_SHARE * float(np.median(apart)) if apart.size else 0.0)
    places: NDArray[np.intp] = np.concatenate([[0], np.cumsum(gaps > limit)]).astype(np.intp)
    return places


def stack(
    positions: FloatArray, orientation: FloatArray, pixel_spacing: tuple[float, float]
) -> Stack:
    """Judge the sorted `positions` (n, 3) of slices, no two of them at one place.

    What is found wrong is in the findings: errors refuse the stack; `tilted` and `gapped`
    say what a repair would have to do.
    """
    relative = positions - positions[0]
    distances = relative @ normal_of(orientation)
    offsets = relative @ orientation.T
    between_rows, between_columns = pixel_spacing
    tilted, tilt_findings = _judge_offsets(
        distances, offsets, np.array([between_columns, between_rows])
    )
    spacing, count, gapped, gap_findings = _judge_gaps(distances)
    return Stack(
        distances, offsets, spacing, count, tilted, gapped, (*gap_findings, *tilt_findings)
    )


def tolerance_mm(gap_mm: float, length_mm: float, share: float) -> float:
    """The greater of a length and a share of a gap, but never near the gap itself."""
    return min(max(length_mm, share * gap_mm), 0.45 * gap_mm)


def _judge_gaps(distances: FloatArray) -> tuple[float, int, bool, tuple[Finding, ...]]:
    """(spacing of the grid, number of slices, whether gaps must be filled, findings)."""
    count = len(distances)
    if count == 1:
        return 0.0, 1, False, ()
    gaps = np.diff(distances)
    median = float(np.quantile(gaps, 0.5, method="inverted_cdf"))  # a gap that is there
    even = float(distances[-1]) / (count - 1)
    off = np.abs(gaps - median)
    drift = np.abs(distances - even * np.arange(count)).max()
    jitter = tolerance_mm(median, JITTER_MM, JITTER_SHARE)
    if off.max() <= jitter and drift <= jitter:
        if off.max() <= tolerance_mm(median, REGULAR_MM, REGULAR_SHARE):
            return even, count, False, ()
        return even, count, False, (_jitter_finding(gaps, even),)
    multiples = np.rint(gaps / median)
    whole = np.abs(gaps - multiples * median) <= jitter
    if whole.all() and (multiples >= 1).all():
        total = int(multiples.sum())
        filled = float(distances[-1]) / total
        places = np.concatenate([[0], np.cumsum(multiples)])
        if np.abs(distances - filled * places).max() <= jitter:
            return filled, total + 1, True, (_missing_finding(gaps, multiples, median),)
    common = float(np.quantile(gaps, COMMON_SHARE, method="inverted_cdf"))
    steps = max(1, round(float(distances[-1]) / common))
    return float(distances[-1]) / steps, steps + 1, True, (_variable_finding(gaps, median),)


def _jitter_finding(gaps: FloatArray, even: float) -> Finding:
    return Finding(
        "spacing-jitter",
        "warning",
        f"The gaps between slices vary from {gaps.min():.3f} to {gaps.max():.3f} mm; they are "
        f"taken as {even:.3f} mm each.",
    )


def _missing_finding(gaps: FloatArray, multiples: FloatArray, median: float) -> Finding:
    holes = np.flatnonzero(multiples > 1)
    missing = int((multiples - 1).sum())
    places = ", ".join(f"{gaps[hole]:.2f} mm after slice {hole + 1}" for hole in holes[:5])
    more = f" and {len(holes) - 5} more" if len(holes) > 5 else ""
    seem = "slice seems" if missing == 1 else "slices seem"
    return Finding(
        "missing-slices",
        "error",
        f"{len(gaps) + 1} slices at {median:.2f} mm, but a gap of {places}{more}: {missing} "
        f"{seem} to be missing. {FILL_ADVICE}",
    )


def _variable_finding(gaps: FloatArray, median: float) -> Finding:
    worst = int(np.abs(gaps - median).argmax())
    return Finding(
        "variable-spacing",
        "error",
        f"The gaps between the {len(gaps) + 1} slices vary from {gaps.min():.2f} to "
        f"{gaps.max():.2f} mm (median {median:.2f}; {gaps[worst]:.2f} mm after slice "
        f"{worst + 1}). {FILL_ADVICE}",
    )


def _judge_offsets(
    distances: FloatArray, offsets: FloatArray, pixel_mm: FloatArray
) -> tuple[bool, tuple[Finding, ...]]:
    """Whether the stack drifts sideways, and what to say of it."""
    limit = TILT_PIXELS * float(pixel_mm.min())
    drift = np.linalg.norm(offsets, axis=1)
    if drift.max() <= limit:
        return False, ()
    # Medians: one slice beside the others must not tilt the line that judges it.
    slope = np.median(np.diff(offsets, axis=0) / np.diff(distances)[:, None], axis=0)
    beside = offsets - distances[:, None] * slope
    wander = np.linalg.norm(beside - np.median(beside, axis=0), axis=1)
    if wander.max() > max(2 * limit, 0.02 * drift.max()):
        worst = int(wander.argmax())
        message = (
            f"The slices don't lie behind one another: slice {worst + 1} is "
            f"{wander[worst]:.1f} mm beside the line through the others. Perhaps they belong "
            "to different reconstructions; separate the files and load each part."
        )
        return True, (Finding("in-plane-jump", "error", message),)
    degrees = np.degrees(np.arctan(np.linalg.norm(slope)))
    if degrees > MAX_TILT_DEGREES:
        message = (
            f"The slices lie {degrees:.0f} degrees off their normal, more than a gantry tilts: "
            "their positions and ImageOrientationPatient don't fit each other."
        )
        return True, (Finding("gantry-tilt", "error", message),)
    message = (
        f"The slices are tilted by {degrees:.1f} degrees (a drift of {drift.max():.1f} mm over "
        f"{distances[-1]:.0f} mm); {TILT_CORRECTED}"
    )
    return True, (Finding("gantry-tilt", "warning", message),)
