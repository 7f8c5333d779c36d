"""A volume made from a series -> a new series of the same patient and study."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

import vis3d
from vis3d.dicom.datasets import header_dataset
from vis3d.dicom.encoding import Compression, add_pixels, transfer_syntax_of
from vis3d.dicom.file_meta import file_meta
from vis3d.dicom.file_set import check_free, image_place, write_directory
from vis3d.dicom.frames import INT16, Frame
from vis3d.dicom.headers import Header, safe_text
from vis3d.dicom.quiet import quietly
from vis3d.dicom.series import Series
from vis3d.dicom.stacking import normal_of
from vis3d.dicom.uids import new_uid
from vis3d.dicom.writer import decimals
from vis3d.errors import UnsupportedError, UsageError
from vis3d.geometry import FloatArray, Geometry
from vis3d.progress import Progress, silent
from vis3d.volume import Volume
from vis3d.whole_file import whole_folder

SERIES_NUMBER = 902

_ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
_STALE_PIXELS = """
    NumberOfFrames SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence
    DimensionOrganizationSequence DimensionIndexSequence DimensionOrganizationType
    IconImageSequence SmallestImagePixelValue LargestImagePixelValue
    SmallestPixelValueInSeries LargestPixelValueInSeries PixelPaddingValue
    PixelPaddingRangeLimit PixelAspectRatio ModalityLUTSequence VOILUTSequence
    DigitalSignaturesSequence MACParametersSequence EncryptedAttributesSequence
    InstanceCreatorUID PixelDataProviderURL ReferencedImageSequence SourceImageSequence
    DerivationCodeSequence SpacingBetweenSlices SliceLocation PixelData
    LossyImageCompressionRatio ExtendedOffsetTable ExtendedOffsetTableLengths
    FloatPixelData DoubleFloatPixelData FloatPixelPaddingValue FloatPixelPaddingRangeLimit
    DoubleFloatPixelPaddingValue DoubleFloatPixelPaddingRangeLimit
"""
_STALE = tuple(_STALE_PIXELS.split())
"""What described the pixels of the source, and nothing of those written."""

_OF_THE_GRID = ("ReconstructionDiameter", "GantryDetectorTilt", "TableHeight")
"""What holds no longer on another grid."""


@dataclass(frozen=True)
class _Stored:
    """How measured values become stored ones: `value = stored * slope + intercept`."""

    slope: float
    intercept: float
    signed: bool

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """The stored values of one slice."""
        stored = (values.astype(np.float64) - self.intercept) / self.slope
        return np.rint(stored).astype(np.int16 if self.signed else np.uint16)


def write_derived_series(
    volume: Volume,
    series: Series,
    folder: str | os.PathLike[str],
    *,
    description: str,
    compress: Compression | None = None,
    file_set: bool = False,
    in_place: bool = False,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Write a volume made from `series` as a new series: the files, in slice order.

    With `file_set` they lie as media carry them, with a DICOMDIR. With `in_place` each slice
    of a volume from `load_slices` lies where its source does, gaps and tilt as they were.

    Patient, study, equipment and frame of reference are those of the source; identifiers,
    place, size, values and what derives them are new (PS3.3 section C.7.6.1.1.2). Private
    elements and overlays stay behind. HU are rounded to whole numbers, other fractions to
    1/65535 of their range. All files appear at the end; when stopped, none does.

    Raises:
        UnsupportedError: the source is no DICOM with a place in the patient, or multi-frame
            of another kind than enhanced CT.
        UsageError: values that 16 bits can't hold.
        OutputError: the folder can't be written.
    """
    _check_source(series)
    stored = _storage(volume, series)
    syntax = transfer_syntax_of(compress)
    tell = progress or silent
    common = _Common(new_uid(), safe_text(description)[:64], datetime.now(), in_place)
    if in_place and len(volume.array) != len(series.frames):
        raise UsageError("Slices can go back in place where each has its own source.")
    places = [(one,) for one in series.frames] if in_place else _nearest(volume, series)
    if file_set:
        check_free(Path(folder))
    described: list[tuple[Dataset, tuple[str, ...]]] = []
    with quietly(), whole_folder(folder) as unfinished:
        for k, values in enumerate(volume.array):
            tell(k / len(places), "Writing slices")
            image = _image(volume, series, k, places[k], stored, common)
            add_pixels(image, stored.of(values), compress)
            image.file_meta = file_meta(image.SOPClassUID, image.SOPInstanceUID, syntax)
            name = image_place(1, k + 1) if file_set else (f"IM{k + 1:05d}.dcm",)
            unfinished.joinpath(*name).parent.mkdir(parents=True, exist_ok=True)
            image.save_as(unfinished.joinpath(*name), enforce_file_format=True)
            del image.PixelData
            described.append((image, name))
        if file_set:
            write_directory(unfinished, described)
        tell(1.0, "Writing slices")
    return tuple(Path(folder, *name) for _, name in described)


