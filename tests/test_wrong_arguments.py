"""A call with something else than a volume, a mask or names says what is needed."""

from collections.abc import Callable

import numpy as np
import pytest

from vis3d.errors import UsageError
from vis3d.geometry import Geometry
from vis3d.meshing import extract_surface, isosurface
from vis3d.segmentation import (
    add_margin,
    close,
    fill,
    fill_in_slices,
    kmeans_ranges,
    largest_components,
    open_up,
    otsu_level,
    region_growing,
    segment,
    segment_lungs,
    smooth,
    split_touching,
    threshold,
)
from vis3d.volume import Volume

VOLUME = Volume(np.zeros((4, 5, 6), np.int16), Geometry((4, 5, 6), (0.7, 0.9, 2.5)))
OF_VOLUMES: dict[str, Callable[[object], object]] = {
    "segment": segment,
    "segment_lungs": segment_lungs,
    "threshold": lambda given: threshold(given, 3),
    "otsu_level": otsu_level,
    "kmeans_ranges": lambda given: kmeans_ranges(given, 3),
    "region_growing": lambda given: region_growing(given, (0, 0, 0), tolerance=3),
    "isosurface": lambda given: isosurface(given, 3),
}
OF_MASKS: dict[str, Callable[[object], object]] = {
    "add_margin": lambda given: add_margin(given, 3),
    "close": lambda given: close(given, 3),
    "open_up": lambda given: open_up(given, 3),
    "fill": fill,
    "fill_in_slices": fill_in_slices,
    "smooth": lambda given: smooth(given, 3),
    "largest_components": largest_components,
    "split_touching": split_touching,
    "extract_surface": extract_surface,
}


@pytest.mark.parametrize("name", OF_VOLUMES)
@pytest.mark.parametrize("given", ["scans/chest", None, 5])
def test_what_takes_a_volume_says_so(name: str, given: object) -> None:
    with pytest.raises(UsageError, match=r"A Volume is needed here, as vis3d\.load_volume"):
        OF_VOLUMES[name](given)


@pytest.mark.parametrize("name", OF_MASKS)
@pytest.mark.parametrize("given", [VOLUME, VOLUME.array > 3, "lungs"])
def test_what_takes_a_mask_says_so(name: str, given: object) -> None:
    with pytest.raises(UsageError, match="A Mask is needed here, of one structure"):
        OF_MASKS[name](given)


@pytest.mark.parametrize("names", [5, None, [5], [None], [["lungs"]]])
def test_structures_that_are_no_names_are_refused(names: object) -> None:
    with pytest.raises(UsageError, match="Structures are named"):
        segment(VOLUME, names)  # type: ignore[arg-type]
