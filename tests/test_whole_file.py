"""Files that are either whole or not there."""

from pathlib import Path

import pytest

from vis3d.errors import Cancelled, NothingFoundError, OutputError
from vis3d.whole_file import whole_file


def test_a_file_takes_its_place_with_its_companions(tmp_path: Path) -> None:
    with whole_file(tmp_path / "bones.obj") as unfinished:
        assert unfinished.suffix == ".obj"
        unfinished.write_text("new")
        unfinished.with_suffix(".mtl").write_text("colours")
        assert not (tmp_path / "bones.obj").exists()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["bones.mtl", "bones.obj"]


@pytest.mark.parametrize("error", [RuntimeError, Cancelled, KeyboardInterrupt])
def test_a_broken_write_leaves_what_was_there(
    tmp_path: Path, error: type[BaseException]
) -> None:
    (tmp_path / "old.stl").write_text("old")
    with pytest.raises(error), whole_file(tmp_path / "old.stl") as unfinished:
        unfinished.write_text("half")
        raise error
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"nowhere.*No such file or directory"),
        whole_file(tmp_path / "nowhere" / "a.stl"),
    ):
        pass


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"), whole_file(tmp_path):
        pass


def test_a_full_disk_is_an_output_error(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="No space left"),
        whole_file(tmp_path / "a.stl") as unfinished,
    ):
        unfinished.write_text("half")
        raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_an_error_of_ours_keeps_its_kind(tmp_path: Path) -> None:
    with pytest.raises(NothingFoundError), whole_file(tmp_path / "a.stl"):
        raise NothingFoundError("no source")


def test_a_writer_that_wraps_the_systems_error_shows_no_traceback(tmp_path: Path) -> None:
    out_of_space = OSError(28, "No space left on device")
    with (
        pytest.raises(OutputError, match=r"out\.dcm: No space left on device\.$"),
        whole_file(tmp_path / "out.dcm"),
    ):
        raise OSError("With tag (7FE0,0010)\nTraceback ...") from out_of_space
    assert not list(tmp_path.iterdir())
