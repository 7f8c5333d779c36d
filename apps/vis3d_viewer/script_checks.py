"""Whether Python from a session file is such as the explorer writes, and nothing else.

People run the script they are shown: a session from a stranger must not add to it.
"""

import ast
import re

from vis3d_viewer.script_text import PARTS

MAX_CODE = 1 << 20

MODULES = {
    "segmentation": frozenset(
        "add_margin Brush close erase fill keep_island open_up paint region_growing "  # noqa: SIM905
        "remove_island scissors scissors_in_view smooth subtract threshold union".split()
    ),
    "measurement": frozenset("Angle Distance Ellipse Polygon measure_outline".split()),  # noqa: SIM905
}
"""What a step may call."""

WRITERS = frozenset(name for name in PARTS if name.startswith("write_")) - {"write_found"}
DICTIONARIES = frozenset({"masks", "names", "colors", "marks"})
POINTS = re.compile(r"\[(?:\[[-+0-9eE., ]*\](?:, )?)+\]")
"""A list of points: nothing but numbers, and most of what a stroke is."""

SAVED_FILE = re.compile(r"[\w-]{1,80}(\.[a-z0-9]{2,4}){1,2}")
LABEL_FILE = re.compile(r"labels\d*(\.[a-z]{2,4}){1,2}")


def is_ours(code: str) -> bool:
    """Whether this line does nothing but what steps in the explorer do."""
    if len(code) > MAX_CODE:
        return False
    try:
        return all(_statement(one) for one in ast.parse(POINTS.sub("[]", code)).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _statement(node: ast.stmt) -> bool:
    match node:
        case ast.Assign(targets=[target], value=value):
            return _target(target) and _value(value)
        case ast.Delete(targets=[target]):
            return _entry(target)
        case ast.Expr(value=ast.Call(func=ast.Name(id="find")) as call):
            return all(map(_value, call.args)) and not call.keywords
        case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as call):
            named = all(one.arg is not None for one in call.keywords)
            rest = [*call.args[1:], *(one.value for one in call.keywords)]
            sound = named and all(map(_value, rest))
            return name in WRITERS and sound and _file(call, SAVED_FILE)
    return False


def _target(node: ast.expr) -> bool:
    """An entry, or several at once."""
    return all(map(_entry, node.elts)) if isinstance(node, ast.Tuple) else _entry(node)


def _file(call: ast.Call, pattern: re.Pattern[str]) -> bool:
    """Whether a call's first argument is the plain name of such a file."""
    match call.args:
        case [ast.Constant(value=str(name)), *_]:
            return pattern.fullmatch(name) is not None
    return False


def _entry(node: ast.expr) -> bool:
    """One of `masks`, `names`, `colors` or `marks`, by its number."""
    match node:
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=number)):
            return name in DICTIONARIES and type(number) is int
    return False


def _value(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=value):
            return value is None or type(value) in (int, float, str, bool)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=value)):
            return type(value) in (int, float)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return all(map(_value, parts))
        case ast.Name(id=name):
            return name == "volume"
        case ast.Call():
            return _call(node)
    return _entry(node)


def _call(node: ast.Call) -> bool:
    options = [one.value for one in node.keywords if one.arg is not None]
    if len(options) < len(node.keywords) or not all(map(_value, [*node.args, *options])):
        return False
    match node.func:
        case ast.Name(id="from_file"):
            return _file(node, LABEL_FILE) and not node.keywords
        case ast.Attribute(value=ast.Name(id="masks"), attr="pop"):
            return True
        case ast.Attribute(value=ast.Name(id=module), attr=name):
            return name in MODULES.get(module, ())
        case ast.Attribute(value=ast.Call() as edit, attr="applied_to"):
            return _call(edit)
    return False
