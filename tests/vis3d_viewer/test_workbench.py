"""The work on a scan, without a browser."""

from pathlib import Path

import numpy as np
import pytest
from vis3d_viewer.study import FIRST_SURFACE_LABEL, Study
from vis3d_viewer.workbench import Workbench

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.desks import PlainDesk
from tests.vis3d_viewer.scans import blob_lps, blob_study
from vis3d.errors import Cancelled, UsageError
from vis3d.labels import Structure
from vis3d.phantom import chest_phantom


def names(desk: PlainDesk) -> list[str]:
    assert desk.study is not None
    return [structure.name for structure in desk.study.structures]


def test_one_click_finds_what_it_says_and_keeps_opened_surfaces(tmp_path: Path) -> None:
    volume = chest_phantom(shape=(32, 96, 96), noise_hu=5).volume
    mine = Structure(FIRST_SURFACE_LABEL, "implant", (1, 2, 3))
    surface = blob_study().surfaces[4]
    desk = PlainDesk(
        Study(volume, volume, None, (mine,), {FIRST_SURFACE_LABEL: surface}), tmp_path
    )
    bench = Workbench(desk)
    assert desk.study is not None
    bench.open(desk.study)
    bench.segment("bones")
    desk.finish()
    assert names(desk) == ["bones", "implant"]
    bench.segment("lungs")
    desk.finish()
    assert names(desk) == ["left lung", "right lung", "bones", "implant"]
    assert set(desk.study.surfaces) == {1, 2, 4, FIRST_SURFACE_LABEL}
    assert not desk.settings.show_volume, "the volume would hide what was found"
    assert desk.study.voxels[1] == desk.study.masks[1].array.sum()
    assert desk.state["steps"] == ["Find the bones", "Find the lungs"]


def test_a_cancelled_search_leaves_all_as_it_was(tmp_path: Path) -> None:
    volume = chest_phantom(shape=(16, 48, 48), noise_hu=5).volume
    desk = PlainDesk(Study(volume), tmp_path)
    bench = Workbench(desk)
    assert desk.study is not None
    bench.open(desk.study)

    def stop(fraction: float, what: str) -> None:
        raise Cancelled

    desk.progress = stop
    bench.segment("lungs")
    with pytest.raises(Cancelled):
        desk.finish()
    assert not desk.study.structures
    assert desk.state["steps"] == []


def test_a_threshold_adds_what_lies_in_the_range(desk: PlainDesk, bench: Workbench) -> None:
    bench.add_threshold(200, 3000, "blob")
    desk.finish()
    assert desk.study is not None
    (structure,) = desk.study.structures
    assert (structure.name, desk.study.voxels[structure.label]) == ("blob", 27)
    surface = desk.study.surfaces[structure.label]
    assert np.abs(surface.bounds_mm.mean(axis=0) - blob_lps()).max() < 1.0


def test_a_region_grows_from_the_crosshair(desk: PlainDesk, bench: Workbench) -> None:
    desk.choose_settings(crosshair_lps=blob_lps())
    bench.grow_region(0, 1000)
    desk.finish()
    assert desk.study is not None
    assert list(desk.study.voxels.values()) == [27]
    bench.grow_region(-1000, -900)
    with pytest.raises(UsageError, match="another point"):
        desk.finish()


def test_tools_change_shape_and_undo_leads_back(desk: PlainDesk, bench: Workbench) -> None:
    bench.add_threshold(200, 3000, "blob")
    desk.finish()
    assert desk.study is not None
    label = desk.study.structures[0].label
    before = desk.study.masks[label].array.copy()
    spacing = max(oblique_geometry().spacing)
    bench.reshape(label, "grow", spacing)
    desk.finish()
    assert desk.study.voxels[label] > 27
    assert desk.state["steps"][-1] == f"Grow {spacing:g} mm: blob"
    bench.undo()
    desk.finish()
    assert (desk.study.masks[label].array == before).all()
    bench.redo()
    desk.finish()
    assert desk.study.voxels[label] > 27
    bench.reshape(label, "shrink", 50)
    with pytest.raises(UsageError, match="would be left"):
        desk.finish()


def test_the_history_leads_to_any_step(desk: PlainDesk, bench: Workbench) -> None:
    for n, name in enumerate("abcd"):
        bench.add_threshold(200 - n, 3000, name)
    bench.rename(9, "first")
    desk.finish()
    for count, listed in ((2, ["a", "b"]), (5, ["first", "b", "c", "d"]), (0, []), (1, ["a"])):
        bench.stand_at(count)
        desk.finish()
        assert names(desk) == listed
        assert desk.state["steps_done"] == count
    for beyond in (99, -5):
        bench.stand_at(beyond)
        desk.finish()
    assert names(desk) == []
    with pytest.raises(UsageError):
        bench.stand_at("2")


def test_lists_change_and_surfaces_of_others_stay(desk: PlainDesk, bench: Workbench) -> None:
    bench.add_threshold(200, 3000, "blob")
    bench.add_threshold(-2000, 0, "air")
    desk.finish()
    assert desk.study is not None
    blob, air = (structure.label for structure in desk.study.structures)
    kept = desk.study.surfaces[air]
    bench.rename(blob, "nodule")
    bench.recolor(blob, "#102030")
    bench.duplicate(blob)
    desk.finish()
    assert names(desk) == ["nodule", "air", "nodule copy"]
    assert desk.study.structure(blob).color == (16, 32, 48)
    assert desk.study.surfaces[air] is kept
    bench.delete(blob)
    desk.finish()
    assert blob not in desk.study.surfaces
    bench.undo()
    desk.finish()
    assert names(desk)[0] == "nodule"
    assert blob in desk.study.surfaces


@pytest.mark.parametrize(
    ("trigger", "arguments"),
    [
        ("rename", (True, "x")),
        ("recolor", (9, "red")),
        ("recolor", (9, "#12345")),
        ("add_threshold", (float("nan"), 5)),
        ("add_threshold", ("1", 5)),
        ("add_threshold", (5, 1)),
        ("reshape", (9, "explode", 1)),
        ("reshape", (9, "grow", 1e9)),
        ("reshape", (9, "grow", 0)),
        ("at_point", (9, "shake")),
        ("merge", (None, {})),
    ],
)
def test_nonsense_from_a_browser_is_refused(
    desk: PlainDesk, bench: Workbench, trigger: str, arguments: tuple[object, ...]
) -> None:
    bench.add_threshold(200, 3000, "blob")
    desk.finish()
    with pytest.raises(UsageError):
        bench.triggers[trigger](*arguments)
        desk.finish()
