"""Casts, holders and boards that touch the skin without a gap are no body and no bone."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from tests.segmentation.simple_chest import chest, dice
from vis3d.geometry import Geometry
from vis3d.segmentation import segment
from vis3d.segmentation.body.planks import Plank
from vis3d.volume import Volume


def oblique(spacing_mm: tuple[float, float, float] = (1.1, 1.3, 3.1)) -> Geometry:
    """A slanting anisotropic grid over a length of the chest; 400 x 280 x 75 mm."""
    turn = np.eye(3)
    for (a, b), degrees in (((0, 1), 14.0), ((1, 2), -9.0), ((0, 2), 6.0)):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        one = np.eye(3)
        one[a, a], one[a, b], one[b, a], one[b, b] = c, -s, s, c
        turn = turn @ one
    shape = (24, int(290 / spacing_mm[1]), int(400 / spacing_mm[0]))
    middle = np.array(shape[::-1]) * spacing_mm / 2
    x, y, z = (-turn @ middle).tolist()
    return Geometry(shape, spacing_mm, (x, y, z), turn)


def patient(
    geometry: Geometry, *, lungs: bool = True
) -> tuple[NDArray[np.int16], NDArray[np.uint8], NDArray[np.float64]]:
    """The chest without a table, its labels, and where its voxels lie: x, y, z in LPS mm."""
    volume, truth = chest(geometry, lungs=lungs, table=False)
    k, j, i = np.indices(geometry.shape)
    lps = geometry.to_lps(np.stack([i, j, k], axis=-1))
    return volume.array.astype(np.int16), truth, np.moveaxis(lps, -1, 0)


def outside_skin_mm(xyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """About how far from the skin each voxel lies."""
    x, y, _ = xyz
    share = np.hypot(x / 170, y / 105)
    return (1 - 1 / np.maximum(share, 0.1)) * np.hypot(x, y)


@pytest.mark.parametrize("thing", ["cast", "strip", "board", "side"])
def test_a_dense_thing_on_the_skin_is_neither_body_nor_bone(thing: str) -> None:
    geometry = oblique()
    array, truth, xyz = patient(geometry)
    x, y, _ = xyz
    where = {
        "cast": outside_skin_mm(xyz) < 8,
        "strip": (np.abs(x - 20) < 15) & (y < 108),
        "board": (y > 100) & (y < 105),
        "side": (x > 160) & (x < 165) & (y > -60),
    }[thing] & (truth == 0)
    array[where] = 350
    labels = segment(Volume(array, geometry), ["bones", "body"])
    body = labels.mask("body").array
    assert not labels.mask("bones").array[where].any()
    assert np.mean(body[where]) < 0.05
    assert dice(body, truth > 0) > 0.995


@pytest.mark.parametrize("padding", [-2000.0, None])
def test_bone_under_thin_skin_and_bone_that_the_scan_cuts_are_body(
    padding: float | None,
) -> None:
    geometry = oblique()
    array, truth, xyz = patient(geometry, lungs=False)
    depth = -outside_skin_mm(xyz)
    shin = (depth > 2.5) & (depth < 9) & (truth > 0)
    array[shin] = 700
    seen = np.broadcast_to(np.arange(array.shape[2]) >= 150, array.shape)
    array[~seen] = -1100 if padding is None else padding
    array[seen & (xyz[0] < 20) & (depth > 2.5)] = 700  # no skin lies over the end of this bone
    body = segment(Volume(array, geometry, padding=padding), ["body"]).mask("body").array
    assert dice(body, (truth > 0) & seen) > 0.99
    assert np.mean(body[shin & seen]) > 0.99


def test_a_dry_bone_is_a_body_by_itself() -> None:
    geometry = oblique((2.0, 2.3, 3.1))
    _, _, xyz = patient(geometry)
    away = np.linalg.norm(xyz / np.array([1.0, 0.7, 3.0])[:, None, None, None], axis=0)
    bone = (away < 45) & (away > 30)
    array = np.where(bone, 600, -1000).astype(np.int16)
    body = segment(Volume(array, geometry), ["body"]).mask("body").array
    assert np.mean(body[bone]) > 0.9


@pytest.mark.parametrize(("hu", "thickness_mm"), [(120, 5.0), (-100, 20.0), (40, 12.0)])
@pytest.mark.parametrize(
    "across", [pytest.param((0.1, 1.0), id="supine"), pytest.param((-0.1, -1.0), id="prone")]
)
def test_a_board_as_dense_as_tissue_is_no_body(
    hu: int, thickness_mm: float, across: tuple[float, float]
) -> None:
    geometry = oblique()
    array, truth, (x, y, _) = patient(geometry)
    depth_mm = (across[0] * x + across[1] * y) / np.hypot(*across) - 96
    array[depth_mm > 0] = -1000
    board = (depth_mm > 0) & (depth_mm < thickness_mm) & (np.abs(x) < 170)
    array[board] = hu
    body = segment(Volume(array, geometry), ["body"]).mask("body").array
    assert np.mean(body[board & (depth_mm > 1.3)]) < 0.005  # a voxel is half skin
    assert dice(body, (truth > 0) & (depth_mm <= 0)) > 0.995


def cut_field(
    geometry: Geometry, shape: str, behind_mm: float, xyz: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """What a field of view leaves that ends so far behind the chest's middle."""
    x, y, _ = xyz
    if shape == "round":
        return np.hypot(x, y - behind_mm + 185) < 185
    middle = np.abs(x) < 10
    rows = np.arange(geometry.shape[1])[None, :, None]
    return np.broadcast_to(
        rows <= rows[0, :, 0][((y < behind_mm) & middle).any((0, 2))].max(), x.shape
    )


