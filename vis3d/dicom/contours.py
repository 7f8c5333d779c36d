"""Closed planar contours -> the voxels inside them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import TooLargeError
from vis3d.geometry import FloatArray, Geometry
from vis3d.labels import LabelMap, Structure
from vis3d.progress import Progress, silent

SAME_PLANE_MM = 0.1
FLAT_SLICES = 0.25
"""A contour whose points leave a slice by more of the slice spacing doesn't lie in it."""
ON_SLICE = 0.1
"""A plane nearer to a slice than this share of the spacing is that slice."""
LARGEST_GAP = 2.5
"""Neighbouring planes further apart than so many usual distances bound separate parts."""
MAX_VOXELS = 2**29
_EDGES_AT_ONCE = 20_000


@dataclass(frozen=True, eq=False)
class Contour:
    """A closed polygon: points (n, 3) in LPS mm; `exclusive` ones cut each other out."""

    points_lps: FloatArray
    exclusive: bool = False

    @property
    def normal(self) -> FloatArray:
        """The polygon's normal, as long as twice its area in mm2 (Newell)."""
        points = self.points_lps - self.points_lps[0]
        total: FloatArray = np.cross(points, np.roll(points, -1, axis=0)).sum(axis=0)
        return total


@dataclass(frozen=True)
class Filled:
    """What filling had to assume: slices filled between planes, and parts kept apart."""

    between: int = 0
    parts: int = 1


def mask_of(
    contours: Sequence[Contour], geometry: Geometry, progress: Progress = silent
) -> tuple[NDArray[np.bool_], Filled]:
    """The voxels of `geometry` whose centre lies inside.

    Contours within one in the same plane are holes (and islands in those), overlapping
    ones join. A plane stands for half its distance to the next on either side; slices between
    planes get a shape between theirs (by signed distance).
    """
    if lies_in_slices(contours, geometry):
        return _filled(contours, geometry, progress)
    from vis3d.resample import resample  # with SciPy, which no other command on DICOM needs

    own = own_grid(contours, spacing_mm=min(geometry.spacing))
    mask, said = _filled(contours, own, progress)
    label = LabelMap(mask.view(np.uint8), own, (Structure(1, "", (0, 0, 0)),))
    return resample(label, geometry).array.astype(bool), said


def lies_in_slices(contours: Sequence[Contour], geometry: Geometry) -> bool:
    """Whether the contours' planes are parallel to the grid's slices."""
    return all(np.ptp(_ijk(one, geometry)[:, 2]) <= FLAT_SLICES for one in contours)


def lies_on_slices(contours: Sequence[Contour], geometry: Geometry) -> bool:
    """Whether every contour was drawn on a slice of the grid, within its rows and columns."""
    nk, nj, ni = geometry.shape
    for contour in contours:
        ijk = _ijk(contour, geometry)
        outside = (ijk < -1) | (ijk > (ni, nj, nk))
        if outside.any() or np.abs(ijk[:, 2] - np.round(ijk[:, 2])).max() > ON_SLICE:
            return False
    return True


def own_grid(contours: Sequence[Contour], *, spacing_mm: float) -> Geometry:
    """A grid whose slices are parallel to the contours' planes and pass through them.

    Raises:
        TooLargeError: it would have more voxels than any scan.
    """
    normals = np.array([one.normal for one in contours])
    largest = normals[np.argmax(np.linalg.norm(normals, axis=1))]
    k_axis = largest / np.linalg.norm(largest)
    k_axis = k_axis * np.sign(k_axis[np.abs(k_axis).argmax()])
    across = np.eye(3)[np.abs(k_axis).argmin()]
    i_axis = across - (across @ k_axis) * k_axis
    i_axis /= np.linalg.norm(i_axis)
    direction = np.column_stack([i_axis, np.cross(k_axis, i_axis), k_axis])
    points = np.concatenate([one.points_lps for one in contours]) @ direction
    apart = _usual_gap(np.unique(np.round(points[:, 2], 2)), 1.0)
    k_mm = apart / max(1, round(apart / spacing_mm))
    spacing = np.array([spacing_mm, spacing_mm, k_mm])
    low = points.min(axis=0) - 2 * spacing * [1, 1, np.ceil(apart / k_mm)]
    low[2] = points[:, 2].min() - 2 * apart
    sizes = np.ceil((points.max(axis=0) + [2, 2, 2 * apart] * spacing - low) / spacing) + 1
    if sizes.prod() > MAX_VOXELS:
        raise TooLargeError("The contours reach over more space than any scan.")
    ni, nj, nk = sizes.astype(int).tolist()
    x, y, z = (direction @ low).tolist()
    i_mm, j_mm, k_mm = spacing.tolist()
    return Geometry((nk, nj, ni), (i_mm, j_mm, k_mm), (x, y, z), direction)


