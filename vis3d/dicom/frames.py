"""One picture in space: a file's single image, or one frame of an enhanced object."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from vis3d.dicom.headers import Header
from vis3d.dicom.lookup import Lookup, modality_lookup
from vis3d.errors import InputError, UnsupportedError
from vis3d.geometry import ORTHOGONAL_TOLERANCE, FloatArray

INT16 = np.iinfo(np.int16)
MAX_FRAMES = 1_000_000
MAX_COORDINATE_MM = 1e5
"""A position 100 m away from the origin is damage, not a patient."""

GREY_BITS = 8
"""Greys for a screen have no more."""

MAX_ASPECT = 20.0
"""Pixels longer than so many times their width are a wrong header's."""

SPLITTERS = [
    "StackID",
    "AcquisitionNumber",
    "TemporalPositionIdentifier",
    "NominalPercentageOfCardiacPhase",
    "TriggerTime",
    "EchoNumbers",
    "EchoTime",
    "InversionTime",
    "FlipAngle",
    "DiffusionBValue",
    "ConvolutionKernel",
    "KVP",
    "ImageType",
    "SeriesDescription",
    "ImageComments",
    "SliceThickness",
    "PixelFormat",
    "LUTLabel",
    "AcquisitionDateTime",
    "AcquisitionTime",
    "ContentTime",
]
"""What may tell stacks at one place apart, the most telling first."""


class PictureError(UnsupportedError):
    """A picture for people, never a slice of a volume."""


class ColorImageError(PictureError):
    """Colours instead of values."""


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How a file stores its pixels (PS3.3 section C.7.6.3)."""

    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    photometric: str
    floating: bool = False

    @property
    def is_color(self) -> bool:
        """Whether pixels are colours, or numbers of colours, instead of values."""
        return self.photometric not in ("MONOCHROME1", "MONOCHROME2")

    @property
    def frame_bytes(self) -> int:
        """The size of one uncompressed frame (a Python integer: it cannot overflow)."""
        return self.bytes_of(1)

    def bytes_of(self, frames: int) -> int:
        """The size of uncompressed frames; single bits are packed across them."""
        return -(-self.rows * self.columns * self.samples * self.allocated * frames // 8)

    @property
    def kind(self) -> str:
        """A stored value as NumPy names it, without its byte order: "i2"."""
        letter = "f" if self.floating else "i" if self.signed else "u"
        return f"{letter}{max(1, self.allocated // 8)}"


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture with its place, and how its stored values become measured ones.

    `number` counts frames within the file from 0. `position` (LPS mm) is the centre of
    the first pixel; `orientation` holds the row's and the column's direction as two rows.
    Both are None where the file gives none. `pixel_spacing` is (between rows, between
    columns) in mm. `splits` holds what the frame itself says of acquisition, phase, kernel
    or echo; `telling` asks the file's header for the rest. `lookup`, where there is one,
    stands for slope and intercept.
    """

    header: Header
    number: int
    format: PixelFormat
    position: FloatArray | None
    orientation: FloatArray | None
    pixel_spacing: tuple[float, float] | None
    slope: float
    intercept: float
    unit: str
    thickness_mm: float | None
    splits: dict[str, str] = field(default_factory=dict)
    magnified: bool = False
    stack_id: str = ""
    lookup: Lookup | None = None

    @property
    def steps_mm(self) -> tuple[float, float]:
        """(between rows, between columns) in mm; 1 for the finer where no spacing is given."""
        return self.pixel_spacing or _proportions(self.header)

    @property
    def name(self) -> str:
        """The frame's file, and its number where there are several."""
        many = self.header.integer("NumberOfFrames", 1) > 1
        return f"{self.header.name} frame {self.number + 1}" if many else self.header.name

    def measured(self, stored: float) -> float:
        """What one stored value means."""
        if self.lookup is not None:
            return float(self.lookup.of(int(stored)))
        return stored * self.slope + self.intercept

    def telling(self, keyword: str) -> str:
        """The value of one of `SPLITTERS`, which may tell this frame from others."""
        if keyword in self.splits or keyword == "StackID":
            return self.splits.get(keyword, "")
        if keyword == "PixelFormat":
            return f"{self.format.stored} {self.format.signed}"
        return self.header.text(keyword)


