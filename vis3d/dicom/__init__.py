"""DICOM files -> Series -> Volume, and DICOM objects out."""

from vis3d.dicom.discovery import discover
from vis3d.dicom.loading import load_series
from vis3d.dicom.series import Discovery, Series, Skipped

__all__ = ["Discovery", "Series", "Skipped", "discover", "load_series"]
