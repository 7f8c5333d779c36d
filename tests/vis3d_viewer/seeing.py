"""What the explorer's page looks like, as numbers."""

import io

import numpy as np
from PIL import Image

from tests.vis3d_viewer.conftest import PATIENCE, Visit


def idle(seen: Visit) -> None:
    """Until no work is going on any more, nor what a click just asked for.

    The server takes one message after the other: when it answers this one, which asks for
    nothing, work that was asked for before has begun. A piece may follow another.
    """
    for _ in range(2):
        seen.page.evaluate("window.trame.trigger('look', ['nowhere'])")
        seen.page.wait_for_timeout(150)
        seen.find("job").wait_for(state="detached", timeout=2 * PATIENCE)


def picture(seen: Visit, name: str) -> np.ndarray:
    """What an element looks like, as floats (rows, columns, 3)."""
    png = seen.find(name).screenshot(animations="disabled")
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(float)


FITS = """() => {
    const view = document.querySelector('[data-testid=view-3d]');
    const width = view.querySelector('img')?.naturalWidth ?? 0;
    return view.querySelector('canvas') || Math.abs(width - view.clientWidth) < 4;
}"""
"""Whether the server's picture is one of the view as large as it is now."""


def volume_picture(seen: Visit) -> np.ndarray:
    """The 3D view at rest, without the buttons at its top."""
    before = np.zeros(1)
    for _ in range(200):
        seen.wait_for_3d()
        seen.wait_until(FITS)
        now = picture(seen, "view-3d")[40:]
        # Pictures and the word that they are fine come apart: two alike make sure.
        if now.shape == before.shape and np.abs(now - before).mean() < 0.02:
            return now
        before = now
        seen.page.wait_for_timeout(400)
    raise AssertionError("The 3D view never comes to rest.")


def until_3d_differs(seen: Visit, before: np.ndarray) -> np.ndarray:
    """The 3D view once it has changed and come to rest."""
    for _ in range(100):
        now = volume_picture(seen)
        if np.abs(now - before).mean() > 0.5:
            return now
    raise AssertionError("The 3D view stays as it was.")
