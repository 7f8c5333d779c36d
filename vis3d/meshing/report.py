"""What a surface is like: closed or not, how many pieces, how large, how true."""

from dataclasses import dataclass

import numpy as np

from vis3d.meshing.deviation import Deviation, deviation
from vis3d.meshing.manifold import fan_count, piece_of_points, use_counts, welded
from vis3d.surface import Surface
from vis3d.volume import Finding, Mask

Bounds = tuple[tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True)
class Quality:
    """How near the triangles are to equilateral ones (1), down to needles (0).

    A triangle's quality is its area over that of the equilateral one whose sides have the
    same sum of squares (R. E. Bank, PLTMG). `p5` is what 95 of 100 triangles exceed.
    """

    mean: float
    p5: float
    min: float

    def as_dict(self) -> dict[str, float]:
        """As the report prints it."""
        return {"mean": self.mean, "p5": self.p5, "min": self.min}


@dataclass(frozen=True)
class SurfaceReport:
    """A surface as the reader of its file finds it, equal coordinates welded (float32).

    `closed`: no edge has a single triangle. `manifold`: no edge has more than two, and
    round each vertex runs one fan. `pieces` counts walls of cavities too. `genus` counts
    handles of closed manifolds, else None. `volume_change_percent` compares with the mask
    the surface was made of, `deviation` with the surface before it was made smaller or
    smoother; they are None where that isn't known.
    """

    triangles: int
    closed: bool
    manifold: bool
    pieces: int
    genus: int | None
    volume_ml: float
    area_mm2: float
    bounds_mm: Bounds
    volume_change_percent: float | None
    deviation: Deviation | None
    findings: tuple[Finding, ...] = ()
    quality: Quality | None = None
    deviation_colors_mm: float | None = None

    def as_dict(self) -> dict[str, object]:
        """As `vis3d mesh --report` prints it."""
        document: dict[str, object] = {
            "triangles": self.triangles,
            "closed": self.closed,
            "manifold": self.manifold,
            "pieces": self.pieces,
            "genus": self.genus,
            "volume_ml": self.volume_ml,
            "area_mm2": self.area_mm2,
            "bounds_mm": [list(corner) for corner in self.bounds_mm],
            "volume_change_percent": self.volume_change_percent,
            "deviation_mm": self.deviation.as_dict() if self.deviation else None,
            "triangle_quality": self.quality.as_dict() if self.quality else None,
            "findings": [finding.as_dict() for finding in self.findings],
        }
        if self.deviation_colors_mm is not None:
            document["deviation_colors_mm"] = self.deviation_colors_mm
        return document


def report_surface(
    surface: Surface, *, mask: Mask | None = None, full: Surface | None = None
) -> SurfaceReport:
    """What `surface` is like; compared with its mask and its full resolution where given.

    Without `full`, the deviation is what `extract_surface` measured when it made the
    surface smaller.
    """
    points, triangles = welded(surface.points, surface.triangles)
    uses = use_counts(triangles)
    closed = bool(len(uses) and uses.min() >= 2)
    manifold = bool((uses <= 2).all()) and fan_count(triangles) == len(points)
    pieces = len(np.unique(piece_of_points(len(points), triangles)))
    euler = len(points) - len(uses) + len(triangles)
    low, high = surface.bounds_mm.tolist()
    return SurfaceReport(
        triangles=len(surface.triangles),
        closed=closed,
        manifold=manifold,
        pieces=pieces,
        genus=pieces - euler // 2 if closed and manifold else None,
        volume_ml=surface.volume_ml,
        area_mm2=surface.area_mm2,
        bounds_mm=((low[0], low[1], low[2]), (high[0], high[1], high[2])),
        volume_change_percent=_change(surface, mask) if mask else None,
        deviation=deviation(surface, full) if full else _known_deviation(surface),
        findings=_known_findings(surface),
        quality=_quality(surface),
        deviation_colors_mm=_known_colors(surface),
    )


def _quality(surface: Surface) -> Quality | None:
    """None for a surface without triangles."""
    if not len(surface.triangles):
        return None
    corners = surface.points.astype(float)[surface.triangles]
    sides = np.roll(corners, -1, axis=1) - corners
    area = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1) / 2
    squares = np.einsum("nij,nij->n", sides, sides)
    each = 4 * np.sqrt(3) * area / np.maximum(squares, np.finfo(float).tiny)
    return Quality(float(each.mean()), float(np.percentile(each, 5)), float(each.min()))


def _change(surface: Surface, mask: Mask) -> float | None:
    if not mask.volume_ml:
        return None
    return 100 * (surface.volume_ml / mask.volume_ml - 1)


def _known_deviation(surface: Surface) -> Deviation | None:
    known = surface.metadata.get("deviation")
    return known if isinstance(known, Deviation) else None


def _known_colors(surface: Surface) -> float | None:
    known = surface.metadata.get("deviation_colors_mm")
    return known if isinstance(known, float) else None


def _known_findings(surface: Surface) -> tuple[Finding, ...]:
    known = surface.metadata.get("findings", ())
    return known if isinstance(known, tuple) else ()
