"""Made-up series with known voxels, written by pydicom alone."""

from collections.abc import Sequence
from pathlib import Path

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    MediaStorageDirectoryStorage,
    RLELossless,
    generate_uid,
)
from pydicom.valuerep import format_number_as_ds

from vis3d.geometry import Geometry

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def ct_slice(
    stored: np.ndarray,
    position_lps: Sequence[float] = (0.0, 0.0, 0.0),
    orientation: Sequence[float] = AXIAL,
    pixel_spacing: Sequence[float] = (0.9, 0.7),
    **elements: object,
) -> Dataset:
    """A CT slice of 16-bit stored values; `elements` replace or (None) remove the defaults."""
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID = "1.2.3"
    dataset.SeriesInstanceUID = "1.2.3.4"
    dataset.FrameOfReferenceUID = "1.2.3.5"
    dataset.Modality = "CT"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PatientName = "Secret^Name"
    dataset.PatientID = "SECRET-ID"
    dataset.SeriesDescription = "made up"
    dataset.ImagePositionPatient = [format_number_as_ds(float(mm)) for mm in position_lps]
    dataset.ImageOrientationPatient = [f"{cosine:.12f}"[:16] for cosine in orientation]
    dataset.PixelSpacing = [f"{mm:.10g}" for mm in pixel_spacing]
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = stored.dtype.itemsize * 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.RescaleSlope, dataset.RescaleIntercept = "1", "0"
    dataset.PixelData = stored.tobytes()
    dataset["PixelData"].VR = "OW"
    for keyword, value in elements.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def ct_stack(array: np.ndarray, geometry: Geometry, **elements: object) -> list[Dataset]:
    """The slices of an int16 or uint16 array [k, j, i] where `geometry` puts them."""
    i_mm, j_mm, _ = geometry.spacing
    orientation = geometry.direction[:, :2].T.ravel().tolist()
    return [
        ct_slice(array[k], geometry.to_lps((0, 0, k)), orientation, (j_mm, i_mm), **elements)
        for k in range(len(array))
    ]


def write(
    folder: Path, datasets: Sequence[Dataset], syntax: str = ExplicitVRLittleEndian
) -> list[Path]:
    """Write the slices under names that say nothing of their order."""
    folder.mkdir(parents=True, exist_ok=True)
    order = np.random.default_rng(5).permutation(len(datasets))
    paths = []
    for number, dataset in zip(order, datasets, strict=True):
        paths.append(folder / f"F{number:03d}")
        write_one(paths[-1], dataset, syntax)
    return paths


def write_one(path: Path, dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> None:
    """Write one file, in the transfer syntax named."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(path, enforce_file_format=True)


def write_dicomdir(path: Path, file_ids: Sequence[Sequence[str]]) -> None:
    """Write a DICOMDIR whose image records name these files, component by component."""
    directory = Dataset()
    directory.FileSetID = "MADE_UP"
    directory.DirectoryRecordSequence = []
    for file_id in file_ids:
        record = Dataset()
        record.OffsetOfTheNextDirectoryRecord = 0
        record.DirectoryRecordType = "IMAGE"
        record.ReferencedFileID = list(file_id)
        directory.DirectoryRecordSequence.append(record)
    directory.file_meta = FileMetaDataset()
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    directory.save_as(path, enforce_file_format=True)


ENCODERS = {
    JPEGLosslessSV1: lambda image: imagecodecs.ljpeg_encode(image),
    JPEGLSLossless: lambda image: imagecodecs.jpegls_encode(image),
    JPEG2000Lossless: lambda image: imagecodecs.jpeg2k_encode(
        image, codecformat="J2K", reversible=True, level=0
    ),
    HTJ2KLossless: lambda image: imagecodecs.htj2k_encode(image, reversible=True),
}


def compress(dataset: Dataset, syntax: str) -> Dataset:
    """The same slice with its pixels compressed without loss."""
    if syntax == RLELossless:
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
        return dataset
    image = np.frombuffer(dataset.PixelData, f"u{dataset.BitsAllocated // 8}")
    image = image.reshape(dataset.Rows, dataset.Columns)
    if syntax == JPEG2000Lossless and dataset.PixelRepresentation:
        image = image.view("i2")
    dataset.PixelData = encapsulate([ENCODERS[syntax](image)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def ramp_on(geometry: Geometry, per_mm: Sequence[float] = (2.0, -3.0, 1.5)) -> np.ndarray:
    """int16 values that grow linearly in the patient: linear interpolation keeps them."""
    indices = np.indices(geometry.shape)[::-1].reshape(3, -1).T
    values = geometry.to_lps(indices) @ np.array(per_mm)
    return np.rint(values).astype(np.int16).reshape(geometry.shape)