def pixel_format(header: Header) -> PixelFormat:
    """The checked pixel format of a file of single-valued voxels.

    Raises:
        InputError: a size or bit count is missing or impossible.
        ColorImageError: colours instead of values.
        UnsupportedError: a format that isn't read.
    """
    form = stored_format(header)
    if form.is_color:
        raise ColorImageError(
            f"a colour image ({safe_word(form.photometric)}), not a scan's values"
        )
    return form


def stored_format(header: Header) -> PixelFormat:
    """The checked pixel format of a file, of values or of colours.

    Raises:
        InputError: a size, bit count or number of samples is missing or impossible.
        UnsupportedError: a format that isn't read.
    """
    rows, columns = header.integer("Rows"), header.integer("Columns")
    if rows == 0 or columns == 0:
        raise InputError(f"has {rows} rows and {columns} columns")
    samples = header.integer("SamplesPerPixel", 1)
    photometric = header.text("PhotometricInterpretation") or "MONOCHROME2"
    expected = 1 if photometric in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR") else 3
    if samples != expected:
        raise InputError(f"has {samples} samples per pixel of {safe_word(photometric)}")
    allocated = header.integer("BitsAllocated")
    if bits := header.elements.float_bits:
        if allocated != bits:
            raise InputError(f"holds numbers of {bits} bits and says {allocated}")
        return PixelFormat(
            rows,
            columns,
            samples,
            allocated=bits,
            stored=bits,
            high_bit=bits - 1,
            signed=True,
            photometric=photometric,
            floating=True,
        )
    stored = header.integer("BitsStored", allocated)
    high_bit = header.integer("HighBit", stored - 1)
    single = allocated == 1 and photometric.startswith("MONOCHROME")
    if allocated not in (8, 16, 32) and not single:
        raise UnsupportedError(f"stores pixels in {allocated} bits; 1, 8, 16 and 32 are read")
    if not 1 <= stored <= allocated or not stored - 1 <= high_bit < allocated:
        raise InputError(f"stores {stored} bits up to bit {high_bit} in {allocated}")
    sign = header.integer("PixelRepresentation", 0)
    if sign not in (0, 1):
        raise InputError(f"has PixelRepresentation {sign}; 0 and 1 exist")
    signed = bool(sign)
    return PixelFormat(rows, columns, samples, allocated, stored, high_bit, signed, photometric)


def frame_count(header: Header) -> int:
    """How many frames a file says it has.

    Raises:
        InputError: no number of frames that a file can have.
    """
    count = header.integer("NumberOfFrames", 1)
    if not 1 <= count <= MAX_FRAMES:
        raise InputError(f"says it has {count} frames")
    return count


def single_frame(header: Header, form: PixelFormat) -> Frame:
    """The picture of a file with one image.

    Raises:
        InputError: a value that no slice can have.
    """
    slope, intercept = rescale(
        header.numbers("RescaleSlope"), header.numbers("RescaleIntercept")
    )
    spacing, magnified = _spacing(header)
    lookup = None if form.floating else modality_lookup(header, signed=form.signed)
    of_zero = intercept if lookup is None else float(lookup.of(0))
    rescale_type = lookup.unit if lookup else header.text("RescaleType")
    return Frame(
        header=header,
        number=0,
        format=form,
        position=position_lps(header.numbers("ImagePositionPatient")),
        orientation=orientation_lps(header.numbers("ImageOrientationPatient")),
        pixel_spacing=spacing,
        slope=slope,
        intercept=intercept,
        unit=unit_of(header, rescale_type, form, of_zero),
        thickness_mm=_thickness_mm(header),
        magnified=magnified,
        lookup=lookup,
    )


def whole_numbers(frames: Sequence[Frame]) -> bool:
    """Whether rescaling keeps whole numbers whole, in one step size."""
    return len({frame.slope for frame in frames}) == 1 and all(
        frame.lookup is None
        and not frame.format.floating
        and float(number).is_integer()
        and abs(number) <= INT16.max
        for frame in frames
        for number in (frame.slope, frame.intercept)
    )


def rescale(slope: tuple[float, ...], intercept: tuple[float, ...]) -> tuple[float, float]:
    """Slope and intercept, 1 and 0 where they are missing.

    Raises:
        InputError: a slope of zero makes every voxel the same.
    """
    if slope and slope[0] == 0:
        raise InputError("has a RescaleSlope of 0")
    return (slope[0] if slope else 1.0, intercept[0] if intercept else 0.0)


