"""Surfaces cut, joined, mirrored, hollowed and marked, as planning an operation needs.

Solids stay solids: what goes in closed comes out closed and 2-manifold. Points and
directions are LPS, lengths mm.
"""

from vis3d.meshing.planning.cutting import Box, Plane, cut_by_box, cut_by_plane, mirrored
from vis3d.meshing.planning.engraving import Inscription, engraved
from vis3d.meshing.planning.gaps import angle_degrees, distance_mm, gap_mm, nearest_point
from vis3d.meshing.planning.offsetting import hollowed, offset
from vis3d.meshing.planning.solids import intersection, subtracted, union
from vis3d.meshing.planning.splitting import split

__all__ = [
    "Box",
    "Inscription",
    "Plane",
    "angle_degrees",
    "cut_by_box",
    "cut_by_plane",
    "distance_mm",
    "engraved",
    "gap_mm",
    "hollowed",
    "intersection",
    "mirrored",
    "nearest_point",
    "offset",
    "split",
    "subtracted",
    "union",
]
