"""The bones of a mouse are as thin as noise specks in a person, and are bones."""

import numpy as np
from scipy.ndimage import gaussian_filter

from tests.conftest import oblique_geometry
from tests.segmentation.simple_chest import dice
from vis3d.segmentation import segment
from vis3d.volume import Volume


def test_ribs_and_spine_of_a_mouse_are_bones_and_said_in_parts_of_a_ml() -> None:
    geometry = oblique_geometry((70, 130, 140), (0.2, 0.18, 0.27))
    k, j, i = np.indices(geometry.shape)
    lps = geometry.to_lps(np.stack([i, j, k], axis=-1))
    x, y, z = np.moveaxis(lps - lps.reshape(-1, 3).mean(axis=0), -1, 0)
    hu = np.full(geometry.shape, -1000.0)
    radius = np.hypot(x, y)
    hu[radius < 10] = 50
    for side in (-1, 1):
        hu[np.hypot(x - side * 4, y + 1) < 3] = -600
    spine = np.hypot(x, y - 6) < 1.3
    ribs = (np.abs(radius - 8) < 0.35) & (np.abs((z - y / 3) % 2.4 - 1.2) < 0.35)
    bones = (spine & (np.abs(z % 1.9 - 0.95) < 0.75)) | (ribs & (y < 6))
    hu[bones] = 800
    noise = np.random.default_rng(3).normal(0, 25, hu.shape)
    seen = (gaussian_filter(hu, 0.5) + noise).round().astype(np.int16)
    labels = segment(Volume(seen, geometry), ["bones"])
    found = labels.mask("bones").array
    assert np.mean(found[ribs & bones]) > 0.9
    assert dice(found, bones) > 0.85
    said = {check.code: check.message for check in labels.report.checks}
    assert said["bones-found"].startswith("Bones of 0.")
