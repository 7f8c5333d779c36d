"""Thin walls of bone: cups like an acetabulum, a wing on large voxels, gaps that stay open."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from tests.conftest import oblique_geometry
from tests.segmentation.bones.test_thick_slices import finer
from vis3d.geometry import Geometry
from vis3d.segmentation import segment
from vis3d.segmentation.bones.marrow import walled_pieces
from vis3d.segmentation.bones.walls import rise, with_thin_walls
from vis3d.segmentation.voxels.enclosure import walled_lines
from vis3d.volume import Volume

HALF_MM, RADIUS_MM, OPENING_DEG = 32.0, 30.0, 30.0
AXIS = np.array([0.45, 0.55, 0.70]) / np.linalg.norm([0.45, 0.55, 0.70])
MIDDLE_LPS = -0.8 * RADIUS_MM * AXIS
FAT_HU, MUSCLE_HU = -90.0, 50.0
FINE_MM = 0.4
PARTS = 8


def cup(
    spacing: tuple[float, float, float],
    thickness_mm: float,
    *,
    bone_hu: float = 1000.0,
    sides_hu: tuple[float, float] = (FAT_HU, MUSCLE_HU),
    turn: NDArray[np.float64] | None = None,
) -> Volume:
    """A cup of thin bone in a thick ring, no axis of it along the grid, as a scanner sees it.

    Sampled finely, blurred by 0.6 mm in the slice, averaged over the slice's thickness.
    """
    if turn is None:
        # two degrees about k: nothing lies along the axes of the patient either
        c, s = np.cos(np.radians(2)), np.sin(np.radians(2))
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    shape = tuple(round(2 * HALF_MM / mm) for mm in spacing[::-1])
    origin = turn @ [-(n - 1) * mm / 2 for n, mm in zip(shape[::-1], spacing, strict=True)]
    geometry = Geometry(shape, spacing, tuple(origin.tolist()), turn)
    parts = [max(1, round(mm / FINE_MM)) for mm in spacing]
    fine = Geometry(
        tuple(n * p for n, p in zip(shape, parts[::-1], strict=True)),
        tuple(mm / p for mm, p in zip(spacing, parts, strict=True)),
        tuple(
            (
                origin
                - turn @ [mm / 2 * (1 - 1 / p) for mm, p in zip(spacing, parts, strict=True)]
            ).tolist()
        ),
        turn,
    )
    hu = _drawn(fine, thickness_mm, bone_hu, sides_hu)
    hu = gaussian_filter(hu, [0.0] + [0.6 / mm for mm in fine.spacing[1::-1]])
    (fk, fj, fi), (nk, nj, ni) = parts[::-1], shape
    hu = hu.reshape(nk, fk, nj, fj, ni, fi).mean(axis=(1, 3, 5))
    hu += np.random.default_rng(3).normal(0, 12, hu.shape)
    return Volume(np.rint(hu).astype(np.int16), geometry, metadata={"modality": "CT"})


def _drawn(
    grid: Geometry, thickness_mm: float, bone_hu: float, sides_hu: tuple[float, float]
) -> NDArray[np.float32]:
    k, j, i = np.indices(grid.shape, dtype=np.float32)
    steps = (grid.direction * grid.spacing).astype(np.float32)
    x, y, z = (
        steps[a, 0] * i + steps[a, 1] * j + steps[a, 2] * k + np.float32(grid.origin[a])
        for a in range(3)
    )
    inside = x * x + y * y + z * z < (HALF_MM - 2) ** 2
    x, y, z = (a - np.float32(m) for a, m in zip((x, y, z), MIDDLE_LPS, strict=True))
    away = np.sqrt(x * x + y * y + z * z)
    along = x * AXIS[0] + y * AXIS[1] + z * AXIS[2]
    aside = np.sqrt(np.maximum(away**2 - along**2, 0))
    angle = np.radians(OPENING_DEG)
    within = along > away * np.cos(angle)
    to_ring = np.hypot(aside - RADIUS_MM * np.sin(angle), along - RADIUS_MM * np.cos(angle))
    hu = np.where(inside, np.float32(MUSCLE_HU), np.float32(-1000))
    hu[within & (np.abs(away - RADIUS_MM + 5) < 5)] = sides_hu[0]
    hu[within & (np.abs(away - RADIUS_MM - 4) < 4)] = sides_hu[1]
    hu[to_ring < 5] = 1000.0
    hu[to_ring < 3] = 200.0
    hu[within & (np.abs(away - RADIUS_MM) < thickness_mm / 2)] = bone_hu
    return hu


def covered(volume: Volume) -> tuple[float, float]:
    """Which share of the cup's area the bones found cover, and how thick they are on it."""
    mask = segment(volume, ["bones"]).mask("bones").array
    tilt, turn = np.meshgrid(
        np.radians(np.linspace(1, OPENING_DEG - 11, 30)), np.linspace(0, 2 * np.pi, 90)
    )
    side = np.cross(AXIS, [0, 0, 1])
    side /= np.linalg.norm(side)
    ways = np.cos(tilt)[..., None] * AXIS + np.sin(tilt)[..., None] * (
        np.cos(turn)[..., None] * side + np.sin(turn)[..., None] * np.cross(AXIS, side)
    )
    depths = np.arange(-4, 4.01, 0.2)
    places = MIDDLE_LPS + ways[..., None, :] * (RADIUS_MM + depths)[:, None]
    ijk = volume.geometry.to_ijk(places.reshape(-1, 3))
    hit = map_coordinates(mask.astype(np.float32), ijk[:, ::-1].T, order=0) > 0.5
    hit = hit.reshape(*tilt.shape, len(depths))
    weight = np.sin(tilt)
    closed = hit[..., np.abs(depths) <= 1.5].any(axis=-1)
    thickness = 0.2 * hit.sum(axis=-1)
    return float(np.average(closed, weights=weight)), float(
        np.average(thickness, weights=weight)
    )


