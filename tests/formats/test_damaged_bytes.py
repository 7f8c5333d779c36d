"""Readers and files that are damaged or lie: each is read, or refused in one line."""

import gzip
import io
import re
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from tests.formats.making import labelmap, tetrahedron, volume
from vis3d.errors import Vis3dError
from vis3d.files import (
    read_labelmap,
    read_surfaces,
    read_volume,
    write_labelmap,
    write_surfaces,
    write_volume,
)
from vis3d.formats import LABELMAP_WRITERS, SURFACE_READERS, VOXEL_READERS

GEOMETRY = oblique_geometry((4, 5, 6))
VOLUMES = [(suffix, "volume") for suffix in VOXEL_READERS]
LABELMAPS = [(suffix, "labels") for suffix in LABELMAP_WRITERS]
SURFACES = [(suffix, "surface") for suffix in SURFACE_READERS]


def sound(kind: str, path: Path) -> Callable[[Path], object]:
    """Write a sound file; the answer reads it."""
    if kind == "volume":
        write_volume(volume(GEOMETRY), path)
        return read_volume
    if kind == "labels":
        write_labelmap(labelmap(GEOMETRY), path)
        return read_labelmap
    write_surfaces((tetrahedron("a"), tetrahedron("b", (1, 2, 3))), path)
    return read_surfaces


NUMBER, WORD = re.compile(rb"-?[0-9]+(\.[0-9]+)?"), re.compile(rb"[A-Za-z]{3,}")
LIES = (b"4294967295", b"-1", b"0", b"2147483648", b"9" * 400, b"1e400", b"nan", b"", b"\xff")


def lying(whole: bytes, random: np.random.Generator) -> bytes:
    """A copy in which a number, or a word, says something else."""
    numbers, words = list(NUMBER.finditer(whole)), list(WORD.finditer(whole))
    places = numbers if random.random() < 0.7 else words
    if not places:
        return whole
    place = places[random.integers(len(places))]
    lie = LIES[random.integers(len(LIES))] if places is numbers else whole_word(words, random)
    return whole[: place.start()] + lie + whole[place.end() :]


def whole_word(words: list[re.Match[bytes]], random: np.random.Generator) -> bytes:
    return words[random.integers(len(words))].group()


def unpacked(whole: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    """What is compressed in a file, and how to pack it again."""
    if whole[:2] == b"\x1f\x8b":
        return gzip.decompress(whole), lambda content: gzip.compress(content, 1)
    if whole[:2] == b"PK":
        package = zipfile.ZipFile(io.BytesIO(whole))
        parts = {name: package.read(name) for name in package.namelist()}
        model = next(name for name in parts if name.endswith(".model"))
        return parts[model], lambda content: zipped({**parts, model: content})
    return whole, lambda content: content


def zipped(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return stream.getvalue()


def damaged(whole: bytes, count: int) -> Iterator[bytes]:
    """Truncated, overwritten, lengthened, shortened and lying copies."""
    random = np.random.default_rng(11)
    inside, packed = unpacked(whole)
    yield from (packed(lying(inside, random)) for _ in range(count))
    yield from (whole[:end] for end in range(0, len(whole), max(1, len(whole) // 40)))
    for _ in range(count):
        content = bytearray(whole)
        for _ in range(random.integers(1, 6)):
            content[random.integers(len(content))] = random.choice([0, 255, 57, 45, 110])
        yield bytes(content)
        at, length = random.integers(len(whole)), random.integers(0, 20)
        yield whole[:at] + random.bytes(length) + whole[at + random.integers(0, 20) :]


def refused_or_read(suffix: str, kind: str, folder: Path, count: int) -> None:
    path = folder / f"file{suffix}"
    read = sound(kind, path)
    whole = path.read_bytes()
    for content in damaged(whole, count):
        path.write_bytes(content)
        began = time.process_time()
        said = refusal(read, path)
        assert said is None or (path.name in said and "\n" not in said)
        assert time.process_time() - began < 5


def refusal(read: Callable[[Path], object], path: Path) -> str | None:
    """What is said of a file that is refused; any other exception fails the test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            read(path)
        except Vis3dError as error:
            return str(error)
    return None


@pytest.mark.parametrize(("suffix", "kind"), [*VOLUMES, *LABELMAPS, *SURFACES])
def test_damaged_files_are_read_or_refused_in_one_line(
    suffix: str, kind: str, tmp_path: Path
) -> None:
    refused_or_read(suffix, kind, tmp_path, 40)


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "kind"), [*VOLUMES, *LABELMAPS, *SURFACES])
def test_thousands_of_damaged_files_are_read_or_refused(
    suffix: str, kind: str, tmp_path: Path
) -> None:
    refused_or_read(suffix, kind, tmp_path, 1500)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_damage_that_lengthens_the_voxels_is_found(suffix: str, tmp_path: Path) -> None:
    """The checksum lies behind the surplus: reading to the promised end alone would miss it."""
    scan = volume(oblique_geometry((20, 30, 40)))
    write_volume(scan, path := tmp_path / f"scan{suffix}")
    whole, random = path.read_bytes(), np.random.default_rng(5)
    for _ in range(60):
        broken = bytearray(whole)
        for place in random.integers(len(whole) // 2, len(whole) - 8, 5):
            broken[place] ^= 255
        path.write_bytes(broken)
        with pytest.raises(Vis3dError):
            read_volume(path)
