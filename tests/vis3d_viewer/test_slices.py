"""Slices as the browser gets them."""

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from vis3d_viewer.slices import SliceRequest, slice_jpeg
from vis3d_viewer.study import Study

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.scans import blob_lps, blob_study
from vis3d.errors import UsageError
from vis3d.imaging import PLANES, Plane, Window, cut, slice_index
from vis3d.imaging.cuts import Cut
from vis3d.imaging.stacks import Stack, shown
from vis3d.volume import Volume

WINDOW = Window(0, 1000)


@pytest.mark.parametrize("plane", PLANES)
def test_the_blob_is_bright_where_it_lies(plane: Plane) -> None:
    study = blob_study()
    assert study.volume is not None
    index = slice_index(oblique_geometry(), plane, blob_lps())
    row, column = cut(study.volume, plane, index).to_row_column(blob_lps())
    pixels = np.asarray(
        Image.open(io.BytesIO(slice_jpeg(study, SliceRequest(plane, index, WINDOW))))
    ).astype(float)
    assert pixels.ndim == 2
    rows, columns = np.indices(pixels.shape)
    bright = np.where(pixels > 128, pixels, 0)
    assert (bright * rows).sum() / bright.sum() == pytest.approx(row, abs=0.1)
    assert (bright * columns).sum() / bright.sum() == pytest.approx(column, abs=0.1)


def test_a_shown_label_colours_the_slice() -> None:
    study = blob_study()
    index = slice_index(oblique_geometry(), "axial", blob_lps())
    request = SliceRequest("axial", index, Window(3000, 100), ((4, 1.0),))
    pixels = np.asarray(Image.open(io.BytesIO(slice_jpeg(study, request)))).astype(float)
    assert np.abs(pixels.max(axis=(0, 1)) - study.structures[0].color).max() < 25


def test_without_its_labels_a_slice_stays_grey() -> None:
    request = SliceRequest("axial", 0, WINDOW, ((4, 0.4),))
    assert Image.open(io.BytesIO(slice_jpeg(blob_study(), request))).mode == "L"


def test_a_slice_beyond_the_last_is_refused() -> None:
    with pytest.raises(UsageError, match="from 0 to"):
        slice_jpeg(blob_study(), SliceRequest("axial", 1000, WINDOW))


TURN = (0.96, 0.0, 0.28, 0.0)
WIDE = Window(-500, 2000)
REQUESTS = [
    SliceRequest("axial", 3, WIDE),
    SliceRequest("axial", 3, Window(-900, 300)),
    SliceRequest("axial", 4, WIDE),
    SliceRequest("axial", 4, WIDE, blend="mip", thickness_mm=6.0),
    SliceRequest("axial", 4, WIDE, blend="mean", thickness_mm=6.0),
    SliceRequest("axial", 4, WIDE, blend="mean", thickness_mm=11.0),
    SliceRequest("axial", 4, WIDE, turn=TURN),
    SliceRequest("coronal", 4, WIDE),
]


def test_what_was_seen_before_does_not_change_a_slice() -> None:
    study = textured_study()
    fresh = [slice_jpeg(textured_study(), request) for request in REQUESTS]
    assert len(set(fresh)) == len(fresh)
    for request, expected in [*zip(REQUESTS, fresh, strict=True)] * 2:
        assert slice_jpeg(study, request) == expected
    for request, expected in reversed([*zip(REQUESTS, fresh, strict=True)]):
        assert slice_jpeg(study, request) == expected


def test_another_volume_is_not_mistaken_for_the_last_one() -> None:
    study = textured_study()
    before = slice_jpeg(study, REQUESTS[0])
    assert study.volume is not None
    darker = replace(study.volume, array=study.volume.array - 400)
    assert slice_jpeg(replace(study, volume=darker), REQUESTS[0]) != before
    assert slice_jpeg(study, REQUESTS[0]) == before


def test_another_window_needs_no_other_slab(monkeypatch: pytest.MonkeyPatch) -> None:
    study, made = textured_study(), []

    def counted(volume: Volume, where: Stack, index: int, **slab: Any) -> Cut:
        made.append(index)
        return shown(volume, where, index, **slab)

    monkeypatch.setattr("vis3d_viewer.sheets.shown", counted)
    slab = REQUESTS[3]
    for width in (100, 200, 300):
        slice_jpeg(study, replace(slab, window=Window(0, width)))
    assert made == [slab.index]


def textured_study() -> Study:
    """A blob in noise, so that no two slices look alike."""
    study = blob_study()
    assert study.volume is not None
    noise = np.random.default_rng(1).integers(-300, 300, study.volume.array.shape, np.int16)
    array = np.asarray(study.volume.array + noise, np.int16)
    return replace(study, volume=replace(study.volume, array=array))
