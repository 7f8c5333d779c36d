"""What a hand does to the slices, and what they show of it."""

from typing import Any

import numpy as np

from tests.vis3d_viewer.conftest import Visit

PLANES = ("axial", "coronal", "sagittal")


def settled(seen: Visit) -> None:
    """Until every slice shows what it should."""
    seen.wait_until(
        """[...document.querySelectorAll('.v3-slice')].every((view) =>
            view.querySelector('canvas').dataset.index === view.dataset.index)"""
    )


def state(seen: Visit) -> dict[str, Any]:
    """What gestures change, as the page shows it."""
    told: dict[str, Any] = {}
    for plane in PLANES:
        view = seen.find(f"slice-{plane}")
        told[plane] = int(view.get_attribute("data-index"))
        told[f"{plane} zoom"] = float(view.get_attribute("data-zoom"))
        told[f"{plane} pan"] = view.get_attribute("data-pan")
    told["window"] = seen.find("readout-window").inner_text()
    told["turned"] = [seen.find(f"slice-{p}").inner_text().count("oblique") for p in PLANES]
    return told


def changed(seen: Visit, before: dict[str, Any]) -> set[str]:
    seen.page.wait_for_timeout(120)
    settled(seen)
    now = state(seen)
    return {name for name in before if now[name] != before[name]}


def middle(seen: Visit, plane: str) -> tuple[float, float]:
    box = seen.find(f"slice-{plane}").bounding_box()
    return box["x"] + 0.4 * box["width"], box["y"] + 0.6 * box["height"]


def drag(
    seen: Visit, plane: str, by: tuple[float, float], button: Any = "left", key: str = ""
) -> None:
    x, y = middle(seen, plane)
    if key:
        seen.page.keyboard.down(key)
    seen.page.mouse.move(x, y)
    seen.page.mouse.down(button=button)
    seen.page.mouse.move(x + by[0], y + by[1], steps=5)
    seen.page.mouse.up(button=button)
    if key:
        seen.page.keyboard.up(key)


def canvas_pixels(seen: Visit, plane: str) -> np.ndarray:
    settled(seen)
    values = seen.find(f"picture-{plane}").evaluate(
        """(canvas) => {
            const { width, height } = canvas;
            const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
            return [...data].filter((_, n) => n % 4 === 0);
        }"""
    )
    return np.array(values, float)


def canvas_mean(seen: Visit, plane: str) -> float:
    return float(canvas_pixels(seen, plane).mean())