@pytest.mark.parametrize(
    ("spacing", "thickness_mm", "bone_hu", "sides_hu", "least"),
    [
        ((0.8, 0.8, 1.0), 0.7, 1000.0, (FAT_HU, MUSCLE_HU), 0.995),
        ((0.8, 0.8, 1.0), 1.0, 500.0, (FAT_HU, MUSCLE_HU), 0.99),
        ((0.8, 0.9, 2.5), 1.0, 1000.0, (FAT_HU, MUSCLE_HU), 0.99),
        ((0.8, 0.8, 1.0), 1.0, 1000.0, (-950.0, MUSCLE_HU), 0.97),
        ((1.5, 1.5, 1.5), 1.5, 600.0, (120.0, 70.0), 0.99),
        ((3.0, 3.0, 3.0), 1.0, 600.0, (FAT_HU, MUSCLE_HU), 0.95),
        ((3.0, 3.0, 3.0), 1.5, 600.0, (FAT_HU, FAT_HU), 0.94),
    ],
)
def test_a_thin_cup_has_no_holes(
    spacing: tuple[float, float, float],
    thickness_mm: float,
    bone_hu: float,
    sides_hu: tuple[float, float],
    least: float,
) -> None:
    volume = cup(spacing, thickness_mm, bone_hu=bone_hu, sides_hu=sides_hu)
    share, thickness = covered(volume)
    assert share > least
    # no thicker than blur makes it; marrow beside it may be counted
    assert sides_hu[0] > 100 or thickness < thickness_mm + 1.2 * max(spacing) + 1.0


@pytest.mark.parametrize("spacing", [(0.8, 0.9, 2.5), (1.6, 1.4, 1.9)])
def test_a_thin_cup_has_no_holes_on_an_oblique_grid(
    spacing: tuple[float, float, float],
) -> None:
    turn = oblique_geometry().direction
    share, thickness = covered(cup(spacing, 1.0, turn=turn))
    assert share > 0.99
    assert thickness < 2.0 + 1.2 * max(spacing)


