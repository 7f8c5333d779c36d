"""Every desktop script runs as it stands, off the screen, and draws something."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import oblique_geometry
from vis3d.files import write_volume
from vis3d.phantom import chest_phantom

FOLDER = Path(__file__).parents[2] / "apps" / "desktop"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "gallery")
FILMS = ("fly_through", "turntable")
MOST_LINES = 60


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    direction = oblique_geometry().direction
    phantom = chest_phantom(shape=(64, 80, 88), spacing=(4.4, 4.8, 5.0), direction=direction)
    path = tmp_path_factory.mktemp("scan") / "scan.nii.gz"
    write_volume(phantom.volume, path)
    return path


def run(*words: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONWARNINGS": "default"}
    return subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, env=environment
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_draws_a_picture(name: str, scan: Path, tmp_path: Path) -> None:
    film = name in FILMS
    picture = tmp_path / ("film.gif" if film else "picture.png")
    words = ["--frames", 4] if film else []
    done = run(FOLDER / f"{name}.py", scan, *words, "--off-screen", picture)
    assert done.returncode == 0, done.stderr
    with Image.open(picture) as image:
        assert getattr(image, "n_frames", 1) == (4 if film else 1)
        pixels = np.asarray(image.convert("RGB"), int)
    if name == "fly_through":  # wall all round, darker in its depth
        assert (pixels[..., 0] > pixels[..., 1]).mean() > 0.9
        assert np.ptp(pixels[..., 0]) > 60
        return
    corner = pixels[2, -3]
    drawn = np.abs(pixels - corner).max(axis=2) > 40
    assert drawn.mean() > 0.03


@pytest.mark.parametrize("name", [*SCRIPTS, "gallery"])
def test_a_script_is_short_and_says_how_it_is_run(name: str) -> None:
    text = (FOLDER / f"{name}.py").read_text()
    assert len(text.splitlines()) < MOST_LINES
    assert f"python {name}.py" in text


def test_every_script_is_in_the_gallery() -> None:
    page = (FOLDER.parents[1] / "docs" / "gallery.md").read_text()
    for name in SCRIPTS:
        assert f"`apps/desktop/{name}.py`" in page
        assert f"(pictures/gallery/{name}." in page
