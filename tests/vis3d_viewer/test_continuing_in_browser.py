"""Work that outlives its server, sessions as files, headers: in a real browser."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from playwright.sync_api import Error

from tests.dicom.stacks import ct_stack, write
from tests.vis3d_viewer.conftest import PATIENCE, Visit, served
from tests.vis3d_viewer.scans import blob_scan
from tests.vis3d_viewer.seeing import idle
from vis3d import files

pytestmark = pytest.mark.browser

NAME = "<img src=x onerror=alert(1)>^{{7*6}}"


@contextmanager
def started(state: Path, *arguments: str | Path) -> Iterator[str]:
    """A server with a state of its own that is killed at the end, as in a crash."""
    command = [sys.executable, "-m", "vis3d_cli", "serve", *map(str, arguments), "--no-browser"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_STATE_HOME": str(state)},
    )
    assert process.stdout is not None
    found = re.search(r"http\S+", process.stdout.readline())
    assert found
    try:
        yield found[0]
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DICOM folder of a patient with a strange name."""
    folder = tmp_path_factory.mktemp("scan")
    volume = blob_scan()
    stack = ct_stack(np.asarray(volume.array, np.int16), volume.geometry, PatientName=NAME)
    write(folder, stack)
    return folder


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another scan of the same size."""
    path = tmp_path_factory.mktemp("other") / "other.nii.gz"
    volume = blob_scan()
    files.write_volume(volume.with_array(np.roll(volume.array, 3, axis=2)), path)
    return path


def ready(seen: Visit) -> None:
    seen.wait_for_slices()
    seen.wait_for_3d()
    idle(seen)


def add_blob(seen: Visit) -> None:
    seen.find("by-value").click()
    seen.find("value-low").fill("200")
    seen.find("add-threshold").click()
    seen.find("structure-threshold").wait_for(timeout=PATIENCE)
    seen.find("by-value").click()


def draw_distance(seen: Visit) -> str:
    seen.find("hand-tool-distance").click()
    box = seen.find("picture-axial").bounding_box()
    y = box["y"] + 0.4 * box["height"]
    seen.page.mouse.move(box["x"] + 0.3 * box["width"], y)
    seen.page.mouse.down()
    seen.page.mouse.move(box["x"] + 0.6 * box["width"], y, steps=4)
    seen.page.mouse.up()
    seen.page.keyboard.press("Escape")
    seen.find("value-1").wait_for()
    return str(seen.find("value-1").inner_text())


def test_work_goes_on_after_the_server_was_killed(
    visit: Callable[[str], Any], scan: Path, tmp_path: Path
) -> None:
    with started(tmp_path, scan) as address, visit(address) as seen:
        ready(seen)
        assert not seen.find("kept-work").count()
        add_blob(seen)
        text = draw_distance(seen)
        seen.find("layout-large").click()
        seen.find("look-left").click()
        turned = camera_at_the_left(seen)
        seen.page.keyboard.press("Control+z")
        seen.find("mark-1").wait_for(state="detached")
        for _ in range(100):
            if list(tmp_path.rglob("*.vis3d")):
                break
            seen.page.wait_for_timeout(100)
        seen.page.wait_for_timeout(3000)  # the last of it is kept soon after
    with started(tmp_path, scan) as address, visit(address) as seen:
        ready(seen)
        assert "1 step, 1 structure, 0 measurements" in seen.find("kept-work").inner_text()
        assert not seen.find("structure-threshold").count()
        seen.find("continue-work").click()
        seen.find("structure-threshold").wait_for(timeout=PATIENCE)
        seen.wait_until(
            "document.querySelector('.v3-views').classList.contains('v3-layout-large')"
        )
        seen.find("kept-work").wait_for(state="detached")
        ready(seen)
        assert camera_at_the_left(seen) == pytest.approx(turned, abs=0.1)
        seen.find("redo").click()
        seen.find("value-1").wait_for()
        assert seen.find("value-1").inner_text() == text
        assert seen.complaints == []


def camera_at_the_left(seen: Visit) -> list[float]:
    """Where the camera of 3D is, once it stands at the patient's left."""
    at = "window.trame.state.state.camera"
    seen.wait_until(f"{at}.position[0] - {at}.focalPoint[0] > 5")
    position: list[float] = seen.page.evaluate("window.trame.state.state.camera.position")
    return position


def test_work_goes_on_after_the_page_crashed(
    visit: Callable[[str], Any], scan: Path, tmp_path: Path
) -> None:
    with started(tmp_path, scan) as address:
        with visit(address) as seen:
            ready(seen)
            add_blob(seen)
            seen.find("tools-threshold").click(timeout=PATIENCE)
            seen.find("tool-duplicate").click(timeout=PATIENCE)
            with suppress(Error):
                seen.page.goto("chrome://crash", timeout=3000)
        with visit(address) as seen:
            seen.find("structure-threshold copy").wait_for(timeout=PATIENCE)
            ready(seen)
            seen.find("undo").click(timeout=PATIENCE)
            seen.find("structure-threshold copy").wait_for(state="detached", timeout=PATIENCE)
            assert seen.find("structure-threshold").count()
            assert not seen.find("kept-work").count(), "it is this sitting's own"
            assert seen.complaints == []


