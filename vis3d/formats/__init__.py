"""Volumes, label maps and surfaces as files: one module a format, one table a kind.

Whoever adds a format writes a module and adds a line to a table; the tests' round trips
run over the tables.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from vis3d.formats import (
    glb,
    glb_reading,
    metaimage,
    nifti,
    npz,
    nrrd,
    nrrd_reading,
    obj,
    ply,
    stl,
    threemf,
    threemf_reading,
    vti,
    vtp,
)
from vis3d.formats.frames import Coordinates
from vis3d.formats.voxels import VoxelFile
from vis3d.labels import LabelMap
from vis3d.progress import Progress
from vis3d.surface import Surface
from vis3d.volume import Volume


class SurfaceWriter(Protocol):
    """Writes surfaces in mm, in LPS or RAS, to one file."""

    def __call__(
        self, surfaces: tuple[Surface, ...], path: Path, *, coordinates: Coordinates = "lps"
    ) -> None:
        """Write them all or nothing; see `files.write_surfaces`."""


VOXEL_READERS: Mapping[str, Callable[[Path], VoxelFile]] = {
    ".nii.gz": nifti.open_nifti,
    ".nii": nifti.open_nifti,
    ".nrrd": nrrd_reading.open_nrrd,
    ".mha": metaimage.open_metaimage,
    ".mhd": metaimage.open_metaimage,
    ".vti": vti.open_vti,
}
"""Opens a file's header; `volume_of` and `labelmap_of` make the nouns of it."""

VOLUME_WRITERS: Mapping[str, Callable[[Volume, Path, Progress], None]] = {
    ".nii.gz": nifti.write_volume,
    ".nii": nifti.write_volume,
    ".nrrd": nrrd.write_volume,
    ".mha": metaimage.write_volume,
    ".mhd": metaimage.write_volume,
    ".vti": vti.write_volume,
    ".npz": npz.write_volume,
}

LABELMAP_WRITERS: Mapping[str, Callable[[LabelMap, Path, Progress], None]] = {
    ".nii.gz": nifti.write_labelmap,
    ".nii": nifti.write_labelmap,
    ".nrrd": nrrd.write_labelmap,
    ".mha": metaimage.write_labelmap,
    ".mhd": metaimage.write_labelmap,
}

SURFACE_READERS: Mapping[str, Callable[[Path], tuple[Surface, ...]]] = {
    ".stl": stl.read_stl,
    ".ply": ply.read_ply,
    ".obj": obj.read_obj,
    ".glb": glb_reading.read_glb,
    ".3mf": threemf_reading.read_3mf,
    ".vtp": vtp.read_vtp,
}

SURFACE_WRITERS: Mapping[str, SurfaceWriter] = {
    ".stl": stl.write_stl,
    ".ply": ply.write_ply,
    ".obj": obj.write_obj,
    ".glb": glb.write_glb,
    ".3mf": threemf.write_3mf,
    ".vtp": vtp.write_vtp,
}
