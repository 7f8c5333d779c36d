"""The smaller volume that the 3D view shows."""

import numpy as np
import pytest
from vis3d_viewer.study import Study, with_first_view
from vis3d_viewer.view_volume import (
    OUTSIDE_HU,
    PREPARING,
    inside_only,
    reduced,
    small_inside,
    volume_for_view,
)

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.scans import blob_scan
from vis3d.geometry import Geometry
from vis3d.phantom import chest_phantom
from vis3d.progress import silent
from vis3d.volume import Volume

RISE = np.array([3.0, -2.0, 1.0])
"""The ramp's slope, a mm."""


BALL_MM = 35.0


def ball_of_ramp(geometry: Geometry) -> tuple[Volume, np.ndarray]:
    """A ball in air, off the grid's middle, whose values rise from its centre; its centre."""
    center_lps = geometry.to_lps(np.array(geometry.shape[::-1]) * (0.4, 0.55, 0.5))
    points = geometry.to_lps(np.moveaxis(np.indices(geometry.shape)[::-1], 0, -1))
    ball = np.linalg.norm(points - center_lps, axis=-1) < BALL_MM
    values = np.where(ball, (points - center_lps) @ RISE, -1000).astype(np.int16)
    return Volume(values, geometry), center_lps


def seen(view: Volume, scan: Volume, mask: np.ndarray) -> np.ndarray:
    """What a view that keeps the scan's voxels shows of those in a mask, a view's box only."""
    first = np.round(scan.geometry.to_ijk(view.geometry.origin)).astype(int)[::-1]
    at = np.argwhere(mask) - first
    at = at[((at >= 0) & (at < view.array.shape)).all(axis=1)]
    shown: np.ndarray = view.array[tuple(at.T)]
    return shown


def ramp(geometry: Geometry) -> Volume:
    """Values that rise steadily through the patient: averages lie on the same ramp."""
    points = geometry.to_lps(np.moveaxis(np.indices(geometry.shape)[::-1], 0, -1))
    return Volume((points @ RISE).astype(np.float32), geometry)


@pytest.mark.parametrize("voxels", [12_000, 3_000, 700])
def test_a_reduced_volume_shows_things_where_they_are(voxels: int) -> None:
    small = reduced(ramp(oblique_geometry((20, 33, 41))), voxels)
    assert small.array.size <= voxels
    assert np.allclose(small.array, ramp(small.geometry).array, atol=1e-2)


def test_a_small_volume_is_left_as_it_is() -> None:
    volume = blob_scan()
    assert reduced(volume) is volume


def test_the_finest_axis_is_halved_first() -> None:
    volume = blob_scan(oblique_geometry((20, 32, 40), spacing=(0.7, 0.9, 2.5)))
    assert reduced(volume, 13_000).array.shape == (20, 32, 20)


def test_the_table_is_not_in_the_way() -> None:
    phantom = chest_phantom(shape=(24, 128, 128), noise_hu=5)
    view = volume_for_view(phantom.volume, silent)
    body = phantom.labels.mask("body").array
    table = np.asarray(phantom.volume.array) > -800
    table[:, : np.nonzero(body.any(axis=(0, 2)))[0].max() + 4] = False
    assert table.any(), "the phantom lies on a table"
    assert (seen(view.volume, phantom.volume, table) == OUTSIDE_HU).all()
    assert (seen(view.volume, phantom.volume, body) == phantom.volume.array[body]).all()
    assert view.body is not None
    inside = inside_only(view.volume, view.body)
    assert (seen(inside, phantom.volume, table) > 0).all(), "no air for presets of air"
    lungs = phantom.labels.mask("left lung").array
    assert np.median(seen(inside, phantom.volume, lungs)) < -700


def test_the_view_is_prepared_under_one_name() -> None:
    said: list[str] = []
    scan = chest_phantom(shape=(24, 64, 64), noise_hu=5).volume
    volume_for_view(scan, lambda _, what: said.append(what))
    assert len(said) > 3
    assert set(said) == {PREPARING}


def test_a_small_copy_without_air_outside_is_like_the_large_one() -> None:
    view = volume_for_view(chest_phantom(shape=(24, 128, 128), noise_hu=5).volume, silent)
    assert view.body is not None
    large = inside_only(view.volume, view.body)
    small = small_inside(view.volume, view.body, 50_000)
    assert small.array.size <= 50_000
    alike = np.abs(np.subtract(small.array, reduced(large, 50_000).array)) < 150
    assert alike.mean() > 0.9


def test_what_is_no_ct_stays_whole() -> None:
    volume = blob_scan()
    other = Volume(volume.array, volume.geometry, unit="")
    view = volume_for_view(other, silent)
    assert view.volume is other
    assert view.body is None


@pytest.mark.parametrize("voxels", [10**9, 60_000])
def test_3d_shows_a_box_round_the_body_in_its_place(voxels: int) -> None:
    scan, center_lps = ball_of_ramp(oblique_geometry((40, 90, 110), spacing=(1.5, 1.8, 2.5)))
    shown = volume_for_view(scan, silent, voxels=voxels).volume
    assert shown.array.size < 0.6 * min(scan.array.size, voxels)
    points = shown.geometry.to_lps(np.moveaxis(np.indices(shown.geometry.shape)[::-1], 0, -1))
    deep = np.linalg.norm(points - center_lps, axis=-1) < BALL_MM - 8
    assert deep.any()
    expected = ((points - center_lps) @ RISE)[deep]
    assert np.allclose(shown.array[deep], expected, atol=2)
    around = np.linalg.norm(points - center_lps, axis=-1) > BALL_MM + 12
    assert (shown.array[around] == OUTSIDE_HU).all()


def test_a_large_scan_has_a_small_first_picture_in_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vis3d_viewer.study.FIRST_VOXELS", 5_000)
    scan = ramp(oblique_geometry((20, 33, 41)))
    first = with_first_view(Study(scan), silent).view_volume
    assert first is not None
    assert first.array.size <= 5_000
    assert np.allclose(first.array, ramp(first.geometry).array, atol=1e-2)
    small = Study(ramp(oblique_geometry((10, 20, 30))))
    assert with_first_view(small, silent) is small
