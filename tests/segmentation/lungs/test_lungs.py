"""Lungs that are cut, merged, missing, dark or dense, in a chest whose truth is known."""

import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from tests.segmentation.simple_chest import TRUTH, chest, dice, upright
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap
from vis3d.segmentation import segment
from vis3d.volume import Volume

SIDES = ("left lung", "right lung")


def messages(labels: LabelMap) -> dict[str, tuple[bool, str]]:
    return {check.code: (check.ok, check.message) for check in labels.report.checks}


def lps(geometry: Geometry) -> tuple[NDArray[np.float64], ...]:
    """The x, y and z of every voxel [k, j, i] of an upright grid."""
    axes = [
        origin + np.arange(n) * mm
        for origin, n, mm in zip(
            geometry.origin, geometry.shape[::-1], geometry.spacing, strict=True
        )
    ]
    return axes[0][None, None, :], axes[1][None, :, None], axes[2][:, None, None]


def drawn(volume: Volume, where: NDArray[np.bool_], hu: float, noise: float = 12.0) -> Volume:
    """The volume with a value, and noise, in some voxels."""
    array = volume.array.copy()
    random = np.random.default_rng(3)
    array[where] = np.rint(hu + random.normal(0, noise, np.count_nonzero(where)))
    return volume.with_array(array)


def cropped(volume: Volume, *parts: tuple[int, int]) -> Volume:
    start = tuple(first for first, _ in parts)
    shape = tuple(last - first for first, last in parts)
    cut = tuple(slice(first, last) for first, last in parts)
    geometry = volume.geometry.cropped(start, shape)
    return volume.with_array(np.ascontiguousarray(volume.array[cut]), geometry)


@pytest.mark.parametrize(
    ("parts", "where"),
    [
        (((0, 110), (0, 100), (32, 102)), "right side, left side"),
        (((0, 110), (34, 100), (0, 133)), "front"),
        (((0, 110), (0, 66), (0, 133)), "back"),
        (((0, 110), (33, 67), (30, 104)), "front, back, right side, left side"),
        (((40, 58), (0, 100), (0, 133)), "top, bottom"),
        (((0, 36), (0, 100), (0, 133)), "top"),
        (((80, 110), (0, 100), (0, 133)), "bottom"),
    ],
)
def test_lungs_are_found_wherever_the_edges_of_the_scan_cut_them(
    parts: tuple[tuple[int, int], ...], where: str
) -> None:
    volume, truth = chest(upright((3.0, 3.0, 3.0)))
    labels = segment(cropped(volume, *parts), ["lungs", "airways"])
    true = truth[tuple(slice(*part) for part in parts)]
    for name in SIDES:
        assert dice(labels.mask(name).array, true == TRUTH[name]) > 0.95, name
    ok, message = messages(labels)["touches-edge"]
    assert not ok
    assert f"({where})" in message


@pytest.mark.parametrize("fill", [-1024, 0])
def test_corners_outside_the_measured_circle_are_neither_air_nor_body(fill: int) -> None:
    volume, truth = chest(upright((3.0, 3.0, 3.0)))
    x, y, _ = lps(volume.geometry)
    outside = np.broadcast_to(np.hypot(x, y) > 115, truth.shape)
    labels = segment(drawn(volume, outside, fill, noise=0.0), ["lungs", "airways", "body"])
    assert not labels.array[outside].any()
    for name in SIDES:
        true = (truth == TRUTH[name]) & ~outside
        assert dice(labels.mask(name).array, true) > 0.95, name
    assert "edge of what was measured" in messages(labels)["touches-edge"][1]


