"""The lung report of a whole scan: its pictures, and the sheet it prints on."""

import io
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.conftest import oblique_geometry
from tests.needs import need
from vis3d.errors import UsageError
from vis3d.labels import LabelMap
from vis3d.lung_report import emphysema_pictures, write_lung_report
from vis3d.measurement import measure_structures
from vis3d.phantom import Phantom, chest_phantom
from vis3d.volume import Volume


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    direction = oblique_geometry().direction
    return chest_phantom(shape=(64, 80, 88), spacing=(4.4, 4.8, 5.0), direction=direction)


@pytest.fixture(scope="module")
def ill(phantom: Phantom) -> Volume:
    return with_emphysema(phantom)


def with_emphysema(phantom: Phantom) -> Volume:
    """With emphysema in the upper half of the left lung."""
    k, j, i = np.nonzero(phantom.labels.mask("left lung").array)
    height = phantom.volume.geometry.to_lps(np.stack([i, j, k], axis=-1))[:, 2]
    upper = height > np.median(height)
    array = phantom.volume.array.copy()
    array[k[upper], j[upper], i[upper]] = -990
    return phantom.volume.with_array(array)


def red_share(data: bytes) -> tuple[float, float]:
    """How much of the picture's left and right half is red."""
    rgb = np.asarray(Image.open(io.BytesIO(data)), int)
    red = (rgb[..., 0] - np.maximum(rgb[..., 1], rgb[..., 2])) > 60
    middle = red.shape[1] // 2
    return float(red[:, :middle].mean()), float(red[:, middle:].mean())


def test_emphysema_is_red_on_the_patients_side() -> None:
    straight = chest_phantom(shape=(64, 80, 88), spacing=(4.4, 4.8, 5.0))
    coronal, upper, _, lower = emphysema_pictures(with_emphysema(straight), straight.labels)
    for shown in (coronal, upper):
        left_half, right_half = red_share(shown.data)
        assert right_half > 0.05  # the patient's left is on the right
        assert left_half < right_half / 10
    assert max(red_share(lower.data)) < 0.01
    assert [p.letters for p in (coronal, upper)] == [("R", "L", "S", "I"), ("R", "L", "A", "P")]


def test_thirds_are_those_of_the_patients_height(phantom: Phantom, ill: Volume) -> None:
    _, upper, _, lower = emphysema_pictures(ill, phantom.labels)
    assert sum(red_share(upper.data)) > 0.2
    assert sum(red_share(lower.data)) < 0.01
    assert [p.caption.split(";")[0] for p in (upper, lower)] == [
        "Axial, upper third", "Axial, lower third",
    ]  # fmt: skip


@pytest.mark.browser
def test_the_report_prints_on_one_sheet_and_loads_nothing(
    phantom: Phantom, ill: Volume, tmp_path: Path
) -> None:
    found = measure_structures(ill, phantom.labels)
    write_lung_report(ill, phantom.labels, found, tmp_path / "report.html")
    program = shutil.which("chromium")
    need(program is not None, "chromium: `apt-get install chromium`")
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url.split(":")[0]))
        page.on("console", lambda said: asked.append(said.text))
        page.goto((tmp_path / "report.html").as_uri())
        widths = page.evaluate("[...document.images].map(i => i.naturalWidth)")
        printed = page.pdf(prefer_css_page_size=True)
        browser.close()
    assert set(asked) <= {"file", "data"}
    assert len(widths) == 4
    assert min(widths) > 20
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1


def test_a_scan_without_lungs_has_no_report(phantom: Phantom, tmp_path: Path) -> None:
    bones = replace(phantom.labels, structures=phantom.labels.structures[3:4])
    found = measure_structures(phantom.volume, bones)
    with pytest.raises(UsageError, match="no lungs"):
        write_lung_report(phantom.volume, bones, found, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


def test_empty_lungs_make_a_report_without_pictures(phantom: Phantom, tmp_path: Path) -> None:
    empty: LabelMap = replace(phantom.labels, array=phantom.labels.array * 0)
    found = measure_structures(phantom.volume, empty)
    write_lung_report(phantom.volume, empty, found, tmp_path / "report.html")
    assert "<img" not in (tmp_path / "report.html").read_text("utf-8")
