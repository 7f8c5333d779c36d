"""Names for the labels of a file that has none, where the scan bears out vis3d's numbers."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vis3d.labels import STRUCTURES, LabelMap
from vis3d.volume import Finding, Volume

LEFT, RIGHT = 1, 2
MEDIANS_HU: dict[str, tuple[float, float]] = {
    "left lung": (-1100, -400),
    "right lung": (-1100, -400),
    "airways": (-1100, -750),
    "bones": (50, 3000),
    "body": (-300, 1000),
    "cortical": (150, 3000),
    "cancellous": (0, 1500),
    "metal": (1500, np.inf),
}
"""Between which the median of each lies. Others number lobes, lesions or organs from 1 on: the
label 3 of those is no air, or their 5 no tissue."""
ON_ITS_SIDE = 0.9
"""What of a lung lies on its side of the plane midway between both, at least."""
SAMPLES = 100_000


def named_by_number(labels: LabelMap, volume: Volume) -> LabelMap:
    """The label map with vis3d's names, where it has none and all its labels fit the scan.

    A number alone says nothing: 1 is the left lung here, the right one in lungmask, and the
    spleen in TotalSegmentator. So 1 and 2 must lie left and right of each other in the patient,
    and each label must be as dense as what it would be called. A finding says so.
    """
    ours = {known.label: known for known in STRUCTURES}
    numbers = {one.label for one in labels.structures}
    unnamed = all(one.name == f"label {one.label}" for one in labels.structures)
    if not unnamed or volume.unit != "HU" or not {LEFT, RIGHT} <= numbers <= set(ours):
        return labels
    places = {number: _sample(labels.array == number) for number in numbers}
    if not all(len(those) for those in places.values()):
        return labels
    dense = all(_is_as_dense(volume, those, ours[n].name) for n, those in places.items())
    if not dense or not _lie_side_by_side(volume, places[LEFT], places[RIGHT]):
        return labels
    structures = tuple(ours[one.label] for one in labels.structures)
    words = ", ".join(f"{one.label} {one.name}" for one in structures)
    message = (
        "The file names none of its labels; they have the places and densities of vis3d's own "
        f"numbers and are taken for these: {words}."
    )
    named = replace(labels, structures=structures)
    return named.with_findings(Finding("labels-by-number", "note", message))


def _sample(mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Some of the mask's voxels, evenly, as indices into the flat array."""
    places = np.flatnonzero(mask)
    return places[:: len(places) // SAMPLES + 1]


def _is_as_dense(volume: Volume, places: NDArray[np.intp], name: str) -> bool:
    lowest, highest = MEDIANS_HU[name]
    hu = volume.array.take(places).astype(np.float32)
    return bool(lowest <= np.median(hu) <= highest)


def _lie_side_by_side(volume: Volume, left: NDArray[np.intp], right: NDArray[np.intp]) -> bool:
    """Whether one lies to the patient's left of the other, hardly overlapping."""
    left_mm, right_mm = _l_of(volume, left), _l_of(volume, right)
    middle = (left_mm.mean() + right_mm.mean()) / 2
    shares = (float(np.mean(left_mm > middle)), float(np.mean(right_mm < middle)))
    return min(shares) >= ON_ITS_SIDE


def _l_of(volume: Volume, places: NDArray[np.intp]) -> NDArray[np.float64]:
    """The places' first coordinate in LPS mm: towards the patient's left."""
    kji = np.unravel_index(places, volume.geometry.shape)
    return volume.geometry.to_lps(np.stack(kji[::-1], axis=-1))[:, 0]
