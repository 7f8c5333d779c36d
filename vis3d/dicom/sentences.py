"""Errors about a file -> sentences that begin with its name."""

from vis3d.errors import InputError

_VERBS = frozenset(
    "has ends inflates is holds cannot claims names stores says decodes doesn't".split()  # noqa: SIM905
)
_DESCRIBING = frozenset("a an no not neither perhaps too truncated:".split())  # noqa: SIM905


def reason_of(name: str, error: InputError) -> str:
    """Why a file is left out, without repeating its name."""
    return str(error).removeprefix(name).strip().rstrip(".")


def named_error(name: str, error: InputError) -> InputError:
    """The same error as a sentence about the file, or its name before a sentence."""
    reason = reason_of(name, error)
    first = reason.partition(" ")[0]
    joint = " " if first in _VERBS else " is " if first in _DESCRIBING else ": "
    return type(error)(f"{name}{joint}{reason}.")
