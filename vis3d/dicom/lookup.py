"""The tables of a file: stored values -> measured ones, and measured ones -> shades."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.dicom.datasets import header_dataset
from vis3d.dicom.headers import Header, safe_text
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


def shade_tables(
    header: Header, *, signed: bool
) -> tuple[tuple[str, int, NDArray[np.float32]], ...]:
    """The VOI LUTs of a file (PS3.3 C.11.2.1.1): name, first value, shades from 0 to 1.

    Tables that can't be read are left out: they concern the picture, not what was measured.
    """
    if not header.has("VOILUTSequence"):
        return ()
    try:
        return tuple(
            _shade_table(item, header, signed=signed)
            for item in header_dataset(header).get("VOILUTSequence") or ()
        )
    except Exception:  # noqa: BLE001 - pydicom parses values late, and raises a dozen kinds
        return ()


def _shade_table(
    item: Any, header: Header, *, signed: bool
) -> tuple[str, int, NDArray[np.float32]]:
    lookup = _lookup(item, header, signed=signed, keyword="VOILUTSequence")
    white = (1 << int(item.LUTDescriptor[2])) - 1
    name = safe_text(str(item.get("LUTExplanation", "")))
    return name, lookup.first, np.clip(lookup.table / np.float32(white), 0, 1)


def _lookup(
    item: Any, header: Header, *, signed: bool, keyword: str = "ModalityLUTSequence"
) -> Lookup:
    count, first, bits = (int(number) & 0xFFFF for number in item.LUTDescriptor)
    count = count or 1 << 16
    data = item.LUTData
    if isinstance(data, bytes):
        order = ">" if header.elements.big_endian else "<"
        small = bits <= 8 and len(data) < 2 * count
        data = np.frombuffer(data, np.uint8 if small else np.dtype(f"{order}u2"))
    table = np.array(data).ravel()[:count].astype(np.float32)
    if len(table) != count:
        raise InputError(f"has a {keyword} of {len(table)} entries, not {count}")
    if signed and first >> 15:
        first -= 1 << 16
    return Lookup(first, table, str(item.get("ModalityLUTType", "")))