@pytest.mark.parametrize(
    ("height_mm", "depth_mm", "slice_mm"), [(60, 25, 3.0), (90, 40, 8.0), (120, 50, 4.0)]
)
def test_merged_lungs_are_cut_where_they_touch(
    height_mm: int, depth_mm: int, slice_mm: float
) -> None:
    volume, truth = chest(upright((2.5, 2.5, slice_mm)))
    x, y, z = lps(volume.geometry)
    bridge = (
        (np.abs(x) < 45) & (np.abs(y + 32) < depth_mm / 2) & (np.abs(z + 40) < height_mm / 2)
    )
    labels = segment(drawn(volume, bridge & (truth == 5), -850), ["lungs", "airways"])
    found = {name: labels.mask(name).array for name in SIDES}
    lungs = (truth == 1) | (truth == 2)
    wrong = found["left lung"] & (truth == 2) | found["right lung"] & (truth == 1)
    assert np.count_nonzero(wrong) <= 0.001 * np.count_nonzero(lungs)
    inside = np.count_nonzero((found["left lung"] | found["right lung"]) & bridge)
    assert inside > 0.9 * np.count_nonzero(bridge & (truth == 5)), "the bridge is lung"
    _, message = messages(labels)["lungs-split"]
    found_mm = re.search(r"about [RL] (\d+), A (\d+), I (\d+) mm", message)
    assert found_mm is not None, "in front of the origin and below it"
    np.testing.assert_allclose([float(mm) for mm in found_mm.groups()], (0, 32, 40), atol=8)


@pytest.mark.parametrize("degrees", [0, 25, -25])
def test_lungs_without_a_wall_before_the_heart_are_cut_where_the_body_has_its_middle(
    degrees: int,
) -> None:
    volume, truth = chest(upright((2.5, 2.2, 4.0)))
    x, y, z = lps(volume.geometry)
    before = (np.abs(x) < 60) & (np.abs(y + 47) < 28) & (np.abs(z + 30) < 65)
    # thinnest where the heart comes near to the breastbone, to the left of the middle
    heart = (np.hypot((x - 28) / 45, (y + 20) / 40) < 1) & (np.abs(z + 30) < 75)
    bridge = before & ~heart
    sides = np.where(bridge & (truth == 5), np.where(x > 0, 1, 2), truth)
    merged = drawn(drawn(volume, bridge & (truth == 5), -850), heart & (truth < 3), 40)
    breastbone = (np.hypot(x / 22, (y + 83) / 5) < 1) & (np.abs(z) < 100)
    merged, sides[heart] = drawn(merged, breastbone, 500), 5
    turn = Rotation.from_euler("z", degrees, degrees=True).as_matrix()
    geometry = volume.geometry
    lying = replace(geometry, direction=turn, origin=tuple(turn @ geometry.origin))
    labels = segment(replace(merged, geometry=lying), ["lungs"])
    left, right = (labels.mask(name).array for name in SIDES)
    wrong = left & (sides == 2) | right & (sides == 1)
    assert np.count_nonzero(wrong) <= 0.005 * np.count_nonzero((sides == 1) | (sides == 2))
    assert not messages(labels)["lungs-split"][0]


def test_lungs_joined_through_the_middle_of_the_heart_are_cut_at_the_middle_of_the_body() -> (
    None
):
    volume, truth, (x, y, z) = oblique_chest()
    bridge = (np.abs(x) < 45) & (np.abs(y + 12) < 50) & (np.abs(z + 10) < 70) & (truth == 5)
    labels = segment(drawn(volume, bridge, -850), ["lungs", "airways"])
    left, right = (labels.mask(name).array for name in SIDES)
    wrong = left & (truth == 2) | right & (truth == 1)
    assert np.count_nonzero(wrong) <= 0.005 * np.count_nonzero((truth == 1) | (truth == 2))
    ok, message = messages(labels)["lungs-split"]
    assert not ok
    assert "cut apart" in message


def test_a_wide_contact_in_a_mouse_is_said_as_wide_as_it_is() -> None:
    volume, truth, (x, y, z) = oblique_chest()
    bridge = (np.abs(x) < 45) & (np.abs(y + 12) < 50) & (np.abs(z + 10) < 70) & (truth == 5)
    joined, grid, times = drawn(volume, bridge, -850), volume.geometry, 16
    spacing, origin = (tuple(np.array(mm) / times) for mm in (grid.spacing, grid.origin))
    mouse = replace(joined, geometry=replace(grid, spacing=spacing, origin=origin))
    said = re.search(
        r"wide \((\S+) cm2\)", messages(segment(mouse, ["lungs"]))["lungs-split"][1]
    )
    assert said is not None
    assert float(said[1]) == pytest.approx(100 * 140 / 100 / times**2, rel=0.5)


