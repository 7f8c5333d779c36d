"""Small files for the tests of headers."""

import warnings
from pathlib import Path

from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset

EXPLICIT = "1.2.840.10008.1.2.1"


def shipped(name):
    """A file in pydicom's wheel; nothing is fetched."""
    path = get_testdata_file(name, download=False)
    assert path, name
    return Path(path)


def saved(path, **values):
    """A DICOM file with these elements."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = EXPLICIT
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    data.SOPInstanceUID = "1.2.3"
    for keyword, value in values.items():
        setattr(data, keyword, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.save_as(path, enforce_file_format=True)
    return path


def keywords(elements):
    return [element.keyword for element in elements]


def named(elements, keyword):
    return next(element for element in elements if element.keyword == keyword)
