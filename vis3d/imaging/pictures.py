"""Slices as RGB pictures, with the colours of labels laid over them."""

import colorsys
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from vis3d.errors import UsageError
from vis3d.imaging.cuts import Cut, Plane, cut, slice_count
from vis3d.imaging.windows import Shading, deep_grays, default_shading, grays
from vis3d.labels import BODY, LabelMap
from vis3d.volume import Volume

FILL_OPACITY = 0.3
"""How strongly a label's colour covers the grey under it; outlines are stronger."""

OUTLINE_OPACITY = 0.9
WARNING_COLOR = (255, 214, 102)
VIVID_SATURATION = 0.9
"""Of the outlines in a contact sheet: bone's own ivory can't be seen over white bone."""

Rgb = NDArray[np.uint8]
Gray = TypeVar("Gray", np.uint8, np.uint16)


def picture(
    volume: Volume,
    plane: Plane,
    index: int,
    window: Shading | None = None,
    labels: LabelMap | None = None,
    *,
    opacities: Mapping[int, float] | None = None,
    square: bool = False,
) -> Rgb:
    """A slice as an RGB picture (rows, columns, 3), one pixel a voxel, padding black.

    `labels` are laid over it: `opacities` gives each label's strength (0 hides it); by
    default all are shown but the body. `square` resamples the slice where its pixels
    aren't square, so that a viewer that knows no spacing shows true shapes.

    Raises:
        UsageError: no such plane or slice, or labels on another grid.
    """
    _check_grid(labels, volume)
    scan = cut(volume, plane, index)
    pixels = gray_picture(scan, volume, window or default_shading(volume))
    if square:
        pixels = squared(pixels, scan.pixel_spacing_mm)
    colored = np.repeat(pixels[:, :, None], 3, axis=2)
    if labels is None:
        return colored
    label_pixels = cut(labels, plane, index).array
    if square:
        label_pixels = squared(label_pixels, scan.pixel_spacing_mm, Image.Resampling.NEAREST)
    return overlay(colored, label_pixels, labels, opacities=opacities)


def _check_grid(labels: LabelMap | None, volume: Volume) -> None:
    if labels is not None and not labels.geometry.matches(volume.geometry):
        raise UsageError("The labels lie on another grid than the volume: resample them first.")


def deep_picture(
    volume: Volume,
    plane: Plane,
    index: int,
    window: Shading | None = None,
    *,
    square: bool = False,
) -> NDArray[np.uint16]:
    """A slice as greys of 16 bits (rows, columns); see `picture`."""
    scan = cut(volume, plane, index)
    pixels = _shaded(scan, volume, deep_grays(scan.array, window or default_shading(volume)))
    if not square:
        return pixels
    # Pillow resizes no 16-bit pictures smoothly, but those of floating point.
    fine = squared(pixels.astype(np.float32), scan.pixel_spacing_mm)
    return np.asarray(np.rint(fine), np.uint16)


def gray_picture(scan: Cut, volume: Volume, window: Shading) -> NDArray[np.uint8]:
    """A slice of a volume as greys (rows, columns), padding and not-a-number black."""
    return _shaded(scan, volume, grays(scan.array, window))


def _shaded(scan: Cut, volume: Volume, pixels: NDArray[Gray]) -> NDArray[Gray]:
    """The greys as the scan's photometric interpretation and padding have them."""
    if volume.metadata.get("photometric") == "MONOCHROME1":  # shown inverted, PS3.3 C.7.6.3.1.2
        pixels = np.iinfo(pixels.dtype).max - pixels
    if volume.padding is not None:
        pixels[scan.array == volume.padding] = 0
    if scan.array.dtype.kind == "f":
        pixels[np.isnan(scan.array)] = 0
    return pixels


def overlay(
    pixels: Rgb,
    label_pixels: NDArray[Any],
    labels: LabelMap,
    *,
    opacities: Mapping[int, float] | None = None,
    vivid: bool = False,
) -> Rgb:
    """An RGB picture under the colours of its labels, each with an outline.

    `label_pixels` (rows, columns) are labels of `labels`; see `picture` for `opacities`.
    `vivid` outlines are of the same hue, but far from any grey.
    """
    colors, fill = _label_colors(labels, opacities)
    result = np.array(pixels)
    where = np.nonzero(fill[label_pixels])  # only what is painted costs time
    shown = label_pixels[where]
    at_edge, strength, paint = _outlines(label_pixels)[where], fill[shown], colors[shown]
    strength[at_edge] = np.maximum(strength[at_edge], OUTLINE_OPACITY)
    if vivid:
        paint[at_edge] = _vivid(colors)[shown[at_edge]]
    under = pixels[where].astype(np.float32)
    result[where] = np.round(under + (paint - under) * strength[:, None])
    return result