def _ijk(contour: Contour, geometry: Geometry) -> FloatArray:
    return geometry.to_ijk(contour.points_lps)


def _filled(
    contours: Sequence[Contour], geometry: Geometry, progress: Progress
) -> tuple[NDArray[np.bool_], Filled]:
    mask = np.zeros(geometry.shape, bool)
    placed = [(_ijk(one, geometry), one.exclusive) for one in contours]
    window = _window([points for points, _ in placed], geometry.shape)
    if window is None:
        return mask, Filled()
    rows, columns = window
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    planes = _planes(placed, SAME_PLANE_MM / geometry.spacing[2])
    positions = np.array([position for position, _ in planes])
    pictures: list[NDArray[np.bool_]] = []
    for done, (_, polygons) in enumerate(planes):
        progress(done / len(planes), "Filling contours")
        moved = [(points - [columns.start, rows.start], flag) for points, flag in polygons]
        pictures.append(filled_polygons(moved, shape))
    usual = _usual_gap(positions, 1.0)
    between = 0
    for k in _slices_reached(positions, usual, geometry.shape[0]):
        picture, mixed = _at(float(k), positions, pictures, usual)
        mask[k, rows, columns] = picture
        between += mixed
    gaps = np.diff(positions)
    return mask, Filled(between, 1 + int(np.count_nonzero(gaps > LARGEST_GAP * usual)))


def _window(
    polygons: Sequence[FloatArray], shape: tuple[int, int, int]
) -> tuple[slice, slice] | None:
    """The rows and columns that the polygons reach, within the grid."""
    points = np.concatenate(polygons)
    low = np.floor(points[:, :2].min(axis=0)).clip(0) - [1, 1]
    high = np.ceil(points[:, :2].max(axis=0)) + 2
    (i0, j0), (i1, j1) = low.clip(0).astype(int), np.minimum(high, shape[:0:-1]).astype(int)
    return (slice(int(j0), int(j1)), slice(int(i0), int(i1))) if j0 < j1 and i0 < i1 else None


def _planes(
    placed: Sequence[tuple[FloatArray, bool]], tolerance: float
) -> list[tuple[float, list[tuple[FloatArray, bool]]]]:
    """The polygons (i, j) by the plane they lie in, planes in order of their k."""
    ordered = sorted(((float(points[:, 2].mean()), points, flag) for points, flag in placed),
                     key=lambda one: one[0])  # fmt: skip
    planes: list[tuple[float, list[tuple[FloatArray, bool]]]] = []
    for k, points, flag in ordered:
        if not planes or k - planes[-1][0] > tolerance:
            planes.append((k, []))
        planes[-1][1].append((points[:, :2], flag))
    return planes


def _usual_gap(positions: FloatArray, alone: float) -> float:
    return float(np.median(np.diff(positions))) if len(positions) > 1 else alone


def _slices_reached(positions: FloatArray, usual: float, count: int) -> range:
    first = max(0, int(np.ceil(positions[0] - usual / 2 - 1e-6)))
    return range(first, min(count, int(np.ceil(positions[-1] + usual / 2 - 1e-6))))


