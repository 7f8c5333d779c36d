"""The script of what was done gives what was done."""

import json
import subprocess
import sys
from pathlib import Path

import highdicom
import numpy as np
import pytest
from vis3d_cli.main import main
from vis3d_viewer.exports import Exports
from vis3d_viewer.label_files import plain_name
from vis3d_viewer.marks import Marks
from vis3d_viewer.reports import Reports
from vis3d_viewer.study import Study, open_scan
from vis3d_viewer.workbench import Workbench

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.desks import PlainDesk
from tests.vis3d_viewer.scans import blob_lps, blob_scan
from vis3d import files
from vis3d.dicom import discover, write_ct_series
from vis3d.errors import InputError, UsageError
from vis3d.labels import LabelMap, Structure
from vis3d.phantom import chest_phantom
from vis3d.progress import silent

GEOMETRY = oblique_geometry()


def lps(i: float, j: float, k: float) -> list[float]:
    point: list[float] = GEOMETRY.to_lps((i, j, k)).tolist()
    return point


NOT_STEPS = {"preview_range", "show_script", "save_script", "save_marks"} | {
    "undo",
    "redo",
    "stand_at",
}


class Eye:
    """A 3D view that looks along the grid's k axis; half its height is 30 mm."""

    async def projection(self) -> np.ndarray:
        middle = GEOMETRY.to_lps((10, 10, 5))
        matrix = np.eye(4)
        matrix[:3, :3] = GEOMETRY.direction.T / 30
        matrix[:3, 3] = -matrix[:3, :3] @ middle
        return matrix


def repeated(
    desk: PlainDesk, bench: Workbench, folder: Path, scan: Path | None = None
) -> np.ndarray:
    """The label map that the saved script makes of the scan."""
    assert desk.study is not None
    assert desk.study.volume is not None
    if scan is None:
        scan = folder / "scan.nrrd"
        files.write_volume(desk.study.volume, scan)
    bench.save_script()
    command = [sys.executable, str(desk.offered[-1]), str(scan), str(folder / "labels.nrrd")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)
    assert done.returncode == 0, done.stderr
    return files.read_labelmap(folder / "labels.nrrd").array


