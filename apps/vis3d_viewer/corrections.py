"""Corrections by hand: strokes of a brush, and cuts with scissors in slices and in 3D."""

from collections.abc import Callable
from functools import partial
from typing import Any

from vis3d import segmentation
from vis3d.errors import UsageError
from vis3d.segmentation import Brush, Edit
from vis3d.volume import Mask
from vis3d_viewer import scripts
from vis3d_viewer.asked import finite, known, label_of, points_of
from vis3d_viewer.desk import Desk, by_name
from vis3d_viewer.showing import Showing
from vis3d_viewer.tools import (
    MAX_MM,
    MAX_STROKE,
    SIDES,
    STROKES,
    Side,
    range_of,
    slice_mm,
    titled,
)


class Corrections:
    """What a hand does to the voxels of a structure, one stroke after the other."""

    def __init__(self, desk: Desk, showing: Showing) -> None:
        self._desk = desk
        self._showing = showing

    @property
    def triggers(self) -> dict[str, Callable[..., None]]:
        """What the page can ask for, by name."""
        return by_name(
            self.stroke,
            self.cut_outline,
            self.cut_view,
        )

    # What a person asks for: words from a browser, to be judged here

    def stroke(
        self,
        tool: object,
        label: object,
        points: object,
        radius_mm: object,
        normal: object = None,
        values: object = None,
    ) -> None:
        """Paint or erase along a stroke: a ball, or with a `normal` a disc in its plane.

        `values` limits it to voxels from one value to another.
        """
        draw = STROKES[known(tool, STROKES)]
        way = points_of(points, MAX_STROKE)
        across = None if normal is None else points_of([normal], 1)[0]
        limits = range_of(*values) if isinstance(values, list) and len(values) == 2 else None
        brush = Brush(finite(radius_mm, 0.1, MAX_MM, "A radius in mm"), across, limits)
        volume = self._showing.volume
        make = lambda mask: draw(mask, way, brush, volume=volume)  # noqa: E731
        code = scripts.editing(
            label_of(label),
            draw.__name__,
            [list(point) for point in way],
            f"@segmentation.{brush!r}",
            volume="@volume",
        )
        self._desk.start(self._by_hand(label_of(label), titled(tool), make, code))

    def cut_outline(
        self, label: object, points: object, normal: object, side: object, through: object
    ) -> None:
        """Take away what lies inside (or outside) an outline: in its slice, or all through."""
        outline = points_of(points, MAX_STROKE)
        across = points_of([normal], 1)[0]
        remove = SIDES[known(side, SIDES)]
        depth = None if through is True else slice_mm(self._showing.volume, across)

        def cut(mask: Mask) -> Edit:
            return segmentation.scissors(mask, outline, across, remove=remove, depth_mm=depth)

        code = scripts.editing(
            label_of(label),
            "scissors",
            [list(point) for point in outline],
            list(across),
            remove=remove,
            depth_mm=depth,
        )
        self._desk.start(self._by_hand(label_of(label), "Scissors", cut, code))

    def cut_view(self, label: object, outline: object, side: object) -> None:
        """Take away what is seen in 3D inside (or outside) an outline.

        Its points (x, y) go from -1 to 1 across the view, y upwards.
        """
        if not isinstance(outline, list) or not 3 <= len(outline) <= MAX_STROKE:
            raise UsageError("An outline has three points and more.")
        flat = points_of([[*xy, 0.0] for xy in outline if isinstance(xy, list)], MAX_STROKE)
        remove = SIDES[known(side, SIDES)]
        self._desk.start(self._cut_view(label_of(label), [xy[:2] for xy in flat], remove))

    # How it is done, on the event loop

    async def _cut_view(self, label: int, outline: list[Any], remove: Side) -> None:
        if self._desk.view is None:
            raise UsageError("There is no 3D view yet.")
        projection = await self._desk.view.projection()

        def cut(mask: Mask) -> Edit:
            return segmentation.scissors_in_view(mask, outline, projection, remove=remove)

        view = projection.tolist()
        code = scripts.editing(
            label, "scissors_in_view", [list(xy) for xy in outline], view, remove=remove
        )
        await self._by_hand(label, "Scissors in 3D", cut, code)

    async def _by_hand(
        self, label: int, step: str, make: Callable[[Mask], Edit], code: str
    ) -> None:
        """What a hand does follows at once, one after the other; 3D as soon as it can."""
        change = partial(self._showing.structures.change, label, step, make, code)
        await self._showing.change(change)
        await self._showing.redraw()
