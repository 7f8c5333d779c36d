"""Broken and hostile files end in one sentence; the good series beside them still load."""

import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_slice, ct_stack, write, write_one
from tests.hostile.bad_files import GOOD, PIXELS, REFUSED, file_bytes, flipped, truncations
from vis3d.dicom import discover, load_series, read_image
from vis3d.errors import Vis3dError
from vis3d.volume import Volume

GRID = oblique_geometry((4, 5, 6))
GOOD_VALUES = np.arange(120, dtype=np.int16).reshape(GRID.shape)
SECONDS = 5
MOST_BYTES = 600 << 20


def load(path: Path) -> list[Volume]:
    return [load_series(series) for series in discover(path).series]


def assert_one_sentence(error: Vis3dError, name: str) -> None:
    message = str(error)
    assert name in message
    assert "\n" not in message
    assert "secret" not in message.lower()
    assert len(message) < 400


@pytest.mark.parametrize("kind", REFUSED)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path: Path, kind: str) -> None:
    bad = tmp_path / "bad.dcm"
    bad.write_bytes(REFUSED[kind]())
    started = time.monotonic()
    tracemalloc.start()
    with pytest.raises(Vis3dError) as caught:
        load(bad)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert_one_sentence(caught.value, "bad.dcm")
    assert time.monotonic() - started < SECONDS
    assert peak < MOST_BYTES


@pytest.mark.parametrize("kind", REFUSED)
def test_a_bad_file_costs_a_good_series_nothing(tmp_path: Path, kind: str) -> None:
    write(tmp_path, ct_stack(GOOD_VALUES, GRID, SeriesInstanceUID="1.2.3.99"))
    (tmp_path / "bad.dcm").write_bytes(REFUSED[kind]())
    found = discover(tmp_path)
    (good,) = [series for series in found.series if series.uid == "1.2.3.99"]
    np.testing.assert_array_equal(load_series(good).array, GOOD_VALUES)
    for entry in found.skipped:
        assert entry.path == "bad.dcm"
        assert 0 < len(entry.reason) < 300
    for series in found.series:
        if series is not good:
            with pytest.raises(Vis3dError):
                load_series(series)


@pytest.mark.parametrize("kind", REFUSED)
def test_no_bad_file_makes_a_picture(tmp_path: Path, kind: str) -> None:
    (tmp_path / "bad.dcm").write_bytes(REFUSED[kind]())
    with pytest.raises(Vis3dError) as caught:
        read_image(tmp_path / "bad.dcm")
    assert_one_sentence(caught.value, "bad.dcm")


def test_no_truncation_gives_a_volume(tmp_path: Path) -> None:
    bad = tmp_path / "bad.dcm"
    for length in truncations():
        bad.write_bytes(GOOD[:length])
        with pytest.raises(Vis3dError) as caught:
            load(bad)
        assert_one_sentence(caught.value, "bad.dcm")


def test_surplus_pixels_are_never_more_slices(tmp_path: Path) -> None:
    dataset = ct_slice(PIXELS)
    dataset.PixelData = PIXELS.tobytes() * 31
    write_one(tmp_path / "long.dcm", dataset)
    (series,) = discover(tmp_path / "long.dcm").series
    assert "truncated-pixels" in [finding.code for finding in series.findings]
    volume = load_series(series)
    np.testing.assert_array_equal(volume.array[0], PIXELS)


@pytest.mark.parametrize(
    ("magic", "kind"), [(b"MZ", "Windows"), (b"\x7fELF", "Linux"), (b"II*\0", "TIFF")]
)
def test_a_preamble_that_pretends_is_told(tmp_path: Path, magic: bytes, kind: str) -> None:
    (tmp_path / "two.dcm").write_bytes(magic + GOOD[len(magic) :])
    (series,) = discover(tmp_path / "two.dcm").series
    (finding,) = [f for f in series.findings if f.code == "preamble"]
    assert kind in finding.message
    assert load_series(series).array.shape == (1, 64, 64)


HOSTILE_TEXT = {
    "markup": "<img src=x onerror=alert(1)>",
    "template": "{{constructor.constructor('x')()}}",
    "control": "a\x1b[2Jb\x07c",
    "direction": "evil\u202etxt.exe",
    "long": "x" * 60_000,
    "formula": "=1+1",
}


@pytest.mark.parametrize("kind", HOSTILE_TEXT)
def test_hostile_text_stays_text(tmp_path: Path, kind: str) -> None:
    dataset = ct_slice(PIXELS, SpecificCharacterSet="ISO_IR 192")
    dataset.add_new("SeriesDescription", "UT", HOSTILE_TEXT[kind])
    dataset.add_new("SeriesInstanceUID", "UT", "../../x" * 40)
    dataset.add_new("PatientName", "UT", HOSTILE_TEXT[kind])
    write_one(tmp_path / "text.dcm", dataset)
    (series,) = discover(tmp_path / "text.dcm").series
    assert len(series.description) <= 200
    assert series.description.isprintable()
    assert len(load_series(series).array) == 1


def test_a_bad_character_set_costs_nothing(tmp_path: Path) -> None:
    data = file_bytes(ct_slice(PIXELS, SpecificCharacterSet="ISO_IR 100"))
    (tmp_path / "text.dcm").write_bytes(data.replace(b"ISO_IR 100", b"ISO_XX 666"))
    (series,) = discover(tmp_path / "text.dcm").series
    assert series.description == "made up"


def test_flipped_bytes_never_crash(tmp_path: Path) -> None:
    survive(tmp_path, range(300))


@pytest.mark.slow
def test_thousands_of_flipped_bytes_never_crash(tmp_path: Path) -> None:
    survive(tmp_path, range(300, 6000))


def survive(tmp_path: Path, seeds: range) -> None:
    """Load flipped files: a volume of the right size, or one sentence, nothing else."""
    bad = tmp_path / "bad.dcm"
    refused = 0
    for seed in seeds:
        bad.write_bytes(flipped(seed))
        try:
            volumes = load(bad)
        except Vis3dError as error:
            refused += 1
            assert_one_sentence(error, "bad.dcm")
        else:
            assert all(volume.array.size <= 64 * 64 for volume in volumes), seed
    assert 0.2 * len(seeds) < refused < len(seeds)
