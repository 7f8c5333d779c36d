"""How many triangles each of several structures may have, where a file has a limit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vis3d.errors import InputError
from vis3d_cli.mesh_parts import Part, border_areas_mm2

if TYPE_CHECKING:
    from vis3d.volume import Volume

LEAST_TRIANGLES = 4
"""Those of a tetrahedron, the smallest closed surface."""


class Limits:
    """A file's triangles divided by area; what a structure leaves over, larger ones get.

    Each gets as many as it needs at `least`, a tetrahedron where these aren't known.

    Raises:
        InputError: there are fewer than all need together.
    """

    def __init__(
        self, parts: Sequence[Part], most: int | None, least: Sequence[int] = ()
    ) -> None:
        """Divide `most` triangles, or none at all where there is no limit."""
        alone = most is None or len(parts) == 1
        self._areas = [1.0] * len(parts) if alone else border_areas_mm2(parts)
        self._least = least or [LEAST_TRIANGLES] * len(parts)
        if most is not None and most < sum(self._least):
            raise InputError(
                f"{most} triangles can't hold the pieces of {len(parts)} structures: "
                f"the smallest possible is {sum(self._least)}."
            )
        self._left = most
        self._waiting = set(range(len(parts)))
        self.order = sorted(self._waiting, key=lambda number: self._areas[number])

    def of(self, number: int) -> int | None:
        """The limit of one structure, if there is any."""
        if self._left is None:
            return None
        all_mm2 = sum(self._areas[one] for one in self._waiting)
        share = self._areas[number] / all_mm2 if all_mm2 else 1 / len(self._waiting)
        others = sum(self._least[one] for one in self._waiting - {number})
        return max(self._least[number], min(int(self._left * share), self._left - others))

    def used(self, number: int, triangles: int) -> None:
        """A structure is done and has this many."""
        self._waiting.discard(number)
        if self._left is not None:
            self._left -= triangles


def least_triangles(one: Part, volume: "Volume", options: dict[str, Any]) -> int:
    """A tetrahedron for each piece and cavity of the surface."""
    from vis3d.meshing import extract_surface
    from vis3d.meshing.manifold import piece_of_points

    plain = {**options, "smooth_mm": 0.0, "max_deviation_mm": None, "measure": "nothing"}
    surface = extract_surface(one.mask(), volume, **plain)
    pieces = piece_of_points(len(surface.points), surface.triangles).max() + 1
    return LEAST_TRIANGLES * int(pieces)