def test_a_single_lung_that_reaches_beyond_the_middle_stays_one_and_is_doubted() -> None:
    volume, truth, (x, y, z) = oblique_chest()
    beyond = (x > -50) & (x < 60) & (np.abs(y + 12) < 45) & (np.abs(z + 10) < 90)
    beyond &= np.isin(truth, (2, 5))
    alone = drawn(drawn(volume, truth == 2, 20), beyond, -850)
    labels = segment(alone, ["lungs", "airways"])
    assert labels.volume_ml("right lung") < 1
    assert dice(labels.mask("left lung").array, (truth == 1) | beyond) > 0.95
    ok, message = messages(labels)["lungs-split"]
    assert not ok
    assert "left lung goes on beyond the middle" in message


def oblique_chest() -> tuple[Volume, NDArray[np.uint8], tuple[NDArray[np.float64], ...]]:
    """A chest on a slanting grid, its truth, and the x, y and z of every voxel."""
    box = upright((2.5, 2.2, 4.0))
    turn = Rotation.from_euler("zyx", (15, -8, 10), degrees=True).as_matrix()
    grid = replace(box, direction=turn, origin=tuple(turn @ box.origin))
    kji = np.indices(grid.shape)
    return *chest(grid), tuple(np.moveaxis(grid.to_lps(np.moveaxis(kji[::-1], 0, -1)), -1, 0))


def test_a_mirrored_patient_has_mirrored_lungs() -> None:
    volume, _ = chest(upright((3.0, 3.0, 3.0)))
    labels = segment(volume, ["lungs"]).array
    mirrored = volume.with_array(np.ascontiguousarray(volume.array[:, :, ::-1]))
    swapped = np.array([0, 2, 1], np.uint8)[labels[:, :, ::-1]]
    differ = segment(mirrored, ["lungs"]).array != swapped
    assert np.count_nonzero(differ) < 0.002 * np.count_nonzero(labels)


def test_lungs_as_dark_as_gas_are_found_by_the_second_method() -> None:
    volume, truth = chest(upright((2.5, 2.5, 3.0)))
    lungs = ((truth == 1) | (truth == 2)) & (volume.array < -700)
    random = np.random.default_rng(5)
    blocks = (random.random((22, 20, 20)) < 0.75).repeat(5, 0).repeat(6, 1).repeat(8, 2)
    bullae = lungs & blocks[: truth.shape[0], : truth.shape[1], : truth.shape[2]]
    dark = drawn(drawn(volume, lungs, -930), bullae, -990)
    labels = segment(dark, ["lungs"])
    for name in SIDES:
        assert dice(labels.mask(name).array, truth == TRUTH[name]) > 0.95, name
    said = messages(labels)
    assert not said["second-method"][0]
    assert "second" in said["second-method"][1]
    assert not said["free-air"][0]


def test_a_lung_full_of_fluid_is_missing_and_said_to_be() -> None:
    volume, truth = chest(upright((3.0, 3.0, 3.0)))
    labels = segment(drawn(volume, truth == TRUTH["left lung"], 20), ["lungs", "airways"])
    assert dice(labels.mask("right lung").array, truth == TRUTH["right lung"]) > 0.97
    assert labels.volume_ml("left lung") == 0
    said = messages(labels)
    assert not said["lungs-found"][0]
    assert "left one is missing" in said["lungs-found"][1]
    assert said["trachea-found"][0], "one lung beside it is enough"


def test_gas_that_fills_a_lung_is_told_from_lung() -> None:
    volume, truth = chest(upright((3.0, 3.0, 3.0)))
    labels = segment(drawn(volume, truth == TRUTH["left lung"], -1000), ["lungs"])
    said = messages(labels)
    assert not (said["lungs-found"][0] and said["free-air"][0])
    assert dice(labels.mask("right lung").array, truth == TRUTH["right lung"]) > 0.97


