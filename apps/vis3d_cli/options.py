"""The options that commands share, and how their values are read."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Group, Parameter
from cyclopts.validators import Number

from vis3d.errors import UsageError

READING = Group("Reading", sort_key=8)
EVERYWHERE = Group("Everywhere", sort_key=9)


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a command speaks."""

    json: Annotated[
        bool, Parameter(help="Print one JSON document on stdout and nothing else there.")
    ] = False
    quiet: Annotated[bool, Parameter(help="No progress, no notes: errors only.")] = False
    verbose: Annotated[bool, Parameter(help="Every note, every skipped file.")] = False


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which scan of INPUT, and what may be repaired in it."""

    series: Annotated[
        str | None,
        Parameter(metavar="INDEX|UID", help="Which series, as `info` lists them."),
    ] = None
    gaps: Annotated[
        Literal["refuse", "interpolate"],
        Parameter(help="What to do where slices are missing."),
    ] = "refuse"
    tilt: Annotated[
        Literal["correct", "refuse"], Parameter(help="What to do with a tilted gantry.")
    ] = "correct"
    force: Annotated[
        bool, Parameter(help="Read DICOM files without preamble or meta header.")
    ] = False
    unit: Annotated[
        Literal["HU"] | None,
        Parameter(help="The unit of the values, where a NIfTI, NRRD, ... states none."),
    ] = None


PLAIN = Manner()
THE_ONLY_ONE = Choice()

Which: TypeAlias = Annotated[Choice, Parameter(name="*", group=READING)]
How: TypeAlias = Annotated[Manner, Parameter(name="*", group=EVERYWHERE)]
Input: TypeAlias = Annotated[
    Path,
    Parameter(
        help="A folder of DICOM files, one of them, a DICOMDIR, a zip or tar archive, or a "
        ".nii .nii.gz .nrrd .mha .mhd .vti file."
    ),
]
ReportFile: TypeAlias = Annotated[
    Path | None, Parameter(metavar="FILE", help="Write what --json prints into a file too.")
]
Force: TypeAlias = Annotated[
    bool, Parameter(help="Read DICOM files without preamble or meta header.")
]
Port: TypeAlias = Annotated[
    int, Parameter(validator=Number(gte=0, lte=65535), help="The port; 0 is any free one.")
]
NoBrowser: TypeAlias = Annotated[bool, Parameter(help="Only print the address.")]


def numbers(text: str, option: str, example: str, count: int) -> tuple[float, ...]:
    """`count` finite numbers with commas between.

    Raises:
        UsageError: anything else.
    """
    try:
        values = tuple(float(word) for word in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count or not all(math.isfinite(value) for value in values):
        raise UsageError(f"{option} takes {count} numbers such as {example}, not {text!r}.")
    return values


def positive(values: tuple[float, ...], option: str) -> tuple[float, ...]:
    """The same numbers.

    Raises:
        UsageError: one isn't above zero.
    """
    if not all(0 < value < math.inf for value in values):
        raise UsageError(f"{option} takes numbers above zero.")
    return values


def shape(text: str, option: str = "--shape") -> tuple[int, int, int]:
    """NK,NJ,NI.

    Raises:
        UsageError: not three whole numbers above zero.
    """
    nk, nj, ni = positive(numbers(text, option, "120,256,256", 3), option)
    if any(n != int(n) for n in (nk, nj, ni)):
        raise UsageError(f"{option} takes whole numbers NK,NJ,NI, not {text!r}.")
    return int(nk), int(nj), int(ni)


def spacing(text: str, option: str = "--spacing") -> tuple[float, float, float]:
    """I,J,K mm.

    Raises:
        UsageError: not three numbers above zero.
    """
    i_mm, j_mm, k_mm = positive(numbers(text, option, "0.8,0.8,1.5", 3), option)
    return i_mm, j_mm, k_mm


def size(text: str) -> tuple[int, int]:
    """WxH pixels.

    Raises:
        UsageError: not two whole numbers from 1 to 16384 with an x between.
    """
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text, re.ASCII)
    width, height = (int(n) for n in match.groups()) if match else (0, 0)
    if not (1 <= width <= 16384 and 1 <= height <= 16384):
        raise UsageError(f"--size takes WIDTHxHEIGHT in pixels such as 1200x900, not {text!r}.")
    return width, height


def slices(text: str) -> slice:
    """A:B, from slice A up to but not including B; either may be left out.

    Raises:
        UsageError: anything else.
    """
    match = re.fullmatch(r"(-?\d+)?:(-?\d+)?", text, re.ASCII)
    if not match:
        raise UsageError(f"--slices takes A:B such as 10:120, not {text!r}.")
    first, stop = (int(n) if n is not None else None for n in match.groups())
    return slice(first, stop)


def names(text: str) -> tuple[str, ...]:
    """Names with commas between.

    Raises:
        UsageError: there is none.
    """
    found = tuple(name.strip() for name in text.split(",") if name.strip())
    if not found:
        raise UsageError("--structures takes names such as lungs,bones.")
    return found
