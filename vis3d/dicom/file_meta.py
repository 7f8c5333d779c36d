"""The File Meta Information of what vis3d writes (PS3.10 section 7.1)."""

from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

import vis3d
from vis3d.dicom.uids import new_uid


def file_meta(
    sop_class: str, sop_instance: str, transfer_syntax: str = ExplicitVRLittleEndian
) -> FileMetaDataset:
    """What stands before a data set: the object's UIDs, its encoding, and who wrote it."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = sop_instance
    meta.TransferSyntaxUID = transfer_syntax
    meta.ImplementationClassUID = new_uid("vis3d")
    meta.ImplementationVersionName = f"VIS3D_{vis3d.__version__}"
    return meta
