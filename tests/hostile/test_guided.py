"""Fuzzing guided by coverage, where atheris is installed (no dependency of the tests)."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.skipif(find_spec("atheris") is None, reason="needs atheris: pip install atheris")
@pytest.mark.parametrize("layer", ["headers", "tags", "directories", "pixels"])
def test_no_bytes_break_a_reader(layer: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.hostile.guided", layer, "-max_total_time=30"]
    crashes = f"-artifact_prefix={tmp_path}/"
    run = subprocess.run([*command, crashes], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    assert list(tmp_path.iterdir()) == []