def position_lps(values: tuple[float, ...]) -> FloatArray | None:
    """ImagePositionPatient as an array.

    Raises:
        InputError: not three coordinates, or a place where no patient is.
    """
    if not values:
        return None
    if len(values) != 3 or max(map(abs, values)) > MAX_COORDINATE_MM:
        raise InputError("has no possible ImagePositionPatient")
    return np.array(values)


@lru_cache(maxsize=64)
def orientation_lps(values: tuple[float, ...]) -> FloatArray | None:
    """ImageOrientationPatient as two rows: where rows run to, where columns run to.

    Raises:
        InputError: not two orthogonal directions.
    """
    if not values:
        return None
    if len(values) != 6:
        raise InputError(f"has {len(values)} values in ImageOrientationPatient, not 6")
    directions = np.array(values).reshape(2, 3)
    lengths = np.linalg.norm(directions, axis=1)
    if np.abs(lengths - 1).max() > 0.01:
        raise InputError("has an ImageOrientationPatient that is no pair of directions")
    directions /= lengths[:, None]
    if abs(directions[0] @ directions[1]) > 10 * ORTHOGONAL_TOLERANCE:
        raise InputError("has an ImageOrientationPatient whose directions aren't orthogonal")
    directions.flags.writeable = False  # all slices of a stack share it
    return directions


def spacing_mm(values: tuple[float, ...], keyword: str) -> tuple[float, float] | None:
    """(between rows, between columns) in mm.

    Raises:
        InputError: not two positive lengths.
    """
    if not values:
        return None
    if len(values) != 2 or not all(1e-4 < mm < 1e4 for mm in values):
        raise InputError(f"has no possible {keyword}")
    return (values[0], values[1])


def thickness_of(values: tuple[float, ...]) -> float | None:
    """SliceThickness in mm; None for what no slice has."""
    return values[0] if values and values[0] > 0 else None


def safe_word(text: str, length: int = 24) -> str:
    """A code string that is safe to repeat in a message."""
    return (
        "".join(c for c in text[:length] if (c.isascii() and c.isalnum()) or c in "_ .") or "?"
    )


def _spacing(header: Header) -> tuple[tuple[float, float] | None, bool]:
    """The pixel spacing, and whether it is the detector's instead of the patient's."""
    spacing = spacing_mm(header.numbers("PixelSpacing"), "PixelSpacing")
    if spacing:
        # The detector's spacing repeated here isn't corrected (PS3.3 section 10.7.1.3).
        repeated = header.numbers("ImagerPixelSpacing") == spacing
        return spacing, repeated and not header.text("PixelSpacingCalibrationType")
    for keyword in ("ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        spacing = spacing_mm(header.numbers(keyword), keyword)
        if spacing:
            return spacing, True
    return None, False


def _proportions(header: Header) -> tuple[float, float]:
    """PixelAspectRatio (PS3.3 section C.7.6.3.1.7), the finer side as 1; squares without it."""
    try:
        ratio = header.numbers("PixelAspectRatio")
    except InputError:
        return 1.0, 1.0
    if len(ratio) != 2 or min(ratio) <= 0 or max(ratio) > MAX_ASPECT * min(ratio):
        return 1.0, 1.0
    return ratio[0] / min(ratio), ratio[1] / min(ratio)


def unit_of(header: Header, rescale_type: str, form: PixelFormat, of_zero: float) -> str:
    """The unit of rescaled values: "HU", the file's own word, or "" where unknown.

    Greys of a window that were kept as 8 bits are no HU, whatever the header of their source
    says: `of_zero`, what a stored 0 means, is denser than any air.
    """
    if header.text("Modality") == "PT":
        return safe_word(header.text("Units")) if header.text("Units") else ""
    rescaled = header.text("RescaleIntercept") or rescale_type
    if header.text("Modality") != "CT" or not rescaled:
        return ""
    if form.stored <= GREY_BITS and of_zero >= 0:
        return ""
    return "HU" if rescale_type in ("", "HU", "HU_MOD", "US") else safe_word(rescale_type)


def _thickness_mm(header: Header) -> float | None:
    """SliceThickness, which is only compared: a bad one must not cost the slice."""
    try:
        return thickness_of(header.numbers("SliceThickness"))
    except InputError:
        return None