def test_a_hole_in_a_wall_is_walled_along_the_lines_within_it() -> None:
    wall = np.zeros((15, 20, 25), bool)
    wall[7] = True
    wall[7, 8:12, 10:14] = False
    lines = walled_lines(wall, 20.0, (2.0, 2.0, 2.0))
    assert (lines[7, 8:12, 10:14] == 4).all()
    assert (lines[3] == 0).all()
    assert walled_lines(wall, 2.0, (2.0, 2.0, 2.0))[7, 9, 11] < 4, "the hole is wider"


def test_a_wall_goes_on_where_it_is_thinner_and_nowhere_else() -> None:
    hu = np.full((16, 22, 28), 45.0, np.float32)
    hu[:, :, :13] = -90.0
    hu[:, :, 13] = 400.0
    hu[5:10, 8:14, 13] = 120.0  # thinner there: less dense than enhanced muscle may be
    hu[12:, :, 20:24] = 120.0  # such muscle: even, nothing thin about it
    shell = hu > 130
    everywhere = np.ones(hu.shape, bool)
    found = with_thin_walls(shell, hu, everywhere, 5.0, (3.0, 3.2, 3.1))
    assert found[:, :, 13].all()
    assert np.count_nonzero(found) == 16 * 22
    noisy = with_thin_walls(shell, hu, everywhere, 30.0, (3.0, 3.2, 3.1))
    np.testing.assert_array_equal(noisy, shell)


def test_a_rise_is_measured_from_the_higher_side() -> None:
    hu = np.zeros((3, 9, 9), np.float32)
    hu[:, 4] = 100.0
    hu[:, 5:] = 60.0
    risen = rise(hu, 2.0, (5.0, 1.0, 1.0))
    np.testing.assert_array_equal(risen[:, 4, 2:7], 40.0)
    assert (risen[:, 6] <= 0).all()


def test_fat_between_two_bones_is_no_marrow() -> None:
    marrow = np.zeros((30, 40, 50), bool)
    marrow[5:11, 5:11, 5:11] = True  # walled in all round
    marrow[5:11, 20:26, 5:11] = True  # between two walls, open to two of six sides
    whole = marrow.copy()
    whole[4:12, 4:12, 4:12] = True
    whole[4:12, 19:27, 5:11] = True
    found = walled_pieces(marrow, whole, (2.2, 1.9, 2.1))
    assert found[5:11, 5:11, 5:11].all()
    assert not found[5:11, 20:26, 5:11].any()


@pytest.mark.parametrize("times", [1, 2, 4])
def test_how_open_marrow_lies_is_told_by_area_not_by_voxels(times: int) -> None:
    marrow = np.zeros((9, 16, 17), bool)
    marrow[3:7, 3:13, 4:14] = True
    whole = marrow.copy()
    whole[2:7, 2:14, 3:15] = True  # open above: 19 % of the area, 28 % of the faces
    marrow, whole = np.repeat(marrow, times, 0), np.repeat(whole, times, 0)
    np.testing.assert_array_equal(walled_pieces(marrow, whole, (4.0 / times, 1.9, 2.1)), marrow)


def test_pores_in_a_large_piece_of_marrow_do_not_open_it() -> None:
    marrow, whole = np.zeros((2, 30, 31, 32), bool)
    marrow[2:28, 2:28, 3:29] = whole[1:29, 1:29, 2:30] = True
    pores = marrow & (np.random.default_rng(6).random(marrow.shape) < 0.03)
    marrow &= ~pores
    whole &= ~pores
    np.testing.assert_array_equal(walled_pieces(marrow, whole, (2.5, 1.8, 1.9)), marrow)


def test_thin_walls_of_large_voxels_stay_where_slices_are_cut_into_two() -> None:
    volume = cup((3.0, 3.1, 2.9), 1.0, bone_hu=600.0)
    share, thickness = covered(volume)
    cut_share, cut_thickness = covered(finer(volume, (2, 1, 1), 3))
    assert cut_share == pytest.approx(share, abs=0.03)
    assert cut_thickness == pytest.approx(thickness, rel=0.12)
