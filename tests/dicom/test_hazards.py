"""The list of hazards names tests that exist, and every finding of the loader."""

import ast
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


def test_every_finding_of_the_loader_is_named() -> None:
    text = (ROOT / "docs" / "hazards.md").read_text()
    for module in ("discovery", "grouping", "stacking", "findings", "padding"):
        tree = ast.parse((ROOT / "vis3d" / "dicom" / f"{module}.py").read_text())
        words = (one.value for one in ast.walk(tree) if isinstance(one, ast.Constant))
        hyphened = re.compile(r"[a-z]+(-[a-z]+)+")
        codes = {word for word in words if isinstance(word, str) and hyphened.fullmatch(word)}
        assert codes or module == "padding"
        assert {code for code in codes if f"`{code}`" not in text} == set()


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
