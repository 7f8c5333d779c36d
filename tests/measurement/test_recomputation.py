"""Every number of a real chest, computed again by NumPy and SciPy from the voxels alone."""

from dataclasses import replace
from pathlib import Path

import nrrd
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import label as components
from scipy.spatial.distance import pdist

import vis3d
from tests.conftest import oblique_geometry
from vis3d.labels import LabelMap
from vis3d.measurement import Measurements, measure_structures
from vis3d.volume import Volume

pytestmark = pytest.mark.real
PARTS = {"left lung": (1,), "right lung": (2,), "lungs": (1, 2), "airways": (3,), "bones": (4,)}
LUNGS = ("left lung", "right lung", "lungs")
Values = NDArray[np.float64]


@pytest.fixture(scope="module")
def segmented(real_data: Path) -> tuple[Path, Volume, LabelMap]:
    file = real_data / "cip_small_chest" / "ct-64.nrrd"
    volume = vis3d.read_volume(file)
    return file, volume, vis3d.segment(volume, ["lungs", "airways", "bones"])


@pytest.fixture(scope="module", params=["as scanned", "oblique"])
def chest(
    request: pytest.FixtureRequest, segmented: tuple[Path, Volume, LabelMap]
) -> tuple[Values, LabelMap, Measurements]:
    """A scan's values as pynrrd reads them, its labels, and what vis3d measures.

    Once the same voxels lie on an oblique grid of other sides: nothing that depends on the
    grid may hide behind axes.
    """
    file, volume, labels = segmented
    if request.param == "oblique":
        grid = oblique_geometry(volume.geometry.shape, (3.1, 4.3, 5.7))
        volume = replace(volume, geometry=grid)
        labels = replace(labels, geometry=grid)
    stored, _ = nrrd.read(str(file))
    hu = np.transpose(stored).astype(float)
    assert volume.geometry.spacing[2] != volume.geometry.spacing[0]
    return hu, labels, measure_structures(volume, labels)


def places_lps(labels: LabelMap, inside: NDArray[np.bool_]) -> Values:
    """The centres (n, 3) of a mask's voxels, by the grid's origin, direction and spacing."""
    grid = labels.geometry
    ijk = np.argwhere(inside)[:, ::-1]
    return np.asarray(ijk * np.array(grid.spacing) @ grid.direction.T + grid.origin)


def voxel_ml(labels: LabelMap) -> float:
    return float(np.prod(labels.geometry.spacing)) / 1000


@pytest.mark.parametrize("name", PARTS)
def test_volumes_densities_and_percentiles(
    chest: tuple[Values, LabelMap, Measurements], name: str
) -> None:
    hu, labels, found = chest
    values = np.sort(hu[np.isin(labels.array, PARTS[name])])
    assert_same_numbers(found, name, values, voxel_ml(labels))


@pytest.mark.parametrize("side", ["left lung", "right lung"])
def test_thirds_by_height(chest: tuple[Values, LabelMap, Measurements], side: str) -> None:
    hu, labels, found = chest
    inside = labels.array == PARTS[side][0]
    height = places_lps(labels, inside)[:, 2]
    voxel_mm = np.abs(labels.geometry.direction[2] * labels.geometry.spacing).sum()
    lowest, height_mm = height.min() - voxel_mm / 2, np.ptp(height) + voxel_mm
    cuts = lowest + height_mm * np.array([1, 2]) / 3
    assert np.abs(height[:, None] - cuts).min() > 1e-6  # no voxel lies on a cut
    third = np.digitize(height, cuts)
    for number, name in enumerate(("lower", "middle", "upper")):
        values = np.sort(hu[inside][third == number])
        assert_same_numbers(found, f"{side} {name} third", values, voxel_ml(labels))


def assert_same_numbers(
    found: Measurements, name: str, values: Values, voxel_ml: float
) -> None:
    region = found.region(name)
    assert region.voxels == values.size > 50
    exact = {
        "min_hu": values[0],
        "max_hu": values[-1],
        "perc10_hu": values[int(np.ceil(0.10 * values.size)) - 1],
        "perc15_hu": values[int(np.ceil(0.15 * values.size)) - 1],
        "median_hu": values[int(np.ceil(0.50 * values.size)) - 1],
    }
    rounded = {
        "volume_ml": values.size * voxel_ml,
        "mean_hu": values.mean(),
        "sd_hu": values.std(),
        "mass_g": np.clip((values + 1000) / 1000, 0, None).sum() * voxel_ml,
        "laa950_percent": 100 * np.mean(values < -950),
        "laa910_percent": 100 * np.mean(values < -910),
    }
    assert {key: getattr(region, key) for key in exact} == exact
    assert {key: getattr(region, key) for key in rounded} == pytest.approx(rounded, rel=1e-9)


@pytest.mark.parametrize("number", range(3))
def test_histograms_and_clusters(
    chest: tuple[Values, LabelMap, Measurements], number: int
) -> None:
    hu, labels, found = chest
    name = LUNGS[number]
    inside = np.isin(labels.array, PARTS[name])
    histogram, clusters = found.histograms[number], found.clusters[number]
    assert histogram.name == clusters.name == name
    edges = histogram.low_hu + 10.0 * np.arange(len(histogram.counts) + 1)
    assert list(histogram.counts) == np.histogram(hu[inside], edges)[0].tolist()
    assert sum(histogram.counts) == np.count_nonzero(inside)
    pieces, count = components(inside & (hu < -950))
    sizes = np.bincount(pieces.ravel())[1:]
    assert clusters.count == count > 5
    assert clusters.sizes == dict(zip(*np.unique(sizes, return_counts=True), strict=True))
    assert [one.voxels for one in clusters.largest] == sorted(sizes, reverse=True)[:5]
    largest = places_lps(labels, pieces == 1 + int(sizes.argmax()))
    np.testing.assert_allclose(clusters.largest[0].center_lps, largest.mean(axis=0), atol=0.01)
    at_least = [np.count_nonzero(sizes >= size) for size in np.unique(sizes)]
    slope = np.polyfit(np.log(np.unique(sizes)), np.log(at_least), 1)[0]
    assert clusters.exponent == pytest.approx(-slope)


@pytest.mark.parametrize("name", PARTS)
def test_boxes_and_diameters(chest: tuple[Values, LabelMap, Measurements], name: str) -> None:
    _, labels, found = chest
    grid, inside = labels.geometry, np.isin(labels.array, PARTS[name])
    extent = found.region(name).extent
    assert extent is not None
    half = (grid.direction * grid.spacing / 2).T  # from a centre to three of its faces
    places = places_lps(labels, inside)
    reach = np.abs(half).sum(axis=0)
    box = [places.min(axis=0) - reach, places.max(axis=0) + reach]
    np.testing.assert_allclose(extent.box_lps_mm, box, atol=1e-6)
    assert extent.diameter_mm == pytest.approx(widest(places, np.vstack([half, -half])))
    across = int(np.abs(grid.direction[2]).argmax())
    in_plane = np.delete(half, across, axis=0)
    layer = np.argwhere(inside)[:, 2 - across]
    slices = [places[layer == n] for n in np.unique(layer)]
    widths = [widest(one, np.vstack([in_plane, -in_plane])) for one in slices]
    assert extent.axial_diameter_mm == pytest.approx(max(widths))


def widest(places: Values, faces: Values) -> float:
    """The largest distance of two middles of faces, of the voxels farthest in any direction."""
    towards = np.random.default_rng(0).normal(size=(400, 3))
    out = np.unique((places @ towards.T).argmax(axis=0))
    points = (places[out][:, None] + faces).reshape(-1, 3)
    return float(pdist(points).max())
