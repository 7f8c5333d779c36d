"""The script of what was done gives what was done."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from vis3d_viewer.label_files import plain_name
from vis3d_viewer.study import Study
from vis3d_viewer.workbench import Workbench

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.desks import PlainDesk
from tests.vis3d_viewer.scans import blob_lps, blob_scan
from vis3d import files
from vis3d.errors import InputError, UsageError
from vis3d.labels import LabelMap, Structure
from vis3d.phantom import chest_phantom

GEOMETRY = oblique_geometry()


def lps(i: float, j: float, k: float) -> list[float]:
    point: list[float] = GEOMETRY.to_lps((i, j, k)).tolist()
    return point


def repeated(desk: PlainDesk, bench: Workbench, folder: Path) -> np.ndarray:
    """The label map that the saved script makes of the scan."""
    assert desk.study is not None
    assert desk.study.volume is not None
    files.write_volume(desk.study.volume, folder / "scan.nrrd")
    bench.save_script()
    command = [sys.executable, str(desk.offered[-1]), str(folder / "scan.nrrd")]
    command.append(str(folder / "labels.nrrd"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return files.read_labelmap(folder / "labels.nrrd").array


def test_the_script_repeats_every_kind_of_step(tmp_path: Path) -> None:
    desk = PlainDesk(Study(blob_scan()), tmp_path)
    bench = Workbench(desk)
    assert desk.study is not None
    bench.open(desk.study)
    hand = bench.corrections
    desk.choose_settings(crosshair_lps=blob_lps())
    normal = GEOMETRY.direction[:, 2].tolist()
    corners = [lps(2, 2, 8), lps(9, 2, 8), lps(9, 9, 8), lps(2, 9, 8)]
    steps = [
        lambda: bench.add_threshold(200, 3000, "blob"),
        lambda: bench.grow_region(0, 1000, 'grown "here"'),
        lambda: bench.reshape(6, "grow", 2.5),
        lambda: bench.duplicate(6),
        lambda: bench.reshape(8, "grow", 4),
        lambda: bench.subtract(8, 7),
        lambda: hand.stroke("brush", 6, [lps(2, 5, 3), lps(10, 5, 3)], 2.0, None, None),
        lambda: hand.stroke("eraser", 6, [lps(4, 5, 3)], 1.5, normal, [-2000, 2000]),
        lambda: hand.stroke("brush", 7, [lps(5, 5, 8)], 4.0, normal, None),
        lambda: hand.cut_outline(7, corners, normal, "inside", False),
        lambda: bench.rename(7, "left over"),
        lambda: bench.recolor(7, "#123456"),
        lambda: bench.at_point(6, "keep island"),
        lambda: bench.fill_holes(8),
        lambda: bench.delete(6),
        lambda: bench.undo(),
        lambda: bench.reshape(8, "smooth", 1.5),
        lambda: bench.undo(),
    ]
    for step in steps:
        step()
        desk.finish()
    assert desk.study.labels is not None
    assert (repeated(desk, bench, tmp_path) == desk.study.labels.array).all()
    bench.show_script()
    shown = desk.state["script"]
    assert "smooth" not in shown["python"], "what is undone isn't done"
    assert shown["command"] == ""


def test_structures_come_from_a_file_on_another_grid(tmp_path: Path) -> None:
    desk = PlainDesk(Study(blob_scan()), tmp_path)
    bench = Workbench(desk)
    assert desk.study is not None
    bench.open(desk.study)
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
    kept.rename(tmp_path / "labels.nrrd")
    assert "from_file('labels.nrrd', 0, 7)" in bench.structures.script
    empty = LabelMap(np.zeros(part.shape, np.uint8), part, labels.structures)
    files.write_labelmap(empty, sent)
    bench.add_file(sent)
    with pytest.raises(InputError, match="marks nothing"):
        desk.finish()


@pytest.mark.parametrize("name", ["", "labels.exe", "../../etc/passwd", "a.nii.gz.sh"])
def test_other_files_are_no_label_maps(name: str) -> None:
    with pytest.raises(UsageError, match="ends in"):
        plain_name(name)


def test_one_click_is_a_command_as_well(tmp_path: Path) -> None:
    volume = chest_phantom(shape=(32, 96, 96), noise_hu=5).volume
    desk = PlainDesk(Study(volume), tmp_path)
    bench = Workbench(desk)
    assert desk.study is not None
    bench.open(desk.study)
    with pytest.raises(UsageError, match="Nothing has been done"):
        bench.show_script()
    bench.segment("lungs", "body")
    desk.finish()
    bench.show_script()
    assert desk.state["script"]["command"] == (
        "vis3d segment SCAN --structures lungs,body -o structures.nii.gz"
    )
    assert desk.study.labels is not None
    assert (repeated(desk, bench, tmp_path) == desk.study.labels.array).all()
