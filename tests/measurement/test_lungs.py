"""Lung numbers against values worked out by hand and against an independent computation."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from vis3d.errors import UnknownStructureError, UsageError
from vis3d.files import read_labelmap, write_labelmap
from vis3d.geometry import Geometry
from vis3d.labels import STRUCTURES, Check, LabelMap, Report
from vis3d.measurement import (
    measure_lungs,
    measure_mask,
    measure_structures,
    write_regions_csv,
)
from vis3d.volume import Finding, Volume

GRID = oblique_geometry()


def random_lungs(geometry: Geometry = GRID) -> tuple[Volume, LabelMap]:
    random = np.random.default_rng(3)
    array = random.normal(-860, 70, geometry.shape).round().astype(np.int16)
    labels = np.zeros(geometry.shape, np.uint8)
    labels[3:17, 4:26, 3:17] = 2
    labels[2:18, 5:27, 22:38] = 1
    labels[8:12, 10:20, 8:12] = 3
    return Volume(array, geometry, metadata={"kernel": "B70f"}), LabelMap(labels, geometry)


def test_a_region_of_known_values_has_the_numbers_worked_out_by_hand() -> None:
    geometry = Geometry((1, 1, 4), (10.0, 10.0, 10.0))
    volume = Volume(np.array([[[-1100, -960, -900, 0]]], np.int16), geometry)
    region = measure_mask(volume, volume.mask(np.ones((1, 1, 4), bool), "all"))
    assert region.volume_ml == pytest.approx(4.0)
    assert region.mean_hu == pytest.approx(-740)
    assert region.mass_g == pytest.approx(0 + 0.04 + 0.1 + 1.0)
    assert region.laa950_percent == region.laa910_percent == 50
    assert (region.perc10_hu, region.perc15_hu) == (-1100, -1100)


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_numbers_agree_with_an_independent_computation(dtype: type) -> None:
    volume, labels = random_lungs()
    measured = measure_lungs(volume.with_array(volume.array.astype(dtype)), labels)
    for name, where in (("left lung", [1]), ("right lung", [2]), ("lungs", [1, 2])):
        values = volume.array[np.isin(labels.array, where)].astype(float)
        region = measured.region(name)
        assert region.volume_ml == pytest.approx(values.size * 0.7 * 0.9 * 2.5 / 1000)
        assert region.mean_hu == pytest.approx(values.mean())
        assert region.sd_hu == pytest.approx(values.std())
        assert region.laa950_percent == pytest.approx(100 * (values < -950).mean())
        expected = np.percentile(values, 15, method="inverted_cdf")
        assert region.perc15_hu == pytest.approx(expected)


def test_thirds_share_a_lung_by_height_in_the_patient() -> None:
    volume, labels = random_lungs()
    measured = measure_lungs(volume, labels)
    k, j, i = np.nonzero(labels.array == 1)
    height = GRID.to_lps(np.stack([i, j, k], axis=-1))[:, 2]
    voxel_mm = np.abs(GRID.direction[2] * GRID.spacing).sum()
    upper = height >= height.max() + voxel_mm / 2 - (np.ptp(height) + voxel_mm) / 3
    thirds = [r for r in measured.regions if r.name.startswith("left lung ")]
    assert [r.name.split()[2] for r in thirds] == ["upper", "middle", "lower"]
    assert thirds[0].voxels == pytest.approx(upper.sum(), abs=3)
    assert sum(r.voxels for r in thirds) == measured.region("left lung").voxels


def test_thirds_change_places_where_the_patient_is_upside_down() -> None:
    shape = (28, 20, 30)  # one slice more than three times nine
    grid, turned = (Geometry(shape, direction=np.diag(d)) for d in ((1, 1, 1), (1, -1, -1)))
    array = np.ones(shape, np.uint8)
    volume = Volume(np.full(shape, -850, np.int16), grid)
    sizes = []
    for geometry in (grid, turned):
        labels = LabelMap(array, geometry)
        there = measure_lungs(Volume(volume.array, geometry), labels)
        sizes.append([r.voxels for r in there.regions if r.name.startswith("left lung ")])
    assert sizes[0] == sizes[1][::-1]
    assert sizes[0] == [9 * 600, 10 * 600, 9 * 600]


def test_padding_counts_in_no_number() -> None:
    volume, labels = random_lungs()
    array = volume.array.copy()
    array[:10] = -3024
    measured = measure_lungs(replace(volume, array=array, padding=-3024), labels)
    values = volume.array[10:][labels.array[10:] == 1]
    assert measured.region("left lung").mean_hu == pytest.approx(values.mean(dtype=float))


def test_an_empty_lung_is_reported_as_nothing() -> None:
    volume, labels = random_lungs()
    measured = measure_lungs(volume, replace(labels, array=labels.array * (labels.array != 1)))
    assert measured.region("left lung").mean_hu is None
    assert "nothing" in repr(measured)
    json.dumps(measured.as_dict(), allow_nan=False)


def test_conditions_and_doubts_travel_with_the_numbers() -> None:
    volume, labels = random_lungs()
    volume = replace(volume, metadata={"thickness_mm": 8.0, "kernel": "B40f", "contrast": True})
    measured = measure_lungs(volume, labels)
    assert measured.conditions == {
        "kernel": "B40f",
        "thickness_mm": 8.0,
        "contrast": True,
        "contrast_found": None,
    }
    assert [finding.code for finding in measured.findings] == ["thick-slices", "contrast"]


def test_contrast_that_the_segmentation_found_is_a_condition(tmp_path: Path) -> None:
    volume, labels = random_lungs()
    looked = (Check("contrast", True, "Looked."),)
    none = replace(labels, report=Report(looked))
    assert measure_lungs(volume, none).conditions["contrast_found"] is False
    found = replace(labels, report=Report(looked, (Finding("contrast", "note", "Found."),)))
    assert measure_lungs(volume, found).conditions["contrast_found"] is True
    write_labelmap(found, tmp_path / "found.nrrd")
    measured = measure_structures(volume, read_labelmap(tmp_path / "found.nrrd"))
    assert measured.conditions["contrast_found"] is True
    assert "Contrast raises the density of the lungs slightly." in repr(measured)


def test_a_table_holds_the_conditions_and_every_doubt_once(tmp_path: Path) -> None:
    volume, labels = random_lungs()
    checks = (Check("leak", False, "It leaks."), Check("metal", False, "Some metal."))
    report = Report(checks, (Finding("leak", "warning", "It leaks."),))
    volume = replace(volume, metadata={"thickness_mm": 8.0})
    measured = measure_lungs(volume, replace(labels, report=report))
    write_regions_csv(measured, tmp_path / "lungs.csv")
    with (tmp_path / "lungs.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 9
    for row in rows:
        assert row["doubts"].startswith("It leaks. Slices of 8 mm average air")
        assert row["doubts"].endswith("Some metal.")
        assert (row["thickness_mm"], row["contrast"], row["contrast_found"]) == ("8.0", "", "")


def test_a_segmentation_of_another_grid_is_refused() -> None:
    volume, labels = random_lungs()
    moved = replace(GRID, origin=(0.0, 0.0, 0.0))
    with pytest.raises(UsageError, match="resample"):
        measure_lungs(volume, replace(labels, geometry=moved))


def test_a_segmentation_without_lungs_is_refused() -> None:
    volume, labels = random_lungs()
    with pytest.raises(UnknownStructureError, match="bones"):
        measure_lungs(volume, replace(labels, structures=STRUCTURES[3:4]))
