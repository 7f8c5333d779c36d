"""How much of nodules painted at the pleura counts as lung, scan by scan, size by size.

Balls with the scan's own noise, and edges as wide as its voxels, are painted where the lungs of
the untouched scan end: costal, mediastinal, at the diaphragm, at the apex, in a recess. Their
middle lies up to their radius inside the pleura, and at least 35 % of each in the lung. Every
other one ends at the pleura; the rest go on into the chest wall. Six of eight are soft tissue,
one is calcified, one part solid. Counted is how much of what was lung, and is ball now, is lung
in the answer. Scans are also averaged to thicker slices and mirrored.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter

from benchmarks.scans import DATA
from vis3d.files import load_volume, read_volume
from vis3d.geometry import Geometry
from vis3d.phantom import chest_phantom
from vis3d.segmentation import segment
from vis3d.segmentation.voxels.frame import patient_frame
from vis3d.segmentation.voxels.noise import noise_hu
from vis3d.volume import Volume

Bools = NDArray[np.bool_]
Ways = tuple[NDArray[np.float64], ...]
"""Steps from a middle in mm along k, j and i, shaped to be added."""
SIZES_MM = (8, 10, 14, 20, 25)
KINDS = ("costal", "mediastinal", "diaphragm", "apex", "recess")
EACH = 4
"""Balls of each size and kind of place in each scan."""
APART_MM = 60.0
LEAST_IN_LUNG = 0.35
GRID_MM = 3.0
HU = {"soft": (0, 60), "calcified": (200, 200), "part solid": (-300, -300)}


@dataclass(frozen=True)
class Ball:
    """A nodule to paint: its middle (k, j, i) in mm from the first voxel, and what it is."""

    center_mm: tuple[float, float, float]
    radius_mm: float
    kind: str
    hu: float
    into_wall: bool


@dataclass(frozen=True)
class Kept:
    """What became of a ball: the share kept, and what of the wall was taken as well."""

    ball: Ball
    share: float
    beyond: float


def main(seed: int = 101) -> None:
    totals: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for name, volume in scans():
        lungs = segment(volume, ["lungs"]).mask("lungs").array
        cells = []
        for size_mm in SIZES_MM:
            kept = list(kept_of(volume, lungs, size_mm, seed))
            shares = [one.share for one in kept]
            missed = sum(share < 0.3 for share in shares)
            cells.append(f"{np.mean(shares):5.2f} ({missed:2} of {len(shares)})")
            for one in kept:
                totals[one.ball.kind].append(one.share)
        print(f"{name:28}", *cells, flush=True)
    print({kind: round(float(np.mean(shares)), 2) for kind, shares in totals.items()})


def scans() -> Iterator[tuple[str, Volume]]:
    """The chests at hand, some of them averaged or mirrored."""
    for name, make in SCANS.items():
        yield name, make()


def oriented(volume: Volume) -> Volume:
    """The scan with its axes in the patient's order: up, to the back, to the left."""
    frame = patient_frame(volume)
    spacing = frame.spacing_kji[::-1]
    geometry = Geometry(frame.hu.shape, spacing, (0.0, 0.0, 0.0))
    array = np.ascontiguousarray(frame.hu)
    return Volume(array, geometry, padding=volume.padding, metadata=volume.metadata)


def averaged(volume: Volume, count: int) -> Volume:
    """As many slices made one."""
    slices = len(volume.array) // count
    blocks = volume.array[: slices * count].reshape(slices, count, *volume.array.shape[1:])
    i_mm, j_mm, k_mm = volume.geometry.spacing
    array = np.rint(blocks.mean(axis=1)).astype(np.int16)
    geometry = Geometry(array.shape, (i_mm, j_mm, k_mm * count), (0.0, 0.0, 0.0))
    return Volume(array, geometry, padding=volume.padding, metadata=volume.metadata)


def mirrored(volume: Volume) -> Volume:
    """Left and right exchanged."""
    return volume.with_array(np.ascontiguousarray(volume.array[:, :, ::-1]))


def _file(name: str, series: int | None = None, count: int = 1, flip: bool = False) -> Volume:
    path = DATA / name
    volume = read_volume(path) if series is None else load_volume(path, series=series)
    volume = averaged(oriented(volume), count)
    return mirrored(volume) if flip else volume


