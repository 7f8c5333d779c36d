"""Silence: what pydicom and highdicom warn of quotes the patient's name and dates."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_here = threading.local()
# pydicom (3.0) says each warning in its log as well, which whoever sets up logging would read.
logging.getLogger("pydicom").addFilter(lambda record: not getattr(_here, "quiet", False))


@contextmanager
def quietly() -> Iterator[None]:
    """Inside (or in a function so decorated) there are no warnings, and no log of pydicom's."""
    before = getattr(_here, "quiet", False)
    _here.quiet = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _here.quiet = before
