"""VTK's XML files (.vti, .vtp) as elements and arrays, without VTK.

VTK's own reader trusts the sizes that a file states; here they are compared with the bytes
that are there before anything is allocated.
"""

import base64
import binascii
import lzma
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from vis3d.errors import InputError, TruncatedError, UnsupportedError
from vis3d.formats import byte_streams
from vis3d.progress import Progress, silent

TYPES = {
    "Int8": "i1", "UInt8": "u1", "Int16": "i2", "UInt16": "u2", "Int32": "i4",
    "UInt32": "u4", "Int64": "i8", "UInt64": "u8", "Float32": "f4", "Float64": "f8",
    "String": "i1",
}  # fmt: skip
WORDS = {code: word for word, code in reversed(TYPES.items())}
BLOCK_BYTES = 1 << 20
LARGEST_BLOCK = 1 << 30
MOST_ELEMENTS = 100_000
LONGEST_TEXT = 1 << 16
_DAMAGE = (
    KeyError,
    ValueError,
    OverflowError,
    IndexError,
    RuntimeError,  # imagecodecs' Lz4Error
    binascii.Error,
    zlib.error,
    lzma.LZMAError,
)
"""What unpacking and reading numbers raise where bytes are damaged."""


def _unzip(block: bytes, size: int) -> bytes:
    return zlib.decompressobj().decompress(block, size)


def _unlzma(block: bytes, size: int) -> bytes:
    return lzma.LZMADecompressor().decompress(block, size)


def _unlz4(block: bytes, size: int) -> bytes:
    return bytes(imagecodecs.lz4_decode(block, out=size))


COMPRESSORS: Mapping[str, tuple[int, Callable[[bytes, int], bytes]]] = {
    "vtkZLibDataCompressor": (byte_streams.DEFLATE_RATIO, _unzip),
    "vtkLZMADataCompressor": (1 << 14, _unlzma),
    "vtkLZ4DataCompressor": (256, _unlz4),
}
"""Each compressor's greatest ratio and how one block is opened."""


