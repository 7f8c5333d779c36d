"""`vis3d view`: what the window is given, and what is said of it."""

import numpy as np
import pytest
from vis3d_cli.main import main

import vis3d
from vis3d.files import write_surfaces
from vis3d.labels import LabelMap
from vis3d.surface import Surface


@pytest.fixture
def opened(monkeypatch):
    """The scenes of the windows that would have opened, and the words on them."""
    windows = []
    monkeypatch.setattr("vis3d.rendering.require_display", lambda: None)
    monkeypatch.setattr(
        "vis3d.rendering.open_window",
        lambda scene, *_, warnings=(), **__: windows.append((scene, warnings)),
    )
    return windows


def test_each_structure_of_a_surface_file_has_its_own_color(tmp_path, opened):
    corners = np.array([(0, 0, 0), (30, 0, 0), (0, 40, 0), (0, 0, 50)], float)
    faces = np.array([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)])
    one = Surface(corners, faces, "left lung", (10, 20, 30))
    other = Surface(corners + 100, faces, "bones", (200, 210, 220))
    write_surfaces((one, other), tmp_path / "both.glb")
    assert main(["view", str(tmp_path / "both.glb")]) == 0
    ((scene, warnings),) = opened
    assert not warnings
    shown = {layer.surface.name: layer.surface.color for layer in scene.layers}
    assert shown == {"left lung": (10, 20, 30), "bones": (200, 210, 220)}


def test_a_label_map_on_another_grid_is_warned_of(scan, tmp_path, opened, capsys):
    whole = vis3d.load_volume(scan).geometry
    grid = whole.with_spacing((6.0, 6.0, 6.0))
    array = np.zeros(grid.shape, np.uint8)
    array[3:9, 4:12, 5:14] = 4
    vis3d.write_labelmap(LabelMap(array, grid), tmp_path / "coarse.nrrd")
    code = main(["view", str(scan), "--segmentation", str(tmp_path / "coarse.nrrd")])
    assert code == 0
    assert "another grid" in capsys.readouterr().err
    ((scene, warnings),) = opened
    assert any("another grid" in one for one in warnings)
    assert [layer.surface.name for layer in scene.layers] == ["bones"]