def _phantom(flip: bool = False) -> Volume:
    volume = oriented(chest_phantom(shape=(200, 240, 240)).volume)
    return mirrored(volume) if flip else volume


LIDC, CONTRAST, PET = "lidc_idri_0314.zip", "cmb_crc_01068.zip", "lung_pet_ct_dx_a0002.zip"
COARSE, BASES = "cip_small_chest/ct-64.nrrd", "totalsegmentator/example_ct.nii.gz"
SCANS = {
    "real, 1 mm": partial(_file, LIDC, 1),
    "averaged to 3 mm, mirrored": partial(_file, LIDC, 1, 3, flip=True),
    "averaged to 8 mm": partial(_file, LIDC, 1, 8),
    "contrast, 2.5 mm": partial(_file, CONTRAST, 1),
    "averaged to 5 mm, mirrored": partial(_file, CONTRAST, 1, 2, flip=True),
    "averaged to 7.5 mm": partial(_file, CONTRAST, 1, 3),
    "real, 8 mm": partial(_file, PET, 1),
    "other kernel, mirrored": partial(_file, PET, 2, flip=True),
    "voxels of 4 mm": partial(_file, COARSE),
    "lung bases, 3 mm": partial(_file, BASES),
    "lung bases, mirrored": partial(_file, BASES, flip=True),
    "phantom, 1.6 mm": partial(_phantom),
}


def kept_of(volume: Volume, lungs: Bools, size_mm: float, seed: int) -> Iterator[Kept]:
    """What is kept of balls of one size at places drawn by chance."""
    for balls in groups(volume, lungs, size_mm, seed):
        painted, insides = with_balls(volume, lungs, balls, seed)
        answer = segment(painted, ["lungs"]).mask("lungs").array
        for ball, (box, inside) in zip(balls, insides, strict=True):
            true = inside & lungs[box]
            count = max(1, np.count_nonzero(true))
            beyond = np.count_nonzero(answer[box] & inside & ~lungs[box])
            yield Kept(ball, np.count_nonzero(answer[box] & true) / count, beyond / count)


def groups(volume: Volume, lungs: Bools, size_mm: float, seed: int) -> list[list[Ball]]:
    """Balls that lie far enough apart to be painted at once."""
    random = np.random.default_rng([seed, int(size_mm)])
    apart: list[list[Ball]] = []
    for kind, places, normals in _places(lungs, volume.geometry.spacing[::-1]):
        drawn = 0
        for n in random.permutation(len(places))[:200]:
            depth_mm = random.uniform(0, size_mm / 2)
            center = places[n] - depth_mm * normals[n]
            name = random.choice(["soft"] * 6 + ["calcified", "part solid"])
            ball = Ball(
                tuple(center.tolist()),
                size_mm / 2,
                kind,
                random.uniform(*HU[name]),
                bool(drawn % 2),
            )
            if drawn == EACH or not _lies_in(lungs, volume, ball):
                continue
            drawn += 1
            for group in apart:
                if all(_distance_mm(ball, other) > APART_MM for other in group):
                    group.append(ball)
                    break
            else:
                apart.append([ball])
    return apart


def _distance_mm(one: Ball, other: Ball) -> float:
    return float(np.linalg.norm(np.subtract(one.center_mm, other.center_mm)))


def _lies_in(lungs: Bools, volume: Volume, ball: Ball) -> bool:
    """Whether enough of it lies in the lung, and all of it in the scan."""
    spacing = volume.geometry.spacing[::-1]
    for at, mm, n in zip(ball.center_mm, spacing, lungs.shape, strict=True):
        if at < ball.radius_mm or at > (n - 1) * mm - ball.radius_mm:
            return False
    box, ways = _round(ball, lungs.shape, spacing)
    inside = _length_mm(ways) < ball.radius_mm
    return bool(inside.any() and lungs[box][inside].mean() >= LEAST_IN_LUNG)


