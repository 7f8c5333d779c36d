"""The parts of a script that repeats what was done; those that its steps need are put in."""

from collections.abc import Iterable
from dataclasses import dataclass

from vis3d_viewer.listing import LAST_KNOWN

HEAD = '''"""What was done in vis3d's explorer. For research, not for diagnosis."""

{imports}

SCAN = sys.argv[1] if len(sys.argv) > 1 else "scan"  # a folder, file or archive
OUT = Path(sys.argv[2] if len(sys.argv) > 2 else "structures.nii.gz")  # other files beside it
{series}
volume = vis3d.load_volume(SCAN{options})
masks: dict[int, vis3d.Mask] = {{}}
names: dict[int, str] = {{}}
colors: dict[int, tuple[int, int, int]] = {{}}
report = labels.Report()  # what the last search for structures said of itself
marks: dict[int, Any] = {{}}  # distances, angles, statistics of outlines
'''

FIND = '''

def find(*wanted: str) -> None:
    """Find structures; those without a voxel aren't there."""
    global report
    found = segmentation.segment(volume, wanted)
    report = found.report
    for one in found.structures:
        if found.mask(one.name).array.any():
            masks[one.label], names[one.label] = found.mask(one.name), one.name
            colors[one.label] = one.color
'''

FROM_FILE = '''

def from_file(path: str, number: int, label: int) -> vis3d.Mask:
    """A structure of a label map file (put it here under this name), on the scan's grid."""
    found = files.read_labelmaps_on(volume, path)[number]
    return vis3d.Mask(found.array == label, volume.geometry)
'''

STRUCTURES = f'''

def listed() -> list[vis3d.Structure]:
    """The structures: the usual ones by number, then the others as they came."""
    codes = {{(one.label, one.name): one.code for one in vis3d.STRUCTURES}}
    order = sorted(masks, key=lambda label: min(label, {LAST_KNOWN + 1}))
    return [
        vis3d.Structure(n, names[n], colors[n], codes.get((n, labels.normal_name(names[n]))))
        for n in order
    ]


def label_map() -> vis3d.LabelMap:
    """One label a voxel: of masks that overlap the later one, body only where nothing is."""
    array = np.zeros(volume.geometry.shape, np.uint8)
    for one in sorted(listed(), key=lambda one: one.label != 5):
        array[masks[one.label].array] = one.label
    return vis3d.LabelMap(array, volume.geometry, tuple(listed()), report)
'''

SURFACE = '''

def write_surface(name: str, label: int, **options: Any) -> None:
    """Write a structure's surface."""
    mask = vis3d.Mask(masks[label].array, volume.geometry, names[label])
    surface = vis3d.extract_surface(mask, volume, color=colors[label], **options)
    vis3d.write_surface(surface, OUT.with_name(name))
'''

LABELS = '''

def write_labels(name: str) -> None:
    """Write all structures as a label map."""
    vis3d.write_labelmap(label_map(), OUT.with_name(name))
'''

SEG = '''

def write_seg(name: str) -> None:
    """Write all structures as a DICOM segmentation of the series."""
    (series,) = [one for one in vis3d.find_series(SCAN) if one.index == SERIES]
    vis3d.write_labelmap(label_map(), OUT.with_name(name), series=series)
'''

FOUND = '''

def write_found(found: measurement.Measurements, name: str) -> None:
    """Write what was measured, with what was found wrong with the scan."""
    found = replace(found, findings=(*volume.findings, *found.findings))
    if name.endswith(".csv"):
        measurement.write_regions_csv(found, OUT.with_name(name))
    else:
        text = json.dumps(found.as_dict(), indent=2) + "\\n"
        OUT.with_name(name).write_text(text, "utf-8")
'''

NUMBERS = '''

def write_numbers(name: str) -> None:
    """Write what is measured of each structure, whole also where they overlap."""
    whole = labels.whole_maps([(one, masks[one.label]) for one in listed()], report)
    write_found(measurement.measure_structures(volume, whole), name)
'''

