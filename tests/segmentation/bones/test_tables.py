"""The table is no body and no bone, however the field of view cuts the patient."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.segmentation.simple_chest import chest, dice, turned
from vis3d.files import load_volume
from vis3d.geometry import Geometry
from vis3d.resample import isotropic_geometry, resample
from vis3d.segmentation import segment
from vis3d.volume import Volume

HEAD_FIRST, FEET_FIRST = (1, 1, 1), (1, -1, -1)
BACK, LEFT_BACK, ACROSS, NO_MORE_THAN_THE_TOP = (
    ((-60, 60), (10, 150), (-60, 60)),
    ((40, 140), (0, 145), (-80, 20)),
    ((-140, 140), (30, 150), (-20, 20)),
    ((-60, 60), (10, 126), (-60, 60)),
)
"""Fields of view, LPS mm."""


def field_of_view(
    box: tuple[tuple[float, float], ...], spacing_mm: float, signs: tuple[int, int, int]
) -> Geometry:
    """A grid over a box in LPS mm whose axes run along LPS, or against it."""
    low, high = np.array(box, float).T
    shape = np.ceil((high - low) / spacing_mm).astype(int)
    first = np.where(np.array(signs) > 0, low, high)
    ni, nj, nk = shape.tolist()
    x, y, z = first.tolist()
    return Geometry((nk, nj, ni), (spacing_mm,) * 3, (x, y, z), np.diag(signs).astype(float))


def on_a_mattress(geometry: Geometry, side: int) -> tuple[Volume, NDArray[np.bool_]]:
    """A chest on foam as dense as lung and a dense table; where those two are.

    `side` is 1 for a patient on the back, -1 for one on the belly.
    """
    volume, truth = chest(geometry, table=False, noise_hu=25.0)
    k, j, i = np.indices(geometry.shape)
    _, y, _ = np.moveaxis(geometry.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    array = volume.array.copy()
    foam = (truth == 0) & (side * y > 70) & (side * y < 121)
    table = (truth == 0) & (side * y >= 121) & (side * y < 127)
    array[foam] += 140
    array[table] += 1500
    return volume.with_array(array), foam | table


@pytest.mark.parametrize("box", [BACK, LEFT_BACK, ACROSS, NO_MORE_THAN_THE_TOP])
@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(("spacing_mm", "signs"), [(2.0, HEAD_FIRST), (1.5, FEET_FIRST)])
def test_a_table_under_a_mattress_is_no_bone_in_a_narrow_field_of_view(
    box: tuple[tuple[float, float], ...],
    side: int,
    spacing_mm: float,
    signs: tuple[int, int, int],
) -> None:
    across, (front, back), along = box
    if side < 0:
        front, back = -back, -front
    geometry = field_of_view((across, (front, back), along), spacing_mm, signs)
    volume, support = on_a_mattress(geometry, side)
    labels = segment(volume, ["bones", "body"])
    assert not labels.mask("bones").array[support].any()
    body = labels.array != 0
    # what presses on the skin is counted a voxel or two deep
    assert np.mean(body[support]) < 0.05
    assert np.mean(body[~support & np.greater(volume.array, -300)]) > 0.97


@pytest.mark.parametrize(
    "box",
    [
        pytest.param(((-200, 200), (-150, 150), (-30, 30)), id="whole"),
        pytest.param(((-60, 60), (10, 150), (-30, 30)), id="back"),
        pytest.param(((-35, 35), (10, 104), (-30, 30)), id="to-the-table"),
    ],
)
@pytest.mark.parametrize("spacing_mm", [1.0, 2.0])
def test_a_dense_board_that_presses_on_the_skin_is_no_bone(
    box: tuple[tuple[float, float], ...], spacing_mm: float
) -> None:
    geometry = field_of_view(box, spacing_mm, FEET_FIRST)
    volume, truth = chest(geometry, table=False)
    k, j, i = np.indices(geometry.shape)
    _, y, _ = np.moveaxis(geometry.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    array = volume.array.copy()
    array[y >= 105] = -1000
    board = (y >= 99) & (y < 105)
    array[board] = 600
    bones = segment(volume.with_array(array), ["bones"]).mask("bones").array
    assert not bones[board].any()
    assert dice(bones, truth == 4) > 0.85


def chest_in_a_circle(
    geometry: Geometry, middle: tuple[float, float], radius_mm: float
) -> tuple[Volume, NDArray[np.bool_]]:
    """A chest in a round field of view, and what of the body it shows."""
    volume, truth = chest(geometry, table=False)
    k, j, i = np.indices(geometry.shape)
    x, y, _ = np.moveaxis(geometry.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    beyond = np.hypot(x - middle[0], y - middle[1]) > radius_mm
    array = np.where(beyond, -2048, volume.array)
    return replace(volume.with_array(array), padding=-2048), (truth > 0) & ~beyond


@pytest.mark.parametrize(
    ("middle", "radius_mm", "slice_mm"),
    [((10, 5), 112, 3.0), ((90, -20), 95, 8.0), ((-95, 30), 90, 9.0), ((-70, -60), 80, 6.0)],
)
@pytest.mark.parametrize("degrees", [7, 24])
def test_a_round_field_of_view_shows_lung_as_body_and_no_air_outside(
    middle: tuple[float, float], radius_mm: float, slice_mm: float, degrees: float
) -> None:
    direction = turned(degrees, 0).direction @ turned(7).direction
    shape = (int(150 / slice_mm), 260, 300)
    first = -direction @ np.array([1.3 * 300, 1.2 * 260, slice_mm * shape[0]]) / 2
    geometry = Geometry(shape, (1.3, 1.2, slice_mm), tuple(first.tolist()), direction)
    volume, body = chest_in_a_circle(geometry, middle, radius_mm)
    found = segment(volume, ["body"]).mask("body").array
    assert dice(found, body) > 0.995


@pytest.mark.parametrize("middle", [(-60, -10), (-60, 20), (15, -60)])
def test_gas_of_the_bowel_that_the_field_of_view_cuts_is_body(
    middle: tuple[float, float],
) -> None:
    geometry = Geometry(
        (40, 80, 70), (2.0, 1.8, 3.5), (-60.0, -60.0, -70.0), turned(4).direction
    )
    volume, truth = chest(geometry, lungs=False, table=False)
    k, j, i = np.indices(geometry.shape)
    x, y, z = np.moveaxis(geometry.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    gas = np.hypot(np.hypot(x - middle[0], y - middle[1]), z) < 26
    body = segment(volume.with_array(np.where(gas, -1000, volume.array)), ["body"])
    assert dice(body.mask("body").array, truth > 0) > 0.998


@pytest.mark.parametrize("side", [1, -1])
def test_a_hollow_board_that_stands_beside_the_patient_takes_nothing_of_the_front(
    side: int,
) -> None:
    geometry = Geometry(
        (10, 133, 247), (2.1, 2.4, 4.0), (-260.0, -160.0, -20.0), turned(2).direction
    )
    volume, truth = chest(geometry, table=False)
    k, j, i = np.indices(geometry.shape)
    x, y, _ = np.moveaxis(geometry.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    across, along = np.abs(side * x - 190), np.abs(y)
    shell = (across < 20) & (along < 90) & ((across > 17) | (along > 87))
    array = volume.array.copy()
    array[shell & (truth == 0)] += 1100
    body = segment(volume.with_array(array), ["body"]).mask("body").array
    assert dice(body, truth > 0) > 0.998


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.parametrize("name", ["lidc_idri_0314.zip", "cmb_crc_01068.zip"])
@pytest.mark.parametrize("spacing_mm", [0.75, 2.5])
def test_tables_of_real_scans_are_no_bone_wherever_they_are_cropped(
    name: str, spacing_mm: float, real_data: Path
) -> None:
    volume = load_volume(real_data / name)
    whole = segment(volume, ["body"])
    for across, down, along in (
        ((0.35, 0.65), (0.45, 0.9), (0.1, 0.5)),
        ((0.3, 0.6), (0.5, 1.0), (0.3, 0.45)),
        ((0.1, 0.45), (0.4, 1.0), (0.1, 0.4)),
        ((0.55, 0.9), (0.4, 1.0), (0.4, 0.52)),
        ((0.25, 0.75), (0.6, 1.0), (0.4, 0.9)),
        ((0.3, 0.5), (0.55, 0.95), (0.1, 0.9)),
    ):
        start, stop = (
            [int(n * share) for n, share in zip(volume.array.shape, shares, strict=True)]
            for shares in zip(along, down, across, strict=True)
        )
        shape = (stop[0] - start[0], stop[1] - start[1], stop[2] - start[2])
        part = volume.geometry.cropped((start[0], start[1], start[2]), shape)
        geometry = isotropic_geometry(part, spacing_mm)
        bones = segment(resample(volume, geometry), ["bones"]).mask("bones")
        outside = resample(whole, geometry).array == 0
        ml = np.count_nonzero(bones.array & outside) * geometry.voxel_ml
        assert ml < 0.1, (across, down, along)


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.parametrize(
    "name", ["lidc_idri_0314.zip", "cmb_crc_01068.zip", "totalsegmentator/example_ct.nii.gz"]
)
def test_the_body_in_a_round_field_of_view_is_that_of_the_whole_scan(
    name: str, real_data: Path
) -> None:
    volume = load_volume(real_data / name)
    body = segment(volume, ["body"]).mask("body").array
    rows, columns = np.nonzero(body.any(axis=0))
    random, found = np.random.default_rng(31), []
    for _ in range(8):
        middle = random.choice(rows), random.choice(columns)
        j, i = np.indices(body.shape[1:])
        beyond = np.hypot(j - middle[0], i - middle[1]) > random.uniform(0.2, 0.5) * np.ptp(
            columns
        )
        beyond = beyond | ~volume.inside_scan()
        part = replace(volume.with_array(np.where(beyond, -2048, volume.array)), padding=-2048)
        found.append(dice(segment(part, ["body"]).mask("body").array, body & ~beyond))
    assert np.median(found) > 0.997, found
    assert min(found) > 0.97, found
