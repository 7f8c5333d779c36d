"""The airway tree: how far it reaches, and that it ends where walls give way."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.conftest import oblique_geometry
from tests.segmentation.lungs.test_lungs import cropped, drawn, lps
from tests.segmentation.simple_chest import chest, turned, upright
from vis3d.labels import LabelMap
from vis3d.phantom import chest_phantom
from vis3d.resample import resample
from vis3d.segmentation import segment
from vis3d.segmentation.lungs import trachea
from vis3d.volume import Volume


@pytest.mark.parametrize("noise_hu", [15.0, 45.0])
def test_the_tree_reaches_the_lobes_without_leaking(noise_hu: float) -> None:
    phantom = chest_phantom(
        shape=(100, 130, 150), spacing=(1.8, 1.8, 2.2), noise_hu=noise_hu, seed=3
    )
    tree = segment(phantom.volume, ["airways"]).mask("airways").array
    truth = phantom.labels.mask("airways").array
    assert np.count_nonzero(tree & truth) > 0.75 * np.count_nonzero(truth)
    assert np.count_nonzero(tree & ~truth) < 0.1 * np.count_nonzero(truth)


@pytest.mark.parametrize("spacing", [(0.8, 0.8, 2.0), (0.4, 0.4, 2.0)])
def test_small_pixels_see_as_far_as_large_ones(spacing: tuple[float, float, float]) -> None:
    ni, nj, nk = (round(size / mm) for size, mm in zip((200, 180, 130), spacing, strict=True))
    phantom = chest_phantom(
        shape=(nk, nj, ni), spacing=spacing, direction=oblique_geometry().direction, seed=2
    )
    tree = segment(phantom.volume, ["airways"]).mask("airways").array
    truth = phantom.labels.mask("airways").array
    assert np.count_nonzero(tree & truth) > 0.65 * np.count_nonzero(truth)
    assert np.count_nonzero(tree & ~truth) < 0.03 * np.count_nonzero(truth)


@pytest.mark.parametrize("share", [0.75, 0.5])
def test_the_tree_stays_on_finer_voxels(share: float) -> None:
    phantom = chest_phantom(
        shape=(100, 130, 150),
        spacing=(1.8, 1.8, 2.2),
        direction=oblique_geometry().direction,
        seed=6,
    )
    fine = on_finer_voxels(phantom.volume, share)
    before, after = (
        segment(v, ["airways"]).volume_ml("airways") for v in (phantom.volume, fine)
    )
    assert after == pytest.approx(before, rel=0.08)


@pytest.mark.parametrize(
    ("noise_hu", "pixels", "sharper", "least"),
    [(5, 0.8, -1.0, 0.8), (5, 1.6, -1.0, 0.7), (25, 1.0, 1.5, 0.8)],
    ids=["soft", "very soft", "sharp"],
)
def test_no_kernel_loses_many_bronchi_or_floods_lung(
    noise_hu: float, pixels: float, sharper: float, least: float
) -> None:
    phantom = chest_phantom(
        shape=(70, 225, 250),
        spacing=(1.0, 1.0, 3.2),
        direction=oblique_geometry().direction,
        noise_hu=noise_hu,
        seed=4,
    )
    values = phantom.volume.array.astype(np.float32)
    values += sharper * (values - gaussian_filter(values, (0, pixels, pixels)))
    volume = replace(phantom.volume, array=np.rint(values).astype(np.int16))
    tree = segment(volume, ["airways"]).mask("airways").array
    truth = phantom.labels.mask("airways").array
    assert np.count_nonzero(tree & truth) > least * np.count_nonzero(truth)
    assert np.count_nonzero(tree & ~truth) < 0.06 * np.count_nonzero(truth)


def on_finer_voxels(volume: Volume, share: float) -> Volume:
    """The volume on voxels of that share of their size."""
    i, j, k = (share * mm for mm in volume.geometry.spacing)
    return resample(volume, volume.geometry.with_spacing((i, j, k)))


def test_a_lump_of_foam_in_the_lumen_is_airway() -> None:
    volume, truth = chest(turned(17, spacing_mm=2.0))
    kji = np.stack(np.indices(truth.shape), axis=-1)
    middle = np.argwhere(truth == 3).mean(axis=0)
    lump = (truth == 3) & (np.linalg.norm(kji - middle, axis=-1) < 2.5)
    labels = segment(drawn(volume, lump, -825, 3.0), ["airways"])
    assert np.count_nonzero(lump) > 50
    assert np.mean(labels.array[lump] == 3) > 0.98


def test_a_hole_in_the_wall_floods_no_lung() -> None:
    volume, truth = chest(upright((2.0, 2.0, 2.5)))
    x, y, z = lps(volume.geometry)
    torn = (np.hypot(y + 5, z - 40) < 4) & (x > 0) & (x < 60) & (truth == 5)
    labels = segment(drawn(volume, torn, -960), ["lungs", "airways"])
    trachea = np.count_nonzero(truth == 3)
    assert 0.8 * trachea < np.count_nonzero(labels.array == 3) < 1.4 * trachea
    assert "give way" in _leak(labels)
    assert np.count_nonzero(labels.array == 1) > 0.95 * np.count_nonzero(truth == 1)


@pytest.mark.parametrize("end", [119, 120])
def test_no_lung_is_flooded_where_the_scan_cuts_it(end: int) -> None:
    volume, truth = chest(upright((2.0, 2.0, 2.5)))
    x, y, z = lps(volume.geometry)
    torn = (np.hypot(y + 5, z - 40) < 4) & (x > 0) & (x < 200) & (truth == 5)
    nk, nj, _ = volume.geometry.shape
    cut = cropped(drawn(volume, torn, -960), (0, nk), (0, nj), (0, end))
    labels = segment(cut, ["lungs", "airways"])
    trachea = np.count_nonzero(truth == 3)
    assert 0.8 * trachea < np.count_nonzero(labels.array == 3) < 1.4 * trachea
    assert "give way" in _leak(labels)


def _leak(labels: LabelMap) -> str:
    return next(check.message for check in labels.report.checks if check.code == "leak")


def test_spots_are_joined_to_the_nearest_of_about_their_size() -> None:
    random, count = np.random.default_rng(6), 400
    spots = trachea._Spots(
        np.zeros((0, 3), np.intp),
        np.zeros(0, np.intp),
        random.integers(0, 6, count),
        random.uniform(0, 60, (count, 2)),
        random.uniform(30, 300, count),
    )
    chains = trachea._chains(spots, (3.0, 1.0, 1.0))
    assert sorted(number for chain in chains for number in chain) == list(range(count))
    taken: set[int] = set()
    for chain in chains:
        for above, below in zip(chain, [*chain[1:], None], strict=True):
            assert below == nearest_below(spots, above, taken), "as a plain loop finds it"
        taken.update(chain)


def nearest_below(spots: trachea._Spots, above: int, taken: set[int]) -> int | None:
    found = [
        (float(np.hypot(*(spots.center_mm[one] - spots.center_mm[above]))), one)
        for one in range(len(spots.k))
        if spots.k[one] == spots.k[above] - 1
        and one not in taken
        and 0.4 < spots.area_mm2[one] / spots.area_mm2[above] < 2.5
    ]
    mm, one = min(found, default=(np.inf, None))
    return one if mm < trachea.MAX_STEP_MM else None
