"""Numbers and the lung report, read again by others."""

import base64
import csv
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from vis3d_viewer.reports import Reports, lungs_of
from vis3d_viewer.showing import Showing
from vis3d_viewer.study import Study
from vis3d_viewer.workbench import Workbench

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.desks import PlainDesk
from tests.vis3d_viewer.scans import blob_scan, blob_study
from vis3d.errors import UsageError
from vis3d.labels import STRUCTURES, LabelMap
from vis3d.measurement import measure_lungs
from vis3d.volume import Finding, Volume

GEOMETRY = oblique_geometry()


def chest() -> tuple[Volume, LabelMap]:
    """Two boxes of lung, -900 HU left and -800 right, a quarter of the left below -950."""
    labels = np.zeros(GEOMETRY.shape, np.uint8)
    labels[2:14, 4:24, 22:34] = 1
    labels[2:14, 4:24, 4:16] = 2
    array = np.full(GEOMETRY.shape, 40, np.int16)
    array[labels == 1] = -900
    array[2:5][labels[2:5] == 1] = -980
    array[labels == 2] = -800
    finding = Finding("made-up", "note", "This scan was made up <b>.")
    facts = {"kernel": "B30f", "thickness_mm": 1.25, "findings": (finding,)}
    return Volume(array, GEOMETRY, metadata=facts), LabelMap(labels, GEOMETRY, STRUCTURES[:2])


@pytest.fixture
def desk(tmp_path: Path) -> PlainDesk:
    volume, labels = chest()
    masks = {s.label: labels.mask(s.name) for s in labels.structures}
    return PlainDesk(Study(volume, None, labels, labels.structures, masks=masks), tmp_path)


def reports_of(desk: PlainDesk) -> Reports:
    return Reports(desk, Showing(desk))


def saved(desk: PlainDesk) -> Path:
    desk.finish()
    return desk.offered[-1]


def test_the_page_shows_lungs_and_thirds_as_measured(desk: PlainDesk) -> None:
    reports_of(desk).show_report()
    desk.finish()
    report = desk.state["lung_report"]
    rows = {region["name"]: region for region in report["regions"]}
    assert list(rows)[:3] == ["left lung", "right lung", "lungs"]
    assert len(rows) == 9
    voxel_ml = GEOMETRY.voxel_ml
    assert rows["left lung"]["volume_ml"] == pytest.approx(12 * 20 * 12 * voxel_ml)
    assert rows["left lung"]["laa950_percent"] == pytest.approx(25)
    assert rows["lungs"]["laa950_percent"] == pytest.approx(12.5)
    assert rows["left lung"]["mean_hu"] == pytest.approx(-920)
    assert rows["right lung"]["perc15_hu"] == pytest.approx(-800)
    thirds = [rows[f"left lung {name} third"]["volume_ml"] for name in ("upper", "lower")]
    assert 0 < min(thirds) <= max(thirds) < rows["left lung"]["volume_ml"] / 2
    assert report["conditions"].startswith("Kernel: B30f. Slice thickness: 1.25 mm. Contrast")
    assert {"severity": "note", "message": "This scan was made up <b>."} in report["notes"]
    chart = base64.b64decode(report["chart"].removeprefix("data:image/svg+xml;base64,"))
    assert ElementTree.fromstring(chart).tag == "{http://www.w3.org/2000/svg}svg"
    json.dumps(report, allow_nan=False)


def test_the_files_hold_the_same_numbers(desk: PlainDesk) -> None:
    reports = reports_of(desk)
    reports.save_lungs(".csv")
    with saved(desk).open(newline="") as stream:
        table = {row["name"]: row for row in csv.DictReader(stream)}
    reports.save_lungs(".json")
    document = json.loads(saved(desk).read_text())
    volume, labels = chest()
    truth = {region.name: region for region in measure_lungs(volume, labels).regions}
    assert set(table) == set(truth)
    for region in document["regions"]:
        same = truth[region["name"]]
        assert region["mass_g"] == pytest.approx(same.mass_g)
        assert float(table[same.name]["perc15_hu"]) == pytest.approx(same.perc15_hu, abs=0.1)
    assert document["conditions"]["kernel"] == "B30f"