def test_the_script_repeats_every_tool_there_is(
    desk: PlainDesk, bench: Workbench, tmp_path: Path
) -> None:
    desk.view = Eye()  # type: ignore[assignment]
    desk.choose_settings(crosshair_lps=blob_lps())
    marks = Marks(desk, bench.showing)
    normal = GEOMETRY.direction[:, 2].tolist()
    corners = [lps(2, 2, 8), lps(9, 2, 8), lps(9, 9, 8), lps(2, 9, 8)]
    square = [[-0.3, -0.3], [0.0, -0.3], [0.0, 0.3], [-0.3, 0.3]]
    steps: list[tuple[str, tuple[object, ...]]] = [
        ("add_threshold", (200, 3000, "blob")),
        ("grow_region", (0, 1000, 'grown "here"')),
        ("reshape", (9, "grow", 2.5)),
        ("duplicate", (9,)),
        ("reshape", (11, "grow", 4)),
        ("reshape", (11, "shrink", 1)),
        ("subtract", (11, 10)),
        ("stroke", ("brush", 9, [lps(2, 5, 3), lps(10, 5, 3)], 2.0, None, None)),
        ("stroke", ("eraser", 9, [lps(4, 5, 3)], 1.5, normal, [-2000, 2000])),
        ("stroke", ("brush", 10, [lps(5, 5, 8)], 4.0, normal, None)),
        ("cut_outline", (10, corners, normal, "inside", False)),
        ("rename", (10, "left over")),
        ("recolor", (10, "#123456")),
        ("duplicate", (9,)),
        ("cut_view", (12, square, "inside")),
        ("at_point", (9, "keep island")),
        ("stroke", ("brush", 10, [lps(15, 5, 2)], 3.0, None, None)),
        ("at_point", (10, "remove island")),
        ("stroke", ("brush", 11, [lps(22, 14, 6)], 7.0, None, None)),
        ("stroke", ("eraser", 11, [lps(22, 14, 6)], 3.0, None, None)),
        ("fill_holes", (11,)),
        ("stroke", ("eraser", 11, [lps(22, 14, 6), lps(22, 14, 30)], 2.0, None, None)),
        ("reshape", (11, "close", 4)),
        ("reshape", (11, "open", 4)),
        ("mark", ("distance", [lps(0, 0, 2), lps(10, 3, 2)])),
        ("mark", ("angle", [lps(5, 0, 2), lps(0, 0, 2), lps(0, 5, 2)])),
        ("mark", ("ellipse", [lps(9, 20, 5), lps(12, 20, 5), lps(9, 23, 5)])),
        ("mark", ("polygon", [lps(5, 15, 5), lps(15, 15, 5), lps(9, 25, 5)])),
        ("move_mark", (1, 1, lps(0, 9, 2))),
        ("rename_mark", (3, "the 'blob'")),
        ("delete_mark", (2,)),
        ("delete", (9,)),
        ("undo", ()),
        ("merge", (10, 12)),
        ("add_level", (150.0,)),
        ("reshape", (11, "smooth", 1.5)),
        ("segment", ("body",)),
        ("undo", ()),
    ]
    tools = {**bench.triggers, **marks.triggers}
    assert {name for name, _ in steps} >= set(tools) - NOT_STEPS
    for name, arguments in steps:
        before = desk.state["steps"]
        tools[name](*arguments)
        desk.finish()
        assert name == "undo" or desk.state["steps"] != before, (name, arguments)
    assert desk.study is not None
    assert desk.study.labels is not None
    assert set(np.unique(desk.study.labels.array)) >= {0, 10, 11}
    assert (repeated(desk, bench, tmp_path) == desk.study.labels.array).all()
    saved = json.loads((tmp_path / "marks.json").read_text())["measurements"]
    marks.save_marks(".json")
    ours = json.loads(desk.offered[-1].read_text())["measurements"]
    assert [one.pop("points_lps") for one in saved] == [one.pop("points_lps") for one in ours]
    assert [sorted(one) for one in saved] == [sorted(one) for one in ours]
    for one, other in zip(saved, ours, strict=True):
        assert one == pytest.approx(other)
    bench.show_script()
    shown = desk.state["script"]
    assert "'body'" not in shown["python"], "what is undone isn't done"
    assert shown["commands"] == ""
    assert shown["why_none"].startswith("No command of vis3d's does all of this (Threshold 200")
    bench.undo()
    desk.finish()
    assert desk.state["script"]["python"] == "", "what is shown is what was done"


