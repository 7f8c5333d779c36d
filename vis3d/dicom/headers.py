"""One file's header: the values that decide where its pixels belong and what they mean."""

import hashlib
import math
import re
import unicodedata
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from pydicom.datadict import tag_for_keyword

from vis3d.dicom.element_values import encodings_of, text_values
from vis3d.dicom.scan import (
    DEFLATED_LITTLE,
    Elements,
    NeedMoreError,
    dataset_start,
    looks_headless,
    scan,
)
from vis3d.dicom.sources import DiskFile, Source, inflated
from vis3d.errors import (
    InputError,
    NotDicomError,
    NothingFoundError,
    TooLargeError,
    TruncatedError,
)

FIRST_BYTES = 16 << 10
MAX_HEADER_BYTES = 256 << 20
LEAST_INFLATED_BYTES = 256 << 20
MAX_INFLATION = 100
"""A deflated data set may grow to this many times its file; pixels reach about 20."""

_NEEDED = """
    SpecificCharacterSet ImageType SOPClassUID SOPInstanceUID AcquisitionDateTime
    AcquisitionTime ContentTime Modality ModalitiesInStudy SeriesDescription SliceThickness
    SpacingBetweenSlices EchoTime EchoNumbers TriggerTime FlipAngle InversionTime
    NominalPercentageOfCardiacPhase GantryDetectorTilt ConvolutionKernel PatientPosition
    ContrastBolusAgent ImagerPixelSpacing NominalScannedPixelSpacing StudyInstanceUID
    SeriesInstanceUID SeriesNumber AcquisitionNumber InstanceNumber ImagePositionPatient
    ImageOrientationPatient FrameOfReferenceUID TemporalPositionIdentifier DiffusionBValue
    SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows
    Columns PixelSpacing BitsAllocated BitsStored HighBit PixelRepresentation
    PixelPaddingValue PixelPaddingRangeLimit WindowCenter WindowWidth
    WindowCenterWidthExplanation RescaleIntercept RescaleSlope RescaleType
    LossyImageCompression Units PerFrameFunctionalGroupsSequence
    DirectoryRecordSequence KVP ModalityLUTSequence PixelSpacingCalibrationType
    VOILUTFunction VOILUTSequence ImageComments PixelAspectRatio LUTLabel
    FloatPixelPaddingValue FloatPixelPaddingRangeLimit DoubleFloatPixelPaddingValue
    DoubleFloatPixelPaddingRangeLimit
"""
NEEDED = tuple(_NEEDED.split())

_TAGS = {keyword: tag_for_keyword(keyword) or 0 for keyword in NEEDED}
_BINARY = frozenset(
    "Rows Columns SamplesPerPixel PlanarConfiguration BitsAllocated BitsStored HighBit "  # noqa: SIM905
    "PixelRepresentation PixelPaddingValue PixelPaddingRangeLimit".split()
)
_PATIENT_ID = tag_for_keyword("PatientID") or 0
_WANTED = frozenset((*_TAGS.values(), _PATIENT_ID))
_PREAMBLES = {
    b"MZ": "a Windows program",
    b"\x7fELF": "a Linux program",
    b"\xcf\xfa\xed\xfe": "a macOS program",
    b"\xca\xfe\xba\xbe": "a macOS program",
    b"#!": "a script",
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
}
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """The needed elements of one file, decoded when asked for.

    `source` is where the bytes are; `preamble` is the kind of program or picture that the
    file pretends to be, if any. `patient` tells patients apart without naming them: a digest
    of PatientID, "" where there is none.
    """

    source: Source
    elements: Elements
    start: int
    preamble: str = ""
    patient: str = ""

    @property
    def name(self) -> str:
        """The file's name as a person may see it."""
        return self.source.name

    @property
    def transfer_syntax(self) -> str:
        """The transfer syntax's UID."""
        return self.elements.transfer_syntax

    def has(self, keyword: str) -> bool:
        """Whether the element is there (perhaps empty)."""
        return _TAGS[keyword] in self.elements.values

    def text(self, keyword: str) -> str:
        """A value's text without padding ("" where it is missing); not for free text."""
        return _text(self.elements.values.get(_TAGS[keyword], b""))

    def free_text(self, keyword: str) -> str:
        """A description in the file's own characters, safe to show."""
        raw = self.elements.values.get(_TAGS[keyword], b"")
        encodings = encodings_of(self.texts("SpecificCharacterSet") or ("",))
        return safe_text("\\".join(text_values(raw, "LO", encodings)))

    def texts(self, keyword: str) -> tuple[str, ...]:
        """The values of an element of several, without padding."""
        return _texts(self.elements.values.get(_TAGS[keyword], b""))

    def integer(self, keyword: str, default: int | None = None) -> int:
        """A whole number, written in binary (US, SS) or as text (IS).

        Raises:
            InputError: it is missing (without `default`), or no whole number.
        """
        raw = self.elements.values.get(_TAGS[keyword], b"")
        binary = keyword in _BINARY
        if not (raw if binary else raw.strip(b"\0 ")):
            if default is None:
                raise InputError(f"has no {keyword}")
            return default
        if binary:
            if len(raw) != 2:
                raise InputError(f"has {a_or_an(keyword)} of {len(raw)} bytes, not 2")
            return int.from_bytes(raw, "big" if self.elements.big_endian else "little")
        number = self.numbers(keyword)[0]
        if not number.is_integer():
            raise InputError(f"has {a_or_an(keyword)} that is no whole number")
        return int(number)

    def floating(self, keyword: str) -> float | None:
        """A number written in binary (FL, FD); None where it is missing.

        Raises:
            InputError: it hasn't the size of one.
        """
        raw = self.elements.values.get(_TAGS[keyword], b"")
        if not raw:
            return None
        if len(raw) not in (4, 8):
            raise InputError(f"has {a_or_an(keyword)} of {len(raw)} bytes")
        order = ">" if self.elements.big_endian else "<"
        return float(np.frombuffer(raw, f"{order}f{len(raw)}")[0])

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """The numbers of a DS or IS element, () where it is missing or empty.

        Raises:
            InputError: one that is no finite number.
        """
        return _numbers(self.elements.values.get(_TAGS[keyword], b""), keyword)


