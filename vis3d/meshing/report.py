"""What a surface is like: closed or not, how many pieces, how large, how true."""

from dataclasses import dataclass

import numpy as np

from vis3d.geometry import FloatArray
from vis3d.meshing.deviation import Deviation, deviation
from vis3d.meshing.edges import Edges, fans
from vis3d.meshing.manifold import piece_of_points, welded
from vis3d.meshing.threads import in_blocks
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
    handles of closed manifolds, else None, and an open surface encloses no volume: None.
    `volume_change_percent` compares with the mask
    the surface was made of, `deviation` with the surface before it was made smaller or
    smoother; they are None where that isn't known.
    """

    triangles: int
    closed: bool
    manifold: bool
    pieces: int
    genus: int | None
    volume_ml: float | None
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
    edges = Edges.of(triangles)
    closed = edges.closed
    manifold = edges.unique and fans(edges.partners(triangles))[0] == len(points)
    pieces = int(piece_of_points(len(points), triangles).max(initial=-1)) + 1
    euler = len(points) - len(edges.sizes) + len(triangles)
    low, high = surface.bounds_mm.tolist()
    area_mm2, enclosed_ml, quality = measures_of(surface)
    volume_ml = enclosed_ml if closed else None
    return SurfaceReport(
        triangles=len(surface.triangles),
        closed=closed,
        manifold=manifold,
        pieces=pieces,
        genus=pieces - euler // 2 if closed and manifold else None,
        volume_ml=volume_ml,
        area_mm2=area_mm2,
        bounds_mm=((low[0], low[1], low[2]), (high[0], high[1], high[2])),
        volume_change_percent=_change(volume_ml, mask),
        deviation=deviation(surface, full) if full else _known_deviation(surface),
        findings=_known_findings(surface),
        quality=quality,
        deviation_colors_mm=_known_colors(surface),
    )


def measures_of(surface: Surface) -> tuple[float, float, Quality | None]:
    """Area in mm2, enclosed volume in ml, and quality unless there are no triangles."""
    count = len(surface.triangles)
    if not count:
        return 0.0, 0.0, None
    points = surface.points.astype(float) - surface.bounds_mm.mean(axis=0)
    area, volume, quality = np.empty((3, count))

    def measure(rows: slice) -> None:
        a, b, c = (points[surface.triangles[rows, corner]] for corner in range(3))
        one, other = b - a, c - a
        normal = np.cross(one, other)
        area[rows] = twice = np.sqrt(_dot(normal, normal))
        volume[rows] = _dot(a, normal)
        squares = _dot(one, one) + _dot(other, other) + _dot(other - one, other - one)
        quality[rows] = 2 * np.sqrt(3) * twice / np.maximum(squares, np.finfo(float).tiny)

    in_blocks(measure, count)
    each = Quality(
        float(quality.mean()), float(np.percentile(quality, 5)), float(quality.min())
    )
    return float(area.sum()) / 2, float(volume.sum()) / 6000, each


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    products: FloatArray = np.einsum("ij,ij->i", a, b)
    return products


def _change(volume_ml: float | None, mask: Mask | None) -> float | None:
    before_ml = mask.volume_ml if mask else 0.0
    return 100 * (volume_ml / before_ml - 1) if before_ml and volume_ml is not None else None


def _known_deviation(surface: Surface) -> Deviation | None:
    known = surface.metadata.get("deviation")
    return known if isinstance(known, Deviation) else None


def _known_colors(surface: Surface) -> float | None:
    known = surface.metadata.get("deviation_colors_mm")
    return known if isinstance(known, float) else None


def _known_findings(surface: Surface) -> tuple[Finding, ...]:
    known = surface.metadata.get("findings", ())
    return known if isinstance(known, tuple) else ()
