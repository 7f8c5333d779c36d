"""What Jupyter shows of vis3d's nouns, and the notebook that the docs offer."""

import base64
import io
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from tests.conftest import oblique_geometry
from vis3d import Finding, LabelMap, Scene, Surface, SurfaceLayer, Volume, VolumeLayer
from vis3d.meshing import extract_surface
from vis3d.notebook import facts_page, interactive_page, show
from vis3d.phantom import Phantom, chest_phantom

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "lungs.ipynb"


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    direction = oblique_geometry().direction
    return chest_phantom(shape=(48, 60, 66), spacing=(6.0, 6.4, 6.6), direction=direction)


@pytest.fixture(scope="module")
def lungs(phantom: Phantom) -> Surface:
    return extract_surface(phantom.labels.mask("lungs"), phantom.volume, color=(90, 160, 230))


def pixels_of(page: str) -> np.ndarray:
    (data,) = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        return np.asarray(image.convert("RGB"), int)


def test_a_volume_shows_three_slices_and_what_is_known(phantom: Phantom) -> None:
    volume = phantom.volume.with_findings(Finding("gantry-tilt", "warning", "tilt <b>7</b>"))
    page = facts_page(volume)
    assert "66 x 60 x 48" in page
    assert "tilt &lt;b&gt;7&lt;/b&gt;" in page
    pixels = pixels_of(page)
    assert pixels.shape == (300, 900, 3)
    for third in np.hsplit(pixels, 3):
        assert third.std() > 20


def test_a_label_map_shows_its_colours_and_volumes(phantom: Phantom) -> None:
    page = facts_page(phantom.labels)
    ml = phantom.labels.volume_ml("left lung")
    assert f"{ml:,.1f} ml" in page
    colors = pixels_of(page).reshape(-1, 3)
    left = next(one.color for one in phantom.labels.structures if one.name == "left lung")
    assert (np.abs(colors - left).max(axis=1) < 12).mean() > 0.02


def test_a_surface_and_a_scene_are_drawn(lungs: Surface) -> None:
    page = facts_page(lungs)
    assert f"{len(lungs.triangles):,}" in page
    for shown in (page, facts_page(Scene([SurfaceLayer(lungs)]))):
        pixels = pixels_of(shown)
        assert (pixels[:, :, 2] > pixels[:, :, 0] + 40).mean() > 0.05  # blue lungs


def test_the_interactive_page_asks_nothing_of_the_network(lungs: Surface) -> None:
    page = interactive_page(Scene([SurfaceLayer(lungs)]))
    assert "OfflineLocalView.load" in page
    assert not re.findall(r"<(?:link|script|img|iframe)[^>]*(?:src|href)=.https?:", page)


def test_a_scene_is_shown_in_a_frame_and_a_volume_as_a_picture(
    lungs: Surface, phantom: Phantom
) -> None:
    assert "<iframe" in show(Scene([SurfaceLayer(lungs)])).data
    drawn = show(Scene([VolumeLayer(phantom.volume, "bone")]), size=(300, 200)).data
    assert pixels_of(drawn).shape == (200, 300, 3)


def test_a_label_map_of_a_few_voxels_has_a_page() -> None:
    geometry = oblique_geometry((2, 3, 4))
    assert "empty" in facts_page(LabelMap(np.zeros((2, 3, 4), np.uint8), geometry))
    assert "4 x 3 x 2" in facts_page(Volume(np.zeros((2, 3, 4), np.int16), geometry))


def test_the_notebook_runs_from_a_folder_to_a_rotating_lung(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": tmp_path}}).execute()
    printed = [
        output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", ())
    ]
    pages = "".join(str(data.get("text/html", "")) for data in printed)
    assert "Volume(128 x 128 x 100" in pages
    assert "<iframe" in pages
    assert any("left lung" in str(data.get("text/plain", "")) for data in printed)
    with Image.open(tmp_path / "lungs.gif") as film:
        assert film.n_frames == 24
