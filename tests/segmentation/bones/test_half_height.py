"""Bone ends half-way up its edges: thick ones lose their blurred rims, thin walls nothing."""

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from skimage.measure import label

from tests.conftest import oblique_geometry
from tests.segmentation.bones.test_thick_slices import bones_ml, finer
from tests.segmentation.simple_chest import dice
from vis3d.phantom import chest_phantom
from vis3d.segmentation import segment
from vis3d.segmentation.bones.half_height import end_half_way
from vis3d.volume import Volume

SPACING = (0.8, 0.9, 2.5)
PARTS = (5, 3, 3)
"""Into how many parts voxels are cut along k, j and i where bones are drawn."""
KERNEL_MM = 0.6
LARGE = (3.0, 2.6, 2.4)
"""The spacing along k, j and i of voxels wider than walls are thick, in mm."""
Bools = NDArray[np.bool_]


def ribs(slice_mm: float) -> tuple[Volume, Bools]:
    """Leaning bones with a wall of 1.2 mm as a scanner sees them; where most is bone."""
    shape = (round(80 / slice_mm), 100, 112)
    geometry = oblique_geometry(shape, (*SPACING[:2], slice_mm))
    k, j, i = np.indices([n * p for n, p in zip(shape, PARTS, strict=True)], np.float32)
    x, y, z = (
        ((n + 0.5) / p - m / 2) * mm
        for n, p, m, mm in zip(
            (i, j, k), PARTS[::-1], shape[::-1], geometry.spacing, strict=True
        )
    )
    depth = np.hypot(x, y)
    hu = np.select([depth < 36, depth < 42, depth < 44], [50.0, -100.0, 20.0], -1000.0)
    bone = np.zeros(hu.shape, bool)
    for side, radius, lean in ((-20.0, 9.0, 0.2), (4.0, 6.0, -0.25), (22.0, 5.0, 0.1)):
        away = np.hypot(x - side - lean * z, y + 0.15 * z)
        hu[away < radius] = 900.0
        hu[away < radius - 1.2] = 180.0
        bone |= away < radius
    for axis in (1, 2):
        hu = gaussian_filter1d(hu, KERNEL_MM * PARTS[axis] / SPACING[2 - axis], axis)
    cut = [n for pair in zip(shape, PARTS, strict=True) for n in pair]
    hu, share = (a.reshape(cut).mean(axis=(1, 3, 5)) for a in (hu, bone))
    hu += np.random.default_rng(5).normal(0, 12, hu.shape)
    array = np.rint(hu).astype(np.int16)
    return Volume(array, geometry, metadata={"modality": "CT"}), share > 0.5


@pytest.mark.parametrize("slice_mm", [1.0, 2.5, 5.0])
def test_bones_are_hardly_thicker_than_they_are(slice_mm: float) -> None:
    volume, truth = ribs(slice_mm)
    mask = segment(volume, ["bones"]).mask("bones").array
    assert dice(mask, truth) > 0.963
    assert mask.sum() < 1.07 * truth.sum()


def test_walls_are_as_thick_in_mm_on_every_grid() -> None:
    phantom = chest_phantom(
        shape=(14, 300, 400), spacing=(0.75, 0.8, 1.2), direction=oblique_geometry().direction
    )
    ml = bones_ml(phantom.volume)
    assert ml == pytest.approx(phantom.labels.volume_ml("bones"), rel=0.01)
    assert bones_ml(finer(phantom.volume, (1, 2, 2), 3)) == pytest.approx(ml, rel=0.003)


