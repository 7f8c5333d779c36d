"""Each way of opening a scan, and switching between scans, in a real Chromium."""

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import TimeoutError

from tests.vis3d_viewer.conftest import PATIENCE, Visit, served
from tests.vis3d_viewer.scans import blob_scan
from vis3d import files
from vis3d.dicom import write_ct_series
from vis3d.phantom import chest_phantom

pytestmark = pytest.mark.browser

STAMP = "{{7*7}}<img src=x onerror=alert(1)>"
"""A description that must be shown as it is, and never be obeyed."""

PATIENT = "ZZYZX^PATIENT"
WAYS_BACK = ("open-other-scan", "choose-other", "open-other")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root: a study of two series, a zip of it, a NIfTI file, a link out."""
    top = tmp_path_factory.mktemp("root")
    chest = chest_phantom(shape=(12, 48, 64), spacing=(5.0, 6.0, 20.0)).volume
    for name, shown in (("one", STAMP), ("two", "Lung 1.0")):
        write_ct_series(
            chest,
            top / "study" / name,
            patient_name=PATIENT,
            patient_id=PATIENT,
            series_description=shown,
        )
    with zipfile.ZipFile(top / "one.zip", "w") as archive:
        for path in sorted((top / "study" / "one").iterdir()):
            archive.write(path, path.name)
    files.write_volume(blob_scan(), top / "blob.nii.gz")
    odd = top / "odd % \udcff" / "deep"  # a byte that is no letter: such a name can't be sent
    odd.mkdir(parents=True)
    files.write_volume(blob_scan(), odd / "blob.nii.gz")
    (top.parent / "outside").mkdir(exist_ok=True)
    (top / "leads-out").symlink_to(top.parent / "outside")
    return top


@pytest.fixture(scope="module")
def page(visit: Callable[[str], Any], root: Path) -> Iterator[Visit]:
    with served("serve", "--data-root", root) as address, visit(address) as seen:
        yield seen


@pytest.fixture
def seen(page: Visit) -> Visit:
    """The start page, whatever was open before."""
    ways_back = ", ".join(f"[data-testid={name}]" for name in WAYS_BACK)
    for _ in range(5):  # a scan that opens just now takes the button away under the click
        if page.find("start").is_visible():
            break
        with suppress(TimeoutError):
            page.page.locator(ways_back).first.click(timeout=5000)
            page.find("start").wait_for(timeout=5000)
    page.find("start").wait_for()
    return page


def opened(seen: Visit, size: str) -> None:
    """Until a scan of this size is there and seen."""
    seen.page.get_by_test_id("facts").get_by_text(size).wait_for(timeout=PATIENCE)
    seen.wait_for_slices()


def test_a_folder_whose_name_is_no_text_is_opened(seen: Visit) -> None:
    seen.find("entry-odd % \ufffd").click()
    seen.find("entry-deep").click()
    seen.find("entry-blob.nii.gz").click()
    opened(seen, "40 × 30 × 20")


def test_a_folder_below_the_data_root_is_browsed_and_its_series_offered(seen: Visit) -> None:
    assert not seen.find("entry-leads-out").count()
    seen.find("entry-study").click()
    seen.find("entry-one").wait_for()
    seen.find("open-here").click()
    seen.find("cards").wait_for(timeout=PATIENCE)
    cards = [seen.find(f"card-{n}") for n in (0, 1)]
    texts = [card.inner_text() for card in cards]
    assert any(STAMP in text for text in texts), "shown as it is, not as HTML"
    assert all("CT" in text and "12 slices" in text for text in texts)
    assert all("64 × 48" in text and "5.00 × 6.00 × 20.00 mm" in text for text in texts)
    assert PATIENT not in seen.page.content()
    for n in (0, 1):
        seen.wait_until(
            f"document.querySelector('[data-testid=thumbnail-{n}]').naturalWidth === 160"
        )
    cards[1].click()
    opened(seen, "64 × 48 × 12")
    seen.find("open-other-scan").click()
    seen.find("show-choices").click()
    seen.find("card-0").click()
    opened(seen, "64 × 48 × 12")
    assert PATIENT not in seen.page.content()
    assert seen.page.title() == "vis3d"
    assert "?" not in seen.page.url


def test_one_file_opens_at_a_click_and_the_way_back_is_kept(seen: Visit) -> None:
    seen.find("entry-one.zip").click()
    opened(seen, "64 × 48 × 12")
    seen.find("open-other-scan").click()
    seen.find("entry-blob.nii.gz").click()
    opened(seen, "40 × 30 × 20")
    assert not seen.find("structure-bones").count()
    seen.find("open-other-scan").click()
    seen.find("go-back").click()
    opened(seen, "40 × 30 × 20")


FIRST_STATE = """() => new MutationObserver((_, watching) => {
    const view = document.querySelector("[data-testid=view-3d]");
    if (view) { window.first_state = view.dataset.state; watching.disconnect(); }
}).observe(document.body, { childList: true, subtree: true })"""


def test_the_3d_view_of_another_scan_is_not_said_to_be_there_before_it_is(seen: Visit) -> None:
    seen.find("entry-one.zip").click()
    opened(seen, "64 × 48 × 12")
    seen.wait_for_3d()
    seen.find("open-other-scan").click()
    seen.find("entry-blob.nii.gz").wait_for()
    seen.page.evaluate(FIRST_STATE)
    seen.find("entry-blob.nii.gz").click()
    opened(seen, "40 × 30 × 20")
    assert seen.page.evaluate("window.first_state") == "waiting", "once: fine, and empty"
    seen.wait_for_3d()


def test_recent_scans_open_again_and_can_be_forgotten(seen: Visit) -> None:
    seen.find("entry-blob.nii.gz").click()
    opened(seen, "40 × 30 × 20")
    seen.find("open-other-scan").click()
    first = seen.find("recent-0")
    assert "blob.nii.gz" in first.inner_text()
    first.click()
    opened(seen, "40 × 30 × 20")
    seen.find("open-other-scan").click()
    seen.find("forget-recent").click()
    seen.find("recent").wait_for(state="detached")


DROPPED = """() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["x"], "IM1"));
    const drop = new DragEvent("drop", { dataTransfer: transfer, cancelable: true });
    return window.dispatchEvent(drop);
}"""
"""Whether the browser would do with a dropped file what it usually does."""


def test_the_phantom_opens_and_can_be_cancelled(seen: Visit) -> None:
    seen.find("open-phantom").click()
    seen.find("cancel-opening").click()
    seen.find("start-message").wait_for()
    assert seen.find("start-message").inner_text() == "Cancelled."
    seen.find("open-phantom").click()
    seen.find("opening").wait_for()
    assert not seen.page.evaluate(DROPPED), "a dropped file must not take the page's place"
    opened(seen, "256 × 256 × 160")


def test_a_zip_is_sent_and_opened(seen: Visit, root: Path) -> None:
    seen.page.set_input_files("[data-testid=pick-files]", root / "one.zip")
    opened(seen, "64 × 48 × 12")
    seen.find("open-other-scan").click()
    assert "one.zip" not in seen.find("start").locator(".v3-recent").all_inner_texts()


def test_a_folder_is_sent_and_its_series_offered(seen: Visit, root: Path) -> None:
    seen.page.set_input_files("[data-testid=pick-folder]", root / "study")
    seen.find("cards").wait_for(timeout=PATIENCE)
    seen.find("card-0").click()
    opened(seen, "64 × 48 × 12")


def test_files_are_dropped(seen: Visit, root: Path) -> None:
    drop(seen, "blob.nii.gz", (root / "blob.nii.gz").read_bytes())
    opened(seen, "40 × 30 × 20")
    drop(seen, "one.zip", (root / "one.zip").read_bytes())  # over an open scan, too
    opened(seen, "64 × 48 × 12")


def hostile_zips() -> dict[str, bytes]:
    """Archives as in a bad dream, by name."""
    made = {}
    for name, members in {
        "climbs.zip": {"../../evil.dcm": b"x" * 200},
        "nothing.zip": {},
        "letter.zip": {"letter.txt": b"Dear reader"},
        "bomb.zip": {"IM1": b"\0" * 128 + b"DICM" + b"\0" * 30_000_000},
        "nested.zip": {"inner.zip": b"PK\3\4" + b"x" * 100},
    }.items():
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        made[name] = packed.getvalue()
    made["cut.zip"] = made["letter.zip"][:-20]
    made["lies.zip"] = b"no archive at all"
    made["lies.nii.gz"] = b"\x1f\x8b no gzip"
    return made


@pytest.mark.parametrize("name", sorted(hostile_zips()))
def test_a_hostile_upload_is_refused_in_words(seen: Visit, name: str) -> None:
    payload: Any = {"name": name, "mimeType": "application/zip", "buffer": hostile_zips()[name]}
    seen.page.set_input_files("[data-testid=pick-files]", files=[payload])
    seen.find("failed").wait_for(timeout=PATIENCE)
    said = seen.find("failed").locator("p").inner_text()
    assert len(said) > 10
    assert "\n" not in said.strip()
    assert "Traceback" not in said
    assert "upload-" not in said, "where it was kept is nobody's business"


def test_an_upload_can_be_cancelled(seen: Visit) -> None:
    session = seen.page.context.new_cdp_session(seen.page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1}
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": 200_000})
    seen.page.evaluate(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(20_000_000)], 'IM1'));
            window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer }));
        }"""
    )
    seen.find("cancel-upload").click()
    seen.find("sending").wait_for(state="detached")
    session.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    session.detach()
    assert seen.find("start").is_visible()


def test_who_gives_up_the_first_scan_finds_the_start_page_whole(
    visit: Callable[[str], Any], root: Path
) -> None:
    with served("demo") as address, visit(address) as seen:
        seen.find("cancel-opening").click()
        seen.find("start-message").wait_for()
        assert not seen.find("go-back").count()
        seen.page.set_input_files("[data-testid=pick-files]", root / "blob.nii.gz")
        opened(seen, "40 × 30 × 20")
        seen.find("open-other-scan").click()
        assert not seen.find("recent").count(), "what was sent isn't kept"
        assert seen.complaints == []


def test_nothing_was_complained_of(page: Visit) -> None:
    assert page.complaints == []


def drop(seen: Visit, name: str, content: bytes) -> None:
    """Drop a file on the page."""
    transfer = seen.page.evaluate_handle(
        """([name, content]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(content)], name));
            return transfer;
        }""",
        [name, list(content)],
    )
    seen.page.dispatch_event("body", "drop", {"dataTransfer": transfer})
