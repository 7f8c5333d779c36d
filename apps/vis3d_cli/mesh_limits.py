"""How many triangles each of several structures may have, where a file has a limit."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from vis3d.errors import InputError
from vis3d_cli.mesh_parts import Part, border_areas_mm2

LEAST_TRIANGLES = 4
"""Those of a tetrahedron, the smallest closed surface."""


class Limits:
    """A file's triangles divided by area; what a structure leaves over, larger ones get."""

    def __init__(self, parts: Sequence[Part], most: int | None) -> None:
        """Divide `most` triangles, or none at all where there is no limit."""
        alone = most is None or len(parts) == 1
        self._areas = [1.0] * len(parts) if alone else border_areas_mm2(parts)
        self._names = [part.name for part in parts]
        self._most = most
        self._left = most or 0
        self._waiting = set(range(len(parts)))
        self.order = sorted(self._waiting, key=lambda number: self._areas[number])

    @contextmanager
    def said_of(self, number: int) -> Iterator[int | None]:
        """The limit of one structure; a refusal says whose share was too small."""
        limit = self._limit(number)
        try:
            yield limit
        except InputError as error:
            if limit is None or limit == self._most or "triangles" not in str(error):
                raise
            raise InputError(
                f"Of {self._most} triangles {self._names[number]} gets {limit} by its area: "
                f"{error}"
            ) from error

    def used(self, number: int, triangles: int) -> None:
        """A structure is done and has this many."""
        self._waiting.discard(number)
        self._left -= triangles

    def _limit(self, number: int) -> int | None:
        if self._most is None:
            return None
        all_mm2 = sum(self._areas[one] for one in self._waiting)
        share = self._areas[number] / all_mm2 if all_mm2 else 1 / len(self._waiting)
        return max(LEAST_TRIANGLES, int(self._left * share))
