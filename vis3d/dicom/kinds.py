"""What a file is, by its header: a slice, a picture, or nothing that a volume is made of."""

from pydicom.config import IGNORE
from pydicom.uid import UID

from vis3d.dicom.codecs import NATIVE, fragments, is_supported, syntax_name
from vis3d.dicom.frames import PictureError
from vis3d.dicom.headers import Header
from vis3d.errors import InputError, TooLargeError, TruncatedError, UnsupportedError

LEAST_CLAIM_BYTES = 64 << 20
MAX_COMPRESSION = 500
"""Scans compress to a half or a tenth; only blank pictures go beyond this."""
_SEGMENTATION = "a segmentation, not a scan: name it by --segmentation beside its scan"
_NOT_IMAGES = {
    "1.2.840.10008.5.1.4.1.1.66.4": _SEGMENTATION,
    "1.2.840.10008.5.1.4.1.1.66.7": _SEGMENTATION,
    "1.2.840.10008.5.1.4.1.1.481.2": "a radiation dose, not a scan",
}


class LocalizerError(PictureError):
    """A localizer: not a slice of the series it is in."""


class OtherObjectError(UnsupportedError):
    """No picture of the patient: a segmentation, a dose, a report."""


def check_kind(header: Header) -> None:
    """Refuse what is no slice.

    Raises:
        LocalizerError: a localizer.
        OtherObjectError: no picture of the patient.
        UnsupportedError: a picture of a kind that isn't read.
    """
    check_readable(header)
    image_type = header.texts("ImageType")
    if "LOCALIZER" in image_type:
        raise LocalizerError("a localizer (scout) image, not a slice")
    if "MOSAIC" in image_type:
        raise UnsupportedError("a mosaic of slices in one image")


def check_readable(header: Header) -> None:
    """Refuse what is no picture that can be shown.

    Raises:
        OtherObjectError: no picture of the patient.
        UnsupportedError: a picture of a kind that isn't read.
    """
    kind = header.text("SOPClassUID")
    if kind in _NOT_IMAGES:
        raise OtherObjectError(_NOT_IMAGES[kind])
    if header.has("DirectoryRecordSequence"):
        raise OtherObjectError("a DICOMDIR; name it as the input to read what it lists")
    if header.elements.pixel_start is None:
        name = UID(kind, validation_mode=IGNORE).name
        raise OtherObjectError(f"no image ({name})" if name != kind else "no image")
    if not is_supported(header.transfer_syntax):
        raise UnsupportedError(f"has {syntax_name(header.transfer_syntax)}, which isn't read")
    odd = header.elements.float_bits or header.integer("BitsAllocated", 0) == 1
    if odd and header.transfer_syntax not in NATIVE:
        what = "floating-point numbers" if header.elements.float_bits else "single bits"
        raise UnsupportedError(f"holds compressed {what} as pixels, which aren't read")


def check_pixels(header: Header, count: int, size: int) -> None:
    """Compare the pixel data with the `count` frames and `size` bytes the header promises.

    Raises:
        TruncatedError: bytes, or compressed frames, are missing.
        InputError: fragments where plain values should be.
    """
    elements = header.elements
    assert elements.pixel_start is not None
    if header.transfer_syntax not in NATIVE:
        pieces = fragments(header)
        if len(pieces) < count:
            raise TruncatedError(f"truncated: {count} compressed frames are not all there")
        packed = sum(length for _, length in pieces)
        if size > max(LEAST_CLAIM_BYTES, MAX_COMPRESSION * packed):
            raise TooLargeError(f"claims {size >> 20} MiB of pixels in {packed} bytes")
        return
    if elements.pixel_length is None:
        raise InputError("holds compressed pixels under an uncompressed transfer syntax")
    there = min(header.source.size - elements.pixel_start, elements.pixel_length)
    if header.integer("BitsAllocated", 0) == 1 and elements.pixel_length > size + 1:
        raise InputError(
            f"holds {elements.pixel_length} bytes of pixels; at one bit each, as its header "
            f"says, they would take {size}"
        )
    if there < size:
        raise TruncatedError(f"truncated: {there} of {size} bytes of pixels")
