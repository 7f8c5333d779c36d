"""Enhanced multi-frame objects: one frame's place and meaning by functional groups."""

from vis3d.dicom.frames import Frame
from vis3d.dicom.headers import Header
from vis3d.errors import UnsupportedError


def enhanced_frames(header: Header, count: int) -> list[Frame]:
    """The frames of an enhanced CT, MR or PET object."""
    raise UnsupportedError("an enhanced object")
