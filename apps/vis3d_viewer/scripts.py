"""What was done on the page as Python, and as a command where one does the same."""

import re
from collections.abc import Sequence
from typing import Any

from vis3d.labels import Structure

STATE: dict[str, Any] = {"script": {"python": "", "command": ""}}
"""What the page shows of it."""

HEAD = '''"""What was done in vis3d's explorer. For research, not for diagnosis."""

import sys

import numpy as np

import vis3d
from vis3d import files, segmentation

SCAN = sys.argv[1] if len(sys.argv) > 1 else "scan"  # a folder, file or archive
OUT = sys.argv[2] if len(sys.argv) > 2 else "structures.nii.gz"

volume = vis3d.load_volume(SCAN{options})
masks: dict[int, vis3d.Mask] = {{}}
names: dict[int, str] = {{}}


def from_file(path: str, number: int, label: int) -> vis3d.Mask:
    """A structure of a label map file (put it here under this name), on the scan's grid."""
    labels = files.read_labelmaps(path, geometry=volume.geometry)[number]
    if not labels.geometry.matches(volume.geometry, tolerance_mm=0.05):
        labels = vis3d.resample(labels, volume.geometry)
    return vis3d.Mask(labels.array == label, volume.geometry)


'''

TAIL = """
# One label a voxel: of masks that overlap the later one, body (5) where nothing else is.
COLORS = {colors}
labels = np.zeros(volume.geometry.shape, np.uint8)
for label in sorted(masks, key=lambda label: (label != 5, label)):
    labels[masks[label].array] = label
    print(f"{{names[label]}}: {{masks[label].volume_ml:.1f}} ml")
structures = tuple(
    vis3d.Structure(label, names[label], COLORS[label]) for label in sorted(masks)
)
vis3d.write_labelmap(vis3d.LabelMap(labels, volume.geometry, structures), OUT)
"""

FIND = """found = segmentation.segment(volume, {names})
for one in found.structures:
    if found.mask(one.name).array.any():
        masks[one.label], names[one.label] = found.mask(one.name), one.name"""


def finding(names: Sequence[str]) -> str:
    """The Python that finds structures."""
    return FIND.format(names=list(names))


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


def whole_script(steps: str, structures: Sequence[Structure], *, series: Any, gaps: str) -> str:
    """The script from the scan to a label map."""
    options = f", series={series.index}" if series is not None else ""
    options += f', gaps="{gaps}"' if gaps != "refuse" else ""
    colors = {structure.label: structure.color for structure in structures}
    return "\n".join(
        [HEAD.format(options=options), steps, TAIL.format(colors=colors)],
    )


def same_command(steps: str, *, series: Any) -> str:
    """The command that does the same; empty where none does."""
    found = re.fullmatch(re.escape(FIND).replace(r"\{names\}", r"(\[[^\n]*\])"), steps)
    if found is None:
        return ""
    names = ",".join(re.findall(r"'(\w+)'", found[1]))
    which = f" --series {series.index}" if series is not None else ""
    return f"vis3d segment SCAN{which} --structures {names} -o structures.nii.gz"


def _written(value: object) -> str:
    return value[1:] if isinstance(value, str) and value.startswith("@") else repr(value)
