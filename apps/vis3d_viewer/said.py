"""What a page is told: text that it can show, without this machine's folders."""

import re

_FOLDERS = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:)?(?:[/\\][^\s/\\'\"]+)+[/\\](?=[^\s/\\])")
_OURS = re.compile(r"\S*[/\\]upload-\w+(?:[/\\](?:dicom|named))?(?:[/\\]\d+[/\\]?)?")
_FLAGS = re.compile(r"\s*\bUse \w+=\S+ \(--[^)]*\)[^.]*\.")
"""What to type in a shell: the page has a button for it."""


def plain(text: str) -> str:
    """The text without what can't be shown, or would show it as something else.

    Names of files may hold bytes that are no letters, which a websocket can't carry; marks
    that turn the direction of writing make one name look like another. A page has no flags.
    """
    return "".join(
        c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}"
        for c in _FLAGS.sub("", text)
    )


def said(error: Exception) -> str:
    """What an error says to a person at a page, which may be on another machine."""
    return plain(without_folders(str(error)))


def without_folders(text: str) -> str:
    """A message whose files have their own names alone; an upload's folder means nothing."""
    return _FOLDERS.sub("", _OURS.sub("", text))
