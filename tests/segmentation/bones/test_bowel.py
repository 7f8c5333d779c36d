"""Bowel full of contrast and gas, which looks like marrow in cortex."""

import numpy as np
import pytest

from vis3d.segmentation.bones.bowel import bowel_with_contrast, gas_of_bowel

SHAPE, SPACING = (50, 90, 120), (3.0, 2.2, 2.6)
"""Voxels (k, j, i) of unequal sides in mm, as of a trunk."""
Arrays = dict[str, np.ndarray]


def mm(at: tuple[float, float, float]) -> tuple[np.ndarray, ...]:
    """How far each voxel lies from a place along each axis, in mm."""
    places = np.indices(SHAPE) * np.reshape(SPACING, (3, 1, 1, 1))
    return tuple(places - np.reshape(at, (3, 1, 1, 1)))


def from_place(at: tuple[float, float, float]) -> np.ndarray:
    """How far each voxel lies from a place, in mm."""
    return np.asarray(np.sqrt(sum(side**2 for side in mm(at))))


def abdomen(gas_hu: float = -800.0) -> Arrays:
    """A spine with its canal, ribs at the sides, a loop with gas, another without, the skin.

    The loops lie askew to the grid.
    """
    z, y, x = mm((75.0, 100.0, 156.0))
    body = (x / 150) ** 2 + (y / 95) ** 2 < 1
    canal = np.hypot(x, y - 45) < 8
    spine = (np.hypot(x, y - 45) < 15) & ~canal
    spine |= np.hypot(x, y - 15) < 18
    ring = np.hypot(x / 138, y / 83)
    ribs = (ring > 0.96) & (ring < 1) & (np.mod(z + 0.3 * y, 30) < 10)
    loop = np.hypot(y + 30 + 0.2 * z, x - 20 - 0.3 * z) < 14
    loop &= np.abs(z) < 55
    gas = (np.hypot(y + 42 + 0.2 * z, x - 20 - 0.3 * z) < 5) & loop
    other = (np.hypot(y + 25 - 0.1 * z, x + 60 + 0.2 * z) < 12) & (np.abs(z) < 40)
    hu = np.where(body, 40.0, -1000.0)
    for where, value in ((spine | ribs, 500), (loop | other, 400), (gas, gas_hu)):
        hu[where] = value
    hu += np.random.default_rng(5).normal(0, 60, SHAPE) * (loop | other)
    bones = spine | ribs
    return {
        "hu": hu.astype(np.int16),
        "body": body,
        "bones": bones,
        "loops": (loop & ~gas) | other,
        "solid": bones | (loop & ~gas) | other,
        "nothing": np.zeros(SHAPE, bool),
    }


def bowel_in(
    scan: Arrays, lungs: np.ndarray | None = None, metal: str = "nothing"
) -> np.ndarray:
    lungs = scan["nothing"] if lungs is None else lungs
    gas = gas_of_bowel(scan["hu"], scan["body"], lungs, scan[metal], SPACING)
    return bowel_with_contrast(scan["solid"], scan["hu"], scan["body"], lungs, gas, SPACING)


def test_loops_with_gas_and_those_beside_them_are_bowel_and_no_bone_is() -> None:
    scan = abdomen()
    np.testing.assert_array_equal(bowel_in(scan), scan["loops"])


def pelvis(ball: tuple[float, float, float] | None = None) -> Arrays:
    """The abdomen with the canal full, so that nothing is known to lie before the spine.

    And an even ball as dense as the head of a thigh bone.
    """
    scan = abdomen()
    _, y, x = mm((75.0, 100.0, 156.0))
    added = np.hypot(x, y - 45) < 15
    scan["hu"][added] = 500
    if ball is not None:
        head = from_place(ball) < 15
        scan["hu"][head] = 300
        added |= head
    scan["solid"] = scan["solid"] | added
    return scan


def test_even_loops_are_bowel_where_no_canal_shows_the_front() -> None:
    scan = pelvis()
    np.testing.assert_array_equal(bowel_in(scan), scan["loops"])


def test_a_trace_of_gas_tells_even_loops() -> None:
    scan = pelvis()
    bubble = from_place((75.0, 57.0, 176.0)) < 4
    scan["hu"] = np.where((scan["hu"] < -300) & scan["body"], 40, scan["hu"])
    scan["hu"][bubble] = -800
    scan["solid"] = scan["solid"] & ~bubble
    loops = scan["loops"] & ~bubble
    np.testing.assert_array_equal(bowel_in(scan) & scan["solid"], loops)


