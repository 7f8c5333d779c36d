"""Fields of view narrower than the chest, as scans of the heart or the spine have them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.segmentation.simple_chest import check, chest
from vis3d.geometry import Geometry
from vis3d.progress import silent
from vis3d.segmentation import segment
from vis3d.segmentation.anatomy import Anatomy
from vis3d.segmentation.voxels.frame import patient_frame
from vis3d.volume import Volume

C, S = np.cos(np.radians(5)), np.sin(np.radians(5))
TURN = np.array([[C, -S, 0.0], [S, C, 0.0], [0.0, 0.0, 1.0]])


def narrow_chest(
    first_lps: tuple[float, float, float], shape: tuple[int, int, int]
) -> tuple[Volume, tuple[NDArray[np.float64], ...]]:
    """A chest in a box that doesn't hold all of it, and the LPS mm of its voxels."""
    geometry = Geometry(shape, (1.7, 2.1, 3.0), first_lps, TURN)
    volume, _ = chest(geometry)
    ijk = np.moveaxis(np.indices(shape)[::-1], 0, -1)
    return volume, tuple(np.moveaxis(geometry.to_lps(ijk), -1, 0))


def test_a_tongue_of_lung_that_the_field_cuts_is_no_trachea() -> None:
    """Half a disc looks round, but of what shape it is beyond the edge isn't seen."""
    volume, (x, y, z) = narrow_chest((-18.0, -70.0, -110.0), (40, 80, 75))
    edge = volume.geometry.to_lps(np.array([0.0, 14.0, 20.0]))
    tongue = (np.hypot(x - edge[0], y - edge[1]) < 9) & (z > -80) & (z < -20)
    base = (np.abs(x - edge[0]) < 16) & (np.abs(y - edge[1]) < 30) & (z <= -80)
    array = np.where(tongue | base, -900, volume.array).astype(np.int16)
    labels = segment(volume.with_array(array), ["lungs", "airways"])
    assert not labels.mask("airways").array.any()
    assert labels.mask("left lung").array.any()


def test_the_spine_says_where_the_middle_of_a_cut_body_is() -> None:
    """A lung without air pulls the trachea to its side."""
    volume, (x, y, z) = narrow_chest((-60.0, -95.0, -60.0), (60, 95, 100))
    array = np.where(np.hypot(x, y + 5) < 11, 40, volume.array)
    array[np.hypot(x, y - 62) < 20] = 300
    pulled = np.where((np.hypot(x + 16, y + 5) < 9) & (z > 10), -1000, array)
    frame = patient_frame(volume.with_array(pulled.astype(np.int16)))
    anatomy = Anatomy(frame, silent)
    assert anatomy.trachea.any()
    middle_mm = volume.geometry.to_lps(np.zeros(3))[0] + anatomy.middle_mm
    assert abs(middle_mm) < 6


@pytest.mark.parametrize(("side", "first_x"), [("left", 55.0), ("right", -235.0)])
@pytest.mark.parametrize("shoulder", [False, True])
def test_a_single_lung_in_a_field_beside_the_middle_has_its_side(
    side: str, first_x: float, shoulder: bool
) -> None:
    """As in scans of a shoulder: no spine shows, but the skin beside the lung."""
    volume, (x, y, _) = narrow_chest((first_x, -110.0, -90.0), (60, 110, 105))
    if shoulder:
        volume.array[np.hypot(np.abs(x) - 135, y - 40) < 10] = 300
    labels = segment(volume, ["lungs"])
    other = {"left": "right", "right": "left"}[side]
    assert labels.volume_ml(f"{side} lung") > 1000
    assert labels.volume_ml(f"{other} lung") == 0
    assert check(labels, "middle-found").ok


def test_a_field_that_shows_neither_spine_nor_skin_may_have_exchanged_the_sides() -> None:
    volume, _ = narrow_chest((25.0, -75.0, -60.0), (40, 50, 65))
    labels = segment(volume, ["lungs"])
    assert labels.mask("lungs").array.any()
    assert not check(labels, "middle-found").ok
    assert any(one.code == "middle-found" for one in labels.report.findings)
