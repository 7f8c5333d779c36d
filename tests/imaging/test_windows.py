"""Windows map the values they say, and a volume opens in one that suits it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import oblique_geometry
from vis3d.errors import UsageError
from vis3d.imaging import WINDOWS, Window, default_window, grays, parse_window
from vis3d.volume import Volume


def volume_of(values: object, **options: object) -> Volume:
    geometry = oblique_geometry()
    return Volume(np.resize(np.asarray(values), geometry.shape), geometry, **options)  # type: ignore[arg-type]


def test_ends_and_middle_of_a_window() -> None:
    values = np.array([-5000, -160, 40, 240, 5000], np.int16)
    assert grays(values, Window(40, 400)).tolist() == [0, 0, 128, 255, 255]


def test_extreme_integers_and_odd_floats_do_not_wrap() -> None:
    assert grays(np.array([-32768, 32767], np.int16), Window(0, 1)).tolist() == [0, 255]
    odd = np.array([np.nan, np.inf, -np.inf])
    assert grays(odd, Window(0.5, 1e-3)).tolist() == [0, 255, 0]


@settings(deadline=None, max_examples=30)
@given(
    st.floats(-3000, 3000),
    st.floats(0.01, 6000),
    st.lists(st.integers(-3024, 20000), min_size=2, max_size=50),
)
def test_greater_values_are_never_darker(
    center: float, width: float, values: list[int]
) -> None:
    shades = grays(np.sort(np.array(values, np.int16)), Window(center, width))
    assert (np.diff(shades.astype(int)) >= 0).all()


def test_the_files_own_window_comes_first_and_a_broken_one_is_passed_over() -> None:
    volume = volume_of([0], metadata={"windows": ((50.0, 0.0, ""), (35.0, 350.0, "soft"))})
    assert default_window(volume) == Window(35, 350)


def test_a_chest_opens_in_the_lung_window_and_a_belly_in_that_of_soft_tissue() -> None:
    assert default_window(volume_of([-850, -1000, 40, 40])) == WINDOWS["lung"]
    assert default_window(volume_of([-1000, 40, 40])) == WINDOWS["mediastinum"]


def test_blurred_air_round_a_belly_does_not_make_it_a_chest() -> None:
    volume = volume_of([40])
    volume.array[:, :4] = volume.array[:, -4:] = -800
    assert default_window(volume) == WINDOWS["mediastinum"]


def test_padding_does_not_decide_the_window_of_other_units() -> None:
    volume = volume_of([-9999.0, 0.0, 10.0], unit="", padding=-9999)
    assert default_window(volume) == Window(5, 10)
    assert parse_window("full", volume) == Window(5, 10)


def test_a_volume_of_one_value_or_of_padding_alone_has_a_window() -> None:
    assert default_window(volume_of([7.0], unit="")).width > 0
    assert default_window(volume_of([7], padding=7)).width > 0
    assert parse_window("full", volume_of([7], padding=7)).width > 0


def test_windows_are_read_as_people_write_them() -> None:
    volume = volume_of([0])
    assert parse_window("Lung", volume) == WINDOWS["lung"]
    assert parse_window("-600,1500", volume) == Window(-600, 1500)
    assert parse_window("default", volume) == WINDOWS["mediastinum"]


@pytest.mark.parametrize("text", ["lungs", "1,2,3", "40", "", "40,-1", "40,0", "nan,1"])
def test_nonsense_is_refused_with_the_choices(text: str) -> None:
    with pytest.raises(UsageError, match="A window is CENTER,WIDTH"):
        parse_window(text, volume_of([0]))
