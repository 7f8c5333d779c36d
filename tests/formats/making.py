"""Volumes, label maps and surfaces that hide no error of axes, and random ones."""

from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tests.conftest import oblique_geometry
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap, Structure
from vis3d.surface import Surface
from vis3d.volume import Finding, Volume


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    """Small grids, turned anywhere, of unequal sizes and spacings, far from the origin."""
    shape = tuple(draw(st.integers(1, 6)) for _ in range(3))
    spacing = tuple(draw(st.floats(0.2, 9.0)) for _ in range(3))
    origin = tuple(draw(st.floats(-600, 600)) for _ in range(3))
    turn = [draw(st.floats(-180, 180)) for _ in range(3)]
    direction = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    return Geometry(shape, spacing, origin, direction)


def volume(geometry: Geometry | None = None, dtype: type[np.generic] = np.int16) -> Volume:
    """HU that differ from voxel to voxel, with a padding and a finding."""
    geometry = geometry or oblique_geometry()
    values = np.random.default_rng(7).integers(-1000, 3000, geometry.shape).astype(dtype)
    if np.issubdtype(dtype, np.floating):
        values += np.asarray(0.25, dtype)
    finding = Finding("gantry-tilt", "warning", 'Tilted by 2.5 degrees, "corrected".')
    return Volume(values, geometry, "HU", -3024.0, {"modality": "CT", "findings": (finding,)})


def labelmap(geometry: Geometry | None = None) -> LabelMap:
    """The labels of the table, in every voxel another."""
    geometry = geometry or oblique_geometry()
    labels = np.random.default_rng(8).integers(0, 6, geometry.shape).astype(np.uint8)
    return LabelMap(labels, geometry)


def foreign_labelmap(geometry: Geometry) -> LabelMap:
    """Names, colours and numbers of somebody else."""
    labels = np.random.default_rng(9).choice([0, 7, 300], geometry.shape).astype(np.uint16)
    parts = (
        Structure(7, "spleen <&> co", (1, 20, 255)),
        Structure(300, "Milz größer", (9, 8, 7)),
    )
    return LabelMap(labels, geometry, parts)


def tetrahedron(
    name: str = "left lung", color: tuple[int, int, int] = (236, 22, 196)
) -> Surface:
    """A closed surface with outward normals and no symmetry, far from the origin."""
    points = np.array([[0, 0, 0], [10.25, 0, 0], [0, 20.5, 0], [0, 0, 31.125]], np.float32)
    triangles = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    return Surface(points + np.float32([-31.0, 117.5, -604.25]), triangles, name, color)


def write_bytes(folder: Path, name: str, *parts: bytes) -> Path:
    """A file of those bytes."""
    file = folder / name
    file.write_bytes(b"".join(parts))
    return file