def _places(
    lungs: Bools, spacing_kji: tuple[float, ...]
) -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.float64]]]:
    """For each kind of place where lungs end: points in mm, and the ways out of the lung."""
    steps = [max(1, round(GRID_MM / mm)) for mm in spacing_kji]
    coarse = lungs[tuple(slice(None, None, step) for step in steps)]
    mm = np.multiply(steps, spacing_kji)
    wide = np.pad(coarse, 8, mode="edge").astype(np.float32)
    smooth, share = (
        gaussian_filter(wide, sigma / mm)[8:-8, 8:-8, 8:-8] for sigma in (4.0, 10.0)
    )
    border = coarse & binary_dilation(~coarse)
    kji = np.argwhere(border)
    slope = np.stack([np.gradient(smooth, d, axis=a) for a, d in enumerate(mm)], axis=-1)[
        border
    ]
    out = -slope / np.maximum(np.linalg.norm(slope, axis=1), 1e-9)[:, None]
    middle = np.argwhere(coarse)[:, 2].mean()
    right = kji[:, 2] < middle
    top = np.array([kji[~right, 0].max(initial=0), kji[right, 0].max(initial=0)])
    medial = np.where(right, out[:, 2], -out[:, 2])
    recess = share[border] < 0.28
    apex = ~recess & ((top[right.astype(int)] - kji[:, 0]) * mm[0] < 25)
    # the lowest slices of lungs that the scan cuts above are no apex
    apex &= coarse[-1].sum() * mm[1] * mm[2] < 1000
    diaphragm = ~recess & ~apex & (out[:, 0] < -0.6)
    inner = ~recess & ~apex & ~diaphragm & (medial > 0.5)
    costal = ~(recess | apex | diaphragm | inner) & (medial < 0)
    of_kind = dict(zip(KINDS, (costal, inner, diaphragm, apex, recess), strict=True))
    for kind, there in of_kind.items():
        yield kind, kji[there] * mm, out[there]


def _round(
    ball: Ball, shape: tuple[int, ...], spacing_kji: tuple[float, ...]
) -> tuple[tuple[slice, ...], Ways]:
    """The box round a ball, and how far along k, j and i its voxels lie from the middle."""
    box, ways = [], []
    for at, mm, n in zip(ball.center_mm, spacing_kji, shape, strict=True):
        reach = ball.radius_mm + 2 * mm + 1
        low, high = max(0, int((at - reach) / mm)), min(n, int((at + reach) / mm) + 2)
        box.append(slice(low, high))
        ways.append(np.arange(low, high) * mm - at)
    return tuple(box), np.ix_(*ways)


def _length_mm(ways: Ways) -> NDArray[np.float64]:
    """How far each voxel lies from the middle."""
    k, j, i = ways
    return np.sqrt(k**2 + j**2 + i**2)


def with_balls(
    volume: Volume, lungs: Bools, balls: list[Ball], seed: int
) -> tuple[Volume, list[tuple[tuple[slice, ...], Bools]]]:
    """The scan with balls, and for each the box round it and where in it the ball is."""
    array, insides = volume.array.copy(), []
    spacing = volume.geometry.spacing[::-1]
    random, sd = np.random.default_rng(seed), noise_hu(volume.array, spacing[2])
    for ball in balls:
        box, ways = _round(ball, array.shape, spacing)
        distance = _length_mm(ways)
        # an edge is as wide as the voxels across it
        width = sum((1.2 * mm * way) ** 2 for mm, way in zip(spacing, ways, strict=True))
        width = np.maximum(np.sqrt(width) / np.maximum(distance, 1e-6), 1.2)
        share = np.clip(0.5 + (ball.radius_mm - distance) / width, 0, 1)
        old = array[box].astype(float)
        noise = gaussian_filter(random.normal(size=distance.shape), (0, 0.6, 0.6))
        new = old + share * (ball.hu + sd * noise / noise.std() - old)
        if not ball.into_wall:
            within = binary_dilation(lungs[box])
            new = np.where(within, np.maximum(new, old) if ball.hu < 150 else new, old)
        array[box] = np.rint(new)
        insides.append((box, distance < ball.radius_mm))
    return volume.with_array(array), insides


if __name__ == "__main__":
    main(*(int(seed) for seed in sys.argv[1:2]))
