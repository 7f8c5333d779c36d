"""Volumes for the stage: coarser copies stay in place, cameras see only what shows."""

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from tests.rendering.conftest import Ball
from vis3d.geometry import Geometry
from vis3d.rendering import VOLUME_PRESETS
from vis3d.rendering.presets import transfer_function
from vis3d.rendering.volumes import coarser, visible_corners
from vis3d.volume import Volume


def test_a_coarser_copy_keeps_every_point_in_place() -> None:
    geometry = oblique_geometry((21, 30, 41))
    heights = geometry.to_lps(np.stack(np.indices(geometry.shape)[::-1], axis=-1))[..., 2]
    copy = coarser(Volume(heights.astype(np.float32), geometry), 4000)
    assert copy.array.size <= 4000
    expected = copy.geometry.to_lps(np.stack(np.indices(copy.geometry.shape)[::-1], axis=-1))
    assert np.allclose(copy.array, expected[..., 2], atol=1e-3)


def test_extreme_integers_are_averaged_without_overflow() -> None:
    for value in (-32768, 32767):
        volume = Volume(np.full((4, 4, 4), value, np.int16), Geometry((4, 4, 4)))
        assert (coarser(volume, 8).array == value).all()


def test_a_small_volume_is_passed_through(ball: Ball) -> None:
    assert coarser(ball.volume, ball.volume.array.size) is ball.volume


def test_the_camera_sees_the_box_of_what_shows(ball: Ball) -> None:
    corners = visible_corners(ball.volume, VOLUME_PRESETS["bone"])
    assert np.allclose(corners.mean(axis=0), ball.center_lps, atol=1.5)
    ijk = ball.geometry.to_ijk(corners)
    sizes_mm = np.ptp(ijk, axis=0) * ball.geometry.spacing
    assert ((sizes_mm > 10) & (sizes_mm < 20)).all()


def test_where_nothing_shows_the_camera_sees_the_grid(ball: Ball) -> None:
    dark = ball.volume.with_array(np.full_like(ball.volume.array, -1000))
    corners = visible_corners(dark, VOLUME_PRESETS["bone"])
    assert np.allclose(corners, dark.geometry.corners_lps)


@pytest.mark.parametrize("name", VOLUME_PRESETS)
def test_presets_rise_in_value_and_stay_in_range(name: str) -> None:
    points = np.array(VOLUME_PRESETS[name].points)
    assert (np.diff(points[:, 0]) > 0).all()
    assert ((points[:, 1:] >= 0) & (points[:, 1:] <= 1)).all()


def test_presets_stretch_over_values_that_are_not_hu(ball: Ball) -> None:
    values = np.linspace(0, 5000, ball.volume.array.size).reshape(ball.volume.array.shape)
    volume = Volume(values, ball.geometry, unit="")
    points = np.array(transfer_function("bone", volume).points)
    assert points[0, 0] == pytest.approx(50, abs=1)
    assert points[-1, 0] == pytest.approx(4950, abs=1)
    assert transfer_function("bone", ball.volume) is VOLUME_PRESETS["bone"]
