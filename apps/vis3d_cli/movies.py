"""Turning pictures as files: GIF and WebP by Pillow, MP4 by ffmpeg."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vis3d.errors import OutputError, RequirementError
from vis3d.whole_file import whole_file

FRAMES_PER_SECOND = 12

Frames = Iterator[NDArray[np.uint8]]


def write_movie(frames: Frames, path: Path) -> None:
    """Write RGB pictures (rows, columns, 3) of one size; the suffix chooses the format.

    Raises:
        RequirementError: MP4, and there is no ffmpeg.
        OutputError: the file can't be written there.
    """
    write = MOVIE_WRITERS[path.suffix.lower()]
    with whole_file(path) as unfinished:
        write(frames, unfinished)


def require_ffmpeg() -> str:
    """The path of an ffmpeg: the system's, or that of the extra `movie`.

    Raises:
        RequirementError: there is none.
    """
    found = shutil.which("ffmpeg")
    if found:
        return found
    try:
        from imageio_ffmpeg import get_ffmpeg_exe  # type: ignore[import-not-found]
    except ImportError as error:
        raise RequirementError(
            'MP4 needs ffmpeg: apt install ffmpeg, or pip install "vis3d[movie]"; '
            ".gif and .webp need nothing more."
        ) from error
    return str(get_ffmpeg_exe())


def _write_with_pillow(frames: Frames, path: Path) -> None:
    first, *others = (Image.fromarray(np.ascontiguousarray(frame)) for frame in frames)
    first.save(
        path,
        save_all=True,
        append_images=others,
        duration=round(1000 / FRAMES_PER_SECOND),
        loop=0,
    )


def _write_with_ffmpeg(frames: Frames, path: Path) -> None:
    first = next(frames)
    height, width, _ = first.shape
    command = [
        *(require_ffmpeg(), "-loglevel", "error", "-y"),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"),
        *("-r", str(FRAMES_PER_SECOND), "-i", "-"),
        # 4:2:0, which every player shows, needs even sizes.
        *("-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p"),
        *("-movflags", "+faststart", str(path)),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as ffmpeg:
        try:
            _feed(ffmpeg, first, frames)
        except BaseException:
            ffmpeg.kill()
            raise
        said = ffmpeg.stderr.read().decode(errors="replace") if ffmpeg.stderr else ""
    if ffmpeg.returncode:
        raise OutputError(f"ffmpeg could not write {path.name}: {said.strip()[-200:]}")


def _feed(ffmpeg: "subprocess.Popen[bytes]", first: NDArray[np.uint8], others: Frames) -> None:
    assert ffmpeg.stdin is not None
    try:
        ffmpeg.stdin.write(first.tobytes())
        for frame in others:
            ffmpeg.stdin.write(frame.tobytes())
        ffmpeg.stdin.close()
    except BrokenPipeError:
        pass  # ffmpeg has given up; its exit status and words say why


MOVIE_WRITERS: dict[str, Callable[[Frames, Path], Any]] = {
    ".gif": _write_with_pillow,
    ".webp": _write_with_pillow,
    ".mp4": _write_with_ffmpeg,
}