@dataclass(frozen=True)
class _Common:
    series_uid: str
    description: str
    now: datetime
    in_place: bool


def _check_source(series: Series) -> None:
    if series.geometry is None or not series.frames:
        raise UnsupportedError(
            "A DICOM series is made from a DICOM series with a place in the patient, and this "
            "one isn't; write .nii.gz instead."
        )
    header = series.frames[0].header
    many = header.has("PerFrameFunctionalGroupsSequence")
    if many and header.text("SOPClassUID") != _ENHANCED_CT:
        raise UnsupportedError(
            "A DICOM series of single images can be made from enhanced CT, but not from other "
            "multi-frame objects; write .nii.gz instead."
        )


def _storage(volume: Volume, series: Series) -> _Stored:
    """The source's own intercept where the values fit, else what suits their range."""
    low, high = float(volume.array.min()), float(volume.array.max())
    if not np.isfinite([low, high]).all():
        raise UsageError("A DICOM series holds finite numbers only.")
    whole = volume.unit == "HU" or np.issubdtype(volume.array.dtype, np.integer)
    nuclear = series.modality == "PT"  # whose intercept is 0 (PS3.3 section C.8.9.1)
    if not whole:
        top = max(abs(low), abs(high)) or 1.0
        if nuclear or low >= 0:
            return _Stored(top / INT16.max, 0.0, low < 0)
        return _Stored(float(f"{(high - low) / 65535:.9g}"), low, signed=False)
    for intercept in () if nuclear else (series.frames[0].intercept, -1024.0, 0.0, round(low)):
        if not float(intercept).is_integer():
            continue
        first, last = round(low) - intercept, round(high) - intercept
        if first >= INT16.min and last <= INT16.max:
            return _Stored(1.0, float(intercept), first < 0)
        if first >= 0 and last <= 0xFFFF:
            return _Stored(1.0, float(intercept), signed=False)
    if nuclear and low >= INT16.min and high <= INT16.max:
        return _Stored(1.0, 0.0, low < 0)
    raise UsageError(f"16 bits of a DICOM series can't hold {low:g} to {high:g}.")


def _nearest(volume: Volume, series: Series) -> list[tuple[Frame, ...]]:
    """For each slice the source's slices that it lies at, or between; the nearest first."""
    first = series.frames[0]
    assert first.orientation is not None
    normal = normal_of(first.orientation)
    at = np.array([frame.position for frame in series.frames]) @ normal
    nk, nj, ni = volume.geometry.shape
    middles = volume.geometry.to_lps([((ni - 1) / 2, (nj - 1) / 2, k) for k in range(nk)])
    found: list[tuple[Frame, ...]] = []
    for place in middles @ normal:
        away = np.abs(at - place)
        order = np.argsort(away, kind="stable")[:2]
        near = order[:1] if away[order[0]] <= 0.01 * _gap(at) else order
        found.append(tuple(series.frames[n] for n in near))
    return found


def _gap(distances: FloatArray) -> float:
    return float(np.median(np.diff(np.sort(distances)))) if len(distances) > 1 else 1.0


def _image(
    volume: Volume,
    series: Series,
    k: int,
    sources: tuple[Frame, ...],
    stored: _Stored,
    common: _Common,
) -> Dataset:
    source = sources[0]
    image = _kept(source.header, same_grid=common.in_place or _is_own_grid(volume, series))
    _identify(image, k, common)
    derive(image, sources, common.description)
    origin = source.position if common.in_place else volume.geometry.to_lps((0, 0, k))
    assert origin is not None
    _place(image, volume.geometry, origin)
    as_thick = common.in_place or _is_as_far_apart(volume, series)
    if not as_thick or "SliceThickness" not in image:
        image.SliceThickness = decimals([volume.geometry.spacing[2]])[0]
    _describe_pixels(image, volume, stored)
    return image


def _is_own_grid(volume: Volume, series: Series) -> bool:
    own = series.geometry
    straight = not (series.stack and series.stack.tilted)
    return own is not None and straight and volume.geometry.matches(own, tolerance_mm=1e-3)


def _kept(header: Header, *, same_grid: bool) -> Dataset:
    """What the source says of patient, study and equipment, and nothing of its pixels."""
    stale = (*_STALE, *(() if same_grid else _OF_THE_GRID))
    return without(_whole_header(header), stale)


