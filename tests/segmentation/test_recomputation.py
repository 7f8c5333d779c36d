"""The same scan segmented again, on more or fewer cores or cropped: the same answer."""

from pathlib import Path

import numpy as np
import pytest

from tests.segmentation.simple_chest import chest, turned
from vis3d.files import load_volume
from vis3d.labels import LabelMap
from vis3d.segmentation import segment
from vis3d.segmentation.voxels import morphology, slabs
from vis3d.volume import Volume

EVERYTHING = ("body", "lungs", "airways", "cortical", "cancellous")
CORES = (1, 2, 8)


@pytest.fixture(scope="module")
def scan() -> Volume:
    """A chest with contrast in the heart and noise, so that every step has work to do."""
    volume, _ = chest(turned(25.0), noise_hu=30.0)
    k, j, i = np.indices(volume.geometry.shape)
    ijk = np.stack([i, j, k], axis=-1)
    x, y, z = np.moveaxis(volume.geometry.to_lps(ijk), -1, 0)
    array = volume.array.copy()
    array[(np.hypot(x, y + 5) < 24) & (np.abs(z + 40) < 40)] += 220
    return volume.with_array(array)


def segmented(volume: Volume, cores: int, monkeypatch: pytest.MonkeyPatch) -> LabelMap:
    """All structures, found on so many cores."""
    for module in (slabs, morphology):
        monkeypatch.setattr(module, "THREADS", cores)
    return segment(volume, EVERYTHING)


def test_the_number_of_cores_changes_no_voxel_and_no_word(
    scan: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = [segmented(scan, cores, monkeypatch) for cores in (*CORES, CORES[-1])]
    assert all((first.array == structure.label).any() for structure in first.structures)
    assert "Contrast of" in {c.code: c.message for c in first.report.checks}["contrast"]
    for other in others:
        np.testing.assert_array_equal(other.array, first.array)
        assert other.report.checks == first.report.checks


def test_a_crop_far_away_on_other_cores_changes_no_voxel(
    scan: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, shape = (0, 3, 4), (110, 94, 126)
    cut = tuple(slice(s, s + n) for s, n in zip(start, shape, strict=True))
    geometry = scan.geometry.cropped(start, shape)
    smaller = scan.with_array(np.ascontiguousarray(scan.array[cut]), geometry)
    whole = segmented(scan, 1, monkeypatch).array[cut]
    np.testing.assert_array_equal(segmented(smaller, 8, monkeypatch).array, whole)


def test_a_real_scan_is_the_same_on_any_number_of_cores(
    real_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = load_volume(real_data / "totalsegmentator" / "example_ct.nii.gz")
    first, *others = [segmented(volume, cores, monkeypatch) for cores in CORES]
    for other in others:
        np.testing.assert_array_equal(other.array, first.array)
        assert other.report.checks == first.report.checks