def test_the_script_writes_every_file_that_was_saved_as_it_was_then(tmp_path: Path) -> None:
    scan = tmp_path / "scan.nrrd"
    files.write_volume(blob_scan(), scan)
    desk = PlainDesk(Study(files.load_volume(scan)), tmp_path)  # on the grid as the file has it
    bench = Workbench(desk)
    assert desk.study is not None
    bench.open(desk.study)
    exports, reports = Exports(desk, bench.showing), Reports(desk, bench.showing)
    marks = Marks(desk, bench.showing)
    bench.add_threshold(200, 3000, "nodule")
    bench.add_threshold(-2000, 3000, "all")
    desk.finish()
    bench.recolor(9, "#102030")
    desk.finish()
    exports.export_stl(9)
    desk.finish()
    exports.prepare_surface(9, 1.0, 60)
    desk.finish()
    bench.reshape(9, "grow", 4)
    desk.finish()
    for suffix in (".ply", ".glb"):
        exports.save_surface(suffix)  # as it was prepared, before it grew
    exports.export_stl(9)
    exports.save_labels(".nrrd")
    exports.save_labels(".nii.gz")
    reports.save_numbers(".csv")
    reports.save_numbers(".json")
    marks.mark("distance", [lps(0, 0, 2), lps(10, 3, 2)])
    desk.finish()
    marks.save_marks(".csv")
    ours = list(desk.offered)
    bench.delete(10)
    marks.delete_mark(1)
    desk.finish()
    exports.export_stl(9)
    desk.finish()
    for _ in range(2):
        bench.undo()
    desk.finish()
    exports.export_stl(10)
    desk.finish()
    ours.append(desk.offered[-1])
    assert desk.study.labels is not None
    labels = np.array(desk.study.labels.array)
    assert (repeated(desk, bench, tmp_path, scan) == labels).all()
    names = [path.name for path in ours]
    names[names.index("nodule.stl", 1)] = "nodule2.stl"
    names[names.index("structures.nii.gz")] = "structures2.nii.gz"
    assert len(set(names)) == len(names) == 10
    for name, path in zip(names, ours, strict=True):
        if name.startswith("structures"):
            its, theirs = (files.read_labelmap(one) for one in (tmp_path / name, path))
            assert (its.array == theirs.array).all()
            assert its.structures == theirs.structures
        else:
            assert (tmp_path / name).read_bytes() == path.read_bytes(), name
    assert not (tmp_path / "nodule3.stl").exists(), "it was saved of what is undone"


def test_the_script_of_a_dicom_scan_writes_segmentation_and_lung_report(tmp_path: Path) -> None:
    volume = chest_phantom(shape=(32, 96, 96), noise_hu=5).volume
    write_ct_series(volume, tmp_path / "scan", patient_name="A", patient_id="B", seed=1)
    (series,) = discover(tmp_path / "scan").series
    desk = PlainDesk(open_scan(tmp_path / "scan", series, "refuse", silent), tmp_path)
    bench = Workbench(desk)
    assert desk.study is not None
    bench.open(desk.study)
    exports, reports = Exports(desk, bench.showing), Reports(desk, bench.showing)
    bench.segment("lungs", "body")
    desk.finish()
    reports.save_lungs(".csv")
    reports.save_lungs(".json")
    reports.save_report()
    exports.save_labels(".dcm")
    desk.finish()
    ours = list(desk.offered)
    assert repeated(desk, bench, tmp_path, tmp_path / "scan").any()
    for path in ours[:3]:
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name
    its, theirs = (highdicom.seg.segread(one) for one in (tmp_path / "structures.dcm", ours[3]))
    assert its.PixelData == theirs.PixelData
    described = [
        [(s.SegmentLabel, s.SegmentedPropertyTypeCodeSequence) for s in one.SegmentSequence]
        for one in (its, theirs)
    ]
    assert described[0] == described[1]
    bench.show_script()
    told = desk.state["script"]
    assert told["commands"] == ""
    assert "(lungs.csv, lungs.json, lung-report.html)" in told["why_none"]


