"""Masks that may overlap -> as few label maps as hold them."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from vis3d.geometry import Geometry
from vis3d.labels import LabelMap, Report, Structure


def packed(
    structures: Iterable[Structure],
    mask_of: Callable[[Structure], tuple[NDArray[np.bool_], Geometry]],
    *,
    under: int = 0,
    report: Report | None = None,
) -> tuple[LabelMap, ...]:
    """Each structure on the first label map where it overlaps none.

    All others lie on the label `under`, where there is one, as on a body that holds them.
    """
    listed = sorted(structures, key=lambda one: one.label != under)
    kind = np.uint8 if all(one.label < 256 for one in listed) else np.uint16
    painted: list[tuple[NDArray[np.uint8] | NDArray[np.uint16], list[Structure], Geometry]] = []
    for structure in listed:
        mask, geometry = mask_of(structure)
        free = (one for one in painted if np.isin(one[0][mask], (0, under)).all())
        array, members, _ = next(free, (np.zeros(mask.shape, kind), [], geometry))
        if not members:
            painted.append((array, members, geometry))
        array[mask] = structure.label
        members.append(structure)
    return tuple(
        LabelMap(
            array,
            geometry,
            tuple(sorted(members, key=lambda one: one.label)),
            report or Report(),
        )
        for array, members, geometry in painted
    )
