"""Every structure of the phantom, whose truth is exact, in many poses, spacings and noises."""

import numpy as np
import pytest
from numpy.typing import ArrayLike

from tests.conftest import oblique_geometry
from tests.segmentation.simple_chest import dice
from vis3d.phantom import chest_phantom
from vis3d.segmentation import segment

EVERYTHING = ("lungs", "airways", "bones", "body")
SUPINE = np.eye(3)
CORONAL = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
FEET_FIRST = np.diag([1, -1, -1])
PRONE_TURNED = oblique_geometry().direction @ np.diag([-1, -1, 1])


def scores(**options: object) -> tuple[dict[str, float], dict[str, bool]]:
    """Dice of each structure, and the checks, of one phantom."""
    phantom = chest_phantom(**options)  # type: ignore[arg-type]
    labels = segment(phantom.volume, EVERYTHING)
    found = {
        name: dice(labels.mask(name).array, phantom.labels.mask(name).array)
        for name in ("left lung", "right lung", "airways", "bones", "body")
    }
    return found, {check.code: check.ok for check in labels.report.checks}


@pytest.mark.parametrize(
    ("shape", "spacing", "direction"),
    [
        pytest.param((72, 96, 110), (3.4, 3.6, 4.0), SUPINE, id="supine"),
        pytest.param((100, 72, 110), (3.5, 4.0, 3.4), CORONAL, id="coronal-stack"),
        pytest.param((72, 90, 110), (3.4, 3.6, 4.0), FEET_FIRST, id="feet-first"),
        pytest.param((36, 128, 150), (2.5, 2.5, 8.0), SUPINE, id="8-mm-slices"),
    ],
)
def test_every_structure_is_found_in_every_pose(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], direction: ArrayLike
) -> None:
    found, checks = scores(shape=shape, spacing=spacing, direction=direction)
    assert min(found["left lung"], found["right lung"]) > 0.97
    assert found["body"] > 0.99
    assert found["bones"] > 0.72
    assert found["airways"] > 0.75
    assert checks["trachea-found"]
    assert checks["sides-ratio"]


@pytest.mark.slow
@pytest.mark.parametrize("noise_hu", [5.0, 60.0])
@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("direction", [SUPINE, PRONE_TURNED])
def test_noise_and_anatomy_change_little(
    noise_hu: float, seed: int, direction: ArrayLike
) -> None:
    found, checks = scores(
        shape=(170, 200, 220),
        spacing=(1.75, 1.92, 1.88),
        noise_hu=noise_hu,
        seed=seed,
        direction=direction,
    )
    assert min(found["left lung"], found["right lung"]) > 0.97
    assert found["body"] > 0.99
    assert found["bones"] > 0.78
    assert checks["lungs-split"]


def test_most_of_a_nodule_at_the_pleura_is_kept() -> None:
    phantom = chest_phantom(shape=(110, 170, 190), spacing=(2.0, 2.0, 2.0))
    (nodule,) = (nodule for nodule in phantom.nodules if nodule.at_pleura)
    volume = phantom.volume
    lung = segment(volume, ["lungs"]).mask(nodule.structure).array
    k, j, i = np.indices(volume.array.shape)
    places = volume.geometry.to_lps(np.stack([i, j, k], axis=-1))
    inside = np.linalg.norm(places - nodule.center_lps, axis=-1) < nodule.radius_mm
    inside &= phantom.labels.mask(nodule.structure).array
    assert inside.sum() > 50
    assert (lung & inside).sum() > 0.7 * inside.sum()


def test_a_part_of_the_chest_is_segmented_and_said_to_be_cut() -> None:
    found, checks = scores(shape=(40, 128, 150), spacing=(2.6, 2.6, 2.6))
    assert min(found["left lung"], found["right lung"]) > 0.97
    assert not checks["touches-edge"]


def test_padding_is_never_segmented_and_does_not_cost_the_lungs() -> None:
    phantom = chest_phantom(shape=(60, 100, 120), spacing=(3.3, 3.3, 4.0))
    volume = phantom.volume
    array = volume.array.copy()
    j, i = np.indices(array.shape[1:])
    outside = np.hypot((j - 50) / 50, (i - 60) / 36) > 1
    array[:, outside] = -2000
    cut = type(volume)(array, volume.geometry, padding=-2000, metadata=volume.metadata)
    labels = segment(cut, EVERYTHING)
    assert not labels.array[:, outside].any()
    for name in ("left lung", "right lung"):
        truth = phantom.labels.mask(name).array & ~outside
        assert dice(labels.mask(name).array, truth) > 0.95