def within(array: NDArray[np.int16], geometry: Geometry, field: NDArray[np.bool_]) -> Volume:
    """The scan of what lies in the field of view, padded beyond."""
    seen = np.where(field, array, -2000).astype(np.int16)
    return Volume(seen, geometry, padding=-2000.0)


def on_a_board(
    hu: int,
) -> tuple[
    Geometry, NDArray[np.int16], NDArray[np.uint8], NDArray[np.float64], NDArray[np.bool_]
]:
    """A patient flat on a thick board: grid, values, truth, LPS mm, and where the board is."""
    geometry = oblique()
    array, truth, xyz = patient(geometry)
    x, y, _ = xyz
    array[y > 96] = -1000
    board = (y > 96) & (y < 136) & (np.abs(x) < 190)
    array[board] = hu
    return geometry, array, truth, xyz, board


@pytest.mark.parametrize("shape", ["round", "square"])
@pytest.mark.parametrize(("hu", "seen_mm"), [(120, 30.0), (-100, 28.0), (30, 35.0)])
def test_a_board_that_the_field_of_view_cuts_is_no_body(
    shape: str, hu: int, seen_mm: float
) -> None:
    geometry, array, truth, xyz, board = on_a_board(hu)
    y = xyz[1]
    field = cut_field(geometry, shape, 96 + seen_mm, xyz)
    labels = segment(within(array, geometry, field), ["bones", "body"])
    body = labels.mask("body").array
    assert np.mean(body[board & field & (y > 97.3)]) < 0.005  # a voxel is half skin
    assert dice(body, (truth > 0) & (y <= 96) & field) > 0.995
    assert not labels.mask("bones").array[board].any()


@pytest.mark.parametrize("hu", [120, 30])
def test_the_blurred_face_of_a_board_that_is_cut_does_not_count_for_its_density(
    hu: int,
) -> None:
    geometry, array, truth, xyz, board = on_a_board(hu)
    y = xyz[1]
    # beside the patient the face is mixed with air, under the patient with skin
    blurred = np.rint(gaussian_filter(array.astype(float), (0, 0.5, 0.6))).astype(np.int16)
    field = cut_field(geometry, "square", 96 + 18, xyz)
    body = segment(within(blurred, geometry, field), ["body"]).mask("body").array
    assert np.mean(body[board & field & (y > 97.3)]) < 0.005
    assert dice(body, (truth > 0) & (y <= 96) & field) > 0.998


def test_a_flat_hand_on_which_nobody_lies_is_no_board() -> None:
    geometry = oblique()
    _, _, (x, y, z) = patient(geometry)
    trunk = ((x + 75) / 95) ** 2 + (y / 75) ** 2 < 1
    hand = (np.abs(x - 115) < 45) & (np.abs(y - 40) < 16)
    array = np.where(trunk, 40, -1000).astype(np.int16)
    array[hand] = np.where(np.sin(x / 12) + np.sin(z / 12) > 0, 50, -100)[hand]
    body = segment(Volume(array, geometry), ["body"]).mask("body").array
    assert dice(body, trunk | hand) > 0.998


def test_flesh_with_a_flat_face_that_the_field_of_view_cuts_is_body() -> None:
    geometry = oblique()
    array, truth, xyz = patient(geometry)
    x, y, z = xyz
    array[y > 96] = -1000
    flesh = (y > 96) & (y < 136) & (np.abs(x) < 190)
    array[flesh] = np.where(np.sin(x / 12) + np.sin(z / 12) > 0, 50, -100)[flesh]
    field = cut_field(geometry, "square", 120, xyz)
    body = segment(within(array, geometry, field), ["body"]).mask("body").array
    assert dice(body, (flesh | (truth > 0) & (y <= 96)) & field) > 0.99


@pytest.mark.parametrize(("radius_mm", "seen_mm", "taper"), [(80, 42, 8), (130, 36, 4)])
def test_an_even_limb_that_the_field_of_view_cuts_is_no_board(
    radius_mm: int, seen_mm: int, taper: int
) -> None:
    geometry = oblique()
    _, _, xyz = patient(geometry)
    x, y, z = xyz
    limb = np.hypot(x, y) < radius_mm - z / taper
    array = np.where(limb, 50, -1000).astype(np.int16)
    field = cut_field(geometry, "square", seen_mm - radius_mm, xyz)
    body = segment(within(array, geometry, field), ["body"]).mask("body").array
    assert dice(body, limb & field) > 0.99


def test_a_flat_back_without_a_board_stays_whole() -> None:
    geometry = oblique()
    array, truth, (_, y, _) = patient(geometry)
    array[y > 96] = -1000
    body = segment(Volume(array, geometry), ["body"]).mask("body").array
    assert dice(body, (truth > 0) & (y <= 96)) > 0.998


@pytest.mark.parametrize("far", [True, False])
@pytest.mark.parametrize("axis", [1, 2])
def test_a_plank_is_cut_at_the_same_place_on_every_grid(axis: int, *, far: bool) -> None:
    shape, factors = (3, 20, 20), (2, 3, 4)
    start = np.full((3, 20), 14.25)
    start[:, :4] = np.nan
    fine = np.ones((6, 59, 78), bool)  # the last blocks are cut
    Plank(axis, far, start).cut(fine, False, factors)
    coarse = np.ones(shape, bool)
    Plank(axis, far, start).cut(coarse, False, (1, 1, 1))
    whole = np.ones((6, 60, 80), bool)
    Plank(axis, far, start).cut(whole, False, factors)
    np.testing.assert_array_equal(fine, whole[:, :59, :78])
    lines = np.moveaxis(coarse, axis, 1) if far else np.moveaxis(coarse, axis, 1)[:, ::-1]
    assert lines[:, :15, 4:].all()
    assert not lines[:, 15:, 4:].any()
    assert lines[:, :, :4].all()