@dataclass(frozen=True, eq=False)
class XmlFile:
    """A file's tree, and the bytes appended to it (after the underscore)."""

    path: Path
    root: ElementTree.Element
    appended: memoryview
    appended_base64: bool

    @property
    def order(self) -> str:
        """NumPy's letter for the byte order."""
        return ">" if self.root.get("byte_order") == "BigEndian" else "<"

    def dataset(self, kind: str) -> ElementTree.Element:
        """The one data set of that kind, in one piece.

        Raises:
            InputError: the file holds something else, or several pieces.
        """
        found = self.root.find(kind)
        if self.root.tag != "VTKFile" or self.root.get("type") != kind or found is None:
            raise InputError(f"{self.path} holds no {kind}.")
        pieces = found.findall("Piece")
        if len(pieces) != 1:
            raise UnsupportedError(f"{self.path}: {len(pieces)} pieces; write it as one.")
        return found

    def array(self, element: ElementTree.Element, count: int) -> NDArray[np.generic]:
        """The `count` values of a DataArray, flat, in the machine's byte order.

        Raises:
            InputError: bytes are missing or damaged, or the way they are stored is unknown.
        """
        try:
            values = self._values(element, count)
        except InputError:
            raise
        except _DAMAGE as error:
            raise self._damaged(element) from error
        if len(values) < count:
            raise TruncatedError(
                f"{self.path}: {_name(element)} holds {len(values):,} of {count:,} values."
            )
        return values[:count]

    def text(self, element: ElementTree.Element) -> str:
        """A String array's first string, short ones only."""
        return self.texts(element)[0]

    def texts(self, element: ElementTree.Element) -> list[str]:
        """A String array's strings, at least one, short ones only."""
        try:
            values = self._values(element, LONGEST_TEXT, at_most=True)
        except _DAMAGE:
            return [""]
        strings = values.astype(np.uint8).tobytes().removesuffix(b"\0").split(b"\0")
        return [string.decode("utf-8", "replace") for string in strings]

    def _values(
        self, element: ElementTree.Element, count: int, *, at_most: bool = False
    ) -> NDArray[np.generic]:
        dtype = np.dtype(self.order + TYPES[element.get("type", "")])
        stored = element.get("format", "ascii")
        if stored == "ascii":
            words = (element.text or "").split()
            numbers = np.array(words[:count], np.float64 if dtype.kind == "f" else np.int64)
            return numbers.astype(dtype.newbyteorder("="))
        if stored == "appended":
            source = self.appended[int(element.get("offset", "")) :]
            encoded = self.appended_base64
        else:
            source = memoryview("".join((element.text or "").split()).encode("ascii"))
            encoded = True
        promised = count * dtype.itemsize
        if not at_most:
            ratio = COMPRESSORS[self._compressor][0] if self._compressor else 1
            byte_streams.check_promise(self.path, promised, len(source), ratio=ratio)
        content = self._blocks(source, encoded, promised)
        whole = len(content) // dtype.itemsize * dtype.itemsize
        return np.frombuffer(content[:whole], dtype).astype(dtype.newbyteorder("="))

    @property
    def _compressor(self) -> str:
        return self.root.get("compressor", "")

    def _blocks(self, source: memoryview, encoded: bool, promised: int) -> bytes:
        """The bytes of one array, at most those promised."""
        word = np.dtype(self.order + TYPES[self.root.get("header_type", "UInt32")])
        if not self._compressor:
            content = _decoded(source, word.itemsize + promised) if encoded else source
            size = int(np.frombuffer(content[: word.itemsize], word)[0])
            return bytes(content[word.itemsize : word.itemsize + min(size, promised)])
        first = _decoded(source, 3 * word.itemsize) if encoded else source
        count, block, last = (int(n) for n in np.frombuffer(first[: 3 * word.itemsize], word))
        header = (3 + count) * word.itemsize
        if count > len(source) // word.itemsize or block > LARGEST_BLOCK:
            raise ValueError("more blocks than bytes")
        first = _decoded(source, header) if encoded else source
        packed = np.frombuffer(first[3 * word.itemsize : header], word).astype(int)
        at = 4 * -(-header // 3) if encoded else header
        total = int(packed.sum())
        body = _decoded(source[at:], total) if encoded else source[at : at + total]
        return self._unpacked(body, packed.tolist(), block, last, promised)

    def _unpacked(
        self, body: Any, packed: list[int], block: int, last: int, promised: int
    ) -> bytes:
        opener = COMPRESSORS[self._compressor][1]
        parts, at, done = [], 0, 0
        for number, size in enumerate(packed):
            if done >= promised:
                break
            full = last if last and number == len(packed) - 1 else block
            if size < 0 or at + size > len(body) or full > promised:
                raise ValueError("a block outside the file or the array")
            parts.append(opener(bytes(body[at : at + size]), full))
            done += len(parts[-1])
            at += size
        return b"".join(parts)

    def _damaged(self, element: ElementTree.Element) -> InputError:
        return InputError(f"{self.path}: the values of {_name(element)} are damaged.")


def read_xml(path: Path) -> XmlFile:
    """A VTK XML file's tree and appended bytes.

    Raises:
        InputError: it can't be read, or is no such file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}.") from error
    head, appended, encoded = content, memoryview(b""), False
    start = content.find(b"<AppendedData")
    if start >= 0:
        end = content.find(b">", start)
        data = content.find(b"_", end) + 1
        encoded = b"base64" in content[start:end]
        head = content[:start] + b"</VTKFile>"
        appended = memoryview(content)[data or len(content) :]
    if head.count(b"<") > MOST_ELEMENTS:
        raise InputError(f"{path}: more than {MOST_ELEMENTS:,} elements make no VTK file.")
    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
        raise InputError(f"{path}: VTK's files have no document type; this one isn't read.")
    try:
        root = ElementTree.fromstring(head)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path} is no VTK file, or damaged: {error}.") from error
    if (
        root.tag != "VTKFile"
        or (root.get("compressor") or next(iter(COMPRESSORS))) not in COMPRESSORS
    ):
        raise InputError(f"{path} is no VTK file of a known kind.")
    return XmlFile(path, root, appended, encoded)


class XmlWriter:
    """Collects arrays while the tree is written as text; then both go to the file."""

    def __init__(self, progress: Progress = silent) -> None:
        self._progress = progress
        self._blocks: list[bytes] = []
        self._offset = 0

    def array(self, name: str, array: NDArray[Any]) -> str:
        """The DataArray element of an array (n,) or (n, components)."""
        values = np.ascontiguousarray(array)
        values = values.astype(values.dtype.newbyteorder("<"), copy=False)
        components = values.shape[1] if values.ndim == 2 else 1
        offset = self._offset
        block = _packed(values, self._progress)
        self._blocks.append(block)
        self._offset += len(block)
        return (
            f'<DataArray type="{WORDS[values.dtype.str[1:]]}" Name={quoteattr(name)} '
            f'NumberOfComponents="{components}" format="appended" offset="{offset}"/>\n'
        )

    def text(self, name: str, *texts: str) -> str:
        """A field array that holds a string, or several."""
        codes = " ".join(str(byte) for text in texts for byte in (*text.encode("utf-8"), 0))
        return (
            f'<Array type="String" Name={quoteattr(name)} NumberOfTuples="{len(texts)}" '
            f'format="ascii">{codes}</Array>\n'
        )

    def write(self, path: Path, kind: str, body: str) -> None:
        """The whole file."""
        head = (
            f'<?xml version="1.0"?>\n<VTKFile type="{kind}" version="1.0" '
            f'byte_order="LittleEndian" header_type="UInt64" '
            f'compressor="vtkZLibDataCompressor">\n{body}<AppendedData encoding="raw">\n_'
        )
        with path.open("wb") as stream:
            stream.write(head.encode("utf-8"))
            stream.writelines(self._blocks)
            stream.write(b"\n</AppendedData>\n</VTKFile>\n")


def _zipped(block: memoryview) -> bytes:
    # libdeflate has twice the speed of zlib.
    return bytes(imagecodecs.deflate_encode(bytes(block), level=1))


def _packed(values: NDArray[Any], progress: Progress) -> bytes:
    """VTK's compressed array: number of blocks, their size, the last one's, packed sizes."""
    content = memoryview(values.reshape(-1).view(np.uint8).data)
    packed = byte_streams.in_blocks(_zipped, content, BLOCK_BYTES, progress)
    last = len(content) % BLOCK_BYTES
    sizes = [len(packed), BLOCK_BYTES, last, *(len(block) for block in packed)]
    return b"".join((np.array(sizes, "<u8").tobytes(), *packed))


def _decoded(source: memoryview, count: int) -> bytes:
    """The first `count` bytes of base64."""
    return base64.b64decode(source[: 4 * -(-count // 3)])[:count]


def _name(element: ElementTree.Element) -> str:
    return f"the array {element.get('Name', '')[:40]!r}"
