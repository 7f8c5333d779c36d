"""Which of the pages that share a view asked for what is done: what it gets is for it alone."""

from contextvars import ContextVar

MAX_NAME = 40
_PAGE: ContextVar[str] = ContextVar("page", default="")


def remember_page(page: object) -> None:
    """This page, by the name it gave itself, asks for all that is begun from here on."""
    _PAGE.set(page[:MAX_NAME] if isinstance(page, str) else "")


def asking_page() -> str:
    """The page that asked for the work that is going on here."""
    return _PAGE.get()
