"""Pictures that move: GIF and WebP by Pillow, MP4 by ffmpeg."""

import importlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vis3d.errors import OutputError, RequirementError, UsageError
from vis3d.whole_file import whole_file

FRAMES_PER_SECOND = 20.0

Frames = Iterable[NDArray[np.uint8]]


def write_movie(
    pictures: Frames,
    path: str | os.PathLike[str],
    *,
    frames_per_second: float = FRAMES_PER_SECOND,
) -> None:
    """Write RGB pictures of one size as .gif, .webp or .mp4, taken one by one as they come.

    GIF and WebP start again at their end.

    Raises:
        UsageError: another suffix, no picture, or a speed that isn't positive.
        RequirementError: .mp4 without ffmpeg.
        OutputError: the file can't be written there.
    """
    writer = MOVIE_WRITERS.get(Path(path).suffix.lower())
    if writer is None:
        legal = ", ".join(MOVIE_WRITERS)
        raise UsageError(f"{Path(path).name}: a movie's name ends in one of {legal}.")
    if not frames_per_second > 0:
        raise UsageError(f"A movie needs a positive speed, not {frames_per_second}.")
    remaining = iter(pictures)
    first = next(remaining, None)
    if first is None:
        raise UsageError("A movie needs at least one picture.")
    with whole_file(path) as unfinished:
        writer(chain([first], remaining), unfinished, frames_per_second)


def _write_gif(pictures: Frames, path: Path, frames_per_second: float) -> None:
    """All frames share the first one's palette, or colours would flicker."""
    images = _images(pictures)
    first = next(images).quantize(256, method=Image.Quantize.MEDIANCUT)
    dither = Image.Dither.FLOYDSTEINBERG
    rest = (image.quantize(palette=first, dither=dither) for image in images)
    duration = _milliseconds(frames_per_second)
    with path.open("wb") as file:
        first.save(file, "GIF", save_all=True, append_images=rest, duration=duration, loop=0)


def _write_webp(pictures: Frames, path: Path, frames_per_second: float) -> None:
    images = _images(pictures)
    first, duration = next(images), _milliseconds(frames_per_second)
    with path.open("wb") as file:  # Pillow leaves its own open when a frame's maker raises
        first.save(
            file, "WEBP", save_all=True, append_images=images, duration=duration, loop=0,
            quality=85, method=4,
        )  # fmt: skip


_BT709 = ["-vf", "scale=out_color_matrix=bt709:out_range=tv", "-color_range", "tv"]
_BT709 += ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
"""Converted to and named, or players take large pictures' colours for others than they are."""


def _write_mp4(pictures: Frames, path: Path, frames_per_second: float) -> None:
    """H.264 with the pixel format that every player knows, which needs even sizes."""
    frames = iter(pictures)
    first = next(frames)
    rows, columns = (n // 2 * 2 for n in first.shape[:2])
    if not rows or not columns:
        raise UsageError("An .mp4 needs pictures of at least 2 x 2 pixels.")
    command = [_ffmpeg(), "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{columns}x{rows}", "-r", f"{frames_per_second:g}", "-i", "-"]
    command += ["-an", "-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", *_BT709]
    command += ["-movflags", "+faststart", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as ffmpeg:
        try:
            assert ffmpeg.stdin is not None
            for frame in chain([first], frames):
                ffmpeg.stdin.write(np.ascontiguousarray(frame[:rows, :columns]).tobytes())
            _, message = ffmpeg.communicate()
        except BrokenPipeError:
            message = ffmpeg.stderr.read() if ffmpeg.stderr else b""
        except BaseException:  # cancelled too: the program must not outlive us
            ffmpeg.kill()
            raise
    if ffmpeg.returncode:
        reason = message.decode(errors="replace").strip().splitlines()
        raise OutputError(f"ffmpeg can't write {path.name}: {reason[-1] if reason else ''}")


def _ffmpeg() -> str:
    """The program, the system's or imageio-ffmpeg's."""
    if found := shutil.which("ffmpeg"):
        return found
    try:
        bundled = importlib.import_module("imageio_ffmpeg")
    except ImportError:
        raise RequirementError(
            "An .mp4 needs ffmpeg: install it (on Debian and Ubuntu `apt-get install ffmpeg`) "
            'or vis3d\'s extra `pip install "vis3d[movie]"`; .gif and .webp need neither.'
        ) from None
    return str(bundled.get_ffmpeg_exe())


def _images(pictures: Frames) -> Iterator[Image.Image]:
    return (Image.fromarray(np.ascontiguousarray(pixels)) for pixels in pictures)


def _milliseconds(frames_per_second: float) -> int:
    return max(1, round(1000 / frames_per_second))


MOVIE_WRITERS: dict[str, Callable[[Frames, Path, float], None]] = {
    ".gif": _write_gif,
    ".webp": _write_webp,
    ".mp4": _write_mp4,
}
