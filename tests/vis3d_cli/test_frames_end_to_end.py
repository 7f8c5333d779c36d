"""From any file to any surface, three balls lie where they lay in the patient."""

import numpy as np
import pytest
import SimpleITK

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_stack, write
from vis3d.files import read_surface
from vis3d.meshing.planning import split

GRID = oblique_geometry(shape=(24, 40, 50), spacing=(0.8, 1.0, 1.7))
BALLS_MM = {7.0: (-9.0, 4.0, 6.0), 5.0: (10.0, -9.0, -8.0), 3.5: (9.0, 12.0, 10.0)}
"""Radii and where, along the grid's axes from its middle: no mirror or turn maps them."""

LEVEL_HU = 500
SUFFIXES = (".stl", ".ply", ".obj", ".glb", ".3mf", ".vtp")
BY_ITK = (".nii.gz", ".nrrd", ".mha")


def hu() -> np.ndarray:
    """Balls of 1000 HU in -1000 HU, blurred over 2 mm."""
    lps = GRID.to_lps(np.indices(GRID.shape)[::-1].reshape(3, -1).T)
    share = np.zeros(len(lps))
    for radius_mm, center in centers().items():
        away_mm = np.linalg.norm(lps - center, axis=1)
        share += np.clip((radius_mm - away_mm) / 2 + 0.5, 0, 1)
    return (2000 * share - 1000).reshape(GRID.shape).astype(np.int16)


def centers() -> dict[float, np.ndarray]:
    turn = GRID.direction
    return {mm: GRID.center_lps + turn @ np.array(at) for mm, at in BALLS_MM.items()}


def image(reversed_axes: tuple[int, ...] = ()) -> SimpleITK.Image:
    """The scan with some of its axes stored the other way round, where it was."""
    kji = hu()[tuple(slice(None, None, -1 if n in reversed_axes else 1) for n in (2, 1, 0))]
    made = SimpleITK.GetImageFromArray(np.ascontiguousarray(kji))
    made.SetSpacing(GRID.spacing)
    first = [n - 1 if axis in reversed_axes else 0 for axis, n in enumerate(GRID.shape[::-1])]
    signs = [-1 if axis in reversed_axes else 1 for axis in range(3)]
    made.SetOrigin(GRID.to_lps(np.array(first)).tolist())
    made.SetDirection((GRID.direction * signs).ravel().tolist())
    return made


def assert_balls(path) -> None:
    pieces = split(read_surface(path))
    assert len(pieces) == 3
    for piece, (radius_mm, center) in zip(pieces, centers().items(), strict=True):
        assert piece.volume_ml > 0
        middle = piece.bounds_mm.mean(axis=0)
        away_mm = np.linalg.norm(piece.points - center, axis=1)
        assert np.linalg.norm(middle - center) < 0.4, path
        assert abs(away_mm.mean() - radius_mm) < 0.6, path
        assert np.linalg.norm(piece.points.mean(axis=0) - center) < 0.25, path


@pytest.mark.parametrize("suffix", BY_ITK)
@pytest.mark.parametrize("axes", [(), (0,), (1,), (2,), (0, 1), (0, 1, 2)], ids=str)
def test_a_scan_of_either_hand_becomes_surfaces_in_place(tmp_path, answer, suffix, axes):
    scan = tmp_path / f"scan{suffix}"
    SimpleITK.WriteImage(image(axes), scan)
    out = SUFFIXES[(len(axes) + BY_ITK.index(suffix)) % len(SUFFIXES)]
    for path in (tmp_path / f"lps{out}", tmp_path / "again.stl"):
        told = answer("mesh", scan, "--level", LEVEL_HU, "-o", path)
        assert told["closed"] is told["manifold"] is True
        assert_balls(path)


def test_a_series_becomes_a_surface_in_every_format_and_frame(tmp_path, answer):
    stored = ct_stack(hu(), GRID)
    write(tmp_path / "ct", stored)
    for suffix in SUFFIXES:
        answer("mesh", tmp_path / "ct", "--level", LEVEL_HU, "-o", tmp_path / f"lps{suffix}")
        assert_balls(tmp_path / f"lps{suffix}")
        if suffix != ".glb":
            ras = ("--coordinates", "ras", "-o", tmp_path / f"ras{suffix}")
            answer("mesh", tmp_path / "ct", "--level", LEVEL_HU, *ras)
            assert_balls(tmp_path / f"ras{suffix}")


@pytest.mark.parametrize("axes", [(), (2,), (0, 1, 2)], ids=str)
def test_labels_of_either_hand_lie_on_a_scan_of_the_other(tmp_path, answer, axes):
    SimpleITK.WriteImage(image((1,)), tmp_path / "scan.nii.gz")
    labels = SimpleITK.Cast(image(axes) > LEVEL_HU, SimpleITK.sitkUInt8)
    SimpleITK.WriteImage(labels, tmp_path / "labels.nrrd")
    given = ("--segmentation", tmp_path / "labels.nrrd", "--label", 1)
    for suffix in SUFFIXES:
        out = tmp_path / f"balls{suffix}"
        answer("mesh", tmp_path / "scan.nii.gz", *given, "-o", out)
        assert_balls(out)


def test_surfaces_go_from_format_to_format_and_stay(tmp_path, answer):
    """Each format once as the source and once as the target, in either frame of STL."""
    SimpleITK.WriteImage(image((2,)), tmp_path / "scan.mha")
    path = tmp_path / "first.stl"
    answer(
        "mesh", tmp_path / "scan.mha", "--level", LEVEL_HU, "--coordinates", "ras", "-o", path
    )
    for number, suffix in enumerate((*SUFFIXES, ".stl")):
        after = tmp_path / f"{number}{suffix}"
        told = answer("plan", path, "-o", after, "--max-triangles", 100_000)
        assert told["closed"] is told["manifold"] is True
        assert_balls(after)
        path = after