def _at(
    k: float, positions: FloatArray, pictures: list[NDArray[np.bool_]], usual: float
) -> tuple[NDArray[np.bool_], bool]:
    """The shape in slice k, and whether it lies between planes."""
    nearest = int(np.abs(positions - k).argmin())
    after = int(np.searchsorted(positions, k))
    if abs(positions[nearest] - k) <= ON_SLICE or after in (0, len(positions)):
        return pictures[nearest], False
    low, high = positions[after - 1], positions[after]
    if high - low <= LARGEST_GAP * usual:
        share = (k - low) / (high - low)
        return _between(pictures[after - 1], pictures[after], share), True
    if abs(positions[nearest] - k) <= usual / 2:
        return pictures[nearest], False
    return np.zeros_like(pictures[nearest]), False


def _between(
    one: NDArray[np.bool_], other: NDArray[np.bool_], share: float
) -> NDArray[np.bool_]:
    """The shape at a share of the way from one to the other (Raya and Udupa 1990)."""
    if not (one.any() and other.any()):
        return one if share < 0.5 else other
    blended = (1 - share) * _signed_distance(one) + share * _signed_distance(other)
    return np.asarray(blended > 0)


def _signed_distance(picture: NDArray[np.bool_]) -> FloatArray:
    """Pixels to the border, positive inside."""
    from scipy.ndimage import distance_transform_edt

    padded = np.pad(picture, 1)
    inside, outside = distance_transform_edt(padded), distance_transform_edt(~padded)
    signed: FloatArray = (inside - outside)[1:-1, 1:-1]
    return signed


def filled_polygons(
    polygons: Sequence[tuple[FloatArray, bool]], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """The pixels [j, i] inside polygons (i, j) of one plane; a flag says which exclude."""
    picture = np.zeros(shape, bool)
    seen: set[bytes] = set()
    pieces = []
    for points, exclusive in polygons:
        same = np.round(points, 3).tobytes()
        if same not in seen:  # some planning systems write a contour twice
            seen.add(same)
            pieces.append((even_odd(points, shape), exclusive))
    pieces.sort(key=lambda piece: -int(np.count_nonzero(piece[0])))
    for piece, exclusive in pieces:
        if exclusive or picture[piece].all():  # inside what is filled so far: a hole
            picture ^= piece
        else:
            picture |= piece
    return picture


def even_odd(points: FloatArray, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels [j, i] whose centre has an odd number of edges on its left.

    Channels of no width, by which one contour holds a hole (keyholes), leave no trace.
    """
    nj, ni = shape
    crossings = np.zeros((nj, ni + 1), np.int32)
    ends = np.roll(points, -1, axis=0)
    for at in range(0, len(points), _EDGES_AT_ONCE):
        _count_crossings(
            points[at : at + _EDGES_AT_ONCE], ends[at : at + _EDGES_AT_ONCE], crossings
        )
    inside = np.cumsum(crossings, axis=1)[:, :ni] & 1
    return inside.astype(bool)


def _count_crossings(
    starts: FloatArray, ends: FloatArray, crossings: NDArray[np.int32]
) -> None:
    """Note where each edge crosses the rows' centre lines: upper end counted, lower not."""
    nj, columns = crossings.shape
    low, high = np.minimum(starts[:, 1], ends[:, 1]), np.maximum(starts[:, 1], ends[:, 1])
    first = np.ceil(low).clip(0, nj).astype(np.int64)
    counts = np.maximum(np.ceil(high).clip(0, nj).astype(np.int64) - first, 0)
    edge = np.repeat(np.arange(len(starts)), counts)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = (row - starts[edge, 1]) / (ends[edge, 1] - starts[edge, 1])
    i = starts[edge, 0] + share * (ends[edge, 0] - starts[edge, 0])
    np.add.at(crossings, (row, np.ceil(i).clip(0, columns - 1).astype(np.int64)), 1)