def test_what_lies_over_a_lung_takes_nothing_from_the_report(desk: PlainDesk) -> None:
    assert desk.study is not None
    volume = desk.study.volume
    bench = Workbench(desk)
    bench.open(desk.study)
    labels = desk.study.labels
    assert labels is not None
    bench.structures.found(labels, "Find the lungs")
    bench.add_threshold(-2000, 3000, "everything")
    desk.finish()
    assert desk.study is not None
    assert volume is desk.study.volume
    assert (desk.study.labels.array == 9).all()  # type: ignore[union-attr]
    reports_of(desk).show_report()
    desk.finish()
    rows = {row["name"]: row for row in desk.state["lung_report"]["regions"]}
    assert len(rows) == 9
    assert rows["left lung"]["laa950_percent"] == pytest.approx(25)
    assert lungs_of(desk.study).labels_of("lungs") == (1, 2)


def test_the_page_for_paper_is_whole_and_has_the_view_on_it(desk: PlainDesk) -> None:
    class View:
        async def picture(self, *, plain: bool) -> np.ndarray:
            assert plain
            return np.full((900, 1600, 3), 200, np.uint8)

    reports_of(desk).save_report()
    without = saved(desk).read_text("utf-8")
    desk.view = View()  # type: ignore[assignment]
    reports_of(desk).save_report()
    text = saved(desk).read_text("utf-8")
    assert text.rstrip().endswith("</html>")
    assert "as seen in the explorer" in text
    assert "as seen in the explorer" not in without
    assert "made up &lt;b&gt;" in text
    assert "<b>." not in text


@pytest.mark.parametrize(
    ("study", "why"),
    [
        (blob_study(), "Find the lungs"),
        (Study(blob_scan()), "no structures"),
        (Study(None), "no scan"),
    ],
)
@pytest.mark.parametrize("ask", ["show_report", "save_report", "save_lungs"])
def test_without_lungs_there_is_no_report(
    study: Study, why: str, ask: str, tmp_path: Path
) -> None:
    desk = PlainDesk(study, tmp_path)
    with pytest.raises(UsageError, match=why):
        reports_of(desk).triggers[ask](*([".csv"] if ask == "save_lungs" else []))
        desk.finish()
    with pytest.raises(UsageError, match="Choose one of"):
        reports_of(desk).save_numbers(".exe")


def test_one_lung_is_enough(desk: PlainDesk) -> None:
    assert desk.study is not None
    left = desk.study.structures[:1]
    desk.study = replace(desk.study, structures=left, masks={1: desk.study.masks[1]})
    reports_of(desk).show_report()
    desk.finish()
    rows = {row["name"]: row for row in desk.state["lung_report"]["regions"]}
    assert rows["left lung"]["laa950_percent"] == pytest.approx(25)
    reports_of(desk).save_report()
    assert saved(desk).stat().st_size > 5000


def test_numbers_are_those_of_the_voxels_also_of_what_overlaps(tmp_path: Path) -> None:
    desk = PlainDesk(Study(blob_scan()), tmp_path)
    bench = Workbench(desk)
    reports = Reports(desk, bench.showing)
    assert desk.study is not None
    bench.open(desk.study)
    bench.add_threshold(200, 3000, "blob")
    bench.add_threshold(-2000, 3000, "=everything")
    desk.finish()
    reports.save_numbers(".json")
    document = json.loads(saved(desk).read_text())
    volumes = {region["name"]: region["volume_ml"] for region in document["regions"]}
    voxel_ml = GEOMETRY.voxel_ml
    assert volumes["blob"] == pytest.approx(27 * voxel_ml)
    assert volumes["=everything"] == pytest.approx(blob_scan().array.size * voxel_ml)
    reports.save_numbers(".csv")
    with saved(desk).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 2
    assert not any(cell.startswith("=") for row in rows for cell in row.values())
