"""What a browser may send, and what it may not."""

import json
from dataclasses import asdict, fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vis3d_viewer.settings import Settings, accept

NAMES = [field.name for field in fields(Settings)]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_accepts_what_it_opens_with(name: str) -> None:
    value = asdict(Settings())[name]
    assert accept(name, value) == value


def test_settings_survive_json() -> None:
    chosen = Settings(hidden=[1, 4], opacity={"2": 0.5}, crosshair_lps=[1.5, -2.0, 3.0])
    assert Settings(**json.loads(json.dumps(asdict(chosen)))) == chosen


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crosshair_lps", [0.0, 0.0]),
        ("crosshair_lps", [0.0, 0.0, float("nan")]),
        ("crosshair_lps", "0,0,0"),
        ("window_width", 0),
        ("window_width", -5),
        ("window_center", float("inf")),
        ("window_center", True),
        ("layout", "two"),
        ("preset", "no such preset"),
        ("view", "sideways"),
        ("show_volume", 1),
        ("overlay_opacity", 1.5),
        ("hidden", [0]),
        ("hidden", ["1"]),
        ("opacity", {"1": 2}),
        ("opacity", {"one": 0.5}),
        ("opacity", [0.5]),
        ("phase", "ready"),
        ("trame__template_main", "<script>"),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match="setting"):
        accept(name, value)


@given(name=st.sampled_from(NAMES) | st.text(max_size=8), value=JSON)
@settings(max_examples=150, deadline=None)
def test_no_value_gets_past_but_of_its_own_type(name: str, value: object) -> None:
    try:
        accepted = accept(name, value)
    except ValueError:
        return
    default = asdict(Settings())[name]
    kinds = (int, float) if isinstance(default, float) else type(default)
    assert isinstance(accepted, kinds)
