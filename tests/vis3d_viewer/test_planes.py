"""Where the page finds the pixels of turned planes in the patient."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from vis3d_viewer.planes import STRAIGHT, is_placed, plane_maps, rotation, turned_stack

from tests.conftest import oblique_geometry
from vis3d.geometry import Geometry
from vis3d.imaging import PLANES, Plane
from vis3d.volume import Finding, Volume

part = st.floats(-1, 1)


@given(turn=st.tuples(part, part, part, part).filter(lambda turn: np.linalg.norm(turn) > 0.1))
@settings(max_examples=30, deadline=None)
def test_a_quaternion_is_the_rotation_it_stands_for(turn: tuple[float, ...]) -> None:
    w, x, y, z = turn
    assert np.allclose(rotation(turn), Rotation.from_quat([x, y, z, w]).as_matrix())


@pytest.mark.parametrize("plane", PLANES)
def test_a_turned_map_places_pixels_as_the_stack_does(plane: Plane) -> None:
    geometry = oblique_geometry()
    turn = [0.8, 0.36, -0.48, 0.0]
    turns = [turn if name == plane else list(STRAIGHT) for name in PLANES]
    maps = plane_maps(geometry, turns)
    place, where = maps[plane], turned_stack(geometry, plane, turn)
    on_page = (
        np.array(place["first"])
        + 3 * np.array(place["slice"])
        + 2 * np.array(place["row"])
        + 1 * np.array(place["column"])
    )
    expected = where.sheet(3, np.zeros((5, 5))).to_lps(2, 1)
    assert np.allclose(on_page, expected)
    assert place["turn"] == turn
    assert all(maps[name]["turn"] is None for name in PLANES if name != plane)


def test_a_turned_picture_keeps_the_scale_of_the_straight_one() -> None:
    geometry = oblique_geometry()
    turned = plane_maps(geometry, [[0.8, 0.6, 0.0, 0.0]] * 3)
    for plane, place in plane_maps(geometry).items():
        width_mm, height_mm = place["fit_mm"]
        row_mm, column_mm = place["spacing"]
        assert width_mm == pytest.approx(place["columns"] * column_mm)
        assert height_mm == pytest.approx(place["rows"] * row_mm)
        assert turned[plane]["fit_mm"] == place["fit_mm"]
        assert turned[plane]["scan"] == place["scan"]


def test_a_picture_without_a_place_in_the_patient_has_no_letters() -> None:
    """An X-ray was once shown with A above and P below."""
    unknown = Finding("no-position", "note", "The image has no place in the patient.")
    geometry = Geometry((1, 30, 40), (0.14, 0.14, 1.0))
    picture = Volume(
        np.zeros(geometry.shape, np.int16), geometry, metadata={"findings": (unknown,)}
    )
    assert not is_placed(picture)
    assert is_placed(replace(picture, metadata={"findings": ()}))
    for place in plane_maps(geometry, placed=False).values():
        assert (place["letters"], place["placed"]) == ([""] * 4, False)
