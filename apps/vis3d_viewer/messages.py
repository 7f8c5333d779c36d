"""What arrives on the websocket: bounded, whole, and refused in one line where it is neither.

wslink 2.6 takes messages of 4 GB from whoever has the key, prints text frames whole, and lets
what can't be unpacked end in a traceback.
"""

import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from wslink.chunking import UnChunker

log = logging.getLogger(__name__)

MAX_MESSAGE = 4 << 20
"""Bytes of a message; the longest that the page sends is a stroke of some 50 kB."""

MAX_PENDING = 8
"""Messages of which not all parts have come yet, a page."""

UNSOUND = 1008
"""The code with which a websocket is closed for what it sent (RFC 6455)."""


class BoundedUnChunker(UnChunker):
    """Puts parts of messages together, within bounds."""

    def set_max_message_size(self, size: int) -> None:
        """Take longer messages from now on; never longer than `MAX_MESSAGE`."""
        super().set_max_message_size(min(size, MAX_MESSAGE))

    def process_chunk(self, chunk: bytes) -> Any:
        """The message once it is whole.

        Raises:
            ValueError: too long, too many at once, or no message at all.
        """
        message = super().process_chunk(chunk)
        if len(self.pending_messages) > MAX_PENDING:
            raise ValueError("Too many messages at once.")
        if message is not None and not _is_call(message):
            raise ValueError("This is no call.")
        return message


def guard(handler: Any) -> None:
    """Have a handler of wslink's close the websocket of whoever sends what makes no sense."""
    connect, take = handler.onConnect, handler.onMessage

    async def on_connect(request: Any, client_id: str) -> None:
        await connect(request, client_id)
        handler.unchunkers[client_id] = BoundedUnChunker()

    async def on_message(is_binary: bool, message: Any, client_id: str) -> None:
        if is_binary:
            try:
                await take(is_binary, message, client_id)
                return
            except Exception as error:  # noqa: BLE001  (unpacking fails in many ways)
                reason = type(error).__name__
        else:
            reason = "a text"
        log.warning("Closed a websocket for what it sent: %s.", reason)
        await handler.connections[client_id].close(code=UNSOUND)

    handler.onConnect, handler.onMessage = on_connect, on_message


def forgiving(name: str, call: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """The same call, where senseless arguments are a line in the log."""

    async def do(*arguments: Any, **named: Any) -> Any:
        try:
            result = call(*arguments, **named)
            return await result if inspect.isawaitable(result) else result
        except Exception as error:  # noqa: BLE001  (whatever a page can send)
            log.warning("A page's call of %s made no sense: %s.", name, type(error).__name__)
            return None

    return do


def fits(function: Callable[..., Any], arguments: object) -> bool:
    """Whether a function can be called with these arguments."""
    if not isinstance(arguments, list):
        return False
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        return False
    except ValueError:  # it has no signature to be asked for
        return True
    return True


def _is_call(message: object) -> bool:
    """Whether a message has what wslink looks for without checking it."""
    return (
        isinstance(message, dict)
        and isinstance(message.get("id"), str)
        and isinstance(message.get("method"), str)
        and isinstance(message.get("args", []), list)
        and not message.get("kwargs")
    )
