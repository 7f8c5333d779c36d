"""Findings as text in a DICOM object, and back."""

import json
import re
from collections.abc import Iterable

from vis3d.volume import Finding, Severity

LONGEST_TEXT = 10_240
"""Characters of a Long Text (PS3.5 section 6.2)."""
LONGEST_MESSAGE = 500

_ROW = re.compile(r"FINDING=(\{.*\})")
_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


def text_of(findings: Iterable[Finding]) -> str:
    """A line a finding, the gravest first, as many as fit; nothing else."""
    listed = sorted(dict.fromkeys(findings), key=lambda one: _SEVERITIES.index(one.severity))
    text = ""
    for finding in listed:
        row = {**finding.as_dict(), "message": finding.message[:LONGEST_MESSAGE]}
        longer = f"{text}FINDING={json.dumps(row)}\r\n"
        text = longer if len(longer) <= LONGEST_TEXT else text
    return text.rstrip()


def findings_in(text: str) -> tuple[Finding, ...]:
    """The findings that `text_of` wrote; nothing from any other text."""
    return tuple(found for row in _ROW.findall(text) if (found := _finding(row)) is not None)


def _finding(row: str) -> Finding | None:
    try:
        known = json.loads(row)
        severity = next(one for one in _SEVERITIES if one == known["severity"])
        return Finding(str(known["code"]), severity, str(known["message"]))
    except (ValueError, KeyError, TypeError, StopIteration, RecursionError):
        return None
