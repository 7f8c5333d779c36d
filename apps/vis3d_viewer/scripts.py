"""What was done on the page as Python, and as a command where one does the same."""

import re
from collections.abc import Sequence
from typing import Any

from vis3d.labels import Structure
from vis3d.measurement import Distance, OutlineStatistics
from vis3d_viewer.measuring import Kept

STATE: dict[str, Any] = {"script": {"python": "", "command": ""}}
"""What the page shows of it."""

HEAD = '''"""What was done in vis3d's explorer. For research, not for diagnosis."""

import sys
from pathlib import Path
from typing import Any

import numpy as np

import vis3d
from vis3d import files, measurement, segmentation

SCAN = sys.argv[1] if len(sys.argv) > 1 else "scan"  # a folder, file or archive
OUT = sys.argv[2] if len(sys.argv) > 2 else "structures.nii.gz"  # marks.json beside it

volume = vis3d.load_volume(SCAN{options})
masks: dict[int, vis3d.Mask] = {{}}
names: dict[int, str] = {{}}
marks: dict[int, Any] = {{}}  # distances, angles, statistics of outlines
'''

FIND = '''

def find(*wanted: str) -> None:
    """Find structures; those without a voxel aren't there."""
    found = segmentation.segment(volume, wanted)
    for one in found.structures:
        if found.mask(one.name).array.any():
            masks[one.label], names[one.label] = found.mask(one.name), one.name
'''

FROM_FILE = '''

def from_file(path: str, number: int, label: int) -> vis3d.Mask:
    """A structure of a label map file (put it here under this name), on the scan's grid."""
    labels = files.read_labelmaps(path, geometry=volume.geometry)[number]
    if not labels.geometry.matches(volume.geometry, tolerance_mm=0.05):
        labels = vis3d.resample(labels, volume.geometry)
    return vis3d.Mask(labels.array == label, volume.geometry)
'''

WRITE_LABELS = """
# One label a voxel: of masks that overlap the later one, body (5) where nothing else is.
COLORS = {colors}
labels = np.zeros(volume.geometry.shape, np.uint8)
for label in sorted(COLORS, key=lambda label: label != 5):
    labels[masks[label].array] = label
    print(f"{{names[label]}}: {{masks[label].volume_ml:.1f}} ml")
structures = tuple(vis3d.Structure(label, names[label], COLORS[label]) for label in COLORS)
vis3d.write_labelmap(vis3d.LabelMap(labels, volume.geometry, structures), OUT)
"""

WRITE_MARKS = """
print(*marks.values(), sep="\\n")
measurement.write_marks_json(list(marks.values()), Path(OUT).with_name("marks.json"))
"""


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


def file_name_for(name: str, steps: str) -> str:
    """A label map file's name in the script: one that no step has used."""
    stem, _, suffix = name.partition(".")
    names = (f"{stem}{number or ''}.{suffix}" for number in (0, *range(2, 10_000)))
    return next(name for name in names if f"from_file({name!r}," not in steps)


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


def whole_script(
    steps: str, structures: Sequence[Structure], marks: int, *, series: Any, gaps: str
) -> str:
    """The script from the scan to a label map, and to a file of so many marks."""
    options = f", series={series.index}" if series is not None else ""
    options += f', gaps="{gaps}"' if gaps != "refuse" else ""
    colors = {structure.label: structure.color for structure in structures}
    return "".join(
        [
            HEAD.format(options=options),
            FIND if re.search(r"^find\(", steps, re.MULTILINE) else "",
            FROM_FILE if "from_file(" in steps else "",
            f"\n\n{steps}\n",
            WRITE_LABELS.format(colors=colors) if structures else "",
            WRITE_MARKS if marks else "",
        ]
    )


def same_command(steps: str, *, series: Any) -> str:
    """The command that does the same: `segment` where it can, else the saved script."""
    lines = steps.splitlines()
    found = [re.fullmatch(r"find\((.*)\)", line) for line in lines]
    if len(found) == 1 and found[0] is not None:
        names = ",".join(re.findall(r"'(\w+)'", found[0][1]))
        which = f" --series {series.index}" if series is not None else ""
        return f"vis3d segment SCAN{which} --structures {names} -o structures.nii.gz"
    return "python steps.py SCAN structures.nii.gz" if lines else ""


def _listed(points: Sequence[object]) -> str:
    return ", ".join(map(repr, points))


def _written(value: object) -> str:
    return value[1:] if isinstance(value, str) and value.startswith("@") else repr(value)
