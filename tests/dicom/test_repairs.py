"""Tilted and gapped stacks: repaired exactly, or refused with what, where and what next."""

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_slice, ct_stack, ramp_on, write
from vis3d.dicom import Series, discover, load_series
from vis3d.errors import IrregularSeriesError
from vis3d.geometry import Geometry
from vis3d.volume import Volume

PER_MM = (2.0, -3.0, 1.5)


def tilted_series(folder: Path, shift_mm: tuple[float, float]) -> tuple[Series, np.ndarray]:
    """A stack on an oblique grid whose slices drift by (i, j) mm each, and their origins.

    Values are linear in the patient, so that linear resampling has one right answer.
    """
    base = oblique_geometry((7, 12, 10))
    row, column = base.direction[:, 0], base.direction[:, 1]
    slices, origins = [], []
    for k in range(7):
        origin = base.to_lps((0, 0, k)) + k * (shift_mm[0] * row + shift_mm[1] * column)
        geometry = Geometry((1, 12, 10), base.spacing, tuple(origin), base.direction)
        spacing = (base.spacing[1], base.spacing[0])
        orientation = base.direction[:, :2].T.ravel().tolist()
        values = ramp_on(geometry, PER_MM)[0]
        slices.append(ct_slice(values, origin, orientation, spacing))
        origins.append(origin)
    write(folder, slices)
    (series,) = discover(folder).series
    return series, np.array(origins)


@pytest.mark.parametrize("shift_mm", [(0.0, 1.1), (0.0, -1.1), (0.4, 0.0), (-0.5, 0.75)])
def test_a_straightened_stack_has_every_value_where_it_was(
    tmp_path: Path, shift_mm: tuple[float, float]
) -> None:
    series, _ = tilted_series(tmp_path, shift_mm)
    volume = load_series(series)
    assert "gantry-tilt" in [finding.code for finding in volume.findings]
    assert volume.geometry.matches(series.geometry)
    inside = volume.inside_scan()
    expected = ramp_on(volume.geometry, PER_MM)
    difference = np.abs(volume.array.astype(int) - expected)[inside]
    assert inside.mean() > 0.4
    # Values at the outermost half pixel are the nearest pixel's, off by half a step.
    assert np.quantile(difference, 0.7) <= 1
    assert difference.max() <= 3


@pytest.mark.parametrize("shift_mm", [(0.0, 1.1), (-0.5, -0.75)])
def test_a_straightened_stack_holds_every_original_voxel(
    tmp_path: Path, shift_mm: tuple[float, float]
) -> None:
    series, origins = tilted_series(tmp_path, shift_mm)
    volume = load_series(series)
    original = oblique_geometry((7, 12, 10))
    corners = np.array([[0, 0, 0], [9, 0, 0], [0, 11, 0], [9, 11, 0]])
    for origin in origins:
        lps = original.to_lps(corners) - original.to_lps((0, 0, 0)) + origin
        ijk = volume.geometry.to_ijk(lps)
        assert (ijk >= -1e-2).all()
        assert (ijk <= np.array(volume.array.shape[::-1]) - 1 + 1e-2).all()


def test_a_tilt_can_be_refused(tmp_path: Path) -> None:
    series, _ = tilted_series(tmp_path, (0.0, 1.1))
    assert series.loadable
    with pytest.raises(IrregularSeriesError, match=r'tilted by 23\.7 degrees.*tilt="correct"'):
        load_series(series, tilt="refuse")


def gapped(folder: Path, kept: list[int]) -> tuple[Series, Geometry]:
    geometry = oblique_geometry((9, 5, 6))
    slices = ct_stack(ramp_on(geometry, PER_MM), geometry)
    write(folder, [slices[k] for k in kept])
    (series,) = discover(folder).series
    return series, geometry


def test_missing_slices_are_refused_by_default(tmp_path: Path) -> None:
    series, _ = gapped(tmp_path, [0, 1, 2, 5, 6, 7, 8])
    assert not series.loadable
    with pytest.raises(IrregularSeriesError, match="2 slices seem to be missing.*interpolate"):
        load_series(series)


def test_missing_slices_are_interpolated_on_demand(tmp_path: Path) -> None:
    series, geometry = gapped(tmp_path, [0, 1, 2, 5, 6, 7, 8])
    volume = load_series(series, gaps="interpolate")
    assert volume.geometry.matches(geometry)
    assert np.abs(volume.array - ramp_on(geometry, PER_MM)).max() <= 1
    (finding,) = [f for f in volume.findings if f.code == "missing-slices"]
    assert finding.severity == "warning"
    assert "interpolated" in finding.message


def test_variable_spacing_is_resampled_evenly_on_demand(tmp_path: Path) -> None:
    series, geometry = gapped(tmp_path, [0, 1, 2, 3, 4, 6, 8])
    with pytest.raises(IrregularSeriesError):
        load_series(series)
    assert_ramp(load_series(series, gaps="interpolate"), geometry)


def assert_ramp(volume: Volume, geometry: Geometry) -> None:
    assert np.abs(volume.array - ramp_on(volume.geometry, PER_MM)).max() <= 1
    first, last = (
        volume.geometry.to_lps((0, 0, 0)),
        volume.geometry.to_lps((0, 0, len(volume.array) - 1)),
    )
    np.testing.assert_allclose(first, geometry.to_lps((0, 0, 0)), atol=1e-6)
    np.testing.assert_allclose(last, geometry.to_lps((0, 0, 8)), atol=1e-6)


def test_gaps_are_not_filled_from_padding(tmp_path: Path) -> None:
    geometry = oblique_geometry((5, 4, 4))
    values = np.full((5, 4, 4), 100, np.int16)
    values[1] = -2000
    slices = ct_stack(values, geometry)
    for dataset in slices:
        dataset.add_new("PixelPaddingValue", "SS", -2000)
    write(tmp_path, [slices[k] for k in (0, 1, 3, 4)])
    volume = load_series(discover(tmp_path).series[0], gaps="interpolate")
    assert set(np.unique(volume.array)) == {-2000, 100}


def test_a_part_without_the_gap_loads(tmp_path: Path) -> None:
    series, geometry = gapped(tmp_path, [0, 1, 2, 5, 6, 7, 8])
    volume = load_series(series, slices=slice(3, 7))
    expected = geometry.cropped((5, 0, 0), (4, 5, 6))
    assert volume.geometry.matches(expected)
    np.testing.assert_array_equal(volume.array, ramp_on(geometry, PER_MM)[5:])
