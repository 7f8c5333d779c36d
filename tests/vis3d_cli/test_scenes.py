"""What pictures show of a body: its skin, smooth where other structures are seen through it."""

import numpy as np
from vis3d_cli.scenes import surfaces

from tests.conftest import oblique_geometry
from vis3d.labels import STRUCTURES, LabelMap
from vis3d.progress import silent
from vis3d.surface import Surface
from vis3d.volume import Volume

RADIUS_MM = 50.0


def gowned() -> tuple[Volume, LabelMap]:
    """A ball with a lung in it; along its skin runs air that is 6 mm thin, under a gown."""
    grid = oblique_geometry((60, 80, 90), (1.6, 1.9, 2.5))
    offsets = grid.to_lps(np.stack(tuple(np.indices(grid.shape)[::-1]), axis=-1))
    offsets = offsets - grid.center_lps
    away_mm = np.linalg.norm(offsets, axis=-1)
    thin_air = (away_mm > RADIUS_MM - 10) & (away_mm < RADIUS_MM - 4) & (offsets[..., 0] > 0)
    body = (away_mm < RADIUS_MM) & ~thin_air
    lung = away_mm < 20
    array = np.where(lung, 1, np.where(body, 5, 0)).astype(np.uint8)
    hu = np.where(lung, -800, np.where(body, 40, -1000)).astype(np.int16)
    named = tuple(one for one in STRUCTURES if one.name in ("left lung", "body"))
    return Volume(hu, grid), LabelMap(array, grid, named)


def area_mm2(surface: Surface) -> float:
    corners = surface.points[surface.triangles].astype(float)
    sides = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(sides, axis=1).sum() / 2)


def test_a_veil_of_skin_shows_no_air_under_a_gown() -> None:
    volume, labels = gowned()
    lung, veil = surfaces(volume, labels, ["left lung", "body"], silent)
    assert (lung.name, veil.name) == ("left lung", "body")
    ball_mm2 = 4 * np.pi * RADIUS_MM**2
    assert abs(area_mm2(veil) / ball_mm2 - 1) < 0.05
    np.testing.assert_allclose(
        veil.bounds_mm.mean(axis=0), volume.geometry.center_lps, atol=1.0
    )


def test_skin_alone_is_shown_as_it_is() -> None:
    volume, labels = gowned()
    (skin,) = surfaces(volume, labels, ["body"], silent)
    assert area_mm2(skin) > 1.3 * 4 * np.pi * RADIUS_MM**2
