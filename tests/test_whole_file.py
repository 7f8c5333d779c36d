"""Files that are either whole or not there."""

import os
from pathlib import Path

import pytest

from vis3d.errors import Cancelled, NothingFoundError, OutputError
from vis3d.whole_file import abandon, check_place, whole_file, whole_folder


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


def test_a_pipe_is_left_where_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "link.json").symlink_to(tmp_path / "pipe.json")
    for name in ("pipe.json", "link.json"):
        with pytest.raises(OutputError, match="is a device or a pipe"):
            check_place(tmp_path / name)
        with pytest.raises(OutputError, match="is a device"), whole_file(tmp_path / name):
            pass
    assert (tmp_path / "pipe.json").is_fifo()
    assert (tmp_path / "link.json").is_symlink()


def test_nothing_among_the_devices_is_replaced() -> None:
    for name in ("null", "stdout", "new.json"):
        with pytest.raises(OutputError, match="is a device"):
            check_place(Path("/dev") / name)


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


def test_files_move_into_their_folder_together_with_the_folders_they_are_in(
    tmp_path: Path,
) -> None:
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "deep" / "old").write_text("stays")
    with whole_folder(tmp_path / "out") as unfinished:
        (unfinished / "deep").mkdir()
        (unfinished / "deep" / "new").write_text("b")
        (unfinished / "top").write_text("a")
        assert not (tmp_path / "out" / "top").exists()
    files = sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*"))
    assert files == ["out", "out/deep", "out/deep/new", "out/deep/old", "out/top"]


@pytest.mark.parametrize("error", [RuntimeError, Cancelled, NothingFoundError])
def test_a_folder_that_breaks_off_is_as_it_was(
    tmp_path: Path, error: type[BaseException]
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").write_text("stays")
    for name in ("old", "new", "new/and/deep"):
        with pytest.raises(error), whole_folder(tmp_path / name) as unfinished:
            (unfinished / "file").write_text("half")
            raise error
    assert [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*")] == [
        "old",
        "old/file",
    ]
    assert (tmp_path / "old" / "file").read_text() == "stays"


def test_a_full_disk_names_the_folder(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="Cannot write into .*out: No space left"),
        whole_folder(tmp_path / "out"),
    ):
        raise OSError(28, "No space left on device")


def test_a_process_that_ends_at_once_leaves_nothing_half_written(tmp_path: Path) -> None:
    with whole_folder(tmp_path) as unfinished:
        (unfinished / "half").write_text("half")
        abandon()
        assert not list(tmp_path.iterdir())
