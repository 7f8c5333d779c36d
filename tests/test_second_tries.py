"""A second try in the browser starts afresh, and what failed first is told."""

import os
import subprocess
import sys
from pathlib import Path

TRIES = """
import pytest

pytestmark = pytest.mark.browser
pages = []


@pytest.fixture(scope="module")
def page():
    pages.append({})
    yield pages[-1]
    pages[-1]["closed"] = True


def test_leaves_a_tool_in_the_hand(page):
    page["hand"] = "scissors"


def test_needs_an_empty_hand(page):
    assert "hand" not in page, "scissors are in the hand"


def test_the_first_page_was_closed(page):
    assert ["closed" in one for one in pages] == [True, False]
"""


def test_a_second_try_gets_a_fresh_page_and_the_first_is_told(tmp_path: Path) -> None:
    (tmp_path / "test_tries.py").write_text(TRIES)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = browser: here")
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", str(tmp_path)]
    here = {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=os.environ | here
    )
    assert "3 passed, 1 rerun" in done.stdout, done.stdout + done.stderr
    assert "AssertionError: scissors are in the hand" in done.stdout
