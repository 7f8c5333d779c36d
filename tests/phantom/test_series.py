"""A phantom written as a series is read with its truth in place."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from tests.conftest import oblique_geometry
from vis3d.dicom import discover, load_series, write_ct_series
from vis3d.phantom import chest_phantom


@pytest.mark.parametrize("tilt_degrees", [0.0, 14.0, -20.0])
@pytest.mark.parametrize("direction", [np.eye(3), oblique_geometry().direction])
def test_truth_lies_where_the_series_is_read(
    tmp_path: Path, tilt_degrees: float, direction: np.ndarray
) -> None:
    made = chest_phantom(
        shape=(50, 72, 68), direction=direction, tilt_degrees=tilt_degrees, noise_hu=0
    )
    write_ct_series(
        made.volume,
        tmp_path,
        patient_name="Phantom^Chest",
        patient_id="PHANTOM",
        slice_origins_lps=made.slice_origins_lps,
        seed=0,
    )
    (series,) = discover(tmp_path).series
    assert ("gantry-tilt" in {f.code for f in series.findings}) == (tilt_degrees != 0)
    volume = load_series(series)
    truth = made.truth_on(volume.geometry)
    inside = volume.inside_scan()
    body = truth.mask("body").array
    deep = ndimage.binary_erosion(body, iterations=2) & inside
    outside = ~ndimage.binary_dilation(body, iterations=2) & inside
    lungs = ndimage.binary_erosion(truth.mask("lungs").array, iterations=2) & inside
    tissue = deep & ~ndimage.binary_dilation(np.isin(truth.array, (1, 2, 3)), iterations=2)
    assert lungs.sum() > 1000
    assert (volume.array[lungs] < -400).mean() > 0.93  # the rest are vessels
    assert (volume.array[outside] < -100).all()
    assert np.percentile(volume.array[tissue], 2) > -200
