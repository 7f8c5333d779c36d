"""Every structure of any label map in numbers, against independent computations."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import cc3d
import numpy as np
import pytest
from scipy import ndimage

from tests.conftest import oblique_geometry
from tests.measurement.test_lungs import GRID, random_lungs
from vis3d.errors import UsageError
from vis3d.geometry import Geometry
from vis3d.labels import LabelMap, Structure
from vis3d.measurement import (
    Region,
    emphysema_map,
    measure_lungs,
    measure_mask,
    measure_structures,
    write_clusters_csv,
    write_histograms_csv,
    write_regions_csv,
)
from vis3d.surface import Surface
from vis3d.volume import Mask, Volume


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def assert_alike(one: Region, other: Region) -> None:
    """The same numbers but for rounding."""
    for (name, a), b in zip(one.as_dict().items(), other.as_dict().values(), strict=True):
        if a is None or isinstance(a, str):
            assert a == b, name
        else:
            np.testing.assert_allclose(a, b, rtol=1e-9, err_msg=name)


def test_every_structure_of_a_file_is_measured_whatever_its_name() -> None:
    volume, labels = random_lungs()
    array = labels.array.astype(np.uint16)
    array[18:, :3, :3] = 700
    named = (Structure(700, "Tumour, left", (1, 2, 3)), Structure(9, "absent", (1, 2, 3)))
    found = measure_structures(volume, LabelMap(array, GRID, named))
    assert [region.name for region in found.regions] == ["Tumour, left", "absent"]
    values = volume.array[18:, :3, :3].astype(float)
    tumour, absent = found.regions
    assert (tumour.voxels, tumour.min_hu, tumour.max_hu) == (
        values.size,
        values.min(),
        values.max(),
    )
    assert tumour.median_hu == np.percentile(values, 50, method="inverted_cdf")
    assert_alike(tumour, measure_mask(volume, Mask(array == 700, GRID, "Tumour, left")))
    assert tumour.extent is not None
    assert (absent.volume_ml, absent.mean_hu, absent.extent) == (0.0, None, None)
    assert found.histograms == found.clusters == ()


def test_lungs_come_first_and_with_their_thirds_beside_other_structures() -> None:
    volume, labels = random_lungs()
    names = [region.name for region in measure_structures(volume, labels).regions]
    assert names[:3] == ["left lung", "right lung", "lungs"]
    assert names[9:12] == ["airways", "bones", "body"]
    lungs = [region.name for region in measure_lungs(volume, labels).regions]
    assert lungs == names[:9]


def test_one_lung_alone_is_measured_as_that_lung() -> None:
    volume, labels = random_lungs()
    only = replace(labels, structures=labels.structures[:1])
    found = measure_lungs(volume, only)
    assert [r.name for r in found.regions] == [
        "left lung", "left lung upper third", "left lung middle third", "left lung lower third",
    ]  # fmt: skip
    assert_alike(found.region("left lung"), measure_lungs(volume, labels).region("left lung"))


def test_the_body_is_everything_inside_the_skin_and_a_body_of_a_file_too() -> None:
    volume, labels = random_lungs()
    labels = replace(
        labels, array=np.where(labels.array == 0, 5, labels.array).astype(np.uint8)
    )
    assert measure_structures(volume, labels).region("body").voxels == volume.array.size


def test_bones_that_are_split_are_measured_as_a_whole_too() -> None:
    volume, labels = random_lungs()
    parts = (Structure(1, "cortical", (9, 9, 9)), Structure(2, "cancellous", (8, 8, 8)))
    found = measure_structures(volume, replace(labels, structures=parts))
    assert [region.name for region in found.regions] == ["cortical", "cancellous", "bones"]
    sizes = [region.voxels for region in found.regions]
    assert sizes[2] == sizes[0] + sizes[1] > 0


def test_a_cut_out_of_the_grid_changes_no_number() -> None:
    volume, labels = random_lungs()
    for name, label in (("left lung", 1), ("airways", 3)):
        region = measure_structures(volume, labels).region(name)
        assert_alike(region, measure_mask(volume, Mask(labels.array == label, GRID, name)))


def test_area_is_that_of_the_surface_given() -> None:
    volume, labels = random_lungs()
    corners = np.array([(0, 0, 0), (3, 0, 0), (0, 4, 0)], float)
    surface = Surface(corners, np.array([(0, 1, 2)]))
    found = measure_structures(
        volume, labels, surfaces={"bones": surface, "left lung": surface}
    )
    assert found.region("bones").area_mm2 == pytest.approx(6.0)
    assert found.region("left lung").area_mm2 == pytest.approx(6.0)
    assert found.region("airways").area_mm2 is None
    mask = Mask(labels.array == 3, GRID, "airways")
    assert measure_mask(volume, mask, surface).area_mm2 == pytest.approx(6.0)


def test_other_units_than_hounsfield_give_sizes_only() -> None:
    volume, labels = random_lungs()
    found = measure_structures(replace(volume, unit=""), labels)
    region = found.region("left lung")
    assert (region.mean_hu, region.laa950_percent) == (None, None)
    assert region.volume_ml > 0
    assert [finding.code for finding in found.findings] == ["not-hounsfield"]
    assert "ml" in repr(found)


def test_the_columns_of_numbers_stay_apart() -> None:
    volume, labels = random_lungs()
    darkest = np.full(volume.array.shape, -1000, volume.array.dtype)
    found = measure_structures(volume.with_array(darkest), labels)
    rows = [line for line in repr(found).splitlines() if line.startswith("left lung ")]
    assert rows
    assert all(re.search(r"100\.0 % +-1000 HU$", row) for row in rows)


def test_values_that_are_no_number_count_nowhere() -> None:
    volume, labels = random_lungs()
    array = volume.array.astype(np.float32)
    array[4] = np.nan
    found = measure_structures(volume.with_array(array), labels)
    inside = (labels.array == 1) & np.isfinite(array)
    assert found.region("left lung").mean_hu == pytest.approx(array[inside].mean(dtype=float))
    assert found.region("left lung").voxels == inside.sum()
    assert found.clusters[0].count > 0


def test_histograms_hold_every_measured_voxel_of_the_lungs() -> None:
    volume, labels = random_lungs()
    volume = replace(volume, padding=int(volume.array[5, 10, 25]))
    found = measure_lungs(volume, labels)
    values = volume.array[np.isin(labels.array, (1, 2))]
    values = values[values != volume.padding]
    both = found.histograms[2]
    assert both.name == "lungs"
    edges = both.low_hu + both.width_hu * np.arange(len(both.counts) + 1)
    np.testing.assert_array_equal(both.counts, np.histogram(values, edges)[0])
    assert sum(both.counts) == values.size == found.region("lungs").voxels


def test_clusters_of_emphysema_agree_with_an_independent_labelling() -> None:
    volume, labels = random_lungs()
    inside = labels.array == 1
    low = inside & (volume.array < -950)
    pieces, count = ndimage.label(low)
    sizes = np.bincount(pieces.reshape(-1))[1:]
    clusters = measure_lungs(volume, labels).clusters[0]
    assert (clusters.name, clusters.count) == ("left lung", count)
    np.testing.assert_array_equal(
        sorted(np.repeat(list(clusters.sizes), list(clusters.sizes.values()))), np.sort(sizes)
    )
    assert [c.voxels for c in clusters.largest] == sorted(sizes, reverse=True)[:5]
    biggest = int(sizes.argmax()) + 1
    middle = GRID.to_lps(np.argwhere(pieces == biggest).mean(axis=0)[::-1])
    if np.count_nonzero(sizes == sizes.max()) == 1:
        np.testing.assert_allclose(clusters.largest[0].center_lps, middle)
    distinct = np.unique(sizes)
    at_least = [(sizes >= size).sum() for size in distinct]
    expected = -np.polyfit(np.log(distinct), np.log(at_least), 1)[0]
    assert clusters.exponent == pytest.approx(expected)


def test_the_exponent_of_clusters_drawn_from_a_power_law_is_found() -> None:
    random = np.random.default_rng(5)
    grid = Geometry((201, 60, 60))
    array = np.full(grid.shape, -800, np.int16)
    sizes = np.minimum(np.floor(random.pareto(1.2, 3000) + 1).astype(int), 900)
    rows = iter(np.ndindex(100, 30))
    for size in sizes:  # a cluster a row of voxels, folded over columns where it is long
        k, j = next(rows)
        array[2 * k, 2 * j, : min(size, 60)] = -1000
    lengths = np.minimum(sizes, 60)
    labels = LabelMap(np.ones(grid.shape, np.uint8), grid)
    clusters = measure_lungs(Volume(array, grid), labels).clusters[0]
    assert clusters.sizes[1] == np.count_nonzero(lengths == 1)
    assert clusters.exponent == pytest.approx(1.2, abs=0.3)


def test_few_clusters_have_no_exponent() -> None:
    volume, labels = random_lungs()
    quiet = volume.with_array(np.full(GRID.shape, -800, np.int16))
    clusters = measure_lungs(quiet, labels).clusters[0]
    assert (clusters.count, clusters.exponent, clusters.largest) == (0, None, ())


def test_the_emphysema_map_marks_low_voxels_of_the_lungs_only() -> None:
    volume, labels = random_lungs()
    volume = replace(volume, padding=int(volume.array[labels.array == 1].min()))
    marked = emphysema_map(volume, labels)
    inside = np.isin(labels.array, (1, 2)) & (volume.array < -950)
    inside &= volume.array != volume.padding
    np.testing.assert_array_equal(marked.mask("emphysema").array, inside)
    np.testing.assert_array_equal(
        marked.mask("lungs").array | inside, np.isin(labels.array, (1, 2))
    )
    assert measure_lungs(volume, labels).region("lungs").laa950_percent == pytest.approx(
        100 * inside.sum() / measure_lungs(volume, labels).region("lungs").voxels
    )


def test_tables_hold_the_same_numbers_as_the_document(tmp_path: Path) -> None:
    volume, labels = random_lungs()
    found = measure_structures(volume, labels)
    document = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    write_regions_csv(found, tmp_path / "regions.csv")
    rows = rows_of(tmp_path / "regions.csv")
    assert [row["name"] for row in rows] == [r["name"] for r in document["regions"]]
    for row, region in zip(rows, document["regions"], strict=True):
        for key in ("volume_ml", "mean_hu", "perc15_hu", "laa950_percent", "diameter_mm"):
            assert row[key] == ("" if region[key] is None else str(region[key]))
        assert row["kernel"] == "B70f"
        box = region["box_lps_mm"]
        assert row["box_max_s_mm"] == ("" if box is None else str(box[1][2]))
    write_histograms_csv(found, tmp_path / "histograms.csv")
    bins = [r for r in rows_of(tmp_path / "histograms.csv") if r["name"] == "left lung"]
    assert sum(int(r["count"]) for r in bins) == found.region("left lung").voxels
    write_clusters_csv(found, tmp_path / "clusters.csv")
    sizes = [r for r in rows_of(tmp_path / "clusters.csv") if r["name"] == "lungs"]
    assert sum(int(r["voxels"]) * int(r["clusters"]) for r in sizes) == np.count_nonzero(
        emphysema_map(volume, labels).mask("emphysema").array
    )


def test_no_cell_of_a_table_is_taken_for_a_formula(tmp_path: Path) -> None:
    volume, labels = random_lungs()
    volume = replace(volume, metadata={"kernel": "=cmd|' /C calc'!A0"})
    labels = replace(labels, structures=(Structure(1, '@SUM(1,"2")\n', (0, 0, 0)),))
    write_regions_csv(measure_structures(volume, labels), tmp_path / "a.csv")
    (row,) = rows_of(tmp_path / "a.csv")
    assert row["name"].startswith("'@")
    assert row["kernel"].startswith("'=")


def test_a_label_map_of_another_grid_is_refused() -> None:
    volume, labels = random_lungs()
    with pytest.raises(UsageError, match="resample"):
        measure_structures(volume, replace(labels, geometry=oblique_geometry(origin=(0, 0, 0))))
    with pytest.raises(UsageError, match="resample"):
        emphysema_map(volume, replace(labels, geometry=oblique_geometry(origin=(0, 0, 0))))


def test_clusters_touch_by_faces_only() -> None:
    low = np.zeros((2, 2, 2), bool)
    low[0, 0, 0] = low[1, 1, 0] = True
    assert cc3d.connected_components(low, connectivity=26).max() == 1
    array = np.where(low, -1000, -800).astype(np.int16)
    labels = LabelMap(np.ones((2, 2, 2), np.uint8), Geometry((2, 2, 2)))
    found = measure_lungs(Volume(array, Geometry((2, 2, 2))), labels)
    assert found.clusters[0].count == 2
