"""A machine with little memory, and work that is given up on the way, in a real browser."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.conftest import PATIENCE, Visit, served
from vis3d import files
from vis3d.volume import Volume

pytestmark = pytest.mark.browser

LITTLE_MEMORY = "from vis3d import memory; memory.free_bytes = lambda: 1_000_000"

SLOW = """
import time
from vis3d_viewer.jobs import Jobs
told = Jobs._progress

def slowly(self, loop, stop):
    progress = told(self, loop, stop)
    return lambda fraction, what: (time.sleep(0.05), progress(fraction, what))

Jobs._progress = slowly
"""
"""At each word of progress the work rests a little: no click comes too late."""

CANCELLED = "Cancelled."


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scan of 50 kB and one of 2 MB."""
    folder = tmp_path_factory.mktemp("root")
    for name, shape in (("small", (20, 30, 40)), ("large", (64, 128, 128))):
        geometry = oblique_geometry(shape)
        array = np.full(shape, -1000, np.int16)
        array[4:12, 8:20, 10:30] = 300
        files.write_volume(Volume(array, geometry, "HU"), folder / f"{name}.nrrd")
    return folder


def test_a_scan_beyond_the_memory_is_refused_and_another_opens(
    visit: Callable[[str], Any], root: Path
) -> None:
    arguments = ("serve", "--data-root", root)
    with served(*arguments, first=LITTLE_MEMORY) as address, visit(address) as seen:
        seen.find("entry-large.nrrd").click()
        seen.find("failed").wait_for(timeout=PATIENCE)
        said = seen.find("failed").locator("p").inner_text()
        assert "128 x 128 x 64 voxels" in said
        assert "of memory are free" in said
        seen.find("open-other").click()
        seen.find("entry-small.nrrd").click()
        seen.wait_for_slices()
        assert "40 × 30 × 20" in seen.find("facts").inner_text()
        assert seen.complaints == []


@pytest.fixture(scope="module")
def slow(visit: Callable[[str], Any]) -> Iterator[Visit]:
    with served("serve", first=SLOW) as address, visit(address) as seen:
        yield seen
        assert seen.complaints == []


def give_up(seen: Visit) -> None:
    """Cancel the work, and read on the page that it was."""
    seen.find("cancel").click()
    seen.find("message").get_by_text(CANCELLED).wait_for(timeout=PATIENCE)
    seen.find("job").wait_for(state="detached", timeout=PATIENCE)


def test_slices_and_windows_stay_when_the_3d_view_is_given_up(slow: Visit) -> None:
    slow.find("open-phantom").click()
    slow.find("job").get_by_text("Preparing the 3D view").wait_for(timeout=PATIENCE / 3)
    give_up(slow)
    slow.wait_for_slices()
    slow.find("window-bone").click()
    slow.wait_until(
        "document.querySelector('[data-testid=slice-axial]').dataset.loaded"
        ".includes('center=400&width=1800')"
    )
    assert "given up" in slow.find("view-3d-message").inner_text()


def test_what_is_found_is_kept_when_its_surface_is_given_up(slow: Visit) -> None:
    slow.find("find-lungs").click()
    slow.find("job").get_by_text("Drawing the left lung").wait_for(timeout=PATIENCE)
    give_up(slow)
    assert slow.find("structure-left lung").is_visible()
    assert "ml" in slow.find("volume-left lung").inner_text()


def test_a_surface_for_a_file_is_given_up(slow: Visit) -> None:
    slow.find("tools-left lung").click()
    slow.find("tool-export").click()
    slow.find("export-prepare").click()
    slow.find("job").get_by_text("Making the surface").wait_for(timeout=PATIENCE)
    give_up(slow)
    assert not slow.find("surface-plan").count()


def test_the_volume_that_was_given_up_can_be_asked_for_again(slow: Visit) -> None:
    slow.find("prepare-3d").click()
    slow.find("prepare-3d").wait_for(state="detached", timeout=PATIENCE)
    slow.wait_for_3d()
    slow.find("preset-picture-lungs").wait_for(timeout=2 * PATIENCE)
