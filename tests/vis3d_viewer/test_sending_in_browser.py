"""What a person sends to the explorer by dropping or choosing it, in a real Chromium."""

import io
import os
import re
import signal
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, TimeoutError

from tests.vis3d_viewer.conftest import PATIENCE, Visit, served
from tests.vis3d_viewer.scans import blob_scan
from vis3d import files, find_series
from vis3d.dicom import write_ct_series, write_file_set
from vis3d.phantom import chest_phantom

pytestmark = pytest.mark.browser

SIZE = "64 × 48 × 12"


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of DICOM folders, a file set with DICOMDIR, a header with its voxels beside."""
    top = tmp_path_factory.mktemp("sent")
    chest = chest_phantom(shape=(12, 48, 64), spacing=(5.0, 6.0, 20.0)).volume
    who = {"patient_name": "ZZYZX", "patient_id": "1"}
    write_ct_series(chest, top / "tree" / "patient" / "study" / "series", **who)
    (top / "tree" / "letter.txt").write_text("Dear reader")
    write_file_set(tuple(find_series(top / "tree")), top / "disc")
    (top / "pair").mkdir()
    files.write_volume(blob_scan(), top / "pair" / "blob.nii.gz")
    header = (
        "ObjectType = Image\nNDims = 3\nDimSize = 9 8 7\nElementType = MET_SHORT\n"
        "ElementSpacing = 1 2 3\nElementDataFile = pair.raw\n"
    )
    (top / "pair" / "pair.mhd").write_text(header)
    (top / "pair" / "pair.raw").write_bytes(bytes(2 * 9 * 8 * 7))
    return top


@pytest.fixture(scope="module")
def page(visit: Callable[[str], Any]) -> Iterator[Visit]:
    with served("serve") as address, visit(address) as seen:
        yield seen


@pytest.fixture
def seen(page: Visit) -> Visit:
    """The start page, whatever was open before."""
    page.page.reload(timeout=PATIENCE)
    for _ in range(120):
        if page.find("start").is_visible():
            break
        for way in ("open-other-scan", "choose-other", "open-other", "cancel-opening"):
            if page.find(way).is_visible():
                with suppress(TimeoutError):
                    page.find(way).click(timeout=2000)
        page.page.wait_for_timeout(250)
    page.find("start").wait_for()
    return page


def opened(seen: Visit, size: str) -> None:
    seen.page.get_by_test_id("facts").get_by_text(size).wait_for(timeout=PATIENCE)
    seen.wait_for_slices()


def test_a_file_set_with_its_dicomdir_is_sent_as_a_folder(seen: Visit, sent: Path) -> None:
    assert (sent / "disc" / "DICOMDIR").is_file()
    seen.page.set_input_files("[data-testid=pick-folder]", sent / "disc")
    opened(seen, SIZE)


def test_single_dicom_files_are_sent_together(seen: Visit, sent: Path) -> None:
    slices = sorted((sent / "tree").rglob("*.dcm"))
    assert len(slices) == 12
    seen.page.set_input_files("[data-testid=pick-files]", slices)
    opened(seen, SIZE)


def test_one_dicom_file_opens_as_one_slice(seen: Visit, sent: Path) -> None:
    one = sorted((sent / "tree").rglob("*.dcm"))[5]
    seen.page.set_input_files("[data-testid=pick-files]", one)
    seen.page.get_by_test_id("facts").get_by_text("64 × 48 × 1").wait_for(timeout=PATIENCE)
    seen.page.wait_for_selector("[data-testid=slice-axial][data-loaded*='slice/']")


def test_a_header_is_sent_with_its_voxels_beside_it(seen: Visit, sent: Path) -> None:
    pair = [sent / "pair" / name for name in ("pair.mhd", "pair.raw")]
    seen.page.set_input_files("[data-testid=pick-files]", pair)
    opened(seen, "9 × 8 × 7")


def test_a_tree_of_folders_is_dropped_by_hand(seen: Visit, sent: Path) -> None:
    """As the browser itself reports it: folders are walked through by the page."""
    box = seen.find("drop-zone").bounding_box()
    assert box is not None
    session = seen.page.context.new_cdp_session(seen.page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send(
            "Input.dispatchDragEvent",
            {
                "type": kind,
                "x": box["x"] + 20,
                "y": box["y"] + 20,
                "data": {"items": [], "files": [str(sent / "tree")], "dragOperationsMask": 1},
            },
        )
    session.detach()
    opened(seen, SIZE)


def test_more_files_than_are_taken_are_refused_before_they_are_sent(seen: Visit) -> None:
    seen.page.evaluate(
        """() => {
            const transfer = new DataTransfer();
            for (let n = 0; n < 20001; n++) transfer.items.add(new File(['x'], 'IM' + n));
            const input = document.querySelector('[data-testid=pick-files]');
            input.files = transfer.files;
            input.dispatchEvent(new Event('change'));
        }"""
    )
    seen.find("upload-problem").wait_for(timeout=PATIENCE)
    assert "20,000 files" in seen.find("upload-problem").inner_text()


def test_progress_is_seen_and_cancel_ends_it_at_once(seen: Visit) -> None:
    session = seen.page.context.new_cdp_session(seen.page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1}
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": 1_500_000})
    payload: Any = {"name": "IM1", "mimeType": "", "buffer": bytes(12_000_000)}
    seen.page.set_input_files("[data-testid=pick-files]", files=[payload])
    seen.wait_until("document.querySelector('[data-testid=sending] progress')?.value > 5")
    assert "of 12 MB" in seen.find("sending").inner_text()
    seen.find("cancel-upload").click()
    seen.find("sending").wait_for(state="detached")
    session.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    session.detach()
    assert seen.find("start").is_visible()


def hostile() -> dict[str, bytes]:
    """Archives that mean harm or are none, by name."""
    made = {}

    def packed(name: str, *members: tuple[zipfile.ZipInfo | str, bytes]) -> None:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members:
                archive.writestr(member, content)
        made[name] = stream.getvalue()

    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    packed("links.zip", (link, b"/etc/passwd"), ("link/IM1", b"x" * 200))
    packed("absolute.zip", ("/etc/IM1", b"x" * 200), ("C:\\IM2", b"x" * 200))
    packed("bomb.zip", *((f"IM{n}", bytes(60_000_000)) for n in range(3)))
    packed("same.zip", ("IM1", b"a" * 200), ("im1", b"b" * 200))
    packed("locked.zip", ("IM1", b"x" * 200))
    locked = bytearray(made["locked.zip"])
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # the flag that says "encrypted"
        locked[locked.index(mark) + place] |= 1
    made["locked.zip"] = bytes(locked)
    return made


@pytest.mark.parametrize("name", sorted(hostile()))
def test_archives_that_mean_harm_are_refused_in_words(seen: Visit, name: str) -> None:
    payload: Any = {"name": name, "mimeType": "application/zip", "buffer": hostile()[name]}
    seen.page.set_input_files("[data-testid=pick-files]", files=[payload])
    seen.find("failed").wait_for(timeout=PATIENCE)
    said = seen.find("failed").locator("p").inner_text()
    assert len(said) > 10
    assert "Traceback" not in said
    assert "upload-" not in said
    assert "root:" not in said, "nothing of a file beside the archive"


def test_nothing_was_complained_of(page: Visit) -> None:
    assert page.complaints == []


@pytest.mark.usefixtures("hangup_heard")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_was_sent_is_private_and_gone_when_asked_to_stop(
    chromium: Browser, sent: Path, tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "vis3d_cli", "serve", "--no-browser"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    try:
        found = re.search(r"http\S+", process.stdout.readline())
        assert found is not None
        page = chromium.new_page()
        page.goto(found[0])
        page.get_by_test_id("start").wait_for(timeout=PATIENCE)
        page.set_input_files("[data-testid=pick-files]", sent / "pair" / "blob.nii.gz")
        page.get_by_test_id("facts").get_by_text("40 × 30 × 20").wait_for(timeout=PATIENCE)
        (folder,) = tmp_path.glob("vis3d-*")
        (upload,) = folder.glob("upload-*")
        for private in (folder, upload):
            assert stat.S_IMODE(private.stat().st_mode) == 0o700
        page.close()
    finally:
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    for _ in range(50):
        if not list(tmp_path.glob("vis3d-*")):
            break
        time.sleep(0.1)
    assert not list(tmp_path.glob("vis3d-*"))


def test_a_disk_that_is_full_is_told_on_the_page(chromium: Browser, tmp_path: Path) -> None:
    """The server may write files of 1 MB and no more."""
    limited = f"ulimit -f 1024; exec {sys.executable} -m vis3d_cli serve --no-browser"
    process = subprocess.Popen(
        ["bash", "-c", limited],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    try:
        found = re.search(r"http\S+", process.stdout.readline())
        assert found is not None
        page = chromium.new_page()
        page.goto(found[0])
        page.get_by_test_id("start").wait_for(timeout=PATIENCE)
        payload: Any = {"name": "IM1", "mimeType": "", "buffer": bytes(8_000_000)}
        page.set_input_files("[data-testid=pick-files]", files=[payload])
        page.get_by_test_id("upload-problem").wait_for(timeout=PATIENCE)
        assert "couldn't be kept" in page.get_by_test_id("upload-problem").inner_text()
        assert not list(tmp_path.glob("vis3d-*/upload-*"))
        page.close()
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
