"""What holds for every mask, however it was made: laws, tried on hostile ones."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.conftest import oblique_geometry
from tests.meshing.judges import is_closed_and_manifold, piece_count
from vis3d.files import read_surface, write_surface
from vis3d.meshing import decimated, extract_surface, report_surface
from vis3d.volume import Mask, Volume

SPACING = (0.7, 0.9, 2.5)

shapes = st.tuples(st.integers(1, 7), st.integers(1, 8), st.integers(1, 9))
seeds = st.integers(0, 2**32 - 1)
suffixes = st.sampled_from([".stl", ".ply", ".obj", ".glb", ".3mf", ".vtp"])
shares = st.sampled_from([0.1, 0.35, 0.5, 0.65, 0.9, 1.0])


def noise(shape: tuple[int, int, int], share: float, seed: int, margin: int = 0) -> Mask:
    """A mask of random voxels; with a share of 1 all of them, up to `margin` from the end."""
    inside = np.random.default_rng(seed).random(shape) < share
    inside.flat[seed % inside.size] = True  # never empty
    inside = np.pad(inside, margin)
    return Mask(inside, oblique_geometry(inside.shape, SPACING), "noise")


@settings(deadline=None, max_examples=30)
@given(shapes, shares, seeds)
@example((1, 1, 1), 1.0, 0)
@example((1, 8, 9), 1.0, 0)
@example((1, 8, 9), 0.5, 0)
@example((7, 1, 1), 1.0, 0)
@example((7, 8, 9), 1.0, 0)
def test_every_mask_has_a_closed_manifold_surface_of_its_volume(
    shape: tuple[int, int, int], share: float, seed: int
) -> None:
    mask = noise(shape, share, seed, margin=1)
    scan = np.random.default_rng(seed).normal(100 * mask.array, 30).astype(np.float32)
    for volume in (None, Volume(scan, mask.geometry)):
        surface = extract_surface(mask, volume)
        told = report_surface(surface, mask=mask)
        assert is_closed_and_manifold(surface)
        assert told.closed
        assert told.manifold
        assert told.volume_change_percent is not None
        assert abs(told.volume_change_percent) < 0.1


@settings(deadline=None, max_examples=10)
@given(shapes, shares, seeds)
def test_a_mask_that_fills_the_scan_is_closed_at_its_ends(
    shape: tuple[int, int, int], share: float, seed: int
) -> None:
    surface = extract_surface(noise(shape, share, seed))
    assert is_closed_and_manifold(surface)
    assert surface.volume_ml > 0


@settings(deadline=None, max_examples=15)
@given(shapes, shares, seeds, st.floats(0, 1))
def test_every_limit_of_triangles_is_kept_by_a_closed_manifold_with_all_pieces(
    shape: tuple[int, int, int], share: float, seed: int, of_all: float
) -> None:
    full = extract_surface(noise(shape, share, seed))
    pieces, most = piece_count(full), len(full.triangles)
    limit = round(4 * pieces + of_all * (most - 4 * pieces))
    fewer = decimated(full, max_triangles=limit)
    assert len(fewer.triangles) <= limit
    assert is_closed_and_manifold(fewer)
    assert piece_count(fewer) >= pieces


@settings(deadline=None, max_examples=10)
@given(shapes, shares, seeds, st.sampled_from([0.3, 1.0, 4.0]))
def test_smoothing_keeps_every_mask_closed_and_manifold(
    shape: tuple[int, int, int], share: float, seed: int, radius_mm: float
) -> None:
    mask = noise(shape, share, seed)
    assert is_closed_and_manifold(extract_surface(mask, smooth_mm=radius_mm))


@settings(deadline=None, max_examples=8)
@given(shapes, shares, seeds, suffixes)
def test_what_was_written_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    shape: tuple[int, int, int],
    share: float,
    seed: int,
    suffix: str,
) -> None:
    surface = extract_surface(noise(shape, share, seed))
    path: Path = tmp_path_factory.mktemp("written") / f"surface{suffix}"
    write_surface(surface, path)
    back = read_surface(path)
    one, other = report_surface(surface), report_surface(back)
    assert (one.triangles, one.pieces, one.genus) == (
        other.triangles,
        other.pieces,
        other.genus,
    )
    assert other.manifold
    assert other.volume_ml == pytest.approx(one.volume_ml, rel=1e-5)
    np.testing.assert_allclose(other.bounds_mm, one.bounds_mm, atol=1e-3)
