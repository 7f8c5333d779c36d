"""Which window a scan opens in, which are on offer, and the histogram."""

from dataclasses import replace

import numpy as np
import pytest
from vis3d_viewer.windows import BARS, first_window, histogram_bars, window_choices

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.scans import blob_scan
from vis3d.imaging import WINDOWS, Window
from vis3d.phantom import chest_phantom
from vis3d.volume import Volume

OWN = {"windows": ((35.0, 350.0, "SOFT"), (2000.0, 10.0, ""))}


def test_a_chest_opens_in_the_lung_window_whatever_its_file_says() -> None:
    chest = replace(chest_phantom(shape=(16, 48, 48)).volume, metadata=OWN)
    assert first_window(chest) == WINDOWS["lung"]


def test_another_ct_opens_in_its_own_window() -> None:
    assert first_window(replace(blob_scan(), metadata=OWN)) == Window(35, 350)
    assert first_window(blob_scan()) == WINDOWS["mediastinum"]


def test_the_keys_mean_the_same_for_every_ct_and_own_windows_follow() -> None:
    choices = window_choices(replace(blob_scan(), metadata=OWN))
    names = [choice["name"] for choice in choices]
    assert names[:7] == [
        "lung",
        "mediastinum",
        "bone",
        "abdomen",
        "brain",
        "emphysema",
        "full",
    ]
    assert names[7:9] == ["own: soft", "scan's own"]
    assert (choices[7]["center"], choices[7]["width"]) == (35, 350)
    assert (choices[6]["center"], choices[6]["width"]) == (-150, 1700), "-1000 to 700 HU"


def test_own_windows_of_one_name_are_all_there() -> None:
    told = {"windows": ((1, 2, "x" * 99), (3, 4, "x" * 99), (-600, 1500, "known"))}
    names = [choice["name"] for choice in window_choices(replace(blob_scan(), metadata=told))]
    assert len(set(names)) == len(names)
    assert sum(name.startswith("own") for name in names) == 2
    assert max(map(len, names)) < 40


def test_what_is_no_ct_has_no_windows_in_hu() -> None:
    names = {choice["name"] for choice in window_choices(replace(blob_scan(), unit=""))}
    assert names == {"usual", "full"}


def test_the_histogram_has_its_bars_where_the_values_are() -> None:
    volume = blob_scan()
    volume.array[:, 0, :] = np.arange(20)[:, None] % 10 * 20  # ten soft tissues, ever rarer
    volume.array[0, 0, :9] = 180
    bars = histogram_bars(volume)
    heights = np.array(bars["heights"])
    edges = np.linspace(bars["low"], bars["high"], len(heights) + 1)
    assert len(heights) <= BARS
    air = np.flatnonzero((edges[:-1] <= -1000) & (edges[1:] > -1000))[0]
    blob = np.flatnonzero((edges[:-1] <= 700) & (edges[1:] > 700))[0]
    assert heights[air] == 1
    assert 0 < heights[blob] < 0.8
    assert heights[(edges[:-1] > 200) & (edges[1:] < 700)].max() == 0


@pytest.mark.parametrize("value", [np.nan, 7.0])
def test_a_volume_of_one_value_or_none_has_a_histogram(value: float) -> None:
    flat = Volume(np.full((3, 4, 5), value, np.float32), oblique_geometry((3, 4, 5)), "")
    bars = histogram_bars(flat)
    assert bars["low"] < bars["high"]
    assert all(0 <= height <= 1 for height in bars["heights"])
