"""The foreground of a single picture: found by itself, or with boxes and points as hints."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vis3d.errors import RequirementError, UsageError
from vis3d.progress import Progress, silent

SOLVED_PIXELS = 700
"""The longer side of the picture that is solved; a larger one is solved reduced."""

ROUNDS = 5
"""Rounds of GrabCut, after which its cut hardly moves."""

BORDER_SHARE = 0.02
"""The part of the shorter side at each border that shows what the background looks like."""

USUAL_SHARE = 0.15
"""A colour that fills less of the border belongs to an object that reaches it."""

LIKE_BACKGROUND = 12.0
"""Colours nearer than this in CIELAB look alike."""

LEAST_OBJECT = 0.002
"""Of the picture: smaller pieces are specks, and smaller holes are filled."""

POINT_SHARE = 0.01
"""The radius of the disc that a point marks, of the longer side."""

CERTAIN = 0.3
"""The middle part of a box that lies in its object."""


@dataclass(frozen=True)
class Box:
    """Pixels from (x0, y0) to (x1, y1), the last left out, and what of an object lies there.

    `whole`: the object and nothing of it outside, which is all background unless another
    box says so. `part`: the middle of the box lies in an object, which may reach beyond.
    `uncertain`: what is in the box may be object; the rest stays as found by itself.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    kind: Literal["whole", "part", "uncertain"] = "whole"


@dataclass(frozen=True)
class Point:
    """A place (x, y) in pixels that is certainly object, or certainly background."""

    x: int
    y: int
    kind: Literal["object", "background"] = "object"


def foreground(
    pixels: NDArray[np.uint8],
    *,
    boxes: Iterable[Box] = (),
    points: Iterable[Point] = (),
    progress: Progress | None = None,
) -> NDArray[np.bool_]:
    """Where the objects are in a grey (rows, columns) or RGB (rows, columns, 3) picture.

    What looks like the border of the picture is background to begin with; boxes and points
    change those strokes, and GrabCut (Rother, Kolmogorov and Blake, 2004) cuts along edges
    and colours. The cut is made on a picture of at most 700 pixels and smoothly enlarged.

    Raises:
        UsageError: a box or point outside the picture.
        RequirementError: OpenCV isn't installed.
    """
    cv2 = _opencv()
    report = progress or silent
    height, width = pixels.shape[:2]
    boxes, points = tuple(boxes), tuple(points)
    _check(boxes, points, width, height)
    color = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
    scale = min(1.0, SOLVED_PIXELS / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(np.ascontiguousarray(color), size, interpolation=cv2.INTER_AREA)
    report(0.0, "looking for the background")
    strokes = _with_hints(_strokes(cv2, small), boxes, points, scale)
    mask = _cut(cv2, small, strokes, report)
    mask = _tidied(mask, strokes)
    if scale == 1.0:
        return mask
    large = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large > 0.5)


def objects(mask: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], ...]:
    """Each piece of the foreground as a mask of its own, the largest first."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    order = np.argsort(-sizes, kind="stable") + 1
    return tuple(np.asarray(labels == label) for label in order.tolist())


def feathered(mask: NDArray[np.bool_], radius_px: float) -> NDArray[np.uint8]:
    """The opacity, 255 inside and 0 outside, rising over `radius_px` inwards of the edge.

    It never reaches outside the mask, where background would shine through.
    """
    if radius_px <= 0 or mask.all():
        return mask.astype(np.uint8) * np.uint8(255)
    depth = ndimage.distance_transform_edt(mask)  # the picture's own border is no edge
    # A pixel at the edge has depth 1.
    ramp = np.clip(depth / (radius_px + 1), 0, 1)
    smooth = ramp * ramp * (3 - 2 * ramp)
    return np.rint(255 * smooth).astype(np.uint8)


def cut_out(
    pixels: NDArray[np.uint8],
    opacity: NDArray[np.uint8],
    background: tuple[int, int, int] | None,
) -> NDArray[np.uint8]:
    """The picture as RGBA, or as RGB on a background of one colour."""
    color = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
    if background is None:
        seen = np.where(opacity[:, :, None] > 0, color, 0)  # nothing is hidden behind alpha 0
        return np.dstack([seen, opacity]).astype(np.uint8)
    share = opacity[:, :, None].astype(np.float32) / 255
    mixed = color * share + np.array(background, np.float32) * (1 - share)
    return np.rint(mixed).astype(np.uint8)


def _opencv() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise RequirementError(
            'Finding the foreground of a picture needs OpenCV: pip install "vis3d[background]".'
        ) from error
    return cv2


def _check(boxes: tuple[Box, ...], points: tuple[Point, ...], width: int, height: int) -> None:
    for box in boxes:
        if not (0 <= box.x0 < box.x1 <= width and 0 <= box.y0 < box.y1 <= height):
            raise UsageError(
                f"The box {box.x0},{box.y0},{box.x1},{box.y1} doesn't lie in the picture of "
                f"{width} x {height} pixels, or has no inside: give X0,Y0,X1,Y1."
            )
    for point in points:
        if not (0 <= point.x < width and 0 <= point.y < height):
            raise UsageError(
                f"The point {point.x},{point.y} lies outside the picture of "
                f"{width} x {height} pixels."
            )


def _strokes(cv2: Any, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is background for certain, and what each other pixel probably is."""
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    border = _border(lab.shape[:2])
    distance = _distance_to(lab, _usual_colors(cv2, lab[border]))
    threshold = max(LIKE_BACKGROUND, _otsu(distance))
    alike = distance < threshold
    outside = ndimage.binary_propagation(alike & border, mask=alike)
    strokes = np.where(outside, cv2.GC_PR_BGD, cv2.GC_PR_FGD).astype(np.uint8)
    certain = outside & (distance < LIKE_BACKGROUND / 2)
    strokes[ndimage.binary_erosion(certain, iterations=2, border_value=1)] = cv2.GC_BGD
    return np.asarray(strokes)


