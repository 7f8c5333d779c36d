"""Coverage-guided fuzzing of what reads bytes: `python -m tests.hostile.guided LAYER`.

Needs atheris (PyPI, Linux). Further arguments are libFuzzer's, such as -max_total_time=60.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

with atheris.instrument_imports(include=["vis3d.dicom"]):
    from vis3d.dicom import discover, load_series, read_tags
    from vis3d.dicom.codecs import _DECODERS, decode
    from vis3d.dicom.directory import referenced_files
    from vis3d.dicom.frames import PixelFormat

from tests.hostile.bad_files import GOOD, REFUSED
from vis3d.errors import Vis3dError

FORM = PixelFormat(64, 64, 1, 16, 12, 11, False, "MONOCHROME2")
SYNTAXES = sorted(_DECODERS)
SEEDS = [GOOD, *(make() for kind, make in REFUSED.items() if "deflate" not in kind)]


def main() -> None:
    layer = sys.argv.pop(1)
    with TemporaryDirectory() as scratch:
        seeds = Path(scratch, "seeds")
        seeds.mkdir()
        for number, seed in enumerate(SEEDS):
            if len(seed) < 20_000:
                (seeds / str(number)).write_bytes(seed)
        target = Path(scratch, "input.dcm")
        work = LAYERS[layer]

        def one(data: bytes) -> None:
            with suppress(Vis3dError):
                work(data, target)

        atheris.Setup([*sys.argv, "-rss_limit_mb=3000", "-max_len=20000", str(seeds)], one)
        atheris.Fuzz()


def headers(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    for series in discover(path, force=True).series:
        load_series(series)


def tags(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    read_tags(path, force=True)


def directories(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    list(referenced_files(path))


def pixels(data: bytes, path: Path) -> None:
    if data:
        decode(data[1:], SYNTAXES[data[0] % len(SYNTAXES)], FORM, "made")


LAYERS: dict[str, Callable[[bytes, Path], None]] = {
    "headers": headers,
    "tags": tags,
    "directories": directories,
    "pixels": pixels,
}

if __name__ == "__main__":
    main()
