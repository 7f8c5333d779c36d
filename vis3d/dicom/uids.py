"""Unique identifiers of what vis3d makes: under 2.25, at random or from a seed."""

import hashlib
import uuid


def new_uid(seed: str | None = None) -> str:
    """A UID of a UUID (PS3.5 section B.2); the same one for the same `seed`."""
    if seed is None:
        return f"2.25.{uuid.uuid4().int}"
    digest = hashlib.sha256(seed.encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"