LUNGS = '''

def lungs() -> vis3d.LabelMap:
    """The lungs alone, which nothing else covers."""
    sides = [s for s in listed() if labels.normal_name(s.name) in labels.GROUPS["lungs"]]
    array = np.zeros(volume.geometry.shape, np.uint8)
    for one in sides:
        array[masks[one.label].array] = one.label
    return vis3d.LabelMap(array, volume.geometry, tuple(sides), report)
'''

LUNG_NUMBERS = '''

def write_lungs(name: str) -> None:
    """Write the numbers of the lungs and their thirds."""
    write_found(measurement.measure_lungs(volume, lungs()), name)
'''

REPORT = '''

def write_report(name: str) -> None:
    """Write the lung report, without the picture of the 3D view."""
    found = measurement.measure_lungs(volume, lungs())
    found = replace(found, findings=(*volume.findings, *found.findings))
    write_lung_report(volume, lungs(), found, OUT.with_name(name))
'''

MARKS = '''

def write_marks(name: str) -> None:
    """Write distances, angles and statistics of outlines."""
    csv, json = measurement.write_marks_csv, measurement.write_marks_json
    (csv if name.endswith(".csv") else json)(list(marks.values()), OUT.with_name(name))
'''

ALL_LABELS = """
for one in listed():
    print(f"{one.name}: {masks[one.label].volume_ml:.1f} ml")
vis3d.write_labelmap(label_map(), OUT)
"""

ALL_MARKS = """
print(*marks.values(), sep="\\n")
write_marks("marks.json")
"""


@dataclass(frozen=True)
class Part:
    """A function of the script, the functions that it calls, and what it imports."""

    text: str
    needs: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()


IMPORTS = (
    "import sys",
    "from pathlib import Path",
    "from typing import Any",
    "import numpy as np",
    "import vis3d",
    "from vis3d import files, labels, measurement, segmentation",
)
REPLACE = "from dataclasses import replace"
LUNG_PAGE = "from vis3d.lung_report import write_lung_report"

PARTS = {
    "find": Part(FIND),
    "from_file": Part(FROM_FILE),
    "label_map": Part(STRUCTURES),
    "write_surface": Part(SURFACE),
    "write_labels": Part(LABELS, ("label_map",)),
    "write_seg": Part(SEG, ("label_map",)),
    "write_found": Part(FOUND, (), ("import json", REPLACE)),
    "write_numbers": Part(NUMBERS, ("label_map", "write_found")),
    "lungs": Part(LUNGS, ("label_map",)),
    "write_lungs": Part(LUNG_NUMBERS, ("lungs", "write_found")),
    "write_report": Part(REPORT, ("lungs",), (REPLACE, LUNG_PAGE)),
    "write_marks": Part(MARKS),
}
"""By the name that steps call, in the script's order."""


def begun(calls: Iterable[str], *, series: int | None, gaps: str) -> str:
    """The script before its first step, with the functions that are called and theirs."""
    wanted: set[str] = set()
    waiting = [name for name in calls if name in PARTS]
    while waiting:
        wanted.add(name := waiting.pop())
        waiting += [need for need in PARTS[name].needs if need not in wanted]
    parts = [part for name, part in PARTS.items() if name in wanted]
    imports = _sorted({*IMPORTS, *(line for part in parts for line in part.imports)})
    options = ", series=SERIES" if series is not None else ""
    options += f', gaps="{gaps}"' if gaps != "refuse" else ""
    which = f"SERIES = {series}  # as `vis3d info SCAN` counts them\n" if series else ""
    head = HEAD.format(imports=imports, series=which, options=options)
    return head + "".join(part.text for part in parts)


def _sorted(imports: Iterable[str]) -> str:
    """The standard library's, NumPy, and ours; in each group modules before names."""
    groups: dict[str, list[str]] = {"": [], "numpy": [], "vis3d": []}
    for line in imports:
        top = line.split()[1].split(".")[0]
        groups[top if top in groups else ""].append(line)
    for group in groups.values():
        group.sort(key=lambda line: (line.startswith("from"), line))
    return "\n\n".join("\n".join(group) for group in groups.values())
