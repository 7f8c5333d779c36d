"""Series -> a file set with its DICOMDIR, as media carry them (PS3.10 section 8, PS3.3 F)."""

import os
import struct
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import MediaStorageDirectoryStorage

from vis3d.dicom.datasets import header_dataset
from vis3d.dicom.file_meta import file_meta
from vis3d.dicom.headers import Header
from vis3d.dicom.quiet import quietly
from vis3d.dicom.scan import PREAMBLE
from vis3d.dicom.series import Series
from vis3d.dicom.uids import new_uid
from vis3d.errors import OutputError, UnsupportedError
from vis3d.progress import Progress, silent
from vis3d.whole_file import whole_folder

DIRECTORY = "DICOMDIR"
IMAGES = "DICOM"

_RECORDS: dict[str, dict[str, str | None]] = {
    "PATIENT": {"PatientName": None, "PatientID": "UNKNOWN"},
    "STUDY": {
        "StudyDate": "19000101",
        "StudyTime": "000000",
        "StudyDescription": None,
        "StudyInstanceUID": "",
        "StudyID": "0",
        "AccessionNumber": None,
    },
    "SERIES": {"Modality": "OT", "SeriesInstanceUID": "", "SeriesNumber": "0"},
    "IMAGE": {"InstanceNumber": "0"},
}
"""What each level's records hold, and what stands where the files lack it (None: empty)."""

_OFFSETS = ("OffsetOfTheNextDirectoryRecord", "OffsetOfReferencedLowerLevelDirectoryEntity")
_KEYS = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")


def write_file_set(
    series: Sequence[Series], folder: str | os.PathLike[str], progress: Progress | None = None
) -> Path:
    """Copy the files of series, as they are, into a file set; its DICOMDIR.

    Preambles, which may make a file something else as well, are emptied.

    Raises:
        UnsupportedError: series that aren't DICOM, or files without meta information.
        OutputError: there is a file set already, or the folder can't be written.
    """
    headers = {id(frame.header): frame.header for one in series for frame in one.frames}
    if not headers:
        raise UnsupportedError("A file set is made of DICOM files, and there are none.")
    tell = progress or silent
    check_free(Path(folder))
    with whole_folder(folder) as unfinished:
        places = _places(list(headers.values()))
        for n, (header, place) in enumerate(places):
            tell(n / len(places), "Copying files")
            copy = unfinished.joinpath(*place)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(_clean_copy(header))
        with quietly():
            described = [(header_dataset(header), place) for header, place in places]
            write_directory(unfinished, described)
        tell(1.0, "Copying files")
    return Path(folder, DIRECTORY)


def check_free(folder: Path) -> None:
    """Two file sets can't share a folder.

    Raises:
        OutputError: there is one already.
    """
    taken = next((name for name in (DIRECTORY, IMAGES) if (folder / name).exists()), None)
    if taken:
        raise OutputError(f"{folder} holds a {taken} already: name another folder.")


def write_directory(folder: Path, files: Iterable[tuple[Any, tuple[str, ...]]]) -> None:
    """Write the DICOMDIR of files, given as data sets with where they lie below `folder`."""
    directory = Dataset()
    directory.FileSetID = "VIS3D"
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
    directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 0
    directory.FileSetConsistencyFlag = 0
    tree = _tree(files)
    directory.DirectoryRecordSequence = [record for record, _ in tree]
    directory.file_meta = file_meta(MediaStorageDirectoryStorage, new_uid())
    starts = _item_starts(_written(directory), len(tree))  # offsets have a fixed length
    _link(directory, tree, starts)
    (folder / DIRECTORY).write_bytes(_written(directory))


def _places(headers: Sequence[Header]) -> list[tuple[Header, tuple[str, ...]]]:
    """Files in a folder a series, with names that any medium can hold (ISO 9660)."""
    series: dict[str, int] = {}
    counts: dict[str, int] = {}
    placed = []
    for header in headers:
        uid = header.text("SeriesInstanceUID")
        number = series.setdefault(uid, len(series) + 1)
        counts[uid] = counts.get(uid, 0) + 1
        placed.append((header, image_place(number, counts[uid])))
    return placed


def image_place(series: int, image: int) -> tuple[str, ...]:
    """Where an image of a file set lies, both counted from 1."""
    return IMAGES, f"SE{series:06d}", f"IM{image:06d}"


def _clean_copy(header: Header) -> bytes:
    source = getattr(header.source, "outer", header.source)  # of a deflated data set
    data: bytes = source.read(0, source.size)
    if data[PREAMBLE : PREAMBLE + 4] != b"DICM":
        raise UnsupportedError(
            f"{header.name} has no preamble and meta information, which a file set needs."
        )
    return bytes(PREAMBLE) + data[PREAMBLE:]


_Tree = list[tuple[Dataset, int]]
"""Records in their order, each with its level (0 is the patient)."""


def _tree(files: Iterable[tuple[Any, tuple[str, ...]]]) -> _Tree:
    tree: _Tree = []
    last: tuple[str, ...] = ()
    levels = list(_RECORDS)
    for dataset, place in sorted(files, key=lambda file: (_key(file[0]), file[1])):
        key = _key(dataset)
        first_new = next((n for n in range(3) if key[: n + 1] != last[: n + 1]), 3)
        tree += [(_record(dataset, levels[n]), n) for n in range(first_new, 4)]
        image = tree[-1][0]
        image.ReferencedFileID = list(place)
        image.ReferencedSOPClassUIDInFile = dataset.SOPClassUID
        image.ReferencedSOPInstanceUIDInFile = dataset.SOPInstanceUID
        image.ReferencedTransferSyntaxUIDInFile = dataset.file_meta.TransferSyntaxUID
        last = key
    return tree


def _key(dataset: Any) -> tuple[str, ...]:
    return tuple(str(dataset.get(keyword, "")) for keyword in _KEYS)


def _record(dataset: Any, level: str) -> Dataset:
    record = Dataset()
    record.OffsetOfTheNextDirectoryRecord = 0
    record.RecordInUseFlag = 0xFFFF
    record.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    record.DirectoryRecordType = level
    if dataset.get("SpecificCharacterSet"):
        record.SpecificCharacterSet = dataset.SpecificCharacterSet
    for keyword, instead in _RECORDS[level].items():
        value = dataset.get(keyword)
        setattr(record, keyword, instead if value in (None, "") else value)
    return record


def _written(directory: Dataset) -> bytes:
    stream = BytesIO()
    directory.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _item_starts(data: bytes, count: int) -> list[int]:
    """Where the items of the record sequence start in the file."""
    position = data.index(struct.pack("<HH2s", 0x0004, 0x1220, b"SQ")) + 12
    starts = []
    for _ in range(count):
        starts.append(position)
        position += 8 + struct.unpack_from("<I", data, position + 4)[0]
    return starts


def _link(directory: Dataset, tree: _Tree, starts: list[int]) -> None:
    """Set each record's offset to the next on its level and to the first below it."""
    open_records: dict[int, Dataset] = {}
    for (record, level), start in zip(tree, starts, strict=True):
        before = open_records.get(level)
        if before is not None:
            before.OffsetOfTheNextDirectoryRecord = start
        elif level:
            open_records[level - 1].OffsetOfReferencedLowerLevelDirectoryEntity = start
        open_records = {n: one for n, one in open_records.items() if n < level}
        open_records[level] = record
    roots = [start for (_, level), start in zip(tree, starts, strict=True) if level == 0]
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = roots[0]
    directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = roots[-1]