# Most values are the same in all files of a series: each is decoded once.


@lru_cache(maxsize=4096)
def _text(raw: bytes) -> str:
    return raw.decode("latin-1").strip("\0 ")


@lru_cache(maxsize=4096)
def _texts(raw: bytes) -> tuple[str, ...]:
    text = _text(raw)
    return tuple(part.strip() for part in text.split("\\")) if text else ()


@lru_cache(maxsize=4096)
def _numbers(raw: bytes, keyword: str) -> tuple[float, ...]:
    return tuple(finite(value, keyword) for value in _texts(raw))


def read_header(source: Source, *, force: bool = False) -> Header:
    """The header of a file, from as few of its bytes as hold it.

    Raises:
        NotDicomError: the file isn't DICOM (or only with `force`).
        InputError: it is, but damaged; the message goes on after the file's name.
    """
    head = source.read(0, FIRST_BYTES)
    if not head:
        raise NotDicomError("an empty file")
    try:
        start, syntax = dataset_start(head, force=force)
    except NotDicomError as error:
        if looks_headless(head):
            raise NotDicomError(
                "perhaps DICOM, but without preamble and meta information: use force (--force)"
            ) from error
        if head.startswith((b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")):
            raise NotDicomError(
                "an archive or compressed file, which isn't opened here"
            ) from error
        raise
    if syntax == DEFLATED_LITTLE:
        source, head, start = _inflated_source(source, start), b"", 0
    elements = _grown_scan(source, head, start, syntax)
    patient = elements.values.pop(_PATIENT_ID, b"").strip(b"\0 ")
    digest = hashlib.sha256(patient).hexdigest() if patient else ""
    return Header(source, elements, start, _pretence(head), digest)


def header_of(path: Path) -> Header:
    """The header of one file on disk, named in what is said of it.

    Raises:
        NothingFoundError: there is no such file.
        NotDicomError: it isn't DICOM.
        InputError: it is, but damaged.
    """
    if not path.is_file():
        raise NothingFoundError(f"There is no file {path}.")
    try:
        return read_header(DiskFile(path.name, path.stat().st_size, str(path)))
    except InputError as error:
        raise type(error)(f"{path.name}: {error}.") from error


def finite(text: str, keyword: str) -> float:
    """A decimal string's number; `nan`, `inf` and words are refused (PS3.5 section 6.2)."""
    text = text.strip("\0 ")
    if not _NUMBER.match(text) or not math.isfinite(float(text)):
        raise InputError(f"has {a_or_an(keyword)} that is no number")
    return float(text)


def a_or_an(keyword: str) -> str:
    """A keyword with its article: a PixelSpacing, an ImagePositionPatient."""
    return f"{'an' if keyword.startswith(('A', 'E', 'I', 'O')) else 'a'} {keyword}"


def safe_text(text: str) -> str:
    """Text without control and direction characters, at most 200 characters long."""
    plain = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text[:200])
    return " ".join(plain.split())


def _grown_scan(source: Source, head: bytes, start: int, syntax: str) -> Elements:
    """Scan a header, reading four times as much each time it goes on."""
    while True:
        try:
            return scan(head, start, source.size, syntax, _WANTED)
        except NeedMoreError:
            if len(head) > MAX_HEADER_BYTES:
                raise TooLargeError(
                    f"has a header of more than {MAX_HEADER_BYTES >> 20} MiB"
                ) from None
            more = source.read(len(head), max(FIRST_BYTES, 3 * len(head)))
            if not more:
                raise TruncatedError("ends inside its header") from None
            head += more


@dataclass(frozen=True)
class _DeflatedDataset:
    """A deflated data set (PS3.5 section A.5) read as if it were a file of its own."""

    name: str
    size: int
    outer: Source
    start: int

    def read(self, start: int, length: int) -> bytes:
        length = min(length, self.size - start)
        packed = self.outer.read(self.start, self.outer.size - self.start)
        return inflated(packed, start + length)[start:]


def _inflated_source(source: Source, start: int) -> Source:
    """The inflated data set of a deflated file, its size counted within a cap."""
    most = max(LEAST_INFLATED_BYTES, MAX_INFLATION * source.size)
    packed = source.read(start, source.size - start)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    size = 0
    try:
        while packed and not inflater.eof:
            size += len(inflater.decompress(packed, 1 << 20))
            packed = inflater.unconsumed_tail
            if size > most:
                raise TooLargeError(f"inflates to more than {most >> 20} MiB")
    except zlib.error as error:
        raise InputError("is damaged: its deflated data can't be inflated") from error
    if not inflater.eof:
        raise TruncatedError("ends inside its deflated data")
    return _DeflatedDataset(source.name, size, source, start)


def _pretence(head: bytes) -> str:
    """What a preamble that isn't empty makes of the file for other programs."""
    for magic, kind in _PREAMBLES.items():
        if head.startswith(magic):
            return kind
    return ""
