"""Scans with a marker wherever DICOM has a place for one."""

import io
import warnings

from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from vis3d.dicom import discover, load_series

MARKER = "QZMARKERZQ"
DATE, TIME, UID, NUMBER = "19471123", "112233.445566", "1.2.999.777.31337", "31337.1331"
TRACES = (MARKER, DATE, TIME, UID, NUMBER)
PLANTED = {
    "CS": MARKER, "SH": MARKER, "LO": MARKER, "ST": MARKER, "LT": MARKER, "UT": MARKER,
    "UC": MARKER, "UR": f"http://{MARKER}.example", "AE": MARKER, "PN": f"{MARKER}^Nemo",
    "DA": DATE, "TM": TIME, "DT": DATE + TIME, "UI": UID, "AS": "031Y",
    "OB": MARKER.encode(), "OW": MARKER.encode(), "UN": MARKER.encode(), "OF": b"QZMARKERZQQZ",
    "OD": b"QZMARKERZQQZMARK", "OL": b"QZMARKERZQQZ", "OV": b"QZMARKERZQQZMARK",
}  # fmt: skip
NUMBERS_OF_PATIENTS = ("PatientWeight", "PatientSize", "OtherStudyNumbers")
LEAVE_AS_IT_IS = (
    "SOPClassUID", "PixelData", "SpecificCharacterSet", "Modality", "PatientPosition",
    "PhotometricInterpretation", "RescaleType", "BurnedInAnnotation",
)  # fmt: skip


def planted(dataset, number=0):
    """The same image with markers wherever the dictionary has a place for one.

    One in all of its 4,000 attributes, the others in 20 of each kind, both in items too.
    """
    step = 1 if number == 0 else 37
    inner = _with_markers(Dataset(), step)
    _with_markers(dataset, step)
    twice = Dataset(inner)
    twice.AnatomicRegionSequence = [_with_markers(Dataset(), 37)]
    for keyword in ("ReferencedImageSequence", "SharedFunctionalGroupsSequence",
                    "ContrastBolusAgentSequence", "VOILUTSequence",
                    "ViewCodeSequence")[number % 5 :][:1]:  # fmt: skip
        setattr(dataset, keyword, [twice])
    block = dataset.private_block(0x0029, MARKER, create=True)
    block.add_new(0x01, "LO", MARKER)
    block.add_new(0x02, "OB", MARKER.encode())
    block.add_new(0x03, "SQ", [_with_markers(Dataset(), 37)])
    dataset.add_new(0x60000010, "US", 30)
    dataset.add_new(0x60000011, "US", 40)
    dataset.add_new(0x60004000, "LT", MARKER)
    dataset.add_new(0x60003000, "OW", MARKER.encode() * 15)
    dataset.add_new(0x50003000, "OW", MARKER.encode())
    dataset.add_new(0xFFFCFFFC, "OB", MARKER.encode())
    for keyword in NUMBERS_OF_PATIENTS:
        setattr(dataset, keyword, NUMBER.split(".")[0] if keyword[0] == "O" else NUMBER)
    return dataset


def _with_markers(dataset, step):
    places = [
        (tag, vr)
        for tag, (vr, _, _, _, keyword) in DicomDictionary.items()
        if vr in PLANTED
        and keyword not in LEAVE_AS_IT_IS
        and keyword
        and "PixelData" not in keyword
        and 0x0008 <= tag >> 16 != 0xFFFE
    ]
    for tag, vr in places[::step]:
        if tag not in dataset or vr == "PN":
            dataset.add_new(tag, vr, PLANTED[vr])
    return dataset


def saved(folder, datasets, *, implicit=False):
    """Files with names, preambles and ends that carry the marker."""
    for number, dataset in enumerate(datasets):
        place = folder / MARKER
        place.mkdir(parents=True, exist_ok=True)
        dataset.SOPInstanceUID = f"{UID}.{number}"
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID = f"{UID}.91", f"{UID}.92"
        dataset.FrameOfReferenceUID = f"{UID}.93"
        if "TransferSyntaxUID" not in getattr(dataset, "file_meta", {}):
            dataset.file_meta = FileMetaDataset()
            syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
            dataset.file_meta.TransferSyntaxUID = syntax
        dataset.file_meta.SourceApplicationEntityTitle = MARKER
        dataset.preamble = MARKER.encode().ljust(128, b"Z")
        content = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset.save_as(content, enforce_file_format=True)
        (place / f"{MARKER}{number}.dcm").write_bytes(content.getvalue())
    return folder


def volume_at(path):
    (series,) = discover(path).series
    return load_series(series)


def assert_traceless(folder):
    files = list(folder.rglob("*"))
    assert files
    for path in files:
        named = str(path.relative_to(folder))
        held = path.read_bytes() if path.is_file() else b""
        for trace in TRACES:
            assert trace not in named
            assert trace.encode() not in held, (trace, path)
            assert trace.encode("utf-16-le") not in held
