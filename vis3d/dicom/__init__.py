"""DICOM files -> Series -> Volume, and DICOM objects out."""

from vis3d.dicom.anonymization import Anonymized, anonymize
from vis3d.dicom.deidentify import Kept, Policy
from vis3d.dicom.derived import write_derived_series
from vis3d.dicom.derived_images import write_cut_image
from vis3d.dicom.discovery import discover
from vis3d.dicom.elements import Element
from vis3d.dicom.encapsulated import (
    is_encapsulated_stl,
    read_encapsulated_stl,
    write_encapsulated_stl,
)
from vis3d.dicom.file_set import write_file_set
from vis3d.dicom.frames import PictureError
from vis3d.dicom.images import DicomImage, loose_pictures, read_image
from vis3d.dicom.json_model import dicom_json
from vis3d.dicom.label_objects import read_label_object
from vis3d.dicom.loading import load_series, load_slices
from vis3d.dicom.pseudonyms import Pseudonyms
from vis3d.dicom.segmentation_objects import read_segmentation, write_segmentation
from vis3d.dicom.series import Discovery, Series, Skipped
from vis3d.dicom.sources import Source, at_hand
from vis3d.dicom.structure_sets import read_structure_set
from vis3d.dicom.tag_differences import Comparison, Difference, compare_tags
from vis3d.dicom.tags import (
    TagTree,
    each_tags,
    is_one_file,
    matching,
    read_tags,
    tag_summary,
    uid_name,
    without_private,
)
from vis3d.dicom.writer import write_ct_series

__all__ = [
    "Anonymized",
    "Comparison",
    "DicomImage",
    "Difference",
    "Discovery",
    "Element",
    "Kept",
    "PictureError",
    "Policy",
    "Pseudonyms",
    "Series",
    "Skipped",
    "Source",
    "TagTree",
    "anonymize",
    "at_hand",
    "compare_tags",
    "dicom_json",
    "discover",
    "each_tags",
    "is_encapsulated_stl",
    "is_one_file",
    "load_series",
    "load_slices",
    "loose_pictures",
    "matching",
    "read_encapsulated_stl",
    "read_image",
    "read_label_object",
    "read_segmentation",
    "read_structure_set",
    "read_tags",
    "tag_summary",
    "uid_name",
    "without_private",
    "write_ct_series",
    "write_cut_image",
    "write_derived_series",
    "write_encapsulated_stl",
    "write_file_set",
    "write_segmentation",
]
