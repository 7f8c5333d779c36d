"""A scan of 2000 slices: full resolution in slices, a smaller copy in 3D, and a word on it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.needs import need
from tests.vis3d_viewer.conftest import PATIENCE, served
from vis3d.memory import free_bytes

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SHAPE = (2000, 512, 512)
BYTES = 2 * 512 * 512 * 2000
BLOCK = (slice(1900, 1930), slice(100, 160), slice(300, 400))
"""What is bright: thin enough to be lost where a slice of the smaller copy were shown."""


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gigabyte of voxels that takes little of the disk: most of the file is a hole."""
    folder = tmp_path_factory.mktemp("huge")
    voxels = np.memmap(folder / "huge.raw", np.int16, "w+", shape=SHAPE)
    voxels[BLOCK] = 1000
    voxels[1913, 100:160, 300:400] = 2000  # one slice alone
    voxels.flush()
    (folder / "huge.mhd").write_text(
        "ObjectType = Image\nNDims = 3\nDimSize = 512 512 2000\nElementType = MET_SHORT\n"
        "ElementSpacing = 0.7 0.7 0.5\nElementDataFile = huge.raw\n"
    )
    return folder / "huge.mhd"


BRIGHT = """() => {
    const canvas = document.querySelector('[data-testid=picture-axial]');
    const { width, height } = canvas;
    const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
    let box = [1, 1, 0, 0];
    for (let n = 0; n < width * height; n++) {
        if (data[4 * n] < 200) continue;
        const x = (n % width) / width, y = Math.floor(n / width) / height;
        const at = [x, y, x, y];
        box = box.map((side, k) => Math[k < 2 ? 'min' : 'max'](side, at[k]));
    }
    return box;
}"""
"""Where the axial picture is bright: left, top, right, bottom as shares of it."""


def test_a_huge_scan_is_whole_in_slices_and_smaller_in_3d(
    visit: Callable[[str], Any], huge: Path
) -> None:
    need((free_bytes() or 4 * BYTES) > 3 * BYTES, "3 GB of free memory")
    with served("serve", huge) as address, visit(address) as seen:
        seen.page.get_by_test_id("facts").get_by_text("512 × 512 × 2000").wait_for(
            timeout=2 * PATIENCE
        )
        seen.wait_for_slices()
        seen.wait_for_3d()
        assert "lower resolution" in (seen.find("notes").text_content() or "")
        seen.find("slice-axial").focus()
        seen.page.keyboard.press("Home")  # the slice next to the head, the last of the file
        for key, times in (("PageDown", 8), ("ArrowDown", 6)):
            for _ in range(times):
                seen.page.keyboard.press(key)
        seen.wait_until(
            "document.querySelector('[data-testid=slice-axial]').dataset.index === '1913'"
        )
        seen.wait_until(
            "document.querySelector('[data-testid=picture-axial]').dataset.index === '1913'"
        )
        seen.find("window-full").click()
        seen.page.wait_for_timeout(1500)
        box = seen.page.evaluate(BRIGHT)
        assert box == pytest.approx([300 / 512, 100 / 512, 400 / 512, 160 / 512], abs=0.01)
        assert not re.search("failed", seen.find("view-3d").get_attribute("data-state") or "")
        assert seen.complaints == []
