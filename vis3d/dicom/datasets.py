"""Whole headers as pydicom datasets, for what needs more than `headers` keeps."""

from io import BytesIO
from typing import Any

import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID

from vis3d.dicom.headers import Header
from vis3d.errors import InputError


def header_dataset(header: Header) -> Any:
    """The whole header of a file as a pydicom dataset (with file_meta), without pixels.

    It identifies the patient.

    Raises:
        InputError: pydicom can't read it.
    """
    end = header.elements.pixel_start
    data = header.source.read(0, header.source.size if end is None else end)
    try:
        if data[128:132] == b"DICM":
            return pydicom.dcmread(BytesIO(data), stop_before_pixels=True)
        return _without_preamble(data[header.start :], header.transfer_syntax)
    except Exception as error:  # pydicom raises a dozen kinds on damage, RecursionError too
        raise InputError(f"{header.name} has a header that can't be read.") from error


def _without_preamble(data: bytes, transfer_syntax: str) -> Any:
    """The data set of a file without preamble, or inflated from a deflated one."""
    uid = UID(transfer_syntax)
    stream = BytesIO(data)
    dataset = read_dataset(
        stream, uid.is_implicit_VR, uid.is_little_endian, stop_when=_at_pixels
    )
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid
    return dataset


def _at_pixels(tag: Any, vr: str | None, length: int) -> bool:
    return int(tag) >= 0x7FE00008
