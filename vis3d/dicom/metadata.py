"""What a volume says of its origin, without saying whose it is."""

from vis3d.dicom.frames import Frame, safe_word
from vis3d.dicom.frames_of_reference import frame_name
from vis3d.dicom.headers import safe_text
from vis3d.dicom.known_terms import names_no_contrast
from vis3d.dicom.lookup import shade_tables
from vis3d.dicom.series import Series
from vis3d.errors import InputError
from vis3d.volume import Finding


def metadata_of(
    series: Series, frame: Frame, findings: tuple[Finding, ...]
) -> dict[str, object]:
    """Non-identifying facts: see `Volume.metadata`. Elements that are bad are left out."""
    header = frame.header
    metadata: dict[str, object] = {
        "source": "dicom",
        "modality": series.modality,
        "description": series.description,
        "photometric": frame.format.photometric,
        "lossy": any(finding.code == "lossy" for finding in findings),
        "findings": findings,
    }
    if frame.telling("ConvolutionKernel"):
        metadata["kernel"] = safe_text(frame.telling("ConvolutionKernel"))
    if frame.thickness_mm:
        metadata["thickness_mm"] = frame.thickness_mm
    if header.text("PatientPosition"):
        metadata["patient_position"] = safe_word(header.text("PatientPosition"))
    if agent := header.text("ContrastBolusAgent"):  # empty says that it is unknown
        metadata["contrast"] = not names_no_contrast(agent)
    if header.text("FrameOfReferenceUID"):
        metadata["frame_of_reference"] = frame_name(header.text("FrameOfReferenceUID"))
    windows = _windows(frame)
    if windows:
        metadata["windows"] = windows
    # Tables of measured values that can be negative start at a signed one.
    below_zero = frame.format.signed or frame.slope < 0 or frame.intercept < 0
    tables = shade_tables(header, signed=below_zero)
    if tables:
        metadata["voi_luts"] = tables
    return metadata


def _windows(frame: Frame) -> tuple[tuple[float, float, str, str], ...]:
    """Center, width, name and VOI LUT function (LINEAR where none is named)."""
    header = frame.header
    try:
        centers, widths = header.numbers("WindowCenter"), header.numbers("WindowWidth")
    except InputError:
        return ()
    names = [*header.free_text("WindowCenterWidthExplanation").split("\\")]
    names += [""] * len(centers)
    pairs = zip(centers, widths, names, strict=False)
    function = safe_word(header.text("VOILUTFunction") or "LINEAR")
    return tuple((center, width, name, function) for center, width, name in pairs if width >= 1)
