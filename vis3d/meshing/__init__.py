"""Voxels to surfaces: placed by the scan's values, closed, and only as large as wanted."""

from vis3d.meshing.extract import extract_surface, isosurface

__all__ = ["extract_surface", "isosurface"]
