"""A check that fails is said by every command that finds structures by itself."""

from dataclasses import replace

import pytest
from vis3d_cli.main import main

from vis3d.files import write_volume

COMMANDS = {
    "render": (["--structures", "lungs", "--size", "80x60"], "out.png"),
    "histogram": (["--structure", "lungs"], "out.png"),
    "convert": (["--keep", "lungs"], "out.nii.gz"),
    "mesh": (["--structure", "lungs"], "out.stl"),
    "measure": ([], None),
}


@pytest.fixture(scope="module")
def half_chest(tmp_path_factory, phantom):
    """A scan that ends within the lungs."""
    volume = phantom.volume
    count = volume.geometry.shape[0] // 2
    geometry = replace(volume.geometry, shape=(count, *volume.geometry.shape[1:]))
    path = tmp_path_factory.mktemp("half") / "half.nii.gz"
    write_volume(replace(volume, array=volume.array[:count].copy(), geometry=geometry), path)
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_lungs_that_the_scan_cuts_are_said_to_be(command, half_chest, tmp_path, capsys):
    words, name = COMMANDS[command]
    output = ["-o", str(tmp_path / name)] if name else []
    assert main([command, str(half_chest), *words, *output]) == 0
    said = capsys.readouterr()
    assert "The scan cuts the lungs" in said.err + said.out
