"""DICOM files -> Series -> Volume, and DICOM objects out."""

from vis3d.dicom.discovery import discover
from vis3d.dicom.loading import load_series
from vis3d.dicom.segmentation_objects import read_segmentation, write_segmentation
from vis3d.dicom.series import Discovery, Series, Skipped
from vis3d.dicom.writer import write_ct_series

__all__ = [
    "Discovery",
    "Series",
    "Skipped",
    "discover",
    "load_series",
    "read_segmentation",
    "write_ct_series",
    "write_segmentation",
]
