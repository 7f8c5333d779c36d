"""A text cut into a solid: a side, a level, a number on what will be printed."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from manifold3d import CrossSection, FillRule, Manifold
from numpy.typing import NDArray
from scipy.spatial import KDTree

from vis3d.errors import InputError, UsageError
from vis3d.geometry import FloatArray
from vis3d.meshing.deviation import samples_of
from vis3d.meshing.planning.gaps import nearest_point
from vis3d.meshing.planning.solids import solid_of, surface_of
from vis3d.surface import Surface
from vis3d.vtk_data import surface_from_vtk

PLACES = 300
"""Places that are compared where none is given, and how many of the flattest are tried."""
TRIED = 20

MOST_LETTERS = 100
"""No solid has room for more; thousands take minutes to draw."""

RAYS_ACROSS, RAYS_UP = 13, 7
"""Where under the text the surface's height is looked up."""

CURVED = 0.5
"""The share of the letters' height by which the surface under them may rise and fall."""

FACING = 0.3
"""The cosine from which on a part of the surface looks the same way."""

MARGIN = 1.08
"""How much more room than its own a text needs."""


@dataclass(frozen=True)
class Inscription:
    """A text, how high its capitals are and how deep they are cut.

    Raises:
        UsageError: no visible ASCII text, more than 100 letters, or a length that isn't
            above 0.
    """

    text: str
    height_mm: float = 6.0
    depth_mm: float = 0.8

    def __post_init__(self) -> None:
        if len(self.text) > MOST_LETTERS:
            raise UsageError(
                f"An inscription has at most {MOST_LETTERS} letters, not {len(self.text)}."
            )
        if not (self.text.strip() and self.text.isascii() and self.text.isprintable()):
            raise UsageError(f"The letters at hand are A-Z, a-z, 0-9 and signs: {self.text!r}.")
        for word, value in (("height_mm", self.height_mm), ("depth_mm", self.depth_mm)):
            if not 0 < value < np.inf:
                raise UsageError(f"{word} of an inscription is above 0 mm, not {value}.")


def engraved(
    surface: Surface,
    inscription: Inscription,
    *,
    at_lps: tuple[float, float, float] | None = None,
) -> Surface:
    """The solid with the text cut in, read from outside, its top towards the head.

    It lies on the surface next to `at_lps`, or where the surface is flattest; there its
    bottom is flat, at least `depth_mm` deep everywhere.

    Raises:
        InputError: the surface isn't closed, or too small or too curved for the text.
    """
    solid = solid_of(surface)
    letters = _letters(inscription)
    size = _size(letters)
    places = _flattest(surface, max(size) / 2) if at_lps is None else iter((at_lps,))
    reason = "it has no flat place"
    for place in places:
        pose = _pose(surface, place, max(size) / 2)
        heights = _heights(solid, pose, size)
        if np.isnan(heights).any():
            reason = "the text would hang over an edge"
        elif np.ptp(heights) > CURVED * inscription.height_mm:
            reason = f"the surface rises and falls by {np.ptp(heights):.1f} mm under the text"
        else:
            cut = _prism(letters, pose, heights, inscription.depth_mm)
            return surface_of(solid - cut, surface, "the solid without its inscription")
    raise InputError(
        f"{inscription.text!r} at {inscription.height_mm:g} mm doesn't fit on "
        f"{surface.name or 'the surface'}: {reason}. Choose smaller letters or another place."
    )


def _letters(inscription: Inscription) -> CrossSection:
    """The text's outline round (0, 0), capitals `height_mm` high."""
    capital, outline = _outline("H"), _outline(inscription.text)
    scale = inscription.height_mm / float(np.ptp(capital[..., 1]))
    letters = CrossSection(list(scale * outline), FillRule.NonZero)
    left, low, right, top = letters.bounds()
    return letters.translate((-(left + right) / 2, -(low + top) / 2))


