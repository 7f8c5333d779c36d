"""Planes and boxes in the patient: what they keep of a solid, and what they mirror."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from manifold3d import Manifold
from numpy.typing import NDArray

from vis3d.errors import UsageError
from vis3d.geometry import FloatArray
from vis3d.meshing.planning.solids import solid_of, surface_of
from vis3d.surface import Surface

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Plane:
    """A plane through a point, LPS mm, and its normal, whose length doesn't matter.

    Raises:
        UsageError: the normal has no length, or a number isn't finite.
    """

    point_lps: Point
    normal_lps: Point

    def __post_init__(self) -> None:
        if not np.isfinite([*self.point_lps, *self.normal_lps]).all():
            raise UsageError("A plane is a point and a normal of finite numbers.")
        if not np.any(self.normal_lps):
            raise UsageError("The normal of a plane has a length: 0,0,1 looks upwards.")

    @property
    def unit(self) -> FloatArray:
        """The normal of length 1."""
        normal = np.array(self.normal_lps, float)
        return np.asarray(normal / np.linalg.norm(normal))

    def heights_mm(self, points_lps: NDArray[np.floating]) -> FloatArray:
        """How far points (n, 3) lie from the plane, positive on the normal's side."""
        return np.asarray((points_lps - np.array(self.point_lps)) @ self.unit)


@dataclass(frozen=True, eq=False)
class Box:
    """A box round its centre, LPS mm; the columns of `axes` are the way its edges run.

    Raises:
        UsageError: an edge isn't longer than nothing, or the axes aren't a rotation.
    """

    center_lps: Point
    size_mm: Point
    axes: FloatArray = field(default_factory=lambda: np.eye(3))

    def __post_init__(self) -> None:
        if not np.isfinite(self.center_lps).all():
            raise UsageError("The centre of a box is three finite numbers.")
        if not (np.isfinite(self.size_mm).all() and min(self.size_mm) > 0):
            raise UsageError(f"A box has edges longer than 0 mm, not {self.size_mm}.")
        turned = np.allclose(self.axes.T @ self.axes, np.eye(3), atol=1e-6)
        if not turned or np.linalg.det(self.axes) < 0:
            raise UsageError("The axes of a box are a rotation: unit vectors at right angles.")


def cut_by_plane(surface: Surface, plane: Plane) -> Surface:
    """The part of a solid on the side that the plane's normal points to, closed by a cap.

    Raises:
        InputError: nothing lies there, or the surface isn't closed.
    """
    unit = plane.unit
    kept = solid_of(surface).trim_by_plane(
        tuple(unit.tolist()), float(unit @ np.array(plane.point_lps))
    )
    return surface_of(kept, surface, "the side of the plane that its normal points to")


def cut_by_box(
    surface: Surface, box: Box, *, keep: Literal["inside", "outside"] = "inside"
) -> Surface:
    """The part of a solid inside a box, or all but that, closed by flat caps.

    Raises:
        InputError: nothing lies there, or the surface isn't closed.
    """
    if keep not in ("inside", "outside"):
        raise UsageError(f'keep is "inside" or "outside", not {keep!r}.')
    pose = np.column_stack([box.axes, np.array(box.center_lps, float)])
    block = Manifold.cube(box.size_mm, center=True).transform(pose)
    solid = solid_of(surface)
    kept = solid ^ block if keep == "inside" else solid - block
    return surface_of(kept, surface, f"what lies {keep} the box")


def mirrored(surface: Surface, plane: Plane) -> Surface:
    """The surface as a mirror in the plane shows it: the healthy side as a template."""
    across = 2 * plane.heights_mm(surface.points.astype(float))[:, None] * plane.unit
    points = (surface.points - across).astype(surface.points.dtype)
    triangles = np.ascontiguousarray(surface.triangles[:, ::-1])
    return replace(surface, points=points, triangles=triangles)
