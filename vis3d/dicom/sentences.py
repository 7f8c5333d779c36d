"""Errors about a file -> sentences that begin with its name."""

from vis3d.errors import InputError

_VERBS = frozenset("has ends inflates is holds cannot claims names stores says".split())  # noqa: SIM905


def reason_of(name: str, error: InputError) -> str:
    """Why a file is left out, without repeating its name."""
    return str(error).removeprefix(name).strip().rstrip(".")


def named_error(name: str, error: InputError) -> InputError:
    """The same error as a sentence that begins with the file's name."""
    reason = reason_of(name, error)
    verb = "" if reason.split()[0] in _VERBS else "is "
    return type(error)(f"{name} {verb}{reason}.")
