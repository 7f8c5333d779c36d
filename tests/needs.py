"""Skips where a part of the machine is missing; fails under VIS3D_STRICT=1."""

import os

import pytest


def need(there: bool, what: str) -> None:
    """Skip this test, or fail it where everything must be there, unless `there`."""
    if not there:
        (pytest.fail if os.environ.get("VIS3D_STRICT") == "1" else pytest.skip)(f"needs {what}")
