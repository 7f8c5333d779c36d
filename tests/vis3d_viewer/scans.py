"""Small scans whose content is known, for the explorer's tests."""

import numpy as np
from vis3d_viewer.study import Study

from tests.conftest import oblique_geometry
from vis3d.geometry import Geometry
from vis3d.labels import STRUCTURES, LabelMap
from vis3d.surface import Surface
from vis3d.volume import Volume

BLOB_KJI = (5, 20, 9)
"""The middle of a bright blob, far from the middle of the grid on every axis."""

TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])


def blob_scan(geometry: Geometry | None = None) -> Volume:
    """Air with a bright blob, by default on an oblique anisotropic grid."""
    geometry = geometry or oblique_geometry()
    array = np.full(geometry.shape, -1000, np.int16)
    k, j, i = BLOB_KJI
    array[k - 1 : k + 2, j - 1 : j + 2, i - 1 : i + 2] = 700
    return Volume(array, geometry)


def blob_study() -> Study:
    """The blob labelled as bones, with a surface beside it."""
    volume = blob_scan()
    labels = LabelMap(np.where(volume.array > 0, 4, 0).astype(np.uint8), volume.geometry)
    bones = STRUCTURES[3]
    corners = volume.geometry.to_lps([[0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10]])
    surface = Surface(corners, TETRAHEDRON, "bones", bones.color)
    return Study(
        volume,
        volume,
        labels,
        (bones,),
        {bones.label: surface},
        masks={bones.label: labels.mask("bones")},
        voxels={bones.label: 27},
    )


def blob_lps() -> list[float]:
    """Where the blob's middle lies in the patient."""
    lps: list[float] = oblique_geometry().to_lps(BLOB_KJI[::-1]).tolist()
    return lps