def _vivid(colors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same hues (0 to 255), bright and hardly mixed with white."""
    vivid = np.zeros_like(colors)
    for label in np.flatnonzero(colors.any(axis=1)):
        hue, saturation, _ = colorsys.rgb_to_hsv(*(colors[label] / 255).tolist())
        # what has no hue stays as it is
        vivid[label] = colors[label]
        if saturation > 0:
            vivid[label] = colorsys.hsv_to_rgb(hue, max(saturation, VIVID_SATURATION), 255)
    return vivid


def painted(
    grays: NDArray[np.uint8],
    label_pixels: NDArray[Any],
    labels: LabelMap,
    *,
    opacities: Mapping[int, float] | None = None,
) -> Rgb:
    """The same as `overlay` over a grey picture (rows, columns), several times as fast."""
    table, rows = _paint_table(labels, opacities)
    row = rows.take(label_pixels)  # 0 where nothing is painted, else that of the fill
    row += _outlines(label_pixels) & (row > 0)  # the outline's comes after
    return table.take(row.astype(np.int32) * 256 + grays, axis=0)


def _paint_table(
    labels: LabelMap, opacities: Mapping[int, float] | None
) -> tuple[Rgb, NDArray[np.uint16]]:
    """What every grey becomes under every paint, 256 rows a paint; the paint of each label."""
    colors, fill = _label_colors(labels, opacities)
    shades = np.arange(256, dtype=np.float32)[:, None]
    paints = [np.repeat(shades, 3, axis=1)]
    rows = np.zeros(len(fill), np.uint16)
    for label in np.flatnonzero(fill):
        rows[label] = len(paints)
        strengths = (fill[label], max(fill[label], np.float32(OUTLINE_OPACITY)))
        paints += [shades + (colors[label] - shades) * strength for strength in strengths]
    return np.round(np.concatenate(paints)).astype(np.uint8), rows


def montage(
    volume: Volume,
    labels: LabelMap | None = None,
    *,
    plane: Plane = "axial",
    window: Shading | None = None,
    columns: int = 6,
    rows: int = 4,
    tile_width: int = 256,
    opacities: Mapping[int, float] | None = None,
    positions: bool = False,
) -> Rgb:
    """Slices spread evenly over the volume, side by side, as one RGB picture.

    In the order of the patient: axial from the head down, coronal from the front back,
    sagittal from right to left. Each is `tile_width` pixels wide, with square pixels. Labels
    are outlined at that size, in vivid colours, so that they stand out from white bone. With
    `positions` each says its index and where its middle lies along the patient's axis.

    Raises:
        UsageError: no tile at all, or labels on another grid.
    """
    if min(columns, rows, tile_width) < 1:
        raise UsageError("A montage needs at least one column, one row and one pixel.")
    _check_grid(labels, volume)
    count = slice_count(volume.geometry, plane)
    window = window or default_shading(volume)
    tiles = []
    for index in _spread(volume, plane, min(columns * rows, count)):
        tile = _tile(picture(volume, plane, index, window, square=True), tile_width)
        if labels is not None:
            label_tile = _as_large(cut(labels, plane, index).array, tile)
            tile = overlay(tile, label_tile, labels, opacities=opacities, vivid=True)
        if positions:
            tile = with_words(tile, f"{index}   {position_words(cut(volume, plane, index))}")
        tiles.append(tile)
    columns = min(columns, len(tiles))
    height = tiles[0].shape[0]
    sheet = np.zeros((-(-len(tiles) // columns) * height, columns * tile_width, 3), np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        sheet[
            row * height : (row + 1) * height, column * tile_width : (column + 1) * tile_width
        ] = tile
    return sheet


def position_words(scan: Cut) -> str:
    """Where a slice's middle lies along the patient's axis across it: "S -12.5 mm"."""
    rows, columns = scan.array.shape
    axis = {"axial": 2, "coronal": 1, "sagittal": 0}[scan.plane]
    mm = float(scan.to_lps((rows - 1) / 2, (columns - 1) / 2)[axis])
    return f"{'LPS'[axis]} {mm:.1f} mm"


def with_words(pixels: Rgb, words: str) -> Rgb:
    """The picture with words at its lower left, white with a black rim."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    font = ImageFont.load_default(max(9, image.width // 20))
    place = (image.width // 40 + 1, image.height - image.width // 50 - 2)
    ImageDraw.Draw(image).text(
        place, words, (255, 255, 255), font, anchor="ls", stroke_width=1, stroke_fill=(0, 0, 0)
    )
    return np.asarray(image)


def fitted(pixels: Rgb, size: tuple[int, int]) -> Rgb:
    """The picture as large as fits into one of `size` (width, height), on black."""
    image = ImageOps.pad(Image.fromarray(pixels), size, Image.Resampling.LANCZOS)
    return np.asarray(image)


def with_lines_below(pixels: Rgb, size: tuple[int, int], sentences: Sequence[str]) -> Rgb:
    """The picture `fitted` into `size`, over sentences in at most a third of its height."""
    width, height = size
    font_px = max(9, width // 80)
    font, line_px = ImageFont.load_default(font_px), round(1.4 * font_px)
    letters = max(1, int(width / font.getlength("n")))
    lines = [line for one in sentences for line in wrap(one, letters)][: height // 3 // line_px]
    below = Image.new("RGB", (width, line_px * len(lines)))
    for number, line in enumerate(lines):
        place = (font_px // 2, number * line_px)
        ImageDraw.Draw(below).text(place, line, WARNING_COLOR, font)
    return np.vstack((fitted(pixels, (width, height - below.height)), np.asarray(below)))


def squared(
    pixels: NDArray[Any],
    steps_mm: tuple[float, float],
    resampling: Image.Resampling = Image.Resampling.BILINEAR,
) -> NDArray[Any]:
    """The picture with as many pixels as its finer spacing makes over its size in mm.

    `steps_mm` is (between rows, between columns).
    """
    finest = min(steps_mm)
    height, width = (
        max(1, round(n * mm / finest)) for n, mm in zip(pixels.shape[:2], steps_mm, strict=True)
    )
    if (height, width) == pixels.shape[:2]:
        return pixels
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(image.resize((width, height), resampling))


def _label_colors(
    labels: LabelMap, opacities: Mapping[int, float] | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colour and strength of each label, by label."""
    size = np.iinfo(labels.array.dtype).max + 1
    colors, fill = np.zeros((size, 3), np.float32), np.zeros(size, np.float32)
    for structure in labels.structures:
        colors[structure.label] = structure.color
        usual = 0.0 if structure.name == BODY else FILL_OPACITY
        fill[structure.label] = (
            usual if opacities is None else opacities.get(structure.label, 0)
        )
    return colors, fill


def _outlines(label_pixels: NDArray[Any]) -> NDArray[np.bool_]:
    """Pixels of a label with a neighbour of another one."""
    edge = np.zeros(label_pixels.shape, bool)
    across = label_pixels[:, 1:] != label_pixels[:, :-1]
    down = label_pixels[1:] != label_pixels[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def _spread(volume: Volume, plane: Plane, count: int) -> list[int]:
    """Indices of `count` slices, evenly spread, in the patient's order."""
    total = slice_count(volume.geometry, plane)
    indices = [int((n + 0.5) * total / count) for n in range(count)]
    ends = [cut(volume, plane, index).first_lps for index in (0, total - 1)]
    axis, towards = {"axial": (2, -1), "coronal": (1, 1), "sagittal": (0, 1)}[plane]
    return indices if (ends[1] - ends[0])[axis] * towards >= 0 else indices[::-1]


def _tile(pixels: Rgb, width: int) -> Rgb:
    height = max(1, round(pixels.shape[0] * width / pixels.shape[1]))
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def _as_large(label_pixels: NDArray[Any], tile: Rgb) -> NDArray[Any]:
    """The label that lies at the middle of each pixel of a tile."""
    middles = [
        ((np.arange(size) + 0.5) * n / size).astype(int)
        for size, n in zip(tile.shape[:2], label_pixels.shape, strict=True)
    ]
    return np.asarray(label_pixels[np.ix_(*middles)])