@pytest.mark.parametrize(
    ("diameter_mm", "voxel_mm", "slice_mm"),
    [
        pytest.param(8, 1.5, 2.0, marks=pytest.mark.slow),
        pytest.param(12, 1.5, 2.0, marks=pytest.mark.slow),
        (16, 2.0, 2.0),
        (16, 2.0, 8.0),
        (25, 2.0, 2.0),
        (25, 2.0, 8.0),
        (30, 2.0, 5.0),
    ],
)
def test_nodules_at_the_pleura_are_kept_and_cost_nothing(
    diameter_mm: int, voxel_mm: float, slice_mm: float
) -> None:
    volume, truth = chest(upright((voxel_mm, voxel_mm, slice_mm)), noise_hu=20.0)
    x, y, z = lps(volume.geometry)
    radius = diameter_mm / 2
    nodule = np.zeros(truth.shape, bool)
    for side, label, width, top in ((1, 1, 50, 118), (-1, 2, 56, 122)):
        up = 30.0 * side
        across = width * np.sqrt(1 - ((up + 10) / top) ** 2)
        middle = side * (78 + across - 0.5 * radius)
        ball = (x - middle) ** 2 + y**2 + (z - up) ** 2 < radius**2
        nodule |= ball & (truth == label)
    lungs = segment(drawn(volume, nodule, 30), ["lungs"]).mask("lungs").array
    least = 0.94 if diameter_mm > 12 else 0.7
    assert np.count_nonzero(lungs & nodule) > least * np.count_nonzero(nodule)
    without = segment(volume, ["lungs"]).mask("lungs").array
    true = (truth == 1) | (truth == 2)
    assert dice(lungs, true) > dice(without, true) - 0.002


def test_a_crease_of_the_skin_is_no_lung() -> None:
    volume, truth = chest(upright((3.0, 3.0, 3.0)), lungs=False)
    x, y, _ = lps(volume.geometry)
    crease = np.broadcast_to((np.abs(x - 120) < 4) & (np.abs(y) < 25), truth.shape)
    labels = segment(drawn(volume, crease, -640), ["lungs"])
    assert labels.volume_ml("lungs") == 0
    assert not messages(labels)["lungs-found"][0]


@pytest.mark.parametrize("shift", [0, 1])
def test_bowel_with_the_density_of_lung_is_none_if_it_lies_apart(shift: int) -> None:
    box = upright((4.0, 4.0, 4.0))
    x, y, z = box.origin
    volume, truth = chest(Geometry(box.shape, box.spacing, (x + 2.0 * shift, y, z)))
    x_mm, y_mm, z_mm = lps(volume.geometry)
    # 22 mm from the nearer lung
    bowel = (x_mm - 2) ** 2 + y_mm**2 + (z_mm + 90) ** 2 < 16**2
    labels = segment(drawn(volume, bowel, -750), ["lungs"])
    assert not labels.array[bowel].any()
    assert dice(labels.mask("lungs").array, (truth == 1) | (truth == 2)) > 0.95


@pytest.mark.parametrize("radius_mm", [4.0, 5.0])
def test_a_little_gas_in_the_oesophagus_is_no_lung(radius_mm: float) -> None:
    volume, _, (x, y, z) = oblique_chest()
    along_mm = np.maximum(abs(z + 30) - 9, 0)
    from_axis_mm = np.sqrt((x - 14) ** 2 + (y - 24) ** 2 + along_mm**2)
    gas = np.clip((radius_mm - from_axis_mm) / 9 + 0.5, 0, 1)  # its edge is blurred
    array = np.rint(gas * -1000 + (1 - gas) * volume.array).astype(np.int16)
    lungs = segment(volume.with_array(array), ["lungs"]).mask("lungs").array
    assert not (lungs & (gas > 0.5)).any()


@pytest.mark.parametrize("hu", [-1000, 40])
def test_lungs_go_on_below_a_slice_that_shows_nothing(hu: int) -> None:
    volume, truth, _ = oblique_chest()
    array = volume.array.copy()
    array[30] = hu
    found = segment(volume.with_array(array), ["lungs"]).array
    assert dice(found == 1, truth == 1) > 0.95
    assert dice(found == 2, truth == 2) > 0.95


def test_slices_without_lung_between_others_are_told() -> None:
    volume, _, _ = oblique_chest()
    assert messages(segment(volume, ["lungs"]))["whole-height"][0]
    array = volume.array.copy()
    array[28:33] = -1000
    ok, message = messages(segment(volume.with_array(array), ["lungs"]))["whole-height"]
    assert not ok
    assert "left and the right lung" in message
    assert "drain" in message
