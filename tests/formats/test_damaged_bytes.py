import warnings
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
    write_surface,
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
    write_surface(tetrahedron(), path)
    return read_surfaces


def damaged(whole: bytes, count: int) -> Iterator[bytes]:
    """Truncated, overwritten, lengthened and shortened copies."""
    random = np.random.default_rng(11)
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
        said = refusal(read, path)
        assert said is None or (path.name in said and "\n" not in said)


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
    refused_or_read(suffix, kind, tmp_path, 60)


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "kind"), [*VOLUMES, *LABELMAPS, *SURFACES])
def test_thousands_of_damaged_files_are_read_or_refused(
    suffix: str, kind: str, tmp_path: Path
) -> None:
    refused_or_read(suffix, kind, tmp_path, 3000)
