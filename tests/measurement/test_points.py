"""Distances, angles and outlines on an oblique grid, against values worked out by hand."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import oblique_geometry
from vis3d.errors import UsageError
from vis3d.measurement import (
    Angle,
    Distance,
    Ellipse,
    Polygon,
    measure_outline,
    write_marks_csv,
    write_marks_json,
)
from vis3d.volume import Volume

GRID = oblique_geometry((20, 90, 100), (0.7, 0.9, 2.5))
VALUES = np.random.default_rng(3).integers(-900, 900, GRID.shape).astype(np.int16)
VOLUME = Volume(VALUES, GRID)


def lps(i: float, j: float, k: float) -> tuple[float, float, float]:
    x, y, z = GRID.to_lps((i, j, k)).tolist()
    return x, y, z


def test_a_distance_is_in_the_patients_millimetres() -> None:
    assert Distance(lps(1, 2, 3), lps(11, 2, 3)).mm == pytest.approx(7.0)
    found = Distance(lps(1, 2, 3), lps(11, 12, 7), "tumour")
    assert found.mm == pytest.approx(np.sqrt(7.0**2 + 9.0**2 + 10.0**2))
    assert repr(found) == "Distance(tumour, 15.2 mm)"


@settings(deadline=None, max_examples=30)
@given(degrees=st.floats(1e-4, 180), turn=st.floats(0, 6))
def test_an_angle_is_measured_at_its_vertex(degrees: float, turn: float) -> None:
    angle = np.radians(degrees)
    u, v = GRID.direction[:, 0], GRID.direction[:, 1]
    first = 3 * (np.cos(turn) * u + np.sin(turn) * v)
    second = 40 * (np.cos(turn + angle) * u + np.sin(turn + angle) * v)
    vertex = np.array((5.0, -7.0, 11.0))
    found = Angle(tuple(vertex + first), tuple(vertex), tuple(vertex + second))
    assert found.degrees == pytest.approx(degrees, rel=1e-6, abs=1e-7)
    assert "degrees" in repr(found)


@pytest.mark.parametrize("plane", [0, 1, 2])
def test_an_ellipse_holds_the_voxels_of_one_slice(plane: int) -> None:
    middle = [49.3, 44.6, 9.4]
    a, b = [axis for axis in range(3) if axis != plane]
    ends = []
    for axis, half_mm in ((a, 11.0), (b, 7.0)):
        end = list(middle)
        end[axis] += half_mm / GRID.spacing[axis]
        ends.append(lps(*end))
    found = measure_outline(VOLUME, Ellipse(lps(*middle), ends[0], ends[1], "roi"))
    grid = np.moveaxis(np.indices(VALUES.shape)[::-1], 0, -1)
    x, y = (
        (grid[..., axis] - middle[axis]) * GRID.spacing[axis] / half
        for axis, half in ((a, 11.0), (b, 7.0))
    )
    inside = (x**2 + y**2 <= 1) & (grid[..., plane] == round(middle[plane]))
    assert found.area_mm2 == pytest.approx(np.pi * 77)
    assert found.region.voxels == inside.sum() > 20
    assert found.region.mean_hu == pytest.approx(VALUES[inside].mean())
    assert found.region.sd_hu == pytest.approx(VALUES[inside].std())
    assert found.region.volume_ml == pytest.approx(inside.sum() * GRID.voxel_ml)
    assert "roi" in repr(found)


def test_a_polygon_holds_what_lies_inside_by_the_even_odd_rule() -> None:
    k = 12
    corners = [
        (20.5, 20.5),
        (60.5, 20.5),
        (60.5, 50.5),
        (40.5, 50.5),
        (40.5, 35.5),
        (20.5, 35.5),
    ]
    polygon = Polygon(tuple(lps(i, j, k) for i, j in corners))
    found = measure_outline(VOLUME, polygon)
    inside = np.zeros(VALUES.shape, bool)
    inside[k, 21:36, 21:61] = True
    inside[k, 36:51, 41:61] = True
    assert found.region.voxels == inside.sum()
    assert found.region.mean_hu == pytest.approx(VALUES[inside].mean())
    assert found.area_mm2 == pytest.approx(inside.sum() * 0.7 * 0.9)
    crossing = Polygon(tuple(lps(i, j, k) for i, j in [(20, 20), (60, 50), (60, 20), (20, 50)]))
    twice = measure_outline(VOLUME, crossing)
    assert twice.region.voxels == pytest.approx(40 * 30 / 2, rel=0.07)


def test_padding_is_left_out_of_an_outline() -> None:
    polygon = Polygon(tuple(lps(i, j, 5) for i, j in [(9.5, 9.5), (19.5, 9.5), (19.5, 19.5)]))
    values = VALUES.copy()
    values[5, :, 15:] = -3024
    padded = measure_outline(replace(VOLUME, array=values, padding=-3024), polygon)
    free = measure_outline(VOLUME, polygon)
    assert 0 < padded.region.voxels < free.region.voxels
    assert padded.region.min_hu is not None
    assert padded.region.min_hu > -1000


def test_outlines_beside_the_scan_or_across_its_slices_are_refused() -> None:
    beside = Polygon((lps(1, 1, 99), lps(9, 1, 99), lps(9, 9, 99)))
    with pytest.raises(UsageError, match="beside the scan"):
        measure_outline(VOLUME, beside)
    across = Polygon((lps(1, 1, 1), lps(9, 1, 3), lps(9, 9, 3)))
    with pytest.raises(UsageError, match="across the scan's slices"):
        measure_outline(VOLUME, across)


def test_marks_that_are_no_marks_are_refused() -> None:
    origin, right, back = (0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
    for wrong in (
        lambda: Distance(origin, (np.nan, 0, 0)),
        lambda: Angle(origin, origin, right),
        lambda: Ellipse(origin, right, (1.0, 1.0, 0.0)),
        lambda: Ellipse(origin, right, origin),
        lambda: Ellipse((np.inf, 0, 0), right, back),
        lambda: Polygon((origin, right)),
        lambda: Polygon((origin, right, (2.0, 0.0, 0.0))),
        lambda: Polygon((origin, right, (0.0, 1.0, 0.0), (9.0, 9.0, 5.0))),
        lambda: Polygon((origin, right, (0.0, np.nan, 0.0))),
    ):
        with pytest.raises(UsageError):
            wrong()


def test_marks_are_written_as_csv_and_json(tmp_path: Path) -> None:
    polygon = Polygon(tuple(lps(i, j, 5) for i, j in [(9, 9), (19, 9), (19, 19)]), "=roi")
    marks = [
        Distance(lps(1, 2, 3), lps(11, 2, 3), "width"),
        Angle(lps(1, 2, 3), lps(11, 2, 3), lps(11, 9, 3)),
        measure_outline(VOLUME, polygon),
    ]
    write_marks_csv(marks, tmp_path / "marks.csv")
    write_marks_json(marks, tmp_path / "marks.json")
    with (tmp_path / "marks.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["kind"] for row in rows] == ["distance", "angle", "polygon"]
    assert float(rows[0]["mm"]) == pytest.approx(7.0)
    assert rows[2]["name"] == "'=roi"
    first = [float(word) for word in rows[2]["points_lps"][1:].split(")")[0].split()]
    assert first == pytest.approx(lps(9, 9, 5), abs=1e-3)
    document = json.loads((tmp_path / "marks.json").read_text())
    assert document["frame"] == "LPS mm"
    assert document["measurements"][1]["degrees"] == pytest.approx(90)
    assert document["measurements"][2]["voxels"] == marks[2].region.voxels
