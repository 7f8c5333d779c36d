"""A real chest looks like one."""

from collections.abc import Callable
from pathlib import Path

import pytest

import vis3d
from vis3d.imaging import WINDOWS, cut, default_window, fitted, picture, slice_count
from vis3d.rendering import Stage
from vis3d.scene import Scene, VolumeLayer
from vis3d.volume import Volume

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def chest(real_data: Path) -> Volume:
    """A chest whose right lung is small by disease."""
    volume: Volume = vis3d.load_volume(real_data / "lidc_idri_0314.zip")
    return volume


def test_the_small_right_lung_is_on_the_left_of_the_picture(chest: Volume) -> None:
    window = WINDOWS["lung"]
    middle = slice_count(chest.geometry, "coronal") // 2
    pixels = fitted(picture(chest, "coronal", middle, window, square=True), (512, 400))[..., 0]
    lung = (pixels > 70) & (pixels < 130)
    left, right = lung[:, :256].sum(), lung[:, 256:].sum()
    assert left > 2000
    assert right > 1.5 * left


def test_the_spine_is_below_in_axial_and_on_the_right_in_sagittal_slices(chest: Volume) -> None:
    axial = cut(chest, "axial", slice_count(chest.geometry, "axial") // 2).array
    sagittal = cut(chest, "sagittal", slice_count(chest.geometry, "sagittal") // 2).array
    bone = axial[:, 230:290] > 300
    assert bone[256:].sum() > 3 * bone[:200].sum()
    bone = sagittal > 300
    assert bone[:, 256:].sum() > 3 * bone[:, :200].sum()


def test_it_opens_in_a_window_that_shows_lungs_or_as_the_file_says(chest: Volume) -> None:
    own = chest.metadata.get("windows")
    window = default_window(chest)
    told = own if isinstance(own, tuple) and own else ((-600, 1500),)
    expected = [tuple(one[:2]) for one in told]
    assert (window.center, window.width) in expected


def test_its_bones_are_seen_in_the_middle_of_the_picture(
    chest: Volume, make_stage: Callable[..., Stage]
) -> None:
    stage = make_stage((240, 180), max_voxels=5_000_000)
    stage.show(Scene([VolumeLayer(chest, "mip")]))
    stage.render()
    bright = stage.picture().min(axis=-1) > 150
    columns = bright.mean(axis=0)
    assert columns[110:130].mean() > 2 * columns[:60].mean()
    assert 0.02 < bright.mean() < 0.5
