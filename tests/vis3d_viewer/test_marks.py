"""What a hand measures and corrects, without a browser."""

import csv
import json

import numpy as np
import pytest
from vis3d_viewer.marks import Marks
from vis3d_viewer.workbench import Workbench

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.desks import PlainDesk
from tests.vis3d_viewer.scans import BLOB_KJI, blob_lps
from vis3d.errors import UsageError

GEOMETRY = oblique_geometry()


@pytest.fixture
def marks(desk: PlainDesk, bench: Workbench) -> Marks:
    return Marks(desk, bench.showing)


@pytest.fixture
def with_blob(desk: PlainDesk, bench: Workbench) -> Workbench:
    bench.add_threshold(200, 3000, "blob")
    desk.finish()
    return bench


def lps(i: float, j: float, k: float) -> list[float]:
    point: list[float] = GEOMETRY.to_lps((i, j, k)).tolist()
    return point


def listed(desk: PlainDesk) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = desk.state["marks"]
    return rows


def test_distance_and_angle_are_those_in_the_patient(desk: PlainDesk, marks: Marks) -> None:
    i_mm, j_mm, _ = GEOMETRY.spacing
    marks.mark("distance", [lps(0, 0, 2), lps(10, 0, 2)])
    marks.mark("angle", [lps(5, 0, 2), lps(0, 0, 2), lps(0, 5, 2)])
    desk.finish()
    assert [row["text"] for row in listed(desk)] == [f"{10 * i_mm:.1f} mm", "90.0°"]
    marks.move_mark(1, 1, lps(0, 10, 2))
    marks.rename_mark(1, "  long   axis ")
    desk.finish()
    marks.move_mark(1, 1, lps(0, 10, 2))
    desk.finish()
    assert listed(desk)[0]["text"] == f"{10 * j_mm:.1f} mm"


def test_an_ellipse_holds_the_values_inside(desk: PlainDesk, marks: Marks) -> None:
    k, j, i = BLOB_KJI
    marks.mark("ellipse", [lps(i, j, k), lps(i + 1.45, j, k), lps(i, j + 1.45, k)])
    desk.finish()
    assert str(listed(desk)[0]["text"]).startswith("700 ± 0 HU")


def test_marks_are_listed_deleted_and_saved(
    desk: PlainDesk, marks: Marks, bench: Workbench
) -> None:
    marks.mark("distance", [lps(0, 0, 2), lps(10, 0, 2)])
    marks.mark("distance", [lps(0, 0, 2), lps(4, 0, 2)])
    desk.finish()
    marks.save_marks(".json")
    document = json.loads(desk.offered[-1].read_text())
    assert np.allclose(document["measurements"][0]["points_lps"][1], lps(10, 0, 2))
    marks.save_marks(".csv")
    with desk.offered[-1].open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 2
    marks.delete_mark(1)
    desk.finish()
    assert [row["number"] for row in listed(desk)] == [2]
    assert desk.study is not None
    bench.open(desk.study)
    assert listed(desk) == []


def test_every_step_on_marks_is_undone_and_done_again(
    desk: PlainDesk, marks: Marks, bench: Workbench
) -> None:
    marks.mark("distance", [lps(0, 0, 2), lps(10, 0, 2)])
    marks.mark("angle", [lps(5, 0, 2), lps(0, 0, 2), lps(0, 5, 2)])
    desk.finish()
    marks.move_mark(1, 0, lps(3, 0, 2))
    desk.finish()
    marks.rename_mark(2, "carina")
    desk.finish()
    marks.delete_mark(1)
    desk.finish()
    assert desk.state["steps"] == [
        "Draw distance 1",
        "Draw angle 2",
        "Move distance 1",
        "Rename angle 2",
        "Delete distance 1",
    ]
    seen = []
    for _ in range(5):
        bench.undo()
        desk.finish()
        seen.append([(row["name"], row["text"]) for row in listed(desk)])
    i_mm = GEOMETRY.spacing[0]
    moved, drawn = ("distance 1", f"{7 * i_mm:.1f} mm"), ("distance 1", f"{10 * i_mm:.1f} mm")
    assert seen == [
        [moved, ("carina", "90.0°")],
        [moved, ("angle 2", "90.0°")],
        [drawn, ("angle 2", "90.0°")],
        [drawn],
        [],
    ]
    for _ in range(5):
        bench.redo()
    desk.finish()
    assert [row["name"] for row in listed(desk)] == ["carina"]
    marks.mark("distance", [lps(0, 0, 2), lps(1, 0, 2)])
    desk.finish()
    assert listed(desk)[-1]["name"] == "distance 3"


