"""Volumes and masks."""

import numpy as np
import pytest

from vis3d.geometry import Geometry
from vis3d.volume import Finding, Mask, Volume


def test_an_array_of_another_shape_is_refused(oblique: Geometry) -> None:
    with pytest.raises(ValueError, match="on a grid of"):
        Volume(np.zeros((2, 2, 2)), oblique)
    with pytest.raises(ValueError, match="on a grid of"):
        Mask(np.zeros((2, 2, 2), bool), oblique)


def test_a_mask_of_numbers_is_refused(oblique: Geometry) -> None:
    with pytest.raises(ValueError, match="boolean"):
        Mask(np.zeros(oblique.shape, np.uint8), oblique)  # type: ignore[arg-type]


def test_padding_lies_outside_the_scan(oblique: Geometry) -> None:
    array = np.zeros(oblique.shape, np.int16)
    array[3] = -3024
    volume = Volume(array, oblique, padding=-3024)
    assert not volume.inside_scan()[3].any()
    assert volume.inside_scan().sum() == array.size - array[3].size


def test_a_mask_has_its_volumes_grid_and_counts_its_voxels(oblique: Geometry) -> None:
    volume = Volume(np.zeros(oblique.shape, np.int16), oblique)
    chosen = np.zeros(oblique.shape, bool)
    chosen[2:4, 5:10, 7:17] = True
    mask = volume.mask(chosen, "block")
    assert mask.geometry is volume.geometry
    assert mask.volume_ml == pytest.approx(100 * 0.7 * 0.9 * 2.5 / 1000)


def test_findings_add_up_and_the_first_volume_stays(oblique: Geometry) -> None:
    volume = Volume(np.zeros(oblique.shape, np.int16), oblique)
    more = volume.with_findings(Finding("gantry-tilt", "warning", "Tilted by 5 degrees."))
    again = more.with_findings(Finding("lossy", "note", "Compressed."))
    assert volume.findings == ()
    assert [finding.code for finding in again.findings] == ["gantry-tilt", "lossy"]


def test_repr_is_for_people() -> None:
    geometry = Geometry((300, 512, 512), (0.7, 0.7, 1.25))
    assert repr(Volume(np.zeros(geometry.shape, np.int8), geometry)) == (
        "Volume(512 x 512 x 300, 0.70 x 0.70 x 1.25 mm, HU, LPS)"
    )
