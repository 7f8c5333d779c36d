"""A chest of ellipsoids and tubes, drawn in LPS mm on whatever grid a test asks for."""

import numpy as np
from numpy.typing import NDArray

from vis3d.geometry import Geometry
from vis3d.labels import Check, LabelMap
from vis3d.volume import Volume

TRUTH = {"left lung": 1, "right lung": 2, "airways": 3, "bones": 4, "body": 5}


def upright(spacing_mm: tuple[float, float, float] = (3.0, 3.0, 3.0)) -> Geometry:
    """A grid along the patient's axes around the chest, 400 x 300 x 330 mm."""
    ni, nj, nk = (
        round(mm / step) for mm, step in zip((400, 300, 330), spacing_mm, strict=True)
    )
    return Geometry((nk, nj, ni), spacing_mm, (-200.0, -150.0, -165.0))


def turned(degrees: float, axis: int = 2, spacing_mm: float = 3.0) -> Geometry:
    """The same box turned about its middle."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    a, b = [n for n in range(3) if n != axis]
    turn = np.eye(3)
    turn[a, a], turn[a, b], turn[b, a], turn[b, b] = c, -s, s, c
    box = upright((spacing_mm,) * 3)
    origin = turn @ np.array(box.origin)
    return Geometry(box.shape, box.spacing, tuple(origin.tolist()), turn)


def chest(
    geometry: Geometry, *, lungs: bool = True, noise_hu: float = 12.0, table: bool = True
) -> tuple[Volume, NDArray[np.uint8]]:
    """A CT of the chest and its labels; the right lung is the larger one."""
    nk, nj, ni = geometry.shape
    ijk = np.stack(np.meshgrid(*(np.arange(n) for n in (ni, nj, nk)), indexing="ij"), axis=-1)
    x, y, z = np.moveaxis(geometry.to_lps(ijk.transpose(2, 1, 0, 3)), -1, 0)
    hu = np.full(geometry.shape, -1000.0)
    truth = np.zeros(geometry.shape, np.uint8)

    def draw(where: NDArray[np.bool_], value: float, label: int) -> None:
        hu[where] = value
        truth[where] = label

    if table:
        hu[(np.abs(y - 118) < 4) & (np.abs(x) < 190)] = 120.0
    draw((x / 170) ** 2 + (y / 105) ** 2 < 1, -90.0, 5)
    draw((x / 158) ** 2 + (y / 93) ** 2 < 1, -20.0, 5)  # as patients have it, no specimen
    draw((x / 153) ** 2 + (y / 88) ** 2 < 1, 40.0, 5)
    for side, label, width, top in ((1, 1, 50, 118), (-1, 2, 56, 122)) if lungs else ():
        inside = ((x - side * 78) / width) ** 2 + (y / 76) ** 2 + ((z + 10) / top) ** 2 < 1
        draw(inside, -850.0, label)
        vessel = inside & (np.hypot(y - 5, z) < 4)
        hu[vessel] = 40.0
    if lungs:
        draw((np.hypot(x, y + 5) < 11) & (z > 10), 40.0, 5)
        draw((np.hypot(x, y + 5) < 9) & (z > 10), -1000.0, 3)
    draw(np.hypot(x, y - 62) < 20, 100.0, 4)
    hu[(np.hypot(x, y - 62) < 20) & (np.hypot(x, y - 62) > 15)] = 500.0
    random = np.random.default_rng(7)
    noisy = hu + random.normal(0, noise_hu, hu.shape)
    return Volume(noisy.round().astype(np.int16), geometry, metadata={"modality": "CT"}), truth


def from_the_middle(geometry: Geometry) -> NDArray[np.float64]:
    """How far along x, y and z in LPS mm each voxel lies from the middle one."""
    middle = geometry.to_lps(np.array(geometry.shape[::-1]) / 2)
    places = np.indices(geometry.shape)[::-1]
    return np.moveaxis(geometry.to_lps(np.moveaxis(places, 0, -1)) - middle, -1, 0)


def dice(found: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """Twice what both share over what they hold together."""
    return 2 * float((found & true).sum()) / float(found.sum() + true.sum())


def check(labels: LabelMap, code: str) -> Check:
    """What a segmentation answered to one of its questions."""
    (answer,) = (one for one in labels.report.checks if one.code == code)
    return answer
