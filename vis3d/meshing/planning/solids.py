"""Solids that can be cut and joined (manifold3d), from surfaces and back."""

from dataclasses import replace

import numpy as np
from manifold3d import Error, Manifold, Mesh64

from vis3d.errors import InputError
from vis3d.meshing.manifold import separated, sound, use_counts, welded
from vis3d.surface import Surface


def union(surface: Surface, other: Surface) -> Surface:
    """What lies in either solid."""
    return surface_of(solid_of(surface) + solid_of(other), surface, "the union")


def subtracted(surface: Surface, other: Surface) -> Surface:
    """What lies in the first solid and not in the other.

    Raises:
        InputError: nothing is left, or one of them isn't closed.
    """
    left = solid_of(surface) - solid_of(other)
    return surface_of(left, surface, f"what {_name(other)} leaves of {_name(surface)}")


def intersection(surface: Surface, other: Surface) -> Surface:
    """What lies in both solids.

    Raises:
        InputError: they don't touch, or one of them isn't closed.
    """
    both = solid_of(surface) ^ solid_of(other)
    return surface_of(both, surface, f"what {_name(surface)} and {_name(other)} share")


def solid_of(surface: Surface) -> Manifold:
    """The solid within a closed surface; one whose normals point inwards is turned round.

    Raises:
        InputError: the surface isn't closed, so nothing is inside.
    """
    points, triangles = surface.points, surface.triangles
    solid = _solid(points, triangles)
    if solid.status() != Error.NoError:
        points, triangles = welded(points, triangles)
        gaping = int(np.count_nonzero(use_counts(triangles) % 2))
        if gaping:
            raise InputError(
                f"{_name(surface)} isn't closed ({gaping} edges have no neighbour): make it "
                "again without open ends, or close it in a mesh editor first."
            )
        points, triangles = separated(points, triangles)
        solid = _solid(points, triangles)
    if solid.status() != Error.NoError or solid.is_empty():
        raise InputError(f"{_name(surface)} encloses nothing that can be cut or joined.")
    if solid.volume() < 0:
        return _solid(points, triangles[:, ::-1])
    return solid


def surface_of(solid: Manifold, like: Surface, what: str) -> Surface:
    """The solid's surface, sound in any file, with the name and colour of `like`.

    Raises:
        InputError: the solid is empty; the message names it by `what`.
    """
    if solid.is_empty() or solid.num_tri() == 0:
        raise InputError(f"Nothing is left: {what} is empty.")
    mesh = solid.to_mesh64()
    points, triangles = sound(
        np.asarray(mesh.vert_properties)[:, :3], np.asarray(mesh.tri_verts).astype(np.int64)
    )
    metadata = {key: like.metadata[key] for key in ("findings",) if key in like.metadata}
    return replace(like, points=points, triangles=triangles, point_data={}, metadata=metadata)


def _solid(points: np.ndarray, triangles: np.ndarray) -> Manifold:
    return Manifold(
        Mesh64(
            np.ascontiguousarray(points, np.float64), np.ascontiguousarray(triangles, np.uint64)
        )
    )


def _name(surface: Surface) -> str:
    return surface.name or "the surface"
