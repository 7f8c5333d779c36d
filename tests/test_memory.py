"""A volume that doesn't fit is refused before anything is allocated."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_stack, write
from vis3d.dicom import discover, load_series
from vis3d.errors import TooLargeError
from vis3d.memory import free_bytes
from vis3d.resample import isotropic_geometry, resample, shaped_geometry
from vis3d.volume import Volume


def test_the_machine_tells_its_free_memory() -> None:
    free = free_bytes()
    assert free is None or free > 1 << 20


def test_a_limit_of_the_process_counts() -> None:
    limited = (
        "import resource; from vis3d.memory import free_bytes; "
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, -1)); print(free_bytes())"
    )
    done = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert 1 << 20 < int(done.stdout) < 1 << 30


def test_a_volume_larger_than_the_free_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = oblique_geometry((6, 16, 24))
    write(tmp_path, ct_stack(np.zeros(grid.shape, np.int16), grid))
    (series,) = discover(tmp_path).series
    monkeypatch.setattr("vis3d.memory.free_bytes", lambda: 3000)
    with pytest.raises(
        TooLargeError, match="24 x 16 x 6 voxels.*enough for 3 of its 6 slices.*--slices"
    ):
        load_series(series)
    assert load_series(series, slices=slice(0, 3)).array.shape == (3, 16, 24)


def test_a_grid_too_fine_is_refused_with_one_that_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grid = oblique_geometry((6, 16, 24))
    volume = Volume(np.zeros(grid.shape, np.int16), grid, "HU")
    monkeypatch.setattr("vis3d.memory.free_bytes", lambda: 100_000)
    with pytest.raises(TooLargeError, match=r"--shape.*--isotropic") as caught:
        resample(volume, isotropic_geometry(grid, 0.3))
    nk, nj, ni, cube_mm = re.findall(r"[\d.]+", str(caught.value).split("A grid of ")[1])[:4]
    shaped = shaped_geometry(grid, (int(nk), int(nj), int(ni)))
    for fitting in (shaped, isotropic_geometry(grid, float(cube_mm))):
        assert 0.6 < 2 * np.prod(resample(volume, fitting).array.shape) / 100_000 <= 1