@pytest.mark.parametrize(
    ("trigger", "arguments"),
    [
        ("mark", ("distance", [[0, 0, 0]])),
        ("mark", ("distance", [[0, 0], [1, 1]])),
        ("mark", ("distance", [[0, 0, 0], [1, 1, float("nan")]])),
        ("mark", ("distance", [[0, 0, 0]] * 3000)),
        ("mark", ("volume", [[0, 0, 0], [1, 1, 1]])),
        ("mark", ("angle", [[0, 0, 0], [0, 0, 0], [1, 1, 1]])),
        ("move_mark", (1, 7, [0, 0, 0])),
        ("rename_mark", (1, "")),
        ("delete_mark", (99,)),
        ("save_marks", (".exe",)),
    ],
)
def test_marks_without_sense_are_refused(
    desk: PlainDesk, marks: Marks, trigger: str, arguments: tuple[object, ...]
) -> None:
    marks.mark("distance", [lps(0, 0, 2), lps(10, 0, 2)])
    desk.finish()
    with pytest.raises(UsageError):
        marks.triggers[trigger](*arguments)
        desk.finish()
    assert len(listed(desk)) == 1


def test_a_stroke_adds_where_it_passes_and_undo_takes_it_back(
    desk: PlainDesk, with_blob: Workbench
) -> None:
    assert desk.study is not None
    label = desk.study.structures[0].label
    before = desk.study.masks[label].array.copy()
    with_blob.corrections.stroke("brush", label, [lps(2, 5, 3), lps(10, 5, 3)], 1.5, None, None)
    desk.finish()
    painted = desk.study.masks[label].array
    assert painted[3, 5, 2:11].all()
    assert (painted[BLOB_KJI[0], BLOB_KJI[1], BLOB_KJI[2]]).all()
    assert desk.study.labels is not None
    assert desk.study.labels.array[3, 5, 6] == label
    with_blob.undo()
    desk.finish()
    assert (desk.study.masks[label].array == before).all()


def test_a_brush_with_a_range_and_a_disc_keep_to_them(
    desk: PlainDesk, with_blob: Workbench
) -> None:
    assert desk.study is not None
    label = desk.study.structures[0].label
    before = desk.study.voxels[label]
    with_blob.corrections.stroke("brush", label, [lps(2, 5, 3)], 3.0, None, [0, 1000])
    desk.finish()
    assert desk.study.voxels[label] == before, "only air was there"
    normal = GEOMETRY.direction[:, 2].tolist()
    with_blob.corrections.stroke("brush", label, [lps(20, 5, 3)], 3.0, normal, None)
    desk.finish()
    slices = np.nonzero(desk.study.masks[label].array[:, 5, 20])[0]
    assert slices.tolist() == [3]


def test_scissors_cut_one_slice_or_all(desk: PlainDesk, with_blob: Workbench) -> None:
    assert desk.study is not None
    label = desk.study.structures[0].label
    k, j, i = BLOB_KJI
    outline = [lps(i + x, j + y, k) for x, y in ((-3, -3), (3, -3), (3, 3), (-3, 3))]
    normal = GEOMETRY.direction[:, 2].tolist()
    with_blob.corrections.cut_outline(label, outline, normal, "inside", False)
    desk.finish()
    left = desk.study.masks[label].array
    assert left.sum() == 18
    assert not left[k].any()
    with_blob.undo()
    with_blob.corrections.cut_outline(label, outline, normal, "outside", True)
    desk.finish()
    assert desk.study.voxels[label] == 27
    with pytest.raises(UsageError):
        with_blob.corrections.cut_view(label, [[0, 0], [1, 1]], "inside")
    with pytest.raises(UsageError):
        with_blob.corrections.stroke("pencil", label, [blob_lps()], 3.0)
    with pytest.raises(UsageError):
        with_blob.corrections.stroke("brush", label, [blob_lps()], -1)