def _outline(text: str) -> FloatArray:
    """The triangles (n, 3, 2) that VTK's built-in letters are made of."""
    # Draws in VTK's rendering libraries, which no other step of meshing needs.
    from vtkmodules.vtkRenderingFreeType import vtkVectorText

    source = vtkVectorText()
    source.SetText(text)
    source.Update()
    drawn = surface_from_vtk(source.GetOutput())
    return np.asarray(drawn.points[drawn.triangles][..., :2], float)


def _size(letters: CrossSection) -> tuple[float, float]:
    left, low, right, top = letters.bounds()
    return MARGIN * (right - left), MARGIN * (top - low)


def _pose(surface: Surface, place: tuple[float, float, float], reach_mm: float) -> FloatArray:
    """Right, up, outwards and the surface's point, as columns (3, 4).

    Outwards is the mean normal round about, up as much towards the head as it can be.
    """
    nearest = nearest_point(surface, place)
    at, own = np.array(nearest.point_lps), np.array(nearest.normal_lps)
    points, normals = samples_of(surface)
    near = (np.linalg.norm(points - at, axis=1) < reach_mm) & (normals @ own > FACING)
    outwards = own + normals[near].sum(axis=0)
    outwards /= np.linalg.norm(outwards)
    head = np.array([0.0, 0, 1]) if abs(outwards[2]) < 0.9 else np.array([0.0, -1, 0])
    up = head - (head @ outwards) * outwards
    up /= np.linalg.norm(up)
    return np.column_stack([np.cross(up, outwards), up, outwards, at])


def _heights(solid: Manifold, pose: FloatArray, size: tuple[float, float]) -> FloatArray:
    """How high over the place the surface is under the text; NaN where there is none."""
    width, height = size
    reach = max(size) / 2
    right, up, outwards, at = pose.T
    heights = []
    for x, y in product(
        np.linspace(-width / 2, width / 2, RAYS_ACROSS),
        np.linspace(-height / 2, height / 2, RAYS_UP),
    ):
        above = at + x * right + y * up + reach * outwards
        below = above - 2 * reach * outwards
        hits = solid.ray_cast(above.tolist(), below.tolist())
        enters = bool(hits) and np.dot(hits[0].normal, outwards) > 0
        heights.append((1 - 2 * hits[0].distance) * reach if enters else np.nan)
    return np.array(heights)


def _prism(
    letters: CrossSection, pose: FloatArray, heights: FloatArray, depth_mm: float
) -> Manifold:
    """The letters from `depth_mm` under the lowest point to above the highest one."""
    low, high = float(heights.min()) - depth_mm, float(heights.max()) + depth_mm
    placed = pose.copy()
    placed[:, 3] += low * pose[:, 2]
    return letters.extrude(high - low).transform(placed)


def _flattest(surface: Surface, reach_mm: float) -> Iterator[tuple[float, float, float]]:
    """Places with room for a circle, the flattest first."""
    points, normals = samples_of(surface)
    tree = KDTree(points)
    places = np.linspace(0, len(points) - 1, PLACES).astype(int)
    roughness = [_roughness(points, normals, tree, place, reach_mm) for place in places]
    for place in places[np.argsort(roughness, kind="stable")[:TRIED]]:
        x, y, z = points[place].tolist()
        yield x, y, z


def _roughness(
    points: FloatArray, normals: FloatArray, tree: KDTree, place: int, reach_mm: float
) -> float:
    """How far the surface round a place runs from its plane; the least is best."""
    near: NDArray[np.intp] = np.array(tree.query_ball_point(points[place], reach_mm))
    facing = near[normals[near] @ normals[place] > FACING]
    outwards = normals[facing].sum(axis=0)
    outwards /= np.linalg.norm(outwards)
    away = (points[facing] - points[place]) @ outwards
    return float(
        np.sqrt((away**2).mean()) + reach_mm * (1 - (normals[facing] @ outwards).mean())
    )
