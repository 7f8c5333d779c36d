"""A volume -> a series of CT images (PS3.3 section A.3)."""

import datetime
import hashlib
import os

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage
from pydicom.valuerep import format_number_as_ds

import vis3d
from vis3d.dicom.file_meta import file_meta
from vis3d.dicom.uids import new_uid
from vis3d.errors import UsageError
from vis3d.geometry import FloatArray
from vis3d.progress import Progress, silent
from vis3d.volume import Volume
from vis3d.whole_file import whole_folder

USUAL_INTERCEPT_HU = -1024
"""What most scanners add to stored values."""

SEEDED_DATE = "20000101"
"""The date of a series whose files shall be the same each time."""

MAX_DRIFT_MM = 1e-3
"""Slices that drift less than this across the stack aren't tilted."""

_DEFAULT_WINDOWS = ((40.0, 400.0, "MEDIASTINUM"), (-600.0, 1500.0, "LUNG"))


def write_ct_series(
    volume: Volume,
    folder: str | os.PathLike[str],
    *,
    patient_name: str,
    patient_id: str,
    series_description: str = "",
    slice_origins_lps: ArrayLike | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Write a volume in HU as one file a slice, as a scanner would.

    `slice_origins_lps` (nk, 3) puts the first pixel of each slice elsewhere than the
    volume's grid does, as a tilted gantry's lie. With a `seed` the same volume gives the
    same files, their UIDs included. The folder is made if need be; other files in it stay.
    All slices appear at the end; until then, and when the work is stopped, none does.

    Raises:
        UsageError: values that aren't HU or don't fit, or slice origins of another number.
        OutputError: the folder can't be written.
    """
    intercept = _checked_intercept(volume)
    origins = _checked_origins(volume, slice_origins_lps)
    names = (patient_name, patient_id, series_description)
    common = _common_header(volume, origins, names, intercept, seed)
    tell = progress or silent
    with whole_folder(folder) as unfinished:
        for k, values in enumerate(volume.array):
            tell(k / len(origins), "Writing slices")
            stored = (np.rint(values).astype(np.int32) - intercept).astype("<i2")
            image = _slice(common, k, origins[k], stored, seed)
            image.save_as(unfinished / f"CT{k + 1:04d}.dcm", enforce_file_format=True)
        tell(1.0, "Writing slices")


def _checked_intercept(volume: Volume) -> int:
    """What is added to stored values: the usual, or 0 where those wouldn't fit."""
    if volume.unit != "HU":
        raise UsageError(f"A CT series holds HU, not {volume.unit or 'values without a unit'}.")
    low, high = float(volume.array.min()), float(volume.array.max())
    limits = np.iinfo(np.int16)
    if not (np.isfinite([low, high]).all() and limits.min <= low and high <= limits.max):
        raise UsageError(f"A CT series holds -32768 to 32767 HU, not {low:g} to {high:g}.")
    return USUAL_INTERCEPT_HU if high - USUAL_INTERCEPT_HU <= limits.max else 0


def _checked_origins(volume: Volume, origins_lps: ArrayLike | None) -> FloatArray:
    """The first pixel of each slice, (nk, 3) in LPS mm."""
    nk = volume.geometry.shape[0]
    if origins_lps is None:
        return volume.geometry.to_lps([(0, 0, k) for k in range(nk)])
    origins = np.array(origins_lps, float)
    if origins.shape != (nk, 3):
        raise UsageError(f"{nk} slices need {nk} origins of 3 mm each, not {origins.shape}.")
    return origins


def _common_header(
    volume: Volume,
    origins: FloatArray,
    names: tuple[str, str, str],
    intercept: int,
    seed: int | None,
) -> Dataset:
    """What all slices share; empty where nothing is known but the standard asks for it."""
    key = None if seed is None else _key(volume, origins, names, seed)
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 192"
    header.SOPClassUID = CTImageStorage
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    _add_patient_and_study(header, names, key)
    header.Modality = "CT"
    header.SeriesInstanceUID = new_uid(key and f"{key} series")
    header.SeriesNumber = 1
    header.SeriesDescription = names[2]
    header.Laterality = None
    header.PatientPosition = str(volume.metadata.get("patient_position", ""))
    header.FrameOfReferenceUID = new_uid(key and f"{key} frame of reference")
    header.PositionReferenceIndicator = None
    header.Manufacturer = "vis3d"
    header.ManufacturerModelName = "vis3d"
    header.SoftwareVersions = vis3d.__version__
    header.AcquisitionNumber = 1
    header.KVP = None
    if volume.metadata.get("kernel"):
        header.ConvolutionKernel = str(volume.metadata["kernel"])
    _add_plane(header, volume, origins)
    _add_pixel_format(header, volume, intercept)
    _add_windows(header, volume)
    header.BurnedInAnnotation = "NO"
    header.LossyImageCompression = "01" if volume.metadata.get("lossy") else "00"
    return header


def _key(volume: Volume, origins: FloatArray, names: tuple[str, str, str], seed: int) -> str:
    """Text that tells this series from any other with this seed."""
    digest = hashlib.sha256(repr((seed, names, volume.geometry.affine.tolist())).encode())
    digest.update(origins.tobytes())
    digest.update(np.ascontiguousarray(volume.array).data)
    return digest.hexdigest()


def _add_patient_and_study(
    header: Dataset, names: tuple[str, str, str], key: str | None
) -> None:
    header.PatientName, header.PatientID = names[:2]
    header.PatientBirthDate = None
    header.PatientSex = None
    now = datetime.datetime.now().astimezone()
    header.StudyInstanceUID = new_uid(key and f"{key} study")
    header.StudyDate = f"{now:%Y%m%d}" if key is None else SEEDED_DATE
    header.StudyTime = f"{now:%H%M%S}" if key is None else "120000"
    header.SeriesDate = header.AcquisitionDate = header.ContentDate = header.StudyDate
    header.SeriesTime = header.AcquisitionTime = header.ContentTime = header.StudyTime
    header.ReferringPhysicianName = None
    header.StudyID = "1"
    header.AccessionNumber = None


def _add_plane(header: Dataset, volume: Volume, origins: FloatArray) -> None:
    """Image Plane module (PS3.3 section C.7.6.2), and the tilt that the origins show."""
    geometry = volume.geometry
    i_mm, j_mm, k_mm = geometry.spacing
    header.PixelSpacing = decimals((j_mm, i_mm))
    header.ImageOrientationPatient = decimals(geometry.direction[:, :2].T.ravel())
    thickness = volume.metadata.get("thickness_mm", k_mm)
    header.SliceThickness = decimals([float(str(thickness))])[0]
    drift = (origins[-1] - origins[0]) @ geometry.direction
    if np.abs(drift[:2]).max() > MAX_DRIFT_MM:
        header.GantryDetectorTilt = decimals([np.degrees(np.arctan2(drift[1], drift[2]))])[0]


def _add_pixel_format(header: Dataset, volume: Volume, intercept: int) -> None:
    _, header.Rows, header.Columns = volume.geometry.shape
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit = 15
    header.PixelRepresentation = 1
    header.RescaleIntercept = str(intercept)
    header.RescaleSlope = "1"
    header.RescaleType = "HU"
    if volume.padding is not None:
        header.PixelPaddingValue = round(volume.padding) - intercept


def _add_windows(header: Dataset, volume: Volume) -> None:
    windows = volume.metadata.get("windows") or _DEFAULT_WINDOWS
    if isinstance(windows, tuple):
        header.WindowCenter = decimals([center for center, *_ in windows])
        header.WindowWidth = decimals([width for _, width, *_ in windows])
        header.WindowCenterWidthExplanation = [str((*w, "", "")[2]) for w in windows]


def _slice(
    common: Dataset, k: int, origin: FloatArray, stored: NDArray[np.int16], seed: int | None
) -> Dataset:
    """One image, with its own identity, place and pixels."""
    image = Dataset(common)
    series = common.SeriesInstanceUID
    image.SOPInstanceUID = new_uid(None if seed is None else f"{series} {k}")
    image.InstanceNumber = k + 1
    image.ImagePositionPatient = decimals(origin)
    image.PixelData = stored.tobytes()
    image["PixelData"].VR = "OW"
    image.file_meta = file_meta(CTImageStorage, image.SOPInstanceUID)
    return image


def decimals(values: ArrayLike) -> list[str]:
    """Decimal strings of at most 16 characters (PS3.5 section 6.2)."""
    return [format_number_as_ds(float(value)) for value in np.ravel(values)]
