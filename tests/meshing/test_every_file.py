"""Files of hostile masks under every option, judged from their bytes by other libraries."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from scipy.ndimage import gaussian_filter

from tests.conftest import oblique_geometry
from tests.meshing.judges import is_closed_and_manifold, piece_count
from vis3d.errors import InputError
from vis3d.files import read_surface, write_surface
from vis3d.meshing import extract_surface
from vis3d.meshing.edges import Edges
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume

SUFFIXES = (".stl", ".ply", ".obj", ".glb", ".3mf", ".vtp")
BY_TRIMESH = SUFFIXES[:4]
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"smooth_mm": 0.4},
    {"smooth_mm": 5.0},
    {"max_deviation_mm": 0.1},
    {"max_deviation_mm": 2.0},
    {"min_piece_ml": 1e-3},
    {"fill_cavities": True},
    {"smooth_mm": 1.0, "fill_cavities": True, "min_piece_ml": 1e-3, "max_deviation_mm": 0.3},
)


def hostile_masks(count: int) -> Iterator[np.ndarray]:
    """Noise, blobs, checkers, rods, foam and large checkers, of any size."""
    random = np.random.default_rng(17)
    for number in range(count):
        shape = tuple(random.integers(3, 16, 3))
        inside = random.random(shape) < random.choice([0.1, 0.3, 0.5, 0.7, 0.9])
        kind = number % 6
        if kind == 1:
            inside = gaussian_filter(random.random(shape), 0.8) > 0.5
        elif kind == 2:
            inside = np.indices(shape).sum(axis=0) % 2 == 0
        elif kind == 3:
            inside = np.zeros(shape, bool)
            for axis in (0, 1, 2, 0, 1, 2):
                place: list[Any] = random.integers(0, shape).tolist()
                place[axis] = slice(None)
                inside[tuple(place)] = True
        elif kind == 4:
            inside = np.ones(shape, bool)
            inside[1:-1:2, 1:-1:2, 1:-1:2] = False
        elif kind == 5:
            inside = np.kron(inside, np.ones((2, 2, 2), bool))
        inside.flat[0] = True
        yield inside


def read_by_another(path: Path) -> Surface:
    """The file as trimesh reads it, where it can."""
    if path.suffix not in BY_TRIMESH:
        return read_surface(path)
    (mesh,) = trimesh.load_scene(path, process=False).geometry.values()
    return Surface(np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces))


def made(number: int, inside: np.ndarray) -> tuple[Mask, Volume | None]:
    random = np.random.default_rng(number)
    spacing = tuple(random.uniform(0.3, 5, 3))
    geometry = oblique_geometry(inside.shape, spacing, tuple(random.uniform(-900, 900, 3)))
    scan = random.normal(200 * inside, 60).astype(np.float32)
    return Mask(inside, geometry, "hostile"), Volume(scan, geometry) if number % 2 else None


@pytest.mark.slow
def test_every_file_of_every_mask_is_closed_and_manifold(tmp_path: Path) -> None:
    for number, inside in enumerate(hostile_masks(24)):
        mask, volume = made(number, inside)
        for turn, options in enumerate(OPTIONS):
            if options.get("min_piece_ml", 0) > mask.volume_ml:
                continue
            surface = extract_surface(mask, volume, **options)
            for suffix in (".stl", SUFFIXES[(number + turn) % len(SUFFIXES)]):
                write_surface(surface, tmp_path / f"a{suffix}")
                read = read_by_another(tmp_path / f"a{suffix}")
                assert is_closed_and_manifold(read), (number, options, suffix)
                assert len(read.triangles) == len(surface.triangles)


@pytest.mark.slow
def test_the_smallest_budgets_keep_every_piece_closed(tmp_path: Path) -> None:
    for number, inside in enumerate(hostile_masks(18)):
        mask, volume = made(number, inside)
        pieces = piece_count(extract_surface(mask, volume))
        for most in (4 * pieces, 4 * pieces + 2, 12 * pieces):
            surface = extract_surface(mask, volume, max_triangles=most)
            write_surface(surface, tmp_path / "a.stl")
            read = read_by_another(tmp_path / "a.stl")
            assert len(read.triangles) <= most
            assert is_closed_and_manifold(read), (number, most)
        with pytest.raises(InputError, match="smallest possible"):
            extract_surface(mask, volume, max_triangles=4 * pieces - 1)


@pytest.mark.slow
def test_open_ends_leave_borders_only_where_the_scan_ends(tmp_path: Path) -> None:
    for number, inside in enumerate(hostile_masks(24)):
        mask, volume = made(number, inside)
        surface = extract_surface(mask, volume, open_ends=True)
        write_surface(surface, tmp_path / "a.stl")
        read = read_surface(tmp_path / "a.stl")
        edges = Edges.of(read.triangles)
        assert edges.unique
        ends = read.points[np.unique(read.triangles.reshape(-1)[edges.single])]
        kji = mask.geometry.to_ijk(ends)[:, ::-1]
        last = np.array(mask.geometry.shape) - 1
        to_end = np.minimum(np.abs(kji), np.abs(kji - last)).min(axis=1)
        assert (to_end < 1e-3).all()
