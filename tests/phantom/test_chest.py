"""The phantom's chest is what it says it is."""

from dataclasses import replace

import cc3d
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from tests.conftest import oblique_geometry
from vis3d.errors import Cancelled
from vis3d.phantom import Phantom, chest_phantom
from vis3d.phantom.skeleton import RIB_LEVELS, SPINE_BACK

SMALL = (30, 48, 44)
OBLIQUE = oblique_geometry().direction
AIR, LEFT, RIGHT, AIRWAYS, BONES, BODY = range(6)


@pytest.fixture(scope="module")
def chest() -> Phantom:
    return chest_phantom()


@pytest.fixture(scope="module")
def truth(chest: Phantom) -> NDArray[np.uint8]:
    return chest.labels.array


def label_at(chest: Phantom, points_lps: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The labels of the voxels nearest to points (n, 3)."""
    i, j, k = np.rint(chest.volume.geometry.to_ijk(points_lps)).astype(int).T
    return chest.labels.array[k, j, i]


def test_the_patients_left_lung_lies_at_plus_x(chest: Phantom) -> None:
    for name, sign in (("left lung", 1), ("right lung", -1)):
        kji = np.argwhere(chest.labels.mask(name).array)
        assert (sign * chest.volume.geometry.to_lps(kji[:, ::-1])[:, 0] > 0).all()


def test_the_right_lung_is_the_larger_one(chest: Phantom) -> None:
    left, right = (chest.labels.volume_ml(f"{side} lung") for side in ("left", "right"))
    assert 1.05 * left < right < 1.4 * left
    assert 1500 < left < 3000


def test_lungs_look_like_lungs_and_are_denser_at_the_back(chest: Phantom) -> None:
    inner = ndimage.binary_erosion(chest.labels.mask("lungs").array, iterations=2)
    hu = chest.volume.array
    assert -890 < np.median(hu[inner]) < -810
    front, back = inner.copy(), inner.copy()
    front[:, 110:], back[:, :150] = False, False
    assert np.median(hu[back]) - np.median(hu[front]) > 20


def test_neither_lungs_nor_bones_touch_the_air_outside(truth: NDArray[np.uint8]) -> None:
    near_air = ndimage.binary_dilation(truth == AIR)
    assert not np.isin(truth[near_air], (LEFT, RIGHT, BONES)).any()


def test_airways_are_one_tree_open_to_the_top(truth: NDArray[np.uint8]) -> None:
    airways = truth == AIRWAYS
    assert cc3d.connected_components(airways, return_N=True)[1] == 1
    assert airways[-1].any()
    assert not airways[0].any()


def test_outside_the_body_there_is_air_and_the_table() -> None:
    made = chest_phantom(shape=(64, 128, 128), noise_hu=0)
    spacing = made.volume.geometry.spacing_kji
    away_mm = ndimage.distance_transform_edt(made.labels.array == AIR, spacing)
    bright = (made.volume.array > -700) & (away_mm > 5)
    y_mm = made.volume.geometry.to_lps(np.argwhere(bright)[:, ::-1])[:, 1]
    assert y_mm.min() > 50
    assert away_mm[bright].min() > 8


def test_the_body_is_one_piece(truth: NDArray[np.uint8]) -> None:
    assert cc3d.connected_components(truth > AIR, return_N=True)[1] == 1


def test_vertebrae_are_separate_along_the_spine(chest: Phantom) -> None:
    z = np.arange(-155.0, 120.0, 1.0)
    along = np.column_stack([np.zeros_like(z), SPINE_BACK(z), z])
    bone = label_at(chest, along) == BONES
    assert np.count_nonzero(np.diff(bone.astype(int)) == 1) >= 11


@pytest.mark.parametrize("side", [-1, 1])
def test_ten_ribs_are_crossed_going_down_the_side(chest: Phantom, side: int) -> None:
    bones = chest.labels.array == BONES
    middle = chest.volume.geometry.to_ijk((side * 60.0, 0.0, 0.0))
    flank = bones[:, :, : int(middle[0])] if side < 0 else bones[:, :, int(middle[0]) :]
    crossed = flank[:, 125:135].any(axis=(1, 2))
    assert np.count_nonzero(np.diff(crossed.astype(int)) == 1) >= 8
    assert len(RIB_LEVELS) >= 10


def test_marrow_lies_inside_a_cortical_shell() -> None:
    fine = chest_phantom(shape=(72, 180, 60), spacing=(0.7, 0.7, 0.7), noise_hu=0)
    hu, bones = fine.volume.array, fine.labels.array == BONES
    level = RIB_LEVELS[5]
    i, j, k = np.rint(fine.volume.geometry.to_ijk((0.0, SPINE_BACK(level), level))).astype(int)
    assert bones[k, j, i]
    assert hu[k, j, i] == pytest.approx(190, abs=5)
    through = hu[k, : j + 1, i][bones[k, : j + 1, i]]
    assert through.max() > 350


def test_nodules_are_where_they_are_said_to_be(chest: Phantom) -> None:
    assert len(chest.nodules) >= 5
    for nodule in chest.nodules:
        center = np.array([nodule.center_lps])
        i, j, k = np.rint(chest.volume.geometry.to_ijk(center)).astype(int)[0]
        assert chest.labels.mask(nodule.structure).array[k, j, i]
        assert chest.volume.array[k, j, i] > -150


def test_one_nodule_reaches_through_the_pleura(chest: Phantom) -> None:
    (nodule,) = (nodule for nodule in chest.nodules if nodule.at_pleura)
    rng = np.random.default_rng(0)
    around = rng.normal(size=(500, 3))
    around *= nodule.radius_mm / np.linalg.norm(around, axis=1)[:, None]
    found = set(label_at(chest, nodule.center_lps + around).tolist())
    assert RIGHT in found
    assert found & {BODY, BONES}


def test_the_skins_edge_is_half_way_where_the_truth_changes() -> None:
    made = chest_phantom(noise_hu=0, direction=OBLIQUE, shape=(60, 90, 80))
    hu, body = made.volume.array, made.labels.array != AIR
    border = ndimage.binary_dilation(~body) & ndimage.binary_dilation(body)
    lps = made.volume.geometry.to_lps(np.argwhere(border)[:, ::-1])
    front = lps[:, 1] < 0  # where no mattress touches the back
    # Half way between air and skin, or the fat under it where the skin is thinner than an edge.
    assert hu[border][front & body[border]].min() >= (-1000 - 105) // 2
    assert hu[border][front & ~body[border]].max() <= (-1000 + 25) // 2 + 1


def test_noise_has_the_standard_deviation_asked_for() -> None:
    quiet, loud = (chest_phantom(shape=(20, 200, 200), noise_hu=hu) for hu in (0.0, 20.0))
    inside = ndimage.binary_erosion(quiet.labels.array == BODY, iterations=3)
    noise = (loud.volume.array.astype(int) - quiet.volume.array)[inside]
    assert noise.std() == pytest.approx(20, rel=0.03)
    assert abs(noise.mean()) < 0.5


def test_noise_is_alike_in_neighbours() -> None:
    quiet, loud = (chest_phantom(shape=(8, 200, 200), noise_hu=hu) for hu in (0.0, 20.0))
    noise = (loud.volume.array.astype(float) - quiet.volume.array)[:, :30, :30]
    alike = np.corrcoef(noise[..., 1:].ravel(), noise[..., :-1].ravel())[0, 1]
    assert 0.5 < alike < 0.8


def test_a_seed_gives_the_same_phantom_each_time() -> None:
    first, again, other = (chest_phantom(shape=SMALL, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.volume.array, again.volume.array)
    np.testing.assert_array_equal(first.labels.array, again.labels.array)
    assert (first.volume.array != other.volume.array).any()


def test_truth_on_its_own_grid_is_its_labels() -> None:
    made = chest_phantom(shape=SMALL, direction=OBLIQUE, seed=3)
    again = made.truth_on(made.volume.geometry)
    np.testing.assert_array_equal(again.array, made.labels.array)


def test_truth_of_a_part_is_a_part_of_the_truth() -> None:
    made = chest_phantom(shape=SMALL, direction=OBLIQUE)
    part = made.truth_on(made.volume.geometry.cropped((7, 5, 9), (11, 30, 21)))
    np.testing.assert_array_equal(part.array, made.labels.array[7:18, 5:35, 9:30])


def test_turning_the_grid_leaves_the_patient_in_place() -> None:
    straight = chest_phantom(shape=(40, 64, 60))
    turned = chest_phantom(shape=(40, 64, 60), direction=OBLIQUE)
    for name in ("left lung", "right lung"):
        centers = [
            made.volume.geometry.to_lps(
                np.argwhere(made.labels.mask(name).array)[:, ::-1].mean(axis=0)
            )
            for made in (straight, turned)
        ]
        np.testing.assert_allclose(centers[0], centers[1], atol=6)


def test_shape_and_spacing_are_those_asked_for() -> None:
    made = chest_phantom(shape=(12, 30, 40), spacing=(5.0, 6.0, 9.0), direction=OBLIQUE)
    assert made.volume.geometry.shape == (12, 30, 40)
    assert made.volume.geometry.spacing == (5.0, 6.0, 9.0)
    np.testing.assert_allclose(made.volume.geometry.center_lps, 0, atol=1e-9)
    assert made.volume.array.dtype == np.int16


def test_without_spacing_the_grid_covers_the_chest() -> None:
    geometry = chest_phantom(shape=(10, 12, 16)).volume.geometry
    assert geometry.spacing == (24.0, 32.0, 32.0)


@pytest.mark.parametrize("direction", [np.eye(3), OBLIQUE])
def test_tilted_slices_lie_where_their_origins_say(direction: NDArray[np.float64]) -> None:
    made = chest_phantom(shape=SMALL, direction=direction, tilt_degrees=-18.0)
    geometry = made.volume.geometry
    steps = np.diff(made.slice_origins_lps, axis=0)
    np.testing.assert_allclose(steps / np.linalg.norm(steps[0]), steps * 0 + direction[:, 2])
    tilt = np.degrees(np.arccos(geometry.direction[:, 2] @ direction[:, 2]))
    assert tilt == pytest.approx(18)
    middles = made.slice_origins_lps + geometry.direction[:, :2] @ (
        (np.array(SMALL[:0:-1]) - 1) / 2 * geometry.spacing[:2]
    )
    np.testing.assert_allclose(middles.mean(axis=0), 0, atol=1e-9)
    for k in (0, 13, 29):
        x, y, z = made.slice_origins_lps[k].tolist()
        slice_grid = replace(geometry, shape=(1, *SMALL[1:]), origin=(x, y, z))
        truth = made.truth_on(slice_grid).array[0]
        differing = np.count_nonzero(truth != made.labels.array[k])
        assert differing <= 2  # rounding of voxels that a surface passes through


def test_without_tilt_slices_lie_on_the_grid() -> None:
    made = chest_phantom(shape=SMALL, direction=OBLIQUE)
    expected = made.volume.geometry.to_lps([(0, 0, k) for k in range(SMALL[0])])
    np.testing.assert_allclose(made.slice_origins_lps, expected, atol=1e-9)


def test_progress_rises_to_one_and_cancelling_stops() -> None:
    told: list[float] = []
    chest_phantom(shape=SMALL, progress=lambda fraction, what: told.append(fraction))
    assert told == sorted(told)
    assert told[-1] == 1.0

    def stop(fraction: float, what: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        chest_phantom(shape=SMALL, progress=stop)
