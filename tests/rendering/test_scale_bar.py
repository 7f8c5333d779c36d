"""The scale bar is as long as it says, and a transparent picture holds only the scene."""

from dataclasses import replace

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from vis3d import Camera, Scene, Surface, SurfaceLayer, Volume, VolumeLayer, isosurface
from vis3d.rendering import screenshot
from vis3d.rendering.scale_bar import bar_length_mm, with_scale_bar


def ball(radius_mm: float = 20.0) -> tuple[Volume, Surface]:
    geometry = oblique_geometry((40, 60, 70), (0.9, 1.0, 1.6))
    kji = np.moveaxis(np.indices(geometry.shape), 0, -1)
    lps = geometry.to_lps(kji[..., ::-1])
    depth = radius_mm - np.linalg.norm(lps - geometry.center_lps, axis=-1)
    volume = Volume((100 * depth).clip(-1000, 1000).astype(np.float32), geometry)
    return volume, isosurface(volume, 0.0, color=(250, 40, 40))


@pytest.mark.parametrize(
    ("width_px", "mm_per_pixel", "length_mm"),
    [(1200, 0.25, 50), (1200, 1.0, 200), (400, 0.01, 1), (400, 0.0099, 0.5), (800, 0.5, 100)],
)
def test_the_bar_has_a_round_length_of_at_most_a_quarter(
    width_px: int, mm_per_pixel: float, length_mm: float
) -> None:
    assert bar_length_mm(width_px, mm_per_pixel) == pytest.approx(length_mm)


def test_the_bar_is_drawn_as_long_as_it_says() -> None:
    pixels = with_scale_bar(np.full((300, 400, 3), 90, np.uint8), 0.5)
    white = (pixels == 255).all(axis=2)
    assert white.sum(axis=1).max() == 50 / 0.5


@pytest.mark.parametrize("parallel", [True, False])
def test_a_ball_measured_by_the_bar_has_its_diameter(parallel: bool) -> None:
    _, surface = ball()
    scene = Scene([SurfaceLayer(surface)], Camera(parallel=parallel, azimuth_degrees=20))
    pixels = screenshot(scene, size=(500, 400), scale_bar=True).astype(int)
    red = pixels[:, :, 0] > pixels[:, :, 2] + 60
    bar_px = (pixels == 255).all(axis=2).sum(axis=1).max()  # of 10 mm
    diameter_px = red.any(axis=0).sum()
    # With perspective the ball's outline lies before its middle: a little larger.
    assert 10 * diameter_px / bar_px == pytest.approx(40, rel=0.02 if parallel else 0.06)


@pytest.mark.parametrize("kind", ["surface", "volume"])
def test_a_transparent_picture_is_the_scene_alone(kind: str) -> None:
    volume, surface = ball()
    layer = SurfaceLayer(surface) if kind == "surface" else VolumeLayer(volume, "bone")
    pixels = screenshot(Scene([layer]), size=(300, 240), transparent=True)
    assert pixels.shape == (240, 300, 4)
    assert pixels[120, 150, 3] > 250
    assert not pixels[5, 5].any()
    solid = screenshot(Scene([layer], background=(255, 255, 255)), size=(300, 240))
    inside = pixels[:, :, 3] >= 252
    difference = np.abs(pixels[inside][:, :3].astype(int) - solid[inside])
    assert difference.max() <= 5


@pytest.mark.parametrize("wanted", [0.2, 0.5, 0.9])
def test_a_veil_covers_its_share_less_in_the_middle_than_at_the_rim(wanted: float) -> None:
    _, surface = ball()
    scene = Scene([SurfaceLayer(surface, opacity=wanted)], Camera(parallel=True))
    covered = screenshot(scene, size=(300, 240), transparent=True)[..., 3] / 255
    row, radius = covered[120], np.count_nonzero(covered[120]) / 2
    for share in (0.0, 0.5, 0.8, 0.95):
        slant = 1 - np.sqrt(1 - share**2)
        once = wanted * (1 + (1 - wanted) * (3 * slant**2 - 0.5))
        expected = 1 - (1 - min(once, 1)) ** 2  # front and back of the ball
        assert row[round(149.5 + share * radius)] == pytest.approx(expected, abs=0.04)


def test_veils_are_blended_in_their_order_in_space() -> None:
    _, surface = ball()
    behind = replace(surface, points=surface.points + np.array((0.0, 80.0, 0.0)))
    layers = [SurfaceLayer(behind, (250, 0, 0), 0.8), SurfaceLayer(surface, (0, 0, 250), 0.8)]
    seen = [
        screenshot(Scene(order, Camera(parallel=True)), size=(300, 240))[120, 150].astype(int)
        for order in (layers, layers[::-1])
    ]
    assert np.abs(seen[0] - seen[1]).max() <= 2
    assert seen[0][2] > 2 * seen[0][0]
