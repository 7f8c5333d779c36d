"""The numbers of a real scan and its experts' labels, computed again by NumPy and pynrrd."""

from pathlib import Path

import nrrd
import numpy as np
import pytest
from scipy.spatial.distance import pdist

import vis3d
from vis3d.measurement import measure_structures


@pytest.mark.real
def test_expert_labels_of_a_chest_have_the_numbers_of_another_reader(real_data: Path) -> None:
    folder = real_data / "cip_small_chest"
    volume = vis3d.read_volume(folder / "ct-64.nrrd")
    found = measure_structures(volume, vis3d.read_labelmap(folder / "lm-64.nrrd"))
    values, header = nrrd.read(str(folder / "ct-64.nrrd"))
    labels, _ = nrrd.read(str(folder / "lm-64.nrrd"))
    steps = np.array(header["space directions"], float)
    voxel_ml = abs(np.linalg.det(steps)) / 1000
    present = [label for label in np.unique(labels).tolist() if label]
    assert {f"label {label}" for label in present} <= {r.name for r in found.regions}
    for label in present:
        region = found.region(f"label {label}")
        hu = values[labels == label].astype(float)
        assert region.volume_ml == pytest.approx(hu.size * voxel_ml)
        assert region.mean_hu == pytest.approx(hu.mean())
        assert region.sd_hu == pytest.approx(hu.std())
        assert region.laa950_percent == pytest.approx(100 * (hu < -950).mean())
        assert region.perc15_hu == np.percentile(hu, 15, method="inverted_cdf")
        assert region.mass_g == pytest.approx(np.maximum(hu + 1000, 0).sum() * voxel_ml / 1000)
        places = np.argwhere(labels == label) @ steps
        between = pdist(places[:: max(1, len(places) // 600)]).max() if len(places) > 1 else 0.0
        assert region.extent is not None
        box = np.array([places.min(axis=0), places.max(axis=0)]) + header["space origin"]
        box += np.abs(steps).sum(axis=0) / 2 * np.array([[-1], [1]])
        np.testing.assert_allclose(region.extent.box_lps_mm, box, atol=1e-3)
        assert between <= region.extent.diameter_mm <= np.linalg.norm(box[1] - box[0]) + 1e-9
