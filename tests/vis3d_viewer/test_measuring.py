"""What becomes of a mark when one of its points is dragged."""

from dataclasses import replace

import numpy as np
import pytest
from vis3d_viewer.measuring import Kept, Points, kept_mark, moved, shown
from vis3d_viewer.planes import plane_maps

from tests.vis3d_viewer.scans import blob_lps, blob_scan
from vis3d.errors import UsageError
from vis3d.measurement import Distance

START: Points = ((0.0, 0.0, 0.0), (10.0, 0.0, 0.0), (0.0, 0.0, 4.0))


def kept(kind: str, points: Points = START) -> Kept:
    return Kept(1, kind, kind, points, Distance(points[0], points[1]))


@pytest.mark.parametrize("kind", ["distance", "angle"])
def test_an_end_goes_where_it_is_dragged_and_the_others_stay(kind: str) -> None:
    points = START[:2] if kind == "distance" else START
    now = moved(kept(kind, points), 1, (7.0, 8.0, 9.0))
    assert now == (points[0], (7.0, 8.0, 9.0), *points[2:])


def test_the_middle_of_an_ellipse_takes_it_along() -> None:
    now = moved(kept("ellipse"), 0, (1.0, 2.0, 3.0))
    assert np.allclose(np.subtract(now, START), (1, 2, 3))


def test_an_end_of_an_ellipse_stays_on_its_axis() -> None:
    now = moved(kept("ellipse"), 2, (30.0, 5.0, -6.0))
    assert now == (START[0], START[1], (0.0, 0.0, 6.0))
    flat = moved(kept("ellipse"), 1, (0.0, 3.0, 0.0))
    assert 0 < flat[1][0] < 1, "an ellipse keeps some width"


def test_any_point_of_an_outline_takes_it_along() -> None:
    now = moved(kept("polygon"), 2, (0.0, 5.0, 4.0))
    assert np.allclose(np.subtract(now, START), (0, 5, 0))


def test_there_is_no_other_point() -> None:
    for which in (-1, 2):
        with pytest.raises(UsageError, match="no such point"):
            moved(kept("distance", START[:2]), which, (0.0, 0.0, 0.0))


def test_a_region_says_mean_deviation_area_and_volume() -> None:
    volume = blob_scan()
    place = plane_maps(volume.geometry)["axial"]
    center = np.array(blob_lps())
    right, down = (np.array(place[name]) for name in ("column", "row"))
    points = tuple(
        tuple(point.tolist()) for point in (center, center + 1.4 * right, center + 1.4 * down)
    )
    said = shown(kept_mark(volume, 1, "ellipse", "spot", points))["text"]
    area_cm2 = np.pi * 1.96 * np.linalg.norm(right) * np.linalg.norm(down) / 100
    assert said.startswith("700 ± 0 HU, ")
    assert f"{area_cm2:.1f} cm²" in said
    assert said.endswith(f", {5 * volume.geometry.voxel_ml:.2g} ml")
    plain = replace(volume, unit="")
    assert "HU" not in shown(kept_mark(plain, 1, "ellipse", "spot", points))["text"]
