"""Recent scans: paths alone, the latest first, only what is still there."""

import stat
from pathlib import Path

import pytest
from vis3d_viewer.recent import KEPT, RecentScans


def test_the_latest_comes_first_and_once(tmp_path: Path) -> None:
    recent = RecentScans(tmp_path / "state" / "recent.json")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    for name in ("a", "b", "a"):
        recent.add(tmp_path / name, 1, "CT")
    recent.add(tmp_path / "a", 2, "CT")
    assert [(Path(s.path).name, s.index) for s in recent.all()] == [
        ("a", 2),
        ("a", 1),
        ("b", 1),
    ]
    (tmp_path / "b").rmdir()
    assert len(recent.all()) == 2
    for n in range(3 * KEPT):
        recent.add(tmp_path / "a", n, "CT")
    assert len(recent.all()) == KEPT


def test_only_its_owner_reads_the_list_and_it_can_be_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "state" / "recent.json"
    recent = RecentScans(file)
    recent.add(tmp_path, 1, "CT")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    recent.forget()
    recent.forget()
    assert recent.all() == []


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"path": 5}]', "\0", "[[[["])
def test_a_damaged_list_is_an_empty_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "recent.json").write_text(text)
    recent = RecentScans(tmp_path / "recent.json")
    assert recent.all() == []
    recent.add(tmp_path, 1, "CT")
    assert len(recent.all()) == 1


def test_where_nothing_can_be_written_nothing_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    recent = RecentScans(tmp_path / "file" / "recent.json")
    recent.add(tmp_path, 1, "CT")
    assert recent.all() == []
