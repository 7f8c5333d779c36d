"""Thick slices: bone ends half-way up its edges, wherever slices and finer grids put them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, zoom

from tests.conftest import oblique_geometry
from tests.segmentation.simple_chest import dice
from vis3d.files import load_volume
from vis3d.geometry import Geometry
from vis3d.phantom import chest_phantom
from vis3d.segmentation import segment
from vis3d.segmentation.bones.thick_slices import BlurredAxis, beyond_edges, blurred_axis
from vis3d.volume import Volume

SPACING = (0.9, 1.1, 4.0)
PARTS = 8


def bars() -> tuple[Volume, float]:
    """Bars of bone that lie across thick slices, averaged over each slice; and their ml."""
    geometry = oblique_geometry((26, 84, 96), SPACING)
    k, j, i = np.indices((26 * PARTS, 84, 96), dtype=np.float32)
    x, y = (i - 47.5) * SPACING[0], (j - 41.5) * SPACING[1]
    z = ((k + 0.5) / PARTS - 13) * SPACING[2]
    depth = np.hypot(x, y)
    hu = np.select([depth < 36, depth < 40, depth < 42], [50.0, -100.0, 20.0], -1000.0)
    bone = np.zeros(hu.shape, bool)
    for middle, turn in ((-30.0, 0.3), (-8.0, -0.2), (13.0, 0.1), (32.0, -0.4)):
        across, level = y - turn * x, z - middle - 0.2 * x
        bone |= (np.abs(across) < 14) & (np.abs(level) < 6) & (np.abs(x) < 26)
    hu[bone] = 750.0
    for axis, mm in ((1, SPACING[1]), (2, SPACING[0])):
        hu = gaussian_filter1d(hu, 0.5 / mm, axis)
    slices = hu.reshape(26, PARTS, 84, 96).mean(axis=1)
    slices += np.random.default_rng(5).normal(0, 8, slices.shape)
    ml = np.count_nonzero(bone) * geometry.voxel_ml / PARTS
    return Volume(np.rint(slices).astype(np.int16), geometry, metadata={"modality": "CT"}), ml


def finer(volume: Volume, times: tuple[int, int, int], order: int) -> Volume:
    """Each voxel cut into `times` (k, j, i), the values interpolated by splines."""
    values = np.maximum(volume.array, -1024).astype(np.float32)
    values = zoom(values, times, order=order, mode="nearest", grid_mode=True)
    array = np.rint(np.clip(values, -1024, 4000)).astype(np.int16)
    old, (ni, nj, nk) = volume.geometry, times[::-1]
    i_mm, j_mm, k_mm = old.spacing
    origin = old.to_lps([(1 / n - 1) / 2 for n in (ni, nj, nk)])
    spacing = (i_mm / ni, j_mm / nj, k_mm / nk)
    grid = Geometry(array.shape, spacing, tuple(origin.tolist()), old.direction)
    return replace(volume, array=array, geometry=grid, padding=None)


def bones_ml(volume: Volume) -> float:
    return segment(volume, ["bones"]).volume_ml("bones")


def test_bars_across_thick_slices_keep_their_volume() -> None:
    volume, true_ml = bars()
    ml = bones_ml(volume)
    assert ml == pytest.approx(true_ml, rel=0.01)
    # linear values are no scanner's: they fill the narrow ends of the gaps between the bars
    assert bones_ml(finer(volume, (2, 1, 1), 1)) == pytest.approx(ml, rel=0.085)
    assert bones_ml(finer(volume, (2, 1, 1), 3)) == pytest.approx(ml, rel=0.005)


def test_finer_slices_hardly_change_the_bones_of_a_phantom() -> None:
    volume = chest_phantom(shape=(60, 160, 180), spacing=(2.0, 2.0, 4.0)).volume
    ml = bones_ml(volume)
    for order, change in ((1, 0.0125), (3, 0.005)):
        assert bones_ml(finer(volume, (2, 1, 1), order)) == pytest.approx(ml, rel=change)


def test_finer_voxels_hardly_change_the_bones_of_a_phantom_of_large_ones() -> None:
    volume = chest_phantom(
        shape=(48, 78, 96), spacing=(3.1, 3.3, 2.9), direction=oblique_geometry().direction
    ).volume
    ml = bones_ml(volume)
    for times in ((1, 2, 2), (2, 2, 2)):
        assert bones_ml(finer(volume, times, 1)) == pytest.approx(ml, rel=0.015)


def test_fat_that_lies_half_open_stays_out_however_deep() -> None:
    phantom = chest_phantom(
        shape=(50, 190, 230),
        spacing=(1.6, 1.7, 4.0),
        direction=oblique_geometry().direction,
    )
    found = segment(phantom.volume, ["bones"]).mask("bones").array
    truth = phantom.labels.mask("bones").array
    assert dice(found, truth) > 0.899


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
def test_the_blurred_axis_is_found_wherever_it_lies_and_on_finer_grids(
    axes: tuple[int, int, int],
) -> None:
    volume, _ = bars()
    for scan in (volume, finer(volume, (2, 1, 1), 1), finer(volume, (2, 1, 1), 3)):
        spacing = [scan.geometry.spacing[::-1][axis] for axis in axes]
        turned = np.ascontiguousarray(scan.array.transpose(axes))
        found = blurred_axis(turned, (spacing[0], spacing[1], spacing[2]))
        assert found is not None
        assert axes[found.axis] == 0
        assert found.share > 0.4
    even = finer(volume, (1, 1, 1), 1).array[:, ::4, ::4]
    assert blurred_axis(even, (4.0, 4.0, 4.0)) is None, "as large one way as another"


def past(line: list[int], share: float = 0.5) -> NDArray[np.bool_]:
    """Where along a line of voxels, 4 mm apart, bone is taken to have ended."""
    values = np.zeros((3, len(line), 3), np.int16)
    values[1, :, 1] = line
    at = np.ravel_multi_index((1, np.arange(len(line)), 1), values.shape)
    return beyond_edges(values, at, BlurredAxis(1, 4.0, share), 130.0)


def test_bone_ends_half_way_between_it_and_what_lies_beside_it() -> None:
    line = [50, 50, 300, 750, 750, 500, 50, 50]
    assert np.flatnonzero(past(line)).tolist() == [1, 2, 6]
    assert np.flatnonzero(past(line, share=0.3)).tolist() == [1, 6]


def test_a_thin_wall_and_marrow_between_walls_stay() -> None:
    assert not past([50, 50, 160, 50, 50])[2]
    assert not past([700, 160, 300, 700])[1:3].any(), "nothing there is soft tissue"
    assert not past([50, 700, 300, 150, 300, 700, 50])[2:5].any()


@pytest.mark.real
@pytest.mark.slow
def test_thicker_slices_of_one_chest_hold_as_much_bone(real_data: Path) -> None:
    scan = load_volume(real_data / "lidc_idri_0314.zip", slices=slice(62, 158))
    scan = replace(scan, array=np.maximum(scan.array, -1024))
    ml = bones_ml(scan)
    for times in (3, 4):
        array = np.rint(scan.array.reshape(-1, times, 512, 512).mean(axis=1)).astype(np.int16)
        i_mm, j_mm, k_mm = scan.geometry.spacing
        origin = tuple(scan.geometry.to_lps([0, 0, (times - 1) / 2]).tolist())
        spacing = (i_mm, j_mm, k_mm * times)
        grid = Geometry(array.shape, spacing, origin, scan.geometry.direction)
        assert bones_ml(replace(scan, array=array, geometry=grid)) == pytest.approx(
            ml, rel=0.03
        )


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "options", "linear", "cubic"),
    [
        ("totalsegmentator/example_ct_dicom.zip", {}, 0.01, 0.01),
        ("totalsegmentator/example_ct.nii.gz", {}, 0.04, 0.0125),
        ("cmb_crc_01068.zip", {}, 0.015, 0.0125),
        ("lung_pet_ct_dx_a0002.zip", {"series": 2}, 0.01, 0.02),
        ("ge_tilted_head.zip", {"gaps": "interpolate"}, 0.035, 0.01),
    ],
)
def test_finer_slices_change_the_bones_of_a_patient_little(
    real_data: Path, file: str, options: dict[str, object], linear: float, cubic: float
) -> None:
    volume = load_volume(real_data / file, **options)  # type: ignore[arg-type]
    ml = bones_ml(finer(volume, (1, 1, 1), 1))
    for order, change in ((1, linear), (3, cubic)):
        assert bones_ml(finer(volume, (2, 1, 1), order)) == pytest.approx(ml, rel=change)


@pytest.mark.parametrize("axis", [None, 0, 2])
def test_bone_without_edges_is_blurred_along_no_axis(axis: int | None) -> None:
    hu = np.full((24, 30, 40), 900.0, np.float32)
    if axis is not None:
        hu += 10 * np.indices(hu.shape)[axis]
    assert blurred_axis(hu, (4.0, 1.1, 0.9)) is None
    geometry = oblique_geometry(hu.shape, SPACING)
    labels = segment(Volume(hu, geometry, "HU"), ["bones"])
    assert labels.report is not None
