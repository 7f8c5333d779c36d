"""Solids of known volume, turned and moved in the patient."""

import numpy as np
import trimesh
from scipy.spatial.transform import Rotation

from vis3d.geometry import FloatArray
from vis3d.surface import Surface

TURN = Rotation.from_euler("xyz", (17.0, -29.0, 41.0), degrees=True).as_matrix()
AT = np.array([-31.0, 117.5, 904.25])


def placed(mesh: trimesh.Trimesh, name: str = "solid", at: FloatArray = AT) -> Surface:
    points = mesh.vertices @ TURN.T + at
    return Surface(points.astype(np.float32), np.asarray(mesh.faces), name, (1, 2, 3))


def ball(radius_mm: float, at: FloatArray = AT) -> Surface:
    return placed(trimesh.creation.icosphere(subdivisions=5, radius=radius_mm), "ball", at)


def brick(size_mm: tuple[float, float, float], at: FloatArray = AT) -> Surface:
    return placed(trimesh.creation.box(extents=size_mm), "brick", at)


def ring(radius_mm: float = 12.0, tube_mm: float = 4.0) -> Surface:
    return placed(trimesh.creation.torus(radius_mm, tube_mm, 96, 48), "ring")


def joined(*surfaces: Surface) -> Surface:
    offsets = np.cumsum([0, *(len(one.points) for one in surfaces)])
    points = np.concatenate([one.points for one in surfaces])
    triangles = [one.triangles + n for one, n in zip(surfaces, offsets, strict=False)]
    return Surface(points, np.concatenate(triangles), "parts")


def inside_out(surface: Surface) -> Surface:
    return Surface(surface.points, surface.triangles[:, ::-1], surface.name)
