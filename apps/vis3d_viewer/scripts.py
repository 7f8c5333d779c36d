"""What was done on the page as Python, and as commands where these do the same."""

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from vis3d.measurement import Distance, OutlineStatistics
from vis3d_viewer import script_text
from vis3d_viewer.measuring import Kept

STATE: dict[str, Any] = {"script": {"python": "", "commands": "", "why_none": ""}}
"""What the page shows of it."""

LABELS = "structures.nii.gz"
MARKS = "marks.json"
"""What a script writes in any case."""


Writing: TypeAlias = Callable[[str], str]
"""The Python that writes a file, by the file's name."""


def finding(names: Sequence[str]) -> str:
    """The Python that finds structures."""
    return f"find({', '.join(map(repr, names))})"


def calling(label: int, function: str, *arguments: object, **named: object) -> str:
    """The Python that changes one mask by a function of `vis3d.segmentation`."""
    return f"masks[{label}] = {called(function, f'@masks[{label}]', *arguments, **named)}"


def editing(label: int, function: str, *arguments: object, **named: object) -> str:
    """The Python that changes one mask by an edit."""
    made = called(function, f"@masks[{label}]", *arguments, **named)
    return f"masks[{label}] = {made}.applied_to(masks[{label}])"


def called(function: str, *arguments: object, **named: object) -> str:
    """A call of a function of `vis3d.segmentation`; texts that begin with @ are names."""
    words = [_written(one) for one in arguments]
    words += [f"{name}={_written(one)}" for name, one in named.items()]
    return f"segmentation.{function}({', '.join(words)})"


def marking(kept: Kept) -> str:
    """The Python that measures what a mark measures."""
    mark = kept.mark
    if isinstance(mark, OutlineStatistics):
        outline = f"measurement.{type(mark.outline).__name__}"
        points = repr(kept.points) if kept.kind == "polygon" else _listed(kept.points)
        measured = f"measurement.measure_outline(volume, {outline}({points}, {kept.name!r}))"
    else:
        kind = "Distance" if isinstance(mark, Distance) else "Angle"
        measured = f"measurement.{kind}({_listed(kept.points)}, {kept.name!r})"
    return f"marks[{kept.number}] = {measured}"


def writing(function: str, *arguments: object, **named: object) -> Writing:
    """The Python that writes a file by a function; options that are None are left out."""
    rest = [repr(one) for one in arguments]
    rest += [f"{name}={value!r}" for name, value in named.items() if value is not None]
    return lambda name: f"{function}({', '.join([repr(name), *rest])})"


def not_repeated(what: str) -> Writing:
    """A line that says of a file that the script doesn't write it."""
    return lambda name: f"# {name} is not written here: {what}"


def free_file_name(name: str, steps: str) -> str:
    """A file's name that is like this one, and that no step has used."""
    stem, _, suffix = name.partition(".")
    names = (f"{stem}{number or ''}.{suffix}" for number in (0, *range(2, 10_000)))
    taken = (LABELS, MARKS)
    return next(one for one in names if one not in taken and repr(one) not in steps)


def whole_script(
    steps: str, *, structures: bool, marks: bool, series: Any = None, gaps: str = "refuse"
) -> str:
    """The script: from the scan to each file that was saved, and to all that is there."""
    end = script_text.ALL_LABELS if structures else ""
    end += script_text.ALL_MARKS if marks else ""
    calls = re.findall(r"^(?:\w+\[\d+\] = )?(\w+)\(", steps + end, re.MULTILINE)
    calls += ["label_map"] if structures else []
    index = series.index if series is not None else None
    begin = script_text.begun(calls, series=index, gaps=gaps)
    return f"{begin}\n\n{steps}\n{end}"


def _listed(points: Sequence[object]) -> str:
    return ", ".join(map(repr, points))


def _written(value: object) -> str:
    return value[1:] if isinstance(value, str) and value.startswith("@") else repr(value)
