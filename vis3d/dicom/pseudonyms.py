"""What stands for a patient's identity: the same for the same key, and nothing without it."""

import datetime
import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass, field

KEY_BYTES = 32
MOST_DAYS = 3650
"""Dates move back by up to ten years, by as many days for all of a patient."""

_DATE = re.compile(r"(\d{8})((?:\d{2}){0,3}(?:\.\d{1,6})?(?:[+-]\d{4})?)")


@dataclass(frozen=True)
class Pseudonyms:
    """UIDs, words and days that depend on the original and a secret key (HMAC-SHA-256).

    Without a key of one's own each run makes other ones, which nobody can tell apart from
    chance, nor compute again.
    """

    key: bytes = field(default_factory=lambda: secrets.token_bytes(KEY_BYTES), repr=False)

    def uid(self, original: str) -> str:
        """The UID that stands for another one, under 2.25 (PS3.5 section B.2)."""
        return f"2.25.{uuid.UUID(bytes=self._digest('uid', original)[:16], version=4).int}"

    def word(self, kind: str, original: str, digits: int = 8) -> str:
        """A word of hexadecimal digits that stands for a text."""
        return self._digest(kind, original).hex()[:digits].upper()

    def days(self, patient: str) -> int:
        """How many days the dates of a patient move back."""
        return 1 + int.from_bytes(self._digest("days", patient)[:8], "big") % MOST_DAYS

    def _digest(self, kind: str, original: str) -> bytes:
        text = f"{kind}\0{original}".encode("utf-8", "surrogatepass")
        return hmac.new(self.key, text, hashlib.sha256).digest()


def moved_back(text: str, days: int) -> str:
    """A date (DA) or date with time (DT) some days earlier; "" for what is none."""
    match = _DATE.fullmatch(text.strip())
    try:
        date = datetime.datetime.strptime(match[1], "%Y%m%d").date() if match else None
        moved = date - datetime.timedelta(days=days) if date else None
    except (ValueError, OverflowError):
        moved = None
    return f"{moved:%Y%m%d}{match[2]}" if match and moved and moved.year > 999 else ""
