"""Airways past a gap in the trachea, and lungs to which none come."""

import numpy as np
import pytest

from tests.segmentation.simple_chest import TRUTH, check, chest, turned, upright
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap
from vis3d.segmentation import segment
from vis3d.volume import Volume


def slanting(
    spacing_mm: tuple[float, float, float], hand: int, degrees: float = 20.0
) -> Geometry:
    """An oblique grid of unequal steps; with hand -1 columns and slices run the other way."""
    box = turned(degrees, axis=1)
    ni, nj, nk = (int(3 * n / mm) for n, mm in zip(box.shape[::-1], spacing_mm, strict=True))
    far = np.array([ni - 1, 0, nk - 1]) * np.array(spacing_mm) * (1 - hand) / 2
    direction = box.direction @ np.diag([hand, 1.0, hand])
    return Geometry((nk, nj, ni), spacing_mm, box.origin + box.direction @ far, direction)


WAYS = [
    pytest.param(upright((2.1, 2.3, 2.5)), id="anisotropic"),
    pytest.param(slanting((2.1, 2.3, 2.8), 1), id="oblique"),
    pytest.param(slanting((2.3, 2.1, 2.7), -1), id="oblique, the other way"),
]
FORK_MM = 30.0


def forked(geometry: Geometry) -> tuple[Volume, np.ndarray]:
    """The chest with main bronchi from the fork of the trachea into both lungs."""
    volume, truth = chest(geometry, noise_hu=10.0)
    x, y, z = at(geometry)
    array = volume.array.copy()
    lungs = np.isin(truth, (TRUTH["left lung"], TRUTH["right lung"]))
    array[(np.hypot(x, y + 5) < 12) & (z < FORK_MM + 8) & ~lungs] = 40
    down = FORK_MM + 5 - z
    for side in (1, -1):
        away = np.hypot(x - side * 0.9 * down, y + 5)
        way = (down > 0) & (down < 62)
        array[(away < 9) & way & (~lungs | (down > 30))] = 40
        lumen = (away < 6.5) & way
        array[lumen] = -1000
        truth[lumen] = TRUTH["airways"]
    truth[(truth == TRUTH["airways"]) & (array > -500)] = TRUTH["body"]
    return volume.with_array(array), truth


def at(geometry: Geometry) -> np.ndarray:
    nk, nj, ni = geometry.shape
    ijk = np.stack(np.meshgrid(*(np.arange(n) for n in (ni, nj, nk)), indexing="ij"), axis=-1)
    return np.moveaxis(geometry.to_lps(ijk.transpose(2, 1, 0, 3)), -1, 0)


def plugged(volume: Volume, low_mm: float, high_mm: float, side: float = 0.0) -> Volume:
    """The airways of the middle (or of one side) full of mucus between two heights."""
    x, y, z = at(volume.geometry)
    array = volume.array.copy()
    here = (np.abs(y + 5) < 14) & (z > low_mm) & (z < high_mm)
    here &= (side * x > 8) if side else (np.abs(x) < 14)
    array[here & (np.abs(x) < 40)] = 40
    return volume.with_array(array)


def airways_in_lungs(labels: LabelMap, truth: np.ndarray) -> float:
    lungs = labels.mask("lungs").array
    inside = np.count_nonzero(lungs & (truth == TRUTH["airways"]))
    return inside / np.count_nonzero(lungs)


@pytest.mark.parametrize("geometry", WAYS)
def test_airways_go_on_below_mucus_in_the_trachea(geometry: Geometry) -> None:
    volume, truth = forked(geometry)
    whole = segment(volume, ["lungs", "airways"])
    labels = segment(plugged(volume, 55, 80), ["lungs", "airways"])
    assert check(whole, "bronchi").ok
    assert check(labels, "bronchi").ok
    assert airways_in_lungs(labels, truth) < 0.002
    below = at(geometry)[2] < 50
    lost = whole.mask("airways").array & ~labels.mask("airways").array & below
    assert np.count_nonzero(lost) < 0.02 * np.count_nonzero(whole.mask("airways").array)


@pytest.mark.parametrize("side", [1, -1])
def test_a_lung_to_which_no_airway_comes_is_named(side: int) -> None:
    volume, _ = forked(slanting((2.3, 2.1, 2.8), hand=side))
    labels = segment(plugged(volume, -60, 40, side=side), ["lungs", "airways"])
    said = check(labels, "bronchi")
    assert not said.ok
    assert ("left" if side > 0 else "right") in said.message
    assert ("right" if side > 0 else "left") not in said.message


@pytest.mark.parametrize("geometry", [WAYS[0], slanting((2.1, 2.3, 2.8), 1, -20.0)])
def test_bowel_below_the_lungs_is_no_bronchus_past_a_gap(geometry: Geometry) -> None:
    volume, truth = forked(geometry)
    x, y, z = at(geometry)
    array = plugged(volume, -60, 40, side=-1).array.copy()
    bowel = (np.hypot(x + 20, y + 35) < 13) & (z > -150) & (z < -60)
    bowel &= ~np.isin(truth, (TRUTH["left lung"], TRUTH["right lung"]))
    array[bowel] = -1000
    labels = segment(volume.with_array(array), ["lungs", "airways"])
    assert not np.count_nonzero(labels.mask("airways").array & bowel)
    said = check(labels, "bronchi")
    assert not said.ok
    assert "right" in said.message


def test_airways_go_on_round_and_below_a_tube_in_the_trachea() -> None:
    """The tube's lumen is the longest chain, too narrow for the tree that hangs on it."""
    geometry = slanting((1.1, 1.3, 2.7), 1, 10.0)
    volume, truth = forked(geometry)
    x, y, z = at(geometry)
    off, top_mm = np.hypot(x, y + 5), 120
    wall = (off >= 4.5) & (off < 6) & (z > FORK_MM + 20)
    array = np.where(wall, 300, volume.array)
    array[(off < 11) & (z > top_mm)] = 40
    truth[wall | (z > top_mm)] = TRUTH["body"]
    labels = segment(volume.with_array(array.astype(np.int16)), ["lungs", "airways"])
    assert np.mean(labels.mask("airways").array[truth == TRUTH["airways"]]) > 0.9


@pytest.mark.parametrize("geometry", WAYS)
def test_a_tube_that_ends_in_a_bronchus_is_told(geometry: Geometry) -> None:
    volume, _ = forked(geometry)
    x, y, z = at(geometry)
    off = np.hypot(x, y + 5)
    array = np.where((off >= 4.2) & (off < 11) & (z > 10), 40, volume.array)
    labels = segment(volume.with_array(array.astype(np.int16)), ["lungs", "airways"])
    said = check(labels, "trachea-found")
    assert not said.ok
    assert "tube" in said.message
