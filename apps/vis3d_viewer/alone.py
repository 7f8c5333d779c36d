"""Methods that change a thing one after the other, whatever thread they are called from."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

Options = ParamSpec("Options")
Answer = TypeVar("Answer")


class Lockable(Protocol):
    """A thing with a lock that its own thread may take again."""

    @property
    def lock(self) -> AbstractContextManager[object]:
        """The lock."""


Thing = TypeVar("Thing", bound=Lockable)


def alone(
    change: Callable[Concatenate[Thing, Options], Answer],
) -> Callable[Concatenate[Thing, Options], Answer]:
    """A method that waits until another one of these, in another thread, is done."""

    @wraps(change)
    def do(self: Thing, /, *arguments: Options.args, **named: Options.kwargs) -> Answer:
        with self.lock:
            return change(self, *arguments, **named)

    return do