def a_block_and_a_wall() -> tuple[NDArray[np.int16], Bools, Bools]:
    """HU of a block with a dim rim and of a wall three voxels thick; both; the rim."""
    hu = np.full((26, 28, 30), 40, np.int16)
    hu[6:20, 5:19, 4:16] = 300
    hu[7:19, 6:18, 5:15] = 900
    rim = hu == 300
    for i, value in ((21, 300), (22, 320), (23, 160)):
        hu[4:22, 4:24, i] = value
    return hu, hu > 130, rim


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("axes", list(permutations(range(3))))
@pytest.mark.parametrize("flipped", [(), (0, 2), (1,)])
def test_a_rim_goes_and_a_wall_stays_whichever_way_they_run(
    axes: tuple[int, ...], flipped: tuple[int, ...], parts: int
) -> None:
    def turn(array: NDArray[np.generic]) -> NDArray[np.generic]:
        cut = array.repeat(parts, 0).repeat(parts, 1).repeat(parts, 2)
        return np.ascontiguousarray(np.flip(cut.transpose(axes), flipped))

    hu, bones, rim = (turn(array) for array in a_block_and_a_wall())
    spacing = [(1.1, 0.8, 0.9)[axis] / parts for axis in axes]
    wanted = bones & ~rim
    end_half_way(bones, hu, (spacing[0], spacing[1], spacing[2]))
    # the corners of a wall run on along it, as thick bone does
    assert np.count_nonzero(wanted & ~bones) < 0.01 * np.count_nonzero(wanted)
    assert np.count_nonzero(bones & rim) < 0.2 * np.count_nonzero(rim)


def test_bone_that_the_scan_cuts_keeps_its_last_slices() -> None:
    hu, bones, _ = a_block_and_a_wall()
    part = (slice(8, 18), slice(8, None), slice(None, 13))
    hu, cut = hu[part], bones[part].copy()
    end_half_way(cut, hu, (1.1, 0.8, 0.9))
    for axis, end in ((0, 0), (0, -1), (1, 0), (2, -1)):
        inner = np.take(cut, -2 if end else 1, axis)
        # a few corners that hold on to nothing may go
        assert np.count_nonzero(np.take(cut, end, axis) != inner) <= 4


def test_a_rim_goes_on_large_voxels_too() -> None:
    hu, bones, rim = a_block_and_a_wall()
    end_half_way(bones, hu, (4.4, 3.2, 3.6))
    # the edges of a block stay, and what joins them to it
    assert np.count_nonzero(bones & rim) < 0.3 * np.count_nonzero(rim)
    assert bones[hu > 300].all()


def slanting_wall(
    thick_mm: float, wall_hu: float = 900.0
) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """HU of a wall between muscle and fat, on large voxels; its share of each."""
    parts, shape = 6, (30, 34, 38)
    kji = np.indices([n * parts for n in shape], np.float32)
    away = sum(
        way * ((n + 0.5) / parts - m / 2) * mm
        for way, n, m, mm in zip((0.36, 0.48, 0.8), kji, shape, LARGE, strict=True)
    )
    hu = np.where(np.abs(away) < thick_mm / 2, wall_hu, np.where(away > 0, 50.0, -90.0))
    cut = [n for m in shape for n in (m, parts)]
    hu, share = (a.reshape(cut).mean(axis=(1, 3, 5)) for a in (hu, hu == wall_hu))
    hu += np.random.default_rng(6).normal(0, 12, shape)
    return np.rint(hu).astype(np.int16), share


@pytest.mark.parametrize(("thick_mm", "most"), [(3.0, 1.4), (4.5, 1.03)])
def test_a_wall_on_large_voxels_is_as_thick_as_it_is_and_has_no_hole(
    thick_mm: float, most: float
) -> None:
    hu, share = slanting_wall(thick_mm)
    bones = hu > 130
    end_half_way(bones, hu, LARGE)
    assert label(~bones, connectivity=3).max() == 2
    assert bones.sum() < most * share.sum()


def test_a_wall_softer_than_cortex_stays_whole() -> None:
    hu, _ = slanting_wall(3.0, 350.0)
    bones = hu > 130
    kept = bones.copy()
    end_half_way(kept, hu, LARGE)
    assert np.count_nonzero(kept) > 0.97 * np.count_nonzero(bones)


def test_bone_beside_what_is_dense_itself_keeps_its_rim() -> None:
    hu, bones, _ = a_block_and_a_wall()
    hu[hu == 40] = 200
    bones = hu > 250
    kept = bones.copy()
    end_half_way(kept, hu, (1.1, 0.8, 0.9))
    np.testing.assert_array_equal(kept, bones)
