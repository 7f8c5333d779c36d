"""What many tests need: the real scans, an oblique grid, and a word when a part is missing."""

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.needs import need
from vis3d.geometry import Geometry

DATA = Path(os.environ.get("VIS3D_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


FAILED = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Print at the end what failed before a second try went well, and why."""
    config.option.rerun_show_tracebacks = True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try a test in the browser once more: on a busy machine a click can come too late."""
    for item in items:
        if item.get_closest_marker("browser") and not item.get_closest_marker("flaky"):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep in mind that a test failed."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Give up the page a test failed on: whoever comes next gets a fresh one.

    A page shared by a module would keep what was left in the hand or open.
    """
    if item.stash.get(FAILED, False) and item.get_closest_marker("browser"):
        item.stash[FAILED] = False
        item.session._setupstate.teardown_exact(None)


@pytest.fixture
def hangup_heard() -> Iterator[None]:
    """A terminal that closes is heard, even in tests that `nohup` started."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real scans (see ../shared/data/README.md)."""
    need(DATA.is_dir(), "the real scans: put them at ../shared/data or set VIS3D_TEST_DATA")
    return DATA


@pytest.fixture
def oblique() -> Geometry:
    """A grid that hides no axis error: oblique, anisotropic, three unequal sizes."""
    return oblique_geometry()


def oblique_geometry(
    shape: tuple[int, int, int] = (20, 30, 40),
    spacing: tuple[float, float, float] = (0.7, 0.9, 2.5),
    origin: tuple[float, float, float] = (-31.0, 17.5, 204.25),
) -> Geometry:
    """A grid turned by three different angles about the three axes."""
    turned = np.eye(3)
    for axis, degrees in enumerate((17.0, -29.0, 41.0)):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        a, b = [n for n in range(3) if n != axis]
        turn = np.eye(3)
        turn[a, a], turn[a, b], turn[b, a], turn[b, b] = c, -s, s, c
        turned = turned @ turn
    return Geometry(shape, spacing, origin, turned)
