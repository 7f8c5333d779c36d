"""Histograms count every voxel once, in the right bin, and show where tissues lie."""

import csv
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.conftest import oblique_geometry
from vis3d.errors import Cancelled, UsageError
from vis3d.imaging import (
    TISSUES,
    Histogram,
    histogram,
    sketch,
    write_histogram_csv,
    write_histogram_picture,
)
from vis3d.imaging.histogram_pictures import histogram_canvas, merged, value_ticks
from vis3d.volume import Volume

GRID = oblique_geometry((4, 5, 6))
SVG = "{http://www.w3.org/2000/svg}"


def volume_of(values, *, padding=None, unit="HU"):
    """A small oblique volume of the values, repeated as often as there are voxels."""
    array = np.resize(np.asarray(values), GRID.shape)
    return Volume(array, GRID, unit, padding)


def read_csv(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(-32768, 32767), min_size=1, max_size=30),
    st.sampled_from([None, 1, 7, 10.5]),
)
def test_every_voxel_lies_in_the_bin_that_holds_its_value(values, width):
    volume = volume_of(np.array(values, np.int16))
    found = histogram(volume, bin_width=width)
    assert found.voxels == volume.array.size
    for low, count in zip(found.lows, found.counts, strict=True):
        inside = (volume.array >= low) & (volume.array < low + found.width)
        assert count == np.count_nonzero(inside)


def test_whole_numbers_are_counted_one_by_one_as_numpy_counts_them():
    volume = volume_of(np.array([-1024, -1000, 40, 40, 3071], np.int16))
    found = histogram(volume)
    values, counts = np.unique(volume.array, return_counts=True)
    filled = found.counts > 0
    assert found.lows[filled].tolist() == values.tolist()
    assert found.counts[filled].tolist() == counts.tolist()


def test_the_csv_counts_padding_and_has_three_columns(tmp_path):
    volume = volume_of(np.array([-3024, -800, 40], np.int16), padding=-3024)
    path = tmp_path / "counts.csv"
    write_histogram_csv(histogram(volume), path)
    rows = read_csv(path)
    assert list(rows[0]) == ["low_hu", "high_hu", "count"]
    assert sum(int(row["count"]) for row in rows) == volume.array.size
    assert rows[0] == {"low_hu": "-3024", "high_hu": "-3023", "count": "40"}
    assert rows[-1]["low_hu"] == "40"
    assert all(a["high_hu"] == b["low_hu"] for a, b in pairwise(rows))


def test_padding_is_in_no_tissue_and_in_no_median():
    volume = volume_of(np.array([-3024, -800, 40], np.int16), padding=-3024)
    found = histogram(volume)
    shares = {tissue.name: voxels for tissue, voxels in found.tissues()}
    assert found.padding == 40
    assert shares == {"air": 0, "lung": 40, "fat": 0, "soft tissue": 40, "bone": 0}
    assert found.percentile(50) == -800


def test_a_structure_counts_its_own_voxels_only():
    volume = volume_of(np.arange(120, dtype=np.int16))
    array = volume.array >= 100
    found = histogram(volume, volume.mask(array, "bones"))
    assert found.voxels == np.count_nonzero(array) == 20
    assert found.low == 100
    assert found.name == "bones"


def test_an_empty_structure_has_nothing_to_count(tmp_path):
    volume = volume_of(np.array([1], np.int16))
    found = histogram(volume, volume.mask(np.zeros(GRID.shape, bool), "none"))
    assert found.voxels == 0
    write_histogram_csv(found, tmp_path / "none.csv")
    assert (tmp_path / "none.csv").read_text().splitlines() == ["low_hu,high_hu,count"]
    write_histogram_picture(found, tmp_path / "none.png")
    assert sketch(found)


def test_a_structure_on_another_grid_is_refused():
    elsewhere = volume_of(np.array([1], np.int16))
    moved = replace(GRID, origin=(0.0, 0.0, 0.0))
    mask = Volume(elsewhere.array, moved).mask(np.ones(GRID.shape, bool), "lungs")
    with pytest.raises(UsageError, match="another grid"):
        histogram(elsewhere, mask)


@pytest.mark.parametrize("values", [[0.0, 0.25, 1.0], [5.5], [1e9, -1e9, 0.0], [1e-9, 0]])
def test_values_of_other_units_get_bins_that_fit(values):
    found = histogram(volume_of(np.array(values, np.float32), unit="SUV"))
    assert found.voxels == found.counts.sum() == 120
    assert len(found.counts) <= 1 << 17
    assert found.tissues() == ()


