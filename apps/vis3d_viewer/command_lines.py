"""What was done on the page as commands of vis3d's, where these do the very same."""

import ast
import re
from collections.abc import Sequence
from typing import Any

from vis3d.labels import STRUCTURES
from vis3d_viewer.scripts import LABELS

MOST_NAMED = 3
"""So many things that no command does are named."""


def same_commands(
    steps: Sequence[tuple[str, str]], *, series: Any = None, gaps: str = "refuse"
) -> dict[str, str]:
    """Commands that do the same as all steps (name and Python); or why none do.

    Commands repeat one search for structures, and most files made of what it found.
    """
    lines = [(name, line) for name, code in steps for line in code.splitlines()]
    scan = "SCAN" if series is None else f"SCAN --series {series.index}"
    scan += " --gaps interpolate" if gaps == "interpolate" else ""
    search = re.fullmatch(r"find\((.*)\)", lines[0][1]) if lines else None
    if search is None:
        return _none([name for name, _ in lines])
    find = f"vis3d segment {scan} --structures {','.join(re.findall(r'[a-z]+', search[1]))} -o"
    commands = [f"{find} {LABELS}"]
    others = []
    for name, line in lines[1:]:
        command = _for_file(line, scan, find)
        if command:
            commands.append(command)
        else:
            others.append(_file_in(line) or name)
    return _none(others) if others else {"commands": "\n".join(commands), "why_none": ""}


def _for_file(line: str, scan: str, find: str) -> str:
    """The command that writes the file of a line; empty where none does."""
    match ast.parse(line).body:
        case [ast.Expr(value=ast.Call(func=ast.Name(id=function)) as call)]:
            file, *rest = (ast.literal_eval(one) for one in call.args)
            options = {str(one.arg): ast.literal_eval(one.value) for one in call.keywords}
        case _:
            return ""
    given = f"{scan} --segmentation {LABELS}"
    if function in ("write_labels", "write_seg"):
        return f"{find} {file}"
    if function == "write_surface":
        name = next((one.name for one in STRUCTURES if one.label == rest[0]), "")
        if not name:  # of a structure that was drawn by hand
            return ""
        fine = f" --smooth {options['smooth_mm']:g}" if "smooth_mm" in options else ""
        fine += f" --max-triangles {most}" if (most := options.get("max_triangles")) else ""
        return f"vis3d mesh {given} --structure {name.replace(' ', '-')}{fine} -o {file}"
    if function == "write_numbers" and file.endswith(".csv"):
        return f"vis3d measure {given} --csv {file}"
    return ""


def _file_in(line: str) -> str:
    """The file that a line writes, or says that the script doesn't."""
    found = re.match(r"write_\w+\('([^']+)'|# (\S+) is not written here", line)
    return (found[1] or found[2]) if found else ""


def _none(others: Sequence[str]) -> dict[str, str]:
    once = list(dict.fromkeys(others))
    named = ", ".join(once[:MOST_NAMED]) + (", ..." if len(once) > MOST_NAMED else "")
    why = f"No command of vis3d's does all of this ({named}). The script does."
    return {"commands": "", "why_none": why}