def without(header: Any, stale: Iterable[str]) -> Dataset:
    """A copy without private elements, overlays, what follows pixels, and what is stale."""
    image = Dataset()
    image.update(header)
    image.remove_private_tags()
    for element in list(image.keys()):
        if element.group < 8 or 0x5000 <= element.group < 0x7000 or element.group > 0x7FE0:
            del image[element]
    for keyword in stale:
        if keyword in image:
            del image[keyword]
    return image


@lru_cache(maxsize=2)
def _whole_header(header: Header) -> Any:
    return header_dataset(header)


def _identify(image: Dataset, k: int, common: _Common) -> None:
    """A new series of its own, and each image's identity in it."""
    if image.get("SOPClassUID") == _ENHANCED_CT:
        image.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        for keyword in ("AcquisitionNumber", "KVP"):
            image.setdefault(keyword, None)
    image.setdefault("StudyInstanceUID", new_uid(f"{common.series_uid} study"))
    image.SOPInstanceUID = new_uid()
    image.SeriesInstanceUID = common.series_uid
    image.SeriesNumber, image.InstanceNumber = SERIES_NUMBER, k + 1
    image.SeriesDescription = common.description
    date, time = f"{common.now:%Y%m%d}", f"{common.now:%H%M%S}"
    image.SeriesDate = image.ContentDate = image.InstanceCreationDate = date
    image.SeriesTime = image.ContentTime = image.InstanceCreationTime = time
    if not image.get("FrameOfReferenceUID"):
        image.FrameOfReferenceUID = new_uid(common.series_uid)


def derive(image: Dataset, sources: Iterable[Frame], description: str) -> None:
    """Say what the image was made from, and by what (PS3.3 section C.7.6.1.1.3, C.12.1)."""
    kind = list(image.get("ImageType") or [])
    modality = image.get("Modality")
    third = kind[2] if len(kind) > 2 else {"MR": "OTHER", "CT": "AXIAL"}.get(modality)
    second = kind[1] if modality == "PT" and len(kind) > 1 else "SECONDARY"
    image.ImageType = ["DERIVED", second, *([third] if third else [])]
    image.DerivationDescription = description
    image.SourceImageSequence = [_reference(frame) for frame in sources]
    maker = Dataset()
    maker.Manufacturer = maker.ManufacturerModelName = "vis3d"
    maker.SoftwareVersions = vis3d.__version__
    maker.PurposeOfReferenceCodeSequence = [_code("109103", "Modifying Equipment")]
    image.ContributingEquipmentSequence = [
        *(image.get("ContributingEquipmentSequence") or []),
        maker,
    ]


def _reference(frame: Frame) -> Dataset:
    source = Dataset()
    source.ReferencedSOPClassUID = frame.header.text("SOPClassUID")
    source.ReferencedSOPInstanceUID = frame.header.text("SOPInstanceUID")
    if frame.header.has("PerFrameFunctionalGroupsSequence"):
        source.ReferencedFrameNumber = frame.number + 1
    source.PurposeOfReferenceCodeSequence = [
        _code("121322", "Source image for image processing operation")
    ]
    return source


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return code


def _is_as_far_apart(volume: Volume, series: Series) -> bool:
    own = series.geometry
    return own is not None and abs(own.spacing[2] - volume.geometry.spacing[2]) <= 1e-3


def _place(image: Dataset, geometry: Geometry, origin: FloatArray) -> None:
    """Image Plane module (PS3.3 section C.7.6.2)."""
    i_mm, j_mm, k_mm = geometry.spacing
    image.PixelSpacing = decimals((j_mm, i_mm))
    image.ImageOrientationPatient = decimals(geometry.direction[:, :2].T.ravel())
    image.ImagePositionPatient = decimals(origin)
    image.SliceLocation = decimals([origin @ geometry.direction[:, 2]])[0]
    if image.Modality == "MR":
        image.SpacingBetweenSlices = decimals([k_mm])[0]
    image.setdefault("PositionReferenceIndicator", None)


def _describe_pixels(image: Dataset, volume: Volume, stored: _Stored) -> None:
    _, image.Rows, image.Columns = volume.geometry.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, _photometric(volume)
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, int(stored.signed)
    image.RescaleIntercept, image.RescaleSlope = decimals((stored.intercept, stored.slope))
    if volume.unit == "HU" and image.Modality == "CT":
        image.RescaleType = "HU"
    elif "RescaleType" not in image and image.Modality == "MR":
        image.RescaleType = volume.unit or "US"
    if volume.padding is not None:
        image.PixelPaddingValue = int(stored.of(np.array([volume.padding]))[0])
    if volume.metadata.get("lossy"):
        image.LossyImageCompression = "01"


def _photometric(volume: Volume) -> str:
    kind = volume.metadata.get("photometric")
    return "MONOCHROME1" if kind == "MONOCHROME1" else "MONOCHROME2"
