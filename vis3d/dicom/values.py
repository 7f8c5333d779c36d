"""Slices -> measured values in one array, filled in place."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vis3d.dicom.frames import INT16, Frame, whole_numbers
from vis3d.dicom.headers import Header
from vis3d.dicom.padding import Padding, is_padding
from vis3d.dicom.pixels import stored_values
from vis3d.dicom.sources import DiskFile, StoredMember, StreamedMember, in_memory
from vis3d.errors import InputError
from vis3d.progress import Progress
from vis3d.threads import CORES, in_threads

MOST_FLOAT = float(np.finfo(np.float32).max)


class _DoesNotFitError(Exception):
    """A slice holds values beyond int16."""


def measured_values(
    frames: Sequence[Frame], padding: Padding, progress: Progress
) -> NDArray[Any]:
    """The rescaled values [k, j, i] of frames of one size, in their order.

    int16 where every value fits, float32 otherwise: where slopes differ or aren't whole,
    values lie beyond int16, or a table gives their meaning.

    Raises:
        InputError: a frame's pixels are bad.
    """
    frames = _resident(frames)
    if whole_numbers(frames):
        try:
            return _filled(frames, padding, np.dtype(np.int16), progress)
        except _DoesNotFitError:
            pass
    return _filled(frames, padding, np.dtype(np.float32), progress)


def _filled(
    frames: Sequence[Frame], padding: Padding, dtype: np.dtype[Any], progress: Progress
) -> NDArray[Any]:
    form = frames[0].format
    array = np.empty((len(frames), form.rows, form.columns), dtype)
    fill = _fill_whole if dtype == np.int16 else _fill_float

    def fill_slice(k: int) -> None:
        try:
            fill(array[k], frames[k], padding)
        except InputError as error:
            raise _naming(frames[k], error) from error

    order = _reading_order(frames)
    threads = 1 if order != list(range(len(frames))) else CORES
    in_threads(fill_slice, order, progress, "reading slices", threads=threads)
    return array


def _naming(frame: Frame, error: InputError) -> InputError:
    """The same error, with the file that it is about."""
    message = str(error)
    if frame.header.name in message:
        return error
    return type(error)(f"{frame.name} {message.rstrip('.')}.")


def _resident(frames: Sequence[Frame]) -> Sequence[Frame]:
    """The frames; files of many that can't be read from the middle are read once, whole."""
    held: dict[int, Header] = {}
    for frame in frames:
        header = frame.header
        if frame.number and not isinstance(header.source, (DiskFile, StoredMember)):
            held.setdefault(id(header), replace(header, source=in_memory(header.source)))
    return [replace(f, header=held.get(id(f.header), f.header)) for f in frames]


def _reading_order(frames: Sequence[Frame]) -> list[int]:
    """Slices in an order that reads a compressed archive once from front to back."""

    def place(k: int) -> tuple[int, int]:
        source = frames[k].header.source
        return (source.offset, k) if isinstance(source, StreamedMember) else (0, k)

    return sorted(range(len(frames)), key=place)


def _fill_whole(target: NDArray[np.int16], frame: Frame, padding: Padding) -> None:
    """One slice in int16, without a copy where the file's bytes lie as the array's do.

    Sums modulo 2**16 are right wherever the true result fits, which is checked first.
    """
    slope, intercept = int(frame.slope), int(frame.intercept)
    stored = stored_values(frame, target)
    _check_fits(stored, frame)
    outside = is_padding(stored, frame) if padding.moved else None
    if not np.may_share_memory(stored, target):
        target[...] = stored.astype(np.int16, copy=False)
    if slope != 1:
        target *= np.int16(slope)
    if intercept:
        target += np.int16(intercept)
    if outside is not None and padding.value is not None:
        target[outside] = np.int16(padding.value)


def _fill_float(target: NDArray[np.float32], frame: Frame, padding: Padding) -> None:
    stored = stored_values(frame)
    if stored.dtype == np.float64 and _greatest(stored) > MOST_FLOAT:
        raise InputError("holds numbers beyond those of 32 bits")
    target[...] = stored if frame.lookup is None else frame.lookup.of(stored)
    if frame.lookup is None and frame.slope != 1:
        target *= np.float32(frame.slope)
    if frame.lookup is None and frame.intercept:
        target += np.float32(frame.intercept)
    outside = is_padding(stored, frame) if padding.moved else None
    if outside is not None and padding.value is not None:
        target[outside] = padding.value


def _greatest(values: NDArray[np.float64]) -> float:
    """The largest magnitude of any number; what is none isn't asked."""
    return float(np.max(np.abs(values), where=np.isfinite(values), initial=0.0))


def _check_fits(stored: NDArray[Any], frame: Frame) -> None:
    """Look at the values only where the header doesn't promise that they fit."""
    form = frame.format
    half = 1 << (form.stored - 1)
    low, high = (-half, half - 1) if form.signed else (0, 2 * half - 1)
    if not _fits(low, high, frame) and not _fits(int(stored.min()), int(stored.max()), frame):
        raise _DoesNotFitError


def _fits(low: int, high: int, frame: Frame) -> bool:
    ends = [value * frame.slope + frame.intercept for value in (low, high)]
    return min(ends) >= INT16.min and max(ends) <= INT16.max
