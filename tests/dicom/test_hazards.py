"""The list of hazards names tests that exist."""

import re
from pathlib import Path

import pytest

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_stack, ramp_on, write
from vis3d import memory
from vis3d.dicom import discover, load_series
from vis3d.errors import TooLargeError

ROOT = Path(__file__).parents[2]


def test_every_proof_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "hazards.md").read_text()))
    assert len(named) > 60
    sources = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    made = {name for text in sources for name in re.findall(r"^def (test_\w+)", text, re.M)}
    assert named - made == set()


def test_a_scan_larger_than_the_memory_is_refused_with_what_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = oblique_geometry((6, 8, 10))
    write(tmp_path, ct_stack(ramp_on(grid), grid))
    (series,) = discover(tmp_path).series
    monkeypatch.setattr(memory, "free_bytes", lambda: 4 * 80 * 2)
    with pytest.raises(TooLargeError, match=r"enough for 4 of its 6 slices.*--slices A:B"):
        load_series(series)
    assert load_series(series, slices=slice(1, 5)).array.shape == (4, 8, 10)
