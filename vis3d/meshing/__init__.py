"""Voxels to surfaces: placed by the scan's values, closed, and only as large as wanted."""

from vis3d.meshing.decimation import decimated, decimated_for_view
from vis3d.meshing.deviation import Deviation, deviation, with_deviation
from vis3d.meshing.extract import SurfaceOptions, extract_surface, isosurface
from vis3d.meshing.report import Quality, SurfaceReport, report_surface

__all__ = [
    "Deviation",
    "Quality",
    "SurfaceOptions",
    "SurfaceReport",
    "decimated",
    "decimated_for_view",
    "deviation",
    "extract_surface",
    "isosurface",
    "report_surface",
    "with_deviation",
]
