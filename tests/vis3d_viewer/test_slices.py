"""Slices as the browser gets them."""

import io

import numpy as np
import pytest
from PIL import Image
from vis3d_viewer.slices import SliceRequest, slice_jpeg

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.scans import blob_lps, blob_study
from vis3d.errors import UsageError
from vis3d.imaging import PLANES, Plane, Window, cut, slice_index

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
