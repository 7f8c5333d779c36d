"""What a scan never measured: the same in all slices or not, and what the rest is read as."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.conftest import oblique_geometry
from tests.segmentation.simple_chest import TRUTH, chest, dice, upright
from vis3d.geometry import Geometry
from vis3d.segmentation import segment
from vis3d.segmentation.voxels.frame import AIR_HU, patient_frame
from vis3d.segmentation.voxels.grids import leave_out_unmeasured, mostly, pooled, shares
from vis3d.segmentation.voxels.unmeasured import beyond_scan
from vis3d.volume import Volume

SHAPE = (6, 30, 40)


def scan(outside: np.ndarray, fill: int, padding: float | None) -> Volume:
    array = np.random.default_rng(0).integers(-900, 400, SHAPE).astype(np.int16)
    array[outside] = fill
    return Volume(array, oblique_geometry(SHAPE), padding=padding)


@pytest.mark.parametrize("everywhere", [True, False])
@pytest.mark.parametrize(("fill", "padding"), [(-3024, -3024.0), (-2000, None), (100, 100.0)])
def test_what_was_not_measured_is_marked_and_read_as_air(
    everywhere: bool, fill: int, padding: float | None
) -> None:
    outside = np.zeros(SHAPE, bool)
    outside[:, :, :7] = True
    if not everywhere:
        outside[4, 3:9, 20:30] = True
    volume = scan(outside, fill, padding)
    frame = patient_frame(volume)
    assert frame.unmeasured is not None
    stored = frame.as_stored(frame.unmeasured)
    assert np.array_equal(stored, outside | (volume.array == padding))
    values = frame.as_stored(frame.hu)
    assert (values[stored] <= AIR_HU).all()
    assert np.array_equal(values[~stored], volume.array[~stored])


@pytest.mark.parametrize("value", [np.inf, 1e30, 70_000.0])
def test_values_beyond_any_scale_are_taken_for_its_end(value: float) -> None:
    array = np.random.default_rng(0).integers(-900, 400, SHAPE).astype(np.float32)
    array[2, 3:9, 20:30] = value
    frame = patient_frame(Volume(array, oblique_geometry(SHAPE)))
    assert np.array_equal(frame.as_stored(frame.hu), array.clip(None, np.iinfo(np.int16).max))
    assert np.isfinite(pooled(frame.hu, (1, 2, 3))).all()
    assert array.max() == np.float32(value), "the scan itself stays as it was"


def test_a_mask_that_is_the_same_in_all_slices_is_pooled_once() -> None:
    one = np.random.default_rng(2).random((1, 31, 42)) < 0.5
    same = np.broadcast_to(one, (7, 31, 42))
    factors = (2, 3, 4)
    assert np.array_equal(mostly(same, factors), pooled(same.copy(), factors) > 0.5)


OBLIQUE, NODDING, TIPPED = (20.0, -15.0, 25.0), (0.0, 0.0, -20.0), (0.0, 12.0, 0.0)


def cut_chest(
    fill: int, turned: tuple[float, float, float] = OBLIQUE, off_hu: float = 0.0
) -> tuple[Volume, np.ndarray, np.ndarray]:
    """A chest that an upright scan cut above and below, on an oblique unequal grid.

    What was beyond that scan holds one value, as other programs write it, or what is at most
    `off_hu` off it. `turned` about the axes z, y, x, in degrees.
    """
    x, y = Rotation.from_euler("zyx", turned, degrees=True).apply(np.eye(3)[:2])
    spacing, shape = (2.5, 2.0, 3.5), (100, 170, 160)
    direction = np.stack([x, y, np.cross(x, y)], axis=1)
    lengths = np.array(shape[::-1]) * spacing
    origin = tuple((-direction @ lengths / 2).tolist())
    geometry = Geometry(shape, spacing, origin, direction)
    volume, truth = chest(geometry)
    k, j, i = np.indices(shape)
    lps = geometry.to_lps(np.stack([i, j, k], axis=-1))
    beyond = (np.abs(lps) > (185, 135, 75)).any(axis=-1)
    array = np.where(beyond, np.int16(fill), volume.array)
    if off_hu:
        off = np.random.default_rng(5).uniform(-off_hu, off_hu, shape)
        array = (array + off).astype(np.float32)
    return volume.with_array(array, geometry), np.where(beyond, 0, truth), beyond


@pytest.mark.parametrize(("fill", "off_hu"), [(-1024, 0.0), (0, 0.0), (-1024, 0.4)])
def test_lungs_end_where_a_turned_scan_was_filled_in(fill: int, off_hu: float) -> None:
    volume, truth, beyond = cut_chest(fill, off_hu=off_hu)
    frame = patient_frame(volume)
    assert frame.unmeasured is not None
    marked = frame.as_stored(np.broadcast_to(frame.unmeasured, frame.hu.shape))
    assert np.mean(marked[beyond]) > 0.9999
    assert np.mean(marked[~beyond]) < 1e-3, "air beside it may hold that value by chance"
    labels = segment(volume, ["lungs", "body"])
    for side in ("left lung", "right lung"):
        assert dice(labels.mask(side).array, truth == TRUTH[side]) > 0.97
    assert dice(labels.mask("body").array, truth > 0) > 0.98
    failed = {check.code for check in labels.report.checks if not check.ok}
    assert {"touches-edge", "body-cut"} <= failed


@pytest.mark.parametrize("turned", [NODDING, TIPPED])
def test_air_finds_no_way_into_a_lung_along_the_edge_of_a_scan(
    turned: tuple[float, float, float],
) -> None:
    volume, truth, _ = cut_chest(-1024, turned)
    labels = segment(volume, ["lungs", "body"])
    for side in ("left lung", "right lung"):
        assert dice(labels.mask(side).array, truth == TRUTH[side]) > 0.99
    assert dice(labels.mask("body").array, truth > 0) > 0.99


@pytest.mark.parametrize("everywhere", [True, False])
def test_what_was_not_measured_counts_in_no_mean(everywhere: bool) -> None:
    shape, factors = (7, 31, 42), (2, 3, 4)
    random = np.random.default_rng(3)
    hu = random.integers(-900, 400, shape).astype(np.int16)
    out = np.broadcast_to(random.random((1, *shape[1:])) < 0.4, shape)
    if not everywhere:
        out = random.random(shape) < 0.4
    air = np.where(out, np.int16(AIR_HU), hu)
    share = shares(out, factors)
    found = leave_out_unmeasured(pooled(air, factors), share)
    known = pooled(np.where(out, 0, hu), factors) / np.maximum(1 - share, 0.5)
    assert np.array_equal(share > 0.5, mostly(out, factors) & (share != 0.5))
    assert np.abs(found - known)[share <= 0.5].max() <= 0.51
    assert (found[share > 0.5] == AIR_HU).all()


@pytest.mark.parametrize("table", [False, True])
def test_even_air_round_a_body_is_no_fill(table: bool) -> None:
    volume, _ = chest(upright((3.0, 2.0, 4.0)), noise_hu=0.0, table=table)
    assert beyond_scan(volume.array, None) is None
