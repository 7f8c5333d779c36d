"""Pictures: greys, padding, label colours, true shapes, montages, files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tests.conftest import oblique_geometry
from vis3d.errors import OutputError, UsageError
from vis3d.geometry import Geometry
from vis3d.imaging import Plane, Window, cut, fitted, montage, picture, write_picture
from vis3d.imaging.pictures import overlay, painted, position_words
from vis3d.labels import STRUCTURES, LabelMap
from vis3d.volume import Volume

SHAPE = (20, 30, 40)
WINDOW = Window(0, 200)


def volume_of(value: int, geometry: Geometry | None = None, **options: object) -> Volume:
    geometry = geometry or oblique_geometry(SHAPE)
    return Volume(np.full(geometry.shape, value, np.int16), geometry, **options)  # type: ignore[arg-type]


def labels_with(label: int, geometry: Geometry) -> LabelMap:
    array = np.zeros(geometry.shape, np.uint8)
    array[5:15, 10:20, 10:30] = label
    return LabelMap(array, geometry)


def test_one_pixel_a_voxel_and_padding_black() -> None:
    volume = volume_of(500, padding=700)
    volume.array[10, :, :5] = 700
    pixels = picture(volume, "axial", 10, WINDOW)
    assert pixels.dtype == np.uint8
    assert pixels.size == 3 * pixels[..., 0].size
    assert sorted(np.unique(pixels)) == [0, 255]
    assert (pixels == 0).sum() == 3 * 30 * 5


def test_monochrome1_is_shown_inverted_and_its_padding_still_black() -> None:
    volume = volume_of(-100, metadata={"photometric": "MONOCHROME1"}, padding=-2000)
    volume.array[10, 0, 0] = -2000
    shades, counts = np.unique(picture(volume, "axial", 10, WINDOW), return_counts=True)
    assert shades.tolist() == [0, 255]
    assert counts[0] == 3


@pytest.mark.parametrize("opacities", [None, {1: 0.25, 4: 1.0}, {4: 0.0}, {}])
def test_a_grey_picture_is_painted_as_it_is_laid_over(
    opacities: dict[int, float] | None,
) -> None:
    random = np.random.default_rng(5)
    grays = random.integers(0, 256, (30, 40)).astype(np.uint8)
    shown = np.kron(random.integers(0, 6, (6, 8)), np.ones((5, 5), int)).astype(np.uint8)
    labels = LabelMap(np.zeros((2, 3, 4), np.uint8), Geometry((2, 3, 4)))
    colored = np.repeat(grays[:, :, None], 3, axis=2)
    expected = overlay(colored, shown, labels, opacities=opacities)
    assert np.array_equal(painted(grays, shown, labels, opacities=opacities), expected)


def test_labels_are_laid_over_in_their_colour_with_an_outline() -> None:
    volume = volume_of(-1000)
    labels = labels_with(4, volume.geometry)
    pixels = picture(volume, "axial", 10, WINDOW, labels)
    strongest = pixels.reshape(-1, 3).max(axis=0)
    color = np.array(STRUCTURES[3].color)
    assert np.allclose(strongest, 0.9 * color, atol=1)
    filled = (np.abs(pixels - 0.3 * color) <= 1).all(axis=2)
    assert filled.sum() == 8 * 18
    assert (pixels.any(axis=2)).sum() == 10 * 20


def test_each_label_shows_as_strongly_as_asked() -> None:
    volume = volume_of(-1000)
    labels = labels_with(4, volume.geometry)
    assert not picture(volume, "axial", 10, WINDOW, labels, opacities={4: 0.0}).any()
    assert not picture(volume, "axial", 10, WINDOW, labels, opacities={1: 1.0}).any()
    full = picture(volume, "axial", 10, WINDOW, labels, opacities={4: 1.0})
    assert {tuple(p) for p in full.reshape(-1, 3)} == {(0, 0, 0), STRUCTURES[3].color}


def test_the_body_is_not_painted_unless_asked() -> None:
    volume = volume_of(-1000)
    assert not picture(volume, "axial", 10, WINDOW, labels_with(5, volume.geometry)).any()


def test_labels_of_another_grid_are_refused() -> None:
    volume = volume_of(0)
    other = oblique_geometry(SHAPE, origin=(0.0, 0.0, 0.0))
    with pytest.raises(UsageError, match="another grid"):
        picture(volume, "axial", 10, WINDOW, labels_with(1, other))
    with pytest.raises(UsageError, match="another grid"):
        montage(volume, labels_with(1, other))


def test_square_pixels_show_true_shapes() -> None:
    geometry = Geometry((20, 30, 40), (0.5, 0.5, 2.0))
    ball = np.linalg.norm(
        geometry.to_lps(np.stack(np.indices(SHAPE)[::-1], axis=-1)) - geometry.center_lps,
        axis=-1,
    )
    volume = Volume(np.where(ball < 6, 1000, -1000).astype(np.int16), geometry)
    pixels = picture(volume, "coronal", 15, WINDOW, square=True)[..., 0] > 128
    assert pixels.shape == (80, 40)
    rows, columns = (np.ptp(np.nonzero(pixels)[axis]) for axis in (0, 1))
    assert abs(rows - columns) <= 3


def test_a_montage_shows_the_slices_from_the_head_down() -> None:
    for direction in (np.eye(3), np.diag((1.0, -1.0, -1.0))):
        geometry = Geometry((12, 30, 40), (1, 1, 3), direction=direction)
        heights = geometry.to_lps(np.stack(np.indices((12, 30, 40))[::-1], axis=-1))[..., 2]
        volume = Volume(heights.astype(np.float32), geometry, unit="")
        window = Window.between(float(heights.min()), float(heights.max()))
        sheet = montage(volume, columns=3, rows=2, tile_width=40, window=window)
        assert sheet.shape == (2 * 30, 3 * 40, 3)
        tiles = sheet.reshape(2, 30, 3, 40, 3).mean(axis=(1, 3, 4)).reshape(-1)
        assert (np.diff(tiles) < 0).all()


def test_a_montage_says_where_each_slice_lies() -> None:
    grid = oblique_geometry((20, 30, 40))
    planes: tuple[Plane, ...] = ("sagittal", "coronal", "axial")
    for axis, plane in enumerate(planes):
        scan = cut(Volume(np.zeros(grid.shape, np.int16), grid), plane, 7)
        rows, columns = scan.array.shape
        mm = scan.to_lps((rows - 1) / 2, (columns - 1) / 2)[axis]
        assert position_words(scan) == f"{'LPS'[axis]} {mm:.1f} mm"
    volume = volume_of(-1000, grid)
    silent, telling = (montage(volume, positions=told) for told in (False, True))
    assert not silent.any()
    tile = telling[: telling.shape[0] // 4, :256]
    rows, columns = np.nonzero(tile.max(axis=2))
    assert rows.min() > 0.8 * tile.shape[0]
    assert columns.max() < 0.75 * tile.shape[1]
    assert not np.array_equal(tile, telling[: telling.shape[0] // 4, 256:512])


def test_a_montage_outlines_labels_so_that_white_bone_shows_them() -> None:
    white = volume_of(3000, Geometry((1, 30, 40), (1.0, 2.0, 4.0)))
    array = np.zeros((1, 30, 40), np.uint8)
    array[0, 5:15, 10:20] = 4
    labels = LabelMap(array, white.geometry, STRUCTURES)
    sheet = montage(white, labels, window=WINDOW, tile_width=80).astype(int)
    colored = sheet.max(axis=2) - sheet.min(axis=2)
    rows, columns = np.nonzero(colored > 100)
    assert sheet.shape == (120, 80, 3)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (20, 59, 20, 39)
    assert len(rows) == 2 * 20 + 2 * 38, "the outline alone, a pixel wide"
    assert 0 < colored[40, 30] < 30, "a light fill"
    assert not colored[0].any()


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_montage_outlines_a_ball_where_it_shows_it(plane: Plane) -> None:
    geometry = oblique_geometry(SHAPE)
    places = geometry.to_lps(np.stack(np.indices(SHAPE)[::-1], axis=-1))
    ball = np.linalg.norm(places - geometry.to_lps((16.0, 18.0, 11.0)), axis=-1) < 6
    white = Volume(np.where(ball, 3000, -1000).astype(np.int16), geometry)
    labels = LabelMap(np.where(ball, 4, 0).astype(np.uint8), geometry, STRUCTURES)
    options = {"plane": plane, "window": WINDOW, "columns": 4, "rows": 3, "tile_width": 200}
    plain = montage(white, **options)[..., 0] > 128  # type: ignore[arg-type]
    outlined = montage(white, labels, **options).astype(int)  # type: ignore[arg-type]
    edge = outlined.max(axis=2) - outlined.min(axis=2) > 100
    near = ndimage.distance_transform_edt(plain == ndimage.binary_erosion(plain))
    assert edge.any()
    assert near[edge].max() < 5, "half a voxel of either plane and what the tile blurs"
    holes, _ = ndimage.label(~edge)
    assert (holes[ndimage.binary_erosion(plain, iterations=6)] != holes[0, 0]).all()


def test_a_montage_keeps_what_has_no_hue_grey() -> None:
    dark = volume_of(-1000, Geometry((1, 30, 40)))
    gray = replace(STRUCTURES[3], color=(90, 90, 90))
    array = np.zeros((1, 30, 40), np.uint8)
    array[0, 10:] = gray.label
    labels = LabelMap(array, dark.geometry, (gray,))
    sheet = montage(dark, labels, window=WINDOW, tile_width=40)
    assert sheet.max() == 81
    assert (sheet == sheet[:, :, :1]).all()


def test_a_montage_of_few_slices_has_no_empty_columns() -> None:
    volume = volume_of(500, Geometry((2, 30, 40)))
    assert montage(volume, columns=6, tile_width=40).shape == (30, 80, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_written_pictures_read_back(tmp_path: Path, suffix: str) -> None:
    pixels = picture(volume_of(0), "axial", 10, WINDOW, labels_with(4, oblique_geometry(SHAPE)))
    write_picture(pixels, tmp_path / f"slice{suffix}")
    with Image.open(tmp_path / f"slice{suffix}") as image:
        back = np.asarray(image).astype(int)
    assert np.abs(back - pixels).mean() < (8 if suffix == ".jpg" else 1e-9)


def test_a_picture_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(UsageError, match=r"slice\.xyz: a picture's name ends in one of \.png"):
        write_picture(pixels, tmp_path / "slice.xyz")
    with pytest.raises(OutputError, match="Cannot write"):
        write_picture(pixels, tmp_path / "missing" / "slice.png")
    assert list(tmp_path.iterdir()) == []


def test_a_fitted_picture_has_the_size_asked_for_and_true_shapes() -> None:
    geometry = Geometry((20, 30, 40), (0.5, 0.5, 2.0))
    volume = Volume(np.full(geometry.shape, 500, np.int16), geometry)
    white = (
        fitted(picture(volume, "coronal", 15, Window(0, 100), square=True), (300, 500)) == 255
    )
    assert white.shape == (500, 300, 3)
    rows, columns = np.nonzero(white[..., 0])
    assert (np.ptp(columns) + 1) / (np.ptp(rows) + 1) == 0.5
