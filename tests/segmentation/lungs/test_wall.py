"""How far the air of the trachea blurs into its wall."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from vis3d.segmentation.lungs.wall import wall_mm


@pytest.mark.parametrize("pixel_mm", [0.4, 0.7])
@pytest.mark.parametrize("blur_mm", [0.8, 1.5])
def test_the_wall_is_half_reached_where_the_lumen_truly_ends(
    pixel_mm: float, blur_mm: float
) -> None:
    y, x = (np.indices((120, 120)) - 60) * pixel_mm
    disc = np.hypot(y, x / 1.2) < 9
    section = gaussian_filter(np.where(disc, -1000.0, 40.0), blur_mm / pixel_mm)
    hu = np.repeat(section[None].round().astype(np.int16), 20, axis=0)
    seeds = np.argwhere(np.broadcast_to(np.hypot(y, x) < 4, hu.shape))
    # 30 HU above air is 3 % of the way up the edge, 1.9 standard deviations off its middle;
    # steps along rows and columns are a tenth longer than the straight way
    off_mm = wall_mm(hu, seeds, 30, (3.0, pixel_mm, pixel_mm))
    assert off_mm == pytest.approx(1.1 * 1.9 * blur_mm, abs=0.75 * pixel_mm)


def test_a_sharp_wall_is_a_pixel_off() -> None:
    hu = np.full((4, 40, 40), 40, np.int16)
    hu[:, 15:25, 15:25] = -1000
    seeds = np.argwhere(hu < -900)
    assert wall_mm(hu, seeds, 30, (3.0, 0.9, 0.9)) == pytest.approx(0.9)


def test_a_trachea_at_the_edge_of_the_field_is_measured_on_the_other_side() -> None:
    hu = np.full((4, 40, 40), 40, np.int16)
    hu[:, :10, 15:25] = -1000
    assert wall_mm(hu, np.argwhere(hu < -900), 30, (3.0, 0.9, 0.9)) == pytest.approx(0.9)


def test_where_nothing_denser_is_near_a_pixel_is_answered() -> None:
    hu = np.full((4, 12, 12), -1000, np.int16)
    seeds = np.argwhere(hu < -900)
    assert wall_mm(hu, seeds, 30, (3.0, 0.9, 0.9)) == pytest.approx(0.9)