def test_a_trace_of_gas_beside_a_rib_makes_it_no_bowel() -> None:
    scan = abdomen()
    place = (75.0, 100.0, 280.0)
    z, y, x = mm(place)
    rib = (np.hypot(x + 0.3 * z, y - 0.2 * z) < 9) & (np.abs(z) < 40)
    bubble = from_place((75.0, 88.0, 280.0)) < 3.5
    scan["hu"][rib], scan["hu"][rib & (np.hypot(x + 0.3 * z, y - 0.2 * z) < 6)] = 500, 60
    scan["hu"][bubble & ~rib] = -800
    scan["solid"] = (scan["solid"] | rib) & ~(bubble & ~rib)
    assert not (bowel_in(scan) & rib).any()


def test_an_even_head_in_its_socket_is_no_bowel() -> None:
    ball = (75.0, 90.0, 230.0)
    scan = pelvis(ball)
    assert (bowel_in(scan) & (from_place(ball) < 15)).any()
    z, y, x = mm(ball)
    socket = (from_place(ball) > 18) & (from_place(ball) < 22) & (x + 0.4 * z + 0.3 * y > 5)
    scan["hu"][socket] = 500
    scan["solid"] = scan["solid"] | socket
    np.testing.assert_array_equal(bowel_in(scan), scan["loops"])


@pytest.mark.parametrize("height_mm", [3.0, 144.0])
def test_an_even_head_that_the_scan_cuts_is_no_bowel(height_mm: float) -> None:
    scan = pelvis((height_mm, 90.0, 230.0))
    np.testing.assert_array_equal(bowel_in(scan), scan["loops"])


def test_what_holds_marrow_is_no_bowel() -> None:
    ball = (75.0, 90.0, 230.0)
    scan = pelvis(ball)
    marrow = from_place(ball) < 8
    assert (bowel_in(scan) & marrow).any()
    scan["hu"][marrow] = 60
    np.testing.assert_array_equal(bowel_in(scan), scan["loops"])


def test_a_thin_bone_with_a_dense_lump_is_no_bowel() -> None:
    scan = pelvis()
    place = (75.0, 90.0, 230.0)
    z, y, x = mm(place)
    rib = (np.abs(x - 0.2 * z + 0.1 * y) < 4) & (np.hypot(z, y) < 35)
    rib |= from_place(place) < 12
    scan["hu"][rib] = 400
    scan["solid"] = scan["solid"] | rib
    np.testing.assert_array_equal(bowel_in(scan), scan["loops"])


def test_a_hip_that_bowel_has_grown_together_with_stays() -> None:
    scan = abdomen()
    z, y, x = mm((75.0, 70.0, 215.0))
    off = np.sqrt(x**2 + (1.2 * y - 0.2 * z) ** 2 + z**2)
    hip = (off < 26) & ~scan["loops"]
    scan["hu"][hip] = np.where(off > 21, 600, 200)[hip]
    scan["solid"] = scan["solid"] | hip
    assert not (bowel_in(scan) & hip).any()


def test_without_gas_nothing_is_told_from_bone() -> None:
    assert not bowel_in(abdomen(gas_hu=400)).any()


def test_shadows_of_metal_are_no_gas() -> None:
    scan = abdomen()
    scan["metal"] = np.zeros(SHAPE, bool)
    scan["metal"][::5, 25:35, 66] = True
    assert not bowel_in(scan, metal="metal").any()


def test_air_beside_bone_in_a_head_is_no_bowel() -> None:
    scan = abdomen()
    head = scan["body"].copy()
    head[:, :, :30] = head[:, :, -30:] = False
    scan["body"] = head
    assert not bowel_in(scan).any()


@pytest.mark.parametrize(("heights", "found"), [((0, 8), False), ((42, 50), True)])
def test_nothing_above_the_middle_of_the_lungs_is_bowel(
    heights: tuple[int, int], *, found: bool
) -> None:
    lungs = np.zeros(SHAPE, bool)
    lungs[slice(*heights), 60, 5] = True
    assert bowel_in(abdomen(), lungs).any() == found


def test_the_air_of_lungs_makes_no_rib_bowel() -> None:
    scan = abdomen()
    _, y, x = mm((75.0, 100.0, 156.0))
    ring = np.hypot(x / 138, y / 83)
    lungs = (ring > 0.8) & (ring < 0.97) & (y < 0) & ~scan["solid"]
    scan["hu"][lungs] = -850
    assert not (bowel_in(scan, lungs) & scan["bones"]).any()