def test_structures_come_from_a_file_on_another_grid(
    desk: PlainDesk, bench: Workbench, tmp_path: Path
) -> None:
    assert desk.study is not None
    part = GEOMETRY.cropped((2, 3, 4), (10, 20, 15))
    array = np.zeros(part.shape, np.uint8)
    array[1:4, 2:5, 3:6] = 7
    labels = LabelMap(array, part, (Structure(7, "a\x07  nodule", (1, 2, 3)),))
    sent = tmp_path / plain_name("Patient Name.NRRD")
    files.write_labelmap(labels, sent)
    kept = tmp_path / "kept.nrrd"
    kept.write_bytes(sent.read_bytes())
    bench.add_file(sent)
    desk.finish()
    (structure,) = desk.study.structures
    assert structure.name == "a nodule"
    assert desk.study.masks[structure.label].array[3:6, 5:8, 7:10].all()
    assert desk.study.voxels[structure.label] == 27
    assert not sent.exists()
    assert "lies on another grid than the scan" in desk.state["message"]
    assert "from_file('labels.nrrd', 0, 7)" in bench.structures.script
    (tmp_path / "labels.nrrd").write_bytes(kept.read_bytes())
    second = LabelMap(np.roll(array, 5, axis=2), part, labels.structures)
    files.write_labelmap(second, tmp_path / "labels2.nrrd")
    sent.write_bytes((tmp_path / "labels2.nrrd").read_bytes())
    bench.add_file(sent)
    desk.finish()
    (tmp_path / "labels.nrrd").write_bytes(kept.read_bytes())
    assert desk.study.labels is not None
    ours = desk.study.labels.array
    assert set(np.unique(ours)) == {0, 9, 10}
    bench.save_script()
    assert "from_file('labels2.nrrd', 0, 7)" in desk.offered[-1].read_text()
    (tmp_path / "again").mkdir()
    for name in ("labels.nrrd", "labels2.nrrd"):
        (tmp_path / "again" / name).write_bytes((tmp_path / name).read_bytes())
    assert (repeated(desk, bench, tmp_path / "again") == ours).all()
    empty = LabelMap(np.zeros(part.shape, np.uint8), part, labels.structures)
    files.write_labelmap(empty, sent)
    bench.add_file(sent)
    with pytest.raises(InputError, match="marks nothing"):
        desk.finish()


@pytest.mark.parametrize("name", ["", "labels.exe", "../../etc/passwd", "a.nii.gz.sh"])
def test_other_files_are_no_label_maps(name: str) -> None:
    with pytest.raises(UsageError, match="ends in"):
        plain_name(name)


def test_one_click_and_its_files_are_commands_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = chest_phantom(shape=(32, 96, 96), noise_hu=5).volume
    desk = PlainDesk(Study(volume), tmp_path)
    bench = Workbench(desk)
    assert desk.study is not None
    bench.open(desk.study)
    with pytest.raises(UsageError, match="Nothing has been done"):
        bench.show_script()
    bench.segment("lungs", "body")
    desk.finish()
    exports, reports = Exports(desk, bench.showing), Reports(desk, bench.showing)
    for label in (1, 5):
        exports.export_stl(label)
    exports.prepare_surface(2, 1.5, 2000)
    desk.finish()
    exports.save_surface(".stl")
    exports.save_labels(".nrrd")
    reports.save_numbers(".csv")
    desk.finish()
    ours = list(desk.offered)
    bench.show_script()
    told = desk.state["script"]
    assert told["why_none"] == ""
    commands = told["commands"].splitlines()
    assert commands[0] == "vis3d segment SCAN --structures lungs,body -o structures.nii.gz"
    assert len(commands) == 6
    assert desk.study.labels is not None
    assert (repeated(desk, bench, tmp_path) == desk.study.labels.array).all()
    here = tmp_path / "by command"
    here.mkdir()
    monkeypatch.chdir(here)
    for command in commands:
        words = command.replace("SCAN", "../scan.nrrd").split()
        assert main([*words[1:], "--quiet"]) == 0, command
    made = files.read_labelmap(here / "structures.nii.gz").array
    assert (made == desk.study.labels.array).all()
    assert (files.read_labelmap(here / "structures.nrrd").array == made).all()
    for path in ours:
        if path.suffix != ".nrrd":
            assert (here / path.name).read_bytes() == path.read_bytes(), path.name


def test_what_was_drawn_by_hand_has_no_command(tmp_path: Path) -> None:
    desk = PlainDesk(Study(chest_phantom(shape=(32, 96, 96), noise_hu=5).volume), tmp_path)
    bench = Workbench(desk)
    assert desk.study is not None
    bench.open(desk.study)
    bench.segment("body")
    bench.add_threshold(-50, 100, "tissue")
    desk.finish()
    added = bench.structures.listed[-1]
    assert added.name == "tissue"
    Exports(desk, bench.showing).export_stl(added.label)
    desk.finish()
    bench.show_script()
    told = desk.state["script"]
    assert told["commands"] == ""
    assert "tissue" in told["why_none"]