def test_a_session_is_a_file_that_only_its_scan_takes(
    visit: Callable[[str], Any], scan: Path, other: Path, tmp_path: Path
) -> None:
    file = tmp_path / "session.vis3d"
    with served("serve", scan) as address, visit(address) as seen:
        ready(seen)
        add_blob(seen)
        ready(seen)
        with seen.page.expect_download(timeout=PATIENCE) as download:
            seen.find("save-session").click()
        assert download.value.suggested_filename == "session.vis3d"
        download.value.save_as(file)
        seen.find("undo").click()
        seen.find("structure-threshold").wait_for(state="detached", timeout=PATIENCE)
        seen.find("session-file").set_input_files(file)
        seen.find("structure-threshold").wait_for(timeout=PATIENCE)
        assert seen.complaints == []
    assert NAME.split("^")[0].encode() not in file.read_bytes()
    given = ("--session", file, "--no-autosave")
    with served("serve", scan, *given) as address, visit(address) as seen:
        seen.find("structure-threshold").wait_for(timeout=PATIENCE)
        assert not seen.find("forget-work").count()
    with served("serve", other, "--session", file) as address, visit(address) as seen:
        ready(seen)
        seen.wait_until(
            "[...document.querySelectorAll('.v3-message')].some("
            "one => one.textContent.includes('belongs to another scan'))"
        )
        assert not seen.find("structure-threshold").count()


def rows(seen: Visit) -> str:
    seen.page.wait_for_timeout(700)  # typing is waited for, then the server asked
    return str(seen.find("header-rows").inner_text())


def test_headers_are_searched_and_patients_hidden(
    visit: Callable[[str], Any], scan: Path
) -> None:
    with served("serve", scan) as address, visit(address) as seen:
        ready(seen)
        seen.find("header-open").click()
        assert "PixelSpacing" in rows(seen)
        assert "onerror" not in rows(seen)
        assert "hidden" in seen.find("header-hidden").inner_text()
        seen.find("header-find").fill("spacing")
        assert "PixelSpacing" in rows(seen)
        assert "Modality" not in rows(seen)
        seen.find("header-find").fill("patientname")
        assert "hidden" in rows(seen)
        seen.find("header-file").fill("3")
        seen.page.keyboard.press("Tab")
        seen.find("header-find").fill("imageposition")
        assert rows(seen).count("ImagePositionPatient") == 1
        seen.page.keyboard.press("Escape")
        seen.find("header-find").wait_for(state="hidden")
        assert seen.complaints == []


def test_a_header_is_hidden_with_the_scan(visit: Callable[[str], Any], scan: Path) -> None:
    with served("serve", scan, "--idle-minutes", "0.1") as address, visit(address) as seen:
        seen.find("header-open").click(timeout=PATIENCE)
        seen.find("header-find").wait_for()
        seen.find("blanked").wait_for(timeout=PATIENCE)
        assert not seen.find("header-find").is_visible()
        seen.find("unblank").click()
        seen.find("blanked").wait_for(state="detached")
        seen.find("header-open").click()
        assert seen.complaints == []


def test_names_on_request_are_text_and_nothing_else(
    visit: Callable[[str], Any], scan: Path
) -> None:
    with served("serve", scan, "--show-patient") as address, visit(address) as seen:
        ready(seen)
        seen.find("header-open").click()
        seen.find("header-find").fill("patientname")
        assert NAME in rows(seen)
        assert not seen.find("header").locator("img").count()
        assert not seen.find("header-hidden").count()
        assert seen.complaints == []


@pytest.fixture(scope="module")
def chest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chest") / "scan"
    command = [sys.executable, "-m", "vis3d_cli", "phantom", str(folder)]
    shape = ["--shape", "64,96,96", "--spacing", "3.9,3.9,5"]
    subprocess.run([*command, *shape], check=True, capture_output=True)
    return folder


def test_results_are_two_clicks_away_from_a_folder(
    visit: Callable[[str], Any], chest: Path, tmp_path: Path
) -> None:
    """Lungs in 3D with their volumes: one click; bones to an STL file: two."""
    clicks: list[str] = []

    def click(name: str) -> None:
        seen.find(name).click(timeout=PATIENCE)
        clicks.append(name)

    with served("serve", chest) as address, visit(address) as seen:
        ready(seen)
        click("find-lungs")
        seen.find("volume-left lung").wait_for(timeout=PATIENCE)
        ready(seen)
        assert (
            float(seen.find("volume-left lung").inner_text().split()[0].replace(",", "")) > 500
        )
        seen.wait_until("window.trame.state.state.rows.every(row => row.has_surface)")
        assert len(clicks) <= 2
        clicks.clear()
        click("show-report-lung-report")
        seen.find("report-lungs-volume_ml").wait_for(timeout=PATIENCE)
        assert float(seen.find("report-lungs-volume_ml").inner_text()) > 1000
        assert len(clicks) + 1 <= 2, "with the one that found them"
        seen.find("report-close").click()
        clicks.clear()
        click("find-bones")
        with seen.page.expect_download(timeout=PATIENCE) as download:
            click("stl-bones")
        path = tmp_path / "bones.stl"
        download.value.save_as(path)
        assert len(clicks) <= 2
        assert trimesh.load_mesh(path).is_watertight
        assert seen.complaints == []