def test_what_is_no_number_is_counted_apart(tmp_path):
    volume = volume_of(np.array([np.nan, np.inf, 10.5], np.float32))
    found = histogram(volume)
    assert found.voxels == 120
    assert found.not_numbers == 80
    write_histogram_csv(found, tmp_path / "x.csv")
    assert sum(int(row["count"]) for row in read_csv(tmp_path / "x.csv")) == 120
    nothing = histogram(volume_of(np.array([np.nan], np.float32)))
    assert nothing.voxels == nothing.not_numbers == 120


@pytest.mark.parametrize("width", [0, -1, float("nan"), float("inf")])
def test_a_width_that_is_none_is_refused(width):
    with pytest.raises(UsageError, match="above zero"):
        histogram(volume_of(np.array([1], np.int16)), bin_width=width)


def test_progress_can_stop_the_count():
    def stop(fraction, what):
        raise Cancelled

    with pytest.raises(Cancelled):
        histogram(volume_of(np.array([1], np.int16)), progress=stop)


@pytest.mark.parametrize("logarithmic", [True, False])
def test_the_picture_is_highest_where_most_voxels_are(logarithmic, tmp_path):
    counts = np.full(2000, 10)
    counts[1200] = 5000  # 200 HU
    found = Histogram(-1000.0, 1.0, counts)
    path = tmp_path / "chart.png"
    write_histogram_picture(found, path, logarithmic=logarithmic)
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (700, 1200, 3)
    dark = np.abs(pixels.astype(int) - (60, 78, 104)).max(axis=2) < 12
    dark[:90] = False  # the title
    left, right = 96, 1200 - 28
    rows = np.flatnonzero(dark[:, left:right].any(axis=1))
    columns = np.flatnonzero(dark[rows[0], left:right])
    assert columns.mean() / (right - left) == pytest.approx(1250 / 2050, abs=0.01)


def test_the_svg_names_every_tissue_and_is_well_formed(tmp_path):
    path = tmp_path / "chart.svg"
    volume = volume_of(np.arange(-1020, 1020, 17, dtype=np.int16))
    mask = volume.mask(np.ones(GRID.shape, bool), "left <lung> & more")
    write_histogram_picture(histogram(volume, mask), path)
    root = ET.parse(path).getroot()
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert {tissue.name for tissue in TISSUES} <= set(words)
    assert any(word.startswith("left <lung> & more: 120 voxels") for word in words)
    assert root.attrib["width"] == "1200"


@pytest.mark.parametrize("values", [[7], [30000], [-32768, 32767], list(range(-1024, 3000, 5))])
def test_any_range_can_be_drawn_within_the_paper(values):
    found = histogram(volume_of(np.array(values, np.int16)))
    canvas = histogram_canvas(found, (640, 400))
    for _, points, _, _ in canvas.shapes:
        assert all(0 <= x <= 640.01 and 0 <= y <= 400 for x, y in points)
    assert len(sketch(found, columns=60).splitlines()[0]) <= 72


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=60),
    st.integers(-50, 50),
    st.integers(-80, 80),
    st.integers(1, 90),
    st.integers(1, 40),
)
def test_wider_bins_hold_what_their_parts_hold(counts, start, low, span, most):
    found = Histogram(start * 2.0, 2.0, np.array(counts))
    edges, together = merged(found, low * 2.0, (low + span) * 2.0, most=most)
    assert len(together) == len(edges) - 1 <= most
    assert (edges[0], edges[-1]) == (low * 2.0, (low + span) * 2.0)
    for first, stop, count in zip(edges[:-1], edges[1:], together, strict=True):
        assert count == found.between(first, stop)


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"\.svg"):
        write_histogram_picture(
            histogram(volume_of(np.array([1], np.int16))), tmp_path / "x.pdf"
        )
    assert not list(tmp_path.iterdir())


def test_the_sketch_has_its_peak_where_the_values_are():
    counts = np.ones(1001, np.int64)
    counts[700] = 10_000
    place = (200 + 1050) / (501 + 1050)
    lines = sketch(Histogram(-500.0, 1.0, counts), columns=70, rows=8, ascii_only=True)
    first, *_, axis, _, tissues = lines.splitlines()
    assert lines.isascii()
    assert set(axis) == {"-"}
    assert first.index("#") / len(axis) == pytest.approx(place, abs=0.04)
    assert tissues[first.index("#")] == "b"  # 200 HU
    assert first.count("#") == 1


def test_ticks_are_round_and_inside():
    assert value_ticks(-1024, 1600, 10) == [-1000, -500, 0, 500, 1000, 1500]
    assert value_ticks(0.0, 1.0, 5) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
