"""Stored values -> measured ones by a table, where a file has one instead of a slope."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.dicom.datasets import header_dataset
from vis3d.dicom.headers import Header
from vis3d.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A Modality LUT (PS3.3 section C.11.1.1): `table[0]` is what `first` means.

    Values before and behind the table take its first and last entry.
    """

    first: int
    table: NDArray[np.float32]
    unit: str

    def of(self, stored: NDArray[Any] | int) -> NDArray[np.float32]:
        """The measured values of stored ones."""
        index = np.subtract(stored, self.first, dtype=np.int64)
        measured: NDArray[np.float32] = self.table[np.clip(index, 0, len(self.table) - 1)]
        return measured


def modality_lookup(header: Header, *, signed: bool) -> Lookup | None:
    """The Modality LUT of a file, None where it has none.

    Raises:
        InputError: a table that can't be one.
    """
    if not header.has("ModalityLUTSequence"):
        return None
    try:
        items = header_dataset(header).get("ModalityLUTSequence")
        return _lookup(items[0], header, signed=signed) if items else None
    except InputError:
        raise
    except Exception as error:  # pydicom parses values late, and raises a dozen kinds
        raise InputError("has a ModalityLUTSequence that can't be read") from error


def _lookup(item: Any, header: Header, *, signed: bool) -> Lookup:
    count, first, bits = (int(number) & 0xFFFF for number in item.LUTDescriptor)
    count = count or 1 << 16
    data = item.LUTData
    if isinstance(data, bytes):
        order = ">" if header.elements.big_endian else "<"
        small = bits <= 8 and len(data) < 2 * count
        data = np.frombuffer(data, np.uint8 if small else np.dtype(f"{order}u2"))
    table = np.array(data).ravel()[:count].astype(np.float32)
    if len(table) != count:
        raise InputError(f"has a ModalityLUTSequence of {len(table)} entries, not {count}")
    if signed and first >> 15:
        first -= 1 << 16
    return Lookup(first, table, str(item.get("ModalityLUTType", "")))
