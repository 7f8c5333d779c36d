"""What must not change the lungs: how the patient lies, how finely and how widely scanned."""

import numpy as np
import pytest

from tests.segmentation.simple_chest import TRUTH, chest, dice, turned, upright
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap
from vis3d.segmentation import segment
from vis3d.volume import Volume

SIDES = ("left lung", "right lung")


def lungs(volume: Volume) -> LabelMap:
    return segment(volume, ["lungs", "airways"])


@pytest.mark.parametrize(("degrees", "axis"), [(15, 2), (45, 2), (-45, 2), (20, 0), (15, 1)])
def test_a_turned_patient_has_turned_lungs(degrees: float, axis: int) -> None:
    volume, truth = chest(turned(degrees, axis))
    # the patient turned in the scanner: the same voxels on a grid along the axes
    lying = Volume(volume.array, upright(), metadata=volume.metadata)
    found = lungs(lying)
    for name in SIDES:
        assert dice(found.mask(name).array, truth == TRUTH[name]) > 0.97, name


def test_air_around_the_patient_changes_nothing() -> None:
    volume, _ = chest(upright())
    found = lungs(volume).array
    wide = np.pad(volume.array, ((0, 0), (25, 11), (13, 30)), constant_values=-1000)
    x, y, z = volume.geometry.origin
    spacing = volume.geometry.spacing
    geometry = Geometry(wide.shape, spacing, (x - 13 * spacing[0], y - 25 * spacing[1], z))
    around = lungs(volume.with_array(wide, geometry)).array[:, 25:-11, 13:-30]
    assert np.count_nonzero(around != found) < 0.002 * np.count_nonzero(found)


def test_resampling_changes_volumes_by_less_than_one_percent() -> None:
    coarse = lungs(chest(upright((3.0, 3.0, 3.0)))[0])
    for spacing_mm in ((1.5, 1.5, 5.0), (2.0, 2.0, 1.0)):
        fine = lungs(chest(upright(spacing_mm))[0])
        for name in SIDES:
            assert fine.volume_ml(name) == pytest.approx(coarse.volume_ml(name), rel=0.01)
