"""The smaller volume that the 3D view shows."""

import numpy as np
import pytest
from vis3d_viewer.study import Study, with_first_view
from vis3d_viewer.view_volume import OUTSIDE_HU, reduced, volumes_for_view

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.scans import blob_scan
from vis3d.geometry import Geometry
from vis3d.phantom import chest_phantom
from vis3d.progress import silent
from vis3d.volume import Volume

RISE = np.array([3.0, -2.0, 1.0])
"""The ramp's slope, a mm."""


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
    views = volumes_for_view(phantom.volume, silent)
    shown = views.body
    body = phantom.labels.mask("body").array
    behind = np.nonzero(body.any(axis=(0, 2)))[0].max() + 4
    table = phantom.volume.array[:, behind:] > -800
    assert table.any(), "the phantom lies on a table"
    assert (shown.array[:, behind:] == OUTSIDE_HU).all()
    assert (shown.array[body] == phantom.volume.array[body]).mean() > 0.99
    assert (views.inside.array[:, behind:] > 0).all(), "no air there for presets of air"


def test_what_is_no_ct_stays_whole() -> None:
    volume = blob_scan()
    other = Volume(volume.array, volume.geometry, unit="")
    assert volumes_for_view(other, silent).body is other


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