def _border(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    width = max(2, round(BORDER_SHARE * min(shape)))
    border = np.ones(shape, bool)
    border[width:-width, width:-width] = False
    return border


def _usual_colors(cv2: Any, colors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The colours that fill much of the border."""
    count = min(4, len(np.unique(colors.round(), axis=0)))
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 0.5)
    cv2.setRNGSeed(0)
    _, members, centers = cv2.kmeans(
        np.ascontiguousarray(colors), count, None, stop, 3, cv2.KMEANS_PP_CENTERS
    )
    shares = np.bincount(members.ravel(), minlength=count) / len(members)
    return np.asarray(centers[shares >= min(USUAL_SHARE, shares.max())])


def _distance_to(lab: NDArray[np.float32], colors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The distance in CIELAB of each pixel to the nearest of the colours."""
    nearest = np.full(lab.shape[:2], np.inf, np.float32)
    for color in colors:
        np.minimum(nearest, np.linalg.norm(lab - color, axis=2), out=nearest)
    return nearest


def _otsu(values: NDArray[np.float32]) -> float:
    from skimage.filters import threshold_otsu

    return float(threshold_otsu(values)) if np.ptp(values) > 0 else 0.0


def _with_hints(
    strokes: NDArray[np.uint8],
    boxes: tuple[Box, ...],
    points: tuple[Point, ...],
    scale: float,
) -> NDArray[np.uint8]:
    """The strokes, corrected by what a person said."""
    cv2 = _opencv()
    strokes = strokes.copy()
    if any(box.kind == "whole" for box in boxes):
        outside = np.ones(strokes.shape, bool)
        for box in boxes:
            outside[_inside(box, scale)] = False
        strokes[outside] = cv2.GC_BGD
    for box in boxes:
        inside = strokes[_inside(box, scale)]
        if box.kind == "uncertain" or not (inside == cv2.GC_PR_FGD).any():
            inside[inside != cv2.GC_FGD] = cv2.GC_PR_FGD
        if box.kind == "part":
            strokes[_inside(_middle(box), scale)] = cv2.GC_FGD
    radius = max(1.0, POINT_SHARE * max(strokes.shape))
    rows, columns = np.ogrid[: strokes.shape[0], : strokes.shape[1]]
    for point in points:
        y, x = point.y * scale, point.x * scale
        disc = (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
        strokes[disc] = cv2.GC_FGD if point.kind == "object" else cv2.GC_BGD
    return strokes


def _inside(box: Box, scale: float) -> tuple[slice, slice]:
    x0, y0 = int(box.x0 * scale), int(box.y0 * scale)
    x1, y1 = int(np.ceil(box.x1 * scale)), int(np.ceil(box.y1 * scale))
    return slice(y0, max(y1, y0 + 1)), slice(x0, max(x1, x0 + 1))


def _middle(box: Box) -> Box:
    width, height = box.x1 - box.x0, box.y1 - box.y0
    dx, dy = round(width * (1 - CERTAIN) / 2), round(height * (1 - CERTAIN) / 2)
    return Box(
        box.x0 + dx,
        box.y0 + dy,
        max(box.x1 - dx, box.x0 + dx + 1),
        max(box.y1 - dy, box.y0 + dy + 1),
    )


def _cut(
    cv2: Any, rgb: NDArray[np.uint8], strokes: NDArray[np.uint8], report: Progress
) -> NDArray[np.bool_]:
    mask = strokes.copy()
    if not (mask & 1).any():  # GC_FGD and GC_PR_FGD are odd
        return np.zeros(mask.shape, bool)
    if (mask & 1).all():
        return np.ones(mask.shape, bool)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    bgr = np.ascontiguousarray(rgb[:, :, ::-1])
    cv2.setRNGSeed(0)  # the same picture gives the same cut
    mode = cv2.GC_INIT_WITH_MASK
    for number in range(ROUNDS):
        report(0.1 + 0.9 * number / ROUNDS, "cutting along the edges")
        cv2.grabCut(bgr, mask, None, *models, 1, mode)
        mode = cv2.GC_EVAL
    return np.asarray((mask & 1).astype(bool))


def _tidied(mask: NDArray[np.bool_], strokes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Without specks, and without pinholes; what a person marked stays."""
    least = max(4, round(LEAST_OBJECT * mask.size))
    mask = _without_small(mask, least, keep=strokes == 1)
    return ~_without_small(~mask, least, keep=strokes == 0)


def _without_small(
    mask: NDArray[np.bool_], least: int, *, keep: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    stays = sizes >= least
    stays[np.unique(labels[keep])] = True
    stays[0] = False
    return np.asarray(stays[labels])
