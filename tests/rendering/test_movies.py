"""Movies hold the frames they were given, and stop when they are told."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.rendering.conftest import Ball, corner_box
from vis3d.errors import Cancelled, RequirementError, UsageError
from vis3d.rendering import Stage, frames, write_movie
from vis3d.scene import Scene, SurfaceLayer, VolumeLayer


def squares(count: int = 5) -> Iterator[NDArray[np.uint8]]:
    """A white square that moves to the right."""
    for number in range(count):
        pixels = np.full((48, 64, 3), (10, 20, 60), np.uint8)
        pixels[20:30, 8 * number : 8 * number + 10] = 255
        yield pixels


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_movies_hold_every_frame_in_order(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"turn{suffix}"
    write_movie(squares(), path, frames_per_second=10)
    with Image.open(path) as movie:
        assert movie.n_frames == 5
        for number, expected in enumerate(squares()):
            movie.seek(number)
            seen = np.asarray(movie.convert("RGB")).astype(int)
            assert np.abs(seen - expected).mean() < 4
            assert movie.info["duration"] == 100
        assert movie.info.get("loop") == 0
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_mp4_has_even_sizes_and_every_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program in ffmpeg's place keeps what it is sent."""
    program = tmp_path / "ffmpeg"
    program.write_text('#!/bin/sh\nfor last; do :; done\necho "$@" > "$0.log"\ncat > "$last"\n')
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(program))
    odd = (pixels[:47, :63] for pixels in squares())
    write_movie(odd, tmp_path / "turn.mp4")
    asked = (tmp_path / "ffmpeg.log").read_text()
    assert "-s 62x46 -r 20" in asked
    assert "out_color_matrix=bt709" in asked  # what players take untagged pictures for,
    assert "-colorspace bt709" in asked  # if they are large: red came out as orange
    sent = np.frombuffer((tmp_path / "turn.mp4").read_bytes(), np.uint8).reshape(5, 46, 62, 3)
    assert np.array_equal(sent, [pixels[:46, :62] for pixels in squares()])


def test_an_mp4_without_ffmpeg_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(RequirementError, match=r"apt-get install ffmpeg.*vis3d\[movie\]"):
        write_movie(squares(), tmp_path / "turn.mp4")
    assert list(tmp_path.iterdir()) == []


def test_nonsense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"turn\.avi: a movie's name ends in one of \.gif"):
        write_movie(squares(), tmp_path / "turn.avi")
    with pytest.raises(UsageError, match="at least one picture"):
        write_movie(squares(0), tmp_path / "turn.gif")
    with pytest.raises(UsageError, match="positive speed"):
        write_movie(squares(), tmp_path / "turn.gif", frames_per_second=0)


def test_a_turn_shows_the_patient_from_all_sides_and_never_cut(
    ball: Ball, make_stage: Callable[..., Stage]
) -> None:
    make_stage()  # skips where there is no OpenGL
    scene = Scene([SurfaceLayer(ball.surface), SurfaceLayer(corner_box(ball.geometry))])
    middles = []
    for pixels in frames(scene, 4, (120, 90)):
        red = pixels[..., 0].astype(int) - pixels[..., 1] > 60
        assert red.any()
        middles.append(np.nonzero(red)[1].mean())
    left, right = middles[0] - 59.5, middles[2] - 59.5
    assert np.sign(left) == -np.sign(right)


def test_a_cancelled_movie_leaves_nothing(
    ball: Ball, make_stage: Callable[..., Stage], tmp_path: Path
) -> None:
    make_stage()

    def stop(fraction: float, what: str) -> None:
        if fraction >= 0.5:
            raise Cancelled

    pictures = frames(Scene([SurfaceLayer(ball.surface)]), 4, (64, 48), progress=stop)
    with pytest.raises(Cancelled):
        write_movie(pictures, tmp_path / "turn.gif")
    assert list(tmp_path.iterdir()) == []


def test_a_volume_stops_being_drawn_when_told(
    ball: Ball, make_stage: Callable[..., Stage]
) -> None:
    make_stage()
    calls = []

    def stop(fraction: float, what: str) -> None:
        calls.append(what)
        if len(calls) == 2:  # the first comes before the drawing
            raise Cancelled

    with pytest.raises(Cancelled):
        next(frames(Scene([VolumeLayer(ball.volume)]), 2, (1600, 1200), progress=stop))
    assert calls == ["drawing picture 1 of 2"] * 2
