"""Patients as small as infants and mice, and what is only a part of a larger one."""

import numpy as np
import pytest

from tests.segmentation.simple_chest import TRUTH, chest, dice, turned, upright
from vis3d.geometry import Geometry
from vis3d.segmentation import segment
from vis3d.segmentation.voxels.small import enlargement


@pytest.mark.parametrize(
    ("size", "geometry"),
    [(0.4, upright((2.4, 2.8, 4.2))), (0.25, turned(20, axis=1)), (0.1, upright((3, 3, 3)))],
)
def test_a_child_and_a_mouse_have_lungs_and_a_trachea(size: float, geometry: Geometry) -> None:
    volume, truth = chest(geometry)
    spacing, origin = (
        tuple(size * mm for mm in of) for of in (geometry.spacing, geometry.origin)
    )
    small = Geometry(geometry.shape, spacing, origin, geometry.direction)
    labels = segment(volume.with_array(volume.array, small), ["lungs", "airways"])
    for name in ("left lung", "right lung", "airways"):
        assert dice(labels.mask(name).array, truth == TRUTH[name]) > 0.93, name
    (found,) = (check for check in labels.report.checks if check.code == "lungs-found")
    ml = labels.volume_ml("left lung")
    said = f"left {ml:.2g} ml" if ml < 10 else f"left {ml:.0f} ml"
    assert said in found.message


def test_only_a_whole_patient_is_taken_for_a_small_one() -> None:
    body = np.ones((10, 40, 60), bool)
    spacing_kji = (4.0, 2.0, 2.5)
    assert enlargement(body, None, spacing_kji) == 1
    whole = np.pad(body, ((0, 0), (5, 5), (5, 5)))
    assert enlargement(whole, None, spacing_kji) == pytest.approx((600 / 120) ** 0.5)
    around = ~np.pad(body, ((0, 0), (20, 20), (20, 20)))
    cut = np.pad(body, ((0, 0), (20, 20), (20, 20)))
    assert enlargement(cut, around, spacing_kji) == 1, "padding cuts it all round"
    cut[:, :30] = False
    assert enlargement(cut, around, spacing_kji) == 1, "padding cuts it on three sides"
    away = ~np.pad(whole, ((0, 0), (20, 20), (20, 20)))
    away[:, 15:-15, 15:-15] = False
    far = np.pad(whole, ((0, 0), (20, 20), (20, 20)))
    assert enlargement(far, away, spacing_kji) > 2, "padding lies away from it"
    assert enlargement(np.zeros_like(body), None, spacing_kji) == 1
    assert enlargement(whole, None, (4.0, 4.0, 4.0)) == 1
