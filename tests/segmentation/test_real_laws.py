"""What moves or crops a real patient moves or crops what is found in it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.segmentation.simple_chest import dice
from vis3d.files import load_volume
from vis3d.geometry import Geometry
from vis3d.segmentation import segment
from vis3d.volume import Volume

pytestmark = [pytest.mark.real, pytest.mark.slow]
FILES = ("cmb_crc_01068.zip", "totalsegmentator/example_ct.nii.gz")
OTHER_SIDE = {"left lung": "right lung", "right lung": "left lung"}
AROUND = 12
Found = dict[str, NDArray[np.bool_]]


def found_in(volume: Volume) -> Found:
    labels = segment(volume, ("lungs", "airways", "bones", "body"))
    found = {s.name: labels.mask(s.name).array for s in labels.structures}
    return {name: mask for name, mask in found.items() if mask.any()}


def cropped(volume: Volume, box: tuple[slice, ...]) -> Volume:
    """The part of a scan in a box [k, j, i]."""
    array = np.ascontiguousarray(volume.array[box])
    first = [part.start or 0 for part in box[::-1]]
    origin = volume.geometry.to_lps(np.array(first, float))
    geometry = volume.geometry
    geometry = Geometry(array.shape, geometry.spacing, tuple(origin), geometry.direction)
    return replace(volume, array=array, geometry=geometry)


def near(mask: NDArray[np.bool_], step: int, off: int) -> tuple[slice, ...]:
    """All slices, and of rows and columns those near the mask, from a multiple of `step` on."""
    box = [slice(None)]
    for axis in (1, 2):
        inside = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        first = max(0, int(inside[0]) - AROUND) // step * step
        box.append(slice(first + off * (first > 0), int(inside[-1]) + AROUND))
    return tuple(box)


@pytest.mark.parametrize("file", FILES)
def test_a_mirrored_patient_has_everything_mirrored(real_data: Path, file: str) -> None:
    volume = load_volume(real_data / file)
    mirrored = replace(volume, array=np.ascontiguousarray(volume.array[:, :, ::-1]))
    other = found_in(mirrored)
    for name, mask in found_in(volume).items():
        assert dice(other[OTHER_SIDE.get(name, name)][:, :, ::-1], mask) > 0.999, name


@pytest.mark.parametrize("file", FILES)
def test_cropping_far_from_the_patient_changes_next_to_nothing(
    real_data: Path, file: str
) -> None:
    volume = load_volume(real_data / file)
    whole = found_in(volume)
    # every other voxel begins a coarse one; where none of these moves nothing else does
    for off, least in ((0, {}), (1, {"bones": 0.97, "left lung": 0.995, "right lung": 0.995})):
        box = near(whole["body"], 2, off)
        part = found_in(cropped(volume, box))
        for name, mask in whole.items():
            assert dice(part[name], mask[box]) > least.get(name, 0.999), (name, off)
