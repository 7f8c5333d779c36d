"""Independent judges of a mesh: trimesh and manifold3d, on what an STL file would hold."""

import manifold3d
import numpy as np
import trimesh

from vis3d.surface import Surface


def welded(surface: Surface) -> trimesh.Trimesh:
    """As a reader of STL files sees it: corners joined where float32 coordinates are equal."""
    corners = surface.points.astype(np.float32)[surface.triangles.reshape(-1)]
    points, index = np.unique(corners, axis=0, return_inverse=True)
    return trimesh.Trimesh(points, index.reshape(-1, 3), process=False, validate=False)


def is_closed_and_manifold(surface: Surface) -> bool:
    """Every edge in two triangles that run it in opposite ways, no triangle collapsed."""
    mesh = welded(surface)
    _, uses = np.unique(np.sort(mesh.edges, axis=1), axis=0, return_counts=True)
    solid = manifold3d.Manifold(
        manifold3d.Mesh(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32))
    )
    corners = np.sort(mesh.faces, axis=1)
    return (
        bool((uses == 2).all())
        and mesh.is_winding_consistent
        and mesh.is_watertight
        and bool((np.diff(corners, axis=1) > 0).all())
        and solid.status() == manifold3d.Error.NoError
    )


def piece_count(surface: Surface) -> int:
    return len(welded(surface).split(only_watertight=False))
