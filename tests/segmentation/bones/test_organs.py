"""Organs and vessels full of contrast beside bones, on grids of unequal sides."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.segmentation.simple_chest import chest, dice, from_the_middle, turned
from vis3d.segmentation import segment
from vis3d.segmentation.bones.contrast import find_contrast
from vis3d.segmentation.bones.organs import organs_with_contrast

SHAPE, SPACING = (60, 80, 90), (2.5, 1.9, 1.7)
BONE, BLADDER, KIDNEY, SHAFT = (75, 40, 40), (75, 40, 110), (75, 110, 40), (75, 110, 110)


def distance_mm(center_mm: tuple[float, float, float], *, round_k: bool = True) -> np.ndarray:
    """How far each voxel is from a point, or from the line along k through it."""
    places = np.indices(SHAPE) * np.reshape(SPACING, (3, 1, 1, 1))
    apart = places - np.reshape(center_mm, (3, 1, 1, 1))
    return np.asarray(np.linalg.norm(apart[0 if round_k else 1 :], axis=0))


def drawn() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A bone, a bladder, a kidney with its cortex filled and a shaft; mm as k, j, i."""
    random = np.random.default_rng(5)
    hu = np.full(SHAPE, 40.0)
    ball = {"bone": BONE, "bladder": BLADDER, "kidney": KIDNEY}
    depth = {name: 24 - distance_mm(place) for name, place in ball.items()}
    depth["shaft"] = 14 - distance_mm(SHAFT, round_k=False)
    hu[depth["bone"] > 0], hu[depth["bone"] > 4] = 700, 180
    hu[depth["shaft"] > 0], hu[depth["shaft"] > 5] = 1100, -50
    hu[depth["bladder"] > 0] = 900 + 200 * random.normal(size=(depth["bladder"] > 0).sum())
    hu[depth["kidney"] > 0], hu[depth["kidney"] > 7] = 245, 80
    hu = gaussian_filter(hu, 0.5) + random.normal(0, 12, SHAPE)
    return hu.astype(np.float32), {name: mm > 0 for name, mm in depth.items()}


@pytest.mark.parametrize("axes", [(0, 1, 2), (0, 2, 1)])
@pytest.mark.parametrize("flipped", [(), (0,), (1, 2)])
def test_organs_are_told_from_thick_bones_by_their_rim(
    axes: tuple[int, ...], flipped: tuple[int, ...]
) -> None:
    hu, masks = drawn()

    def turned_so(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.flip(array.transpose(axes), flipped))

    spacing = (SPACING[axes[0]], SPACING[axes[1]], SPACING[axes[2]])
    solid = turned_so(np.any(list(masks.values()), axis=0))
    nothing = np.zeros(solid.shape, bool)
    found = organs_with_contrast(solid, turned_so(hu), nothing, spacing)
    shares = {name: float(np.mean(found[turned_so(mask)])) for name, mask in masks.items()}
    assert shares == {"bone": 0, "bladder": 1, "kidney": 1, "shaft": 0}


def test_an_organ_that_is_a_vertebra_is_never_asked() -> None:
    hu, masks = drawn()
    canal = distance_mm((75, 40, 85), round_k=False) < 6
    assert not organs_with_contrast(masks["bladder"], hu, canal, SPACING).any()


def test_a_bone_that_a_bladder_touches_stays() -> None:
    hu, masks = drawn()
    bridge = distance_mm((75, 40, 75)) < 12
    solid = masks["bone"] | masks["bladder"] | bridge
    found = organs_with_contrast(solid, hu, np.zeros(SHAPE, bool), SPACING)
    assert np.mean(found[masks["bladder"]]) > 0.9
    assert np.mean(found[masks["bone"]]) < 0.1


def test_a_breastbone_that_a_bright_vein_touches_is_bone() -> None:
    random = np.random.default_rng(6)
    hu = np.full(SHAPE, 40.0)
    places = np.indices(SHAPE) * np.reshape(SPACING, (3, 1, 1, 1))
    j, i = np.abs(places[1] - 50), np.abs(places[2] - 76)
    ring, marrow = (j < 9) & (i < 22), (j < 5) & (i < 18)
    vein = distance_mm((75, 68, 76), round_k=False) < 10
    hu[vein] = 400
    hu[ring] = random.uniform(150, 400, np.count_nonzero(ring))
    hu[marrow] = -60  # no cord: this is no spinal canal
    hu = (gaussian_filter(hu, 0.4) + random.normal(0, 8, SHAPE)).astype(np.float32)
    body, lungs = np.ones(SHAPE, bool), np.zeros(SHAPE, bool)
    contrast = find_contrast(hu, body, lungs, SPACING)
    assert contrast.found
    assert np.mean(contrast.mask[vein & ~ring]) > 0.9
    assert np.mean(contrast.mask[ring & ~marrow]) < 0.1


@pytest.mark.slow
def test_voxels_of_another_size_hold_as_much_bone() -> None:
    shares = []
    for spacing_mm in (1.25, 1.4, 1.6, 2.0):
        volume, truth = chest(turned(20.0, 0, spacing_mm), lungs=False)
        bones = segment(volume, ["bones"]).mask("bones").array
        assert dice(bones, truth == 4) > 0.95
        shares.append(np.count_nonzero(bones) / np.count_nonzero(truth == 4))
    assert max(shares) - min(shares) < 0.03


@pytest.mark.parametrize(("hu", "noise", "said"), [(700, 250, "bladder"), (1400, 15, "14")])
def test_a_bladder_full_of_contrast_is_no_bone_and_said(
    hu: float, noise: float, said: str
) -> None:
    geometry = turned(15.0, 1, 2.5)
    volume, truth = chest(geometry, lungs=False)
    k, j, i = np.indices(geometry.shape)
    x, y, z = np.moveaxis(geometry.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    bladder = np.linalg.norm([x - 10, y + 30, z], axis=0) < 32
    array = volume.array.copy()
    random = np.random.default_rng(2)
    array[bladder] = random.normal(hu, noise, np.count_nonzero(bladder))
    labels = segment(volume.with_array(array), ["bones"])
    bones = labels.mask("bones").array
    assert not (bones & bladder).any()
    assert dice(bones, truth == 4) > 0.93
    messages = {check.code: check.message for check in labels.report.checks}
    assert said in messages["contrast"]
    assert "contrast" in {finding.code for finding in labels.report.findings}


@pytest.mark.parametrize(("z", "is_bone"), [(70.0, True), (-95.0, False)])
def test_what_has_no_rim_beside_the_upper_lungs_is_no_organ(z: float, is_bone: bool) -> None:
    """The heads of the arms lie there; kidneys and bowel reach up to the lower half at most."""
    volume, _ = chest(turned(8.0, axis=0, spacing_mm=3.0))
    x, y, z_mm = from_the_middle(volume.geometry)
    ball = np.sqrt((np.abs(x) - 138) ** 2 + (y - 5) ** 2 + (z_mm - z) ** 2) < 22
    mottled = np.random.default_rng(3).normal(420, 80, ball.shape)
    array = np.where(ball, mottled, volume.array).astype(np.int16)
    labels = segment(volume.with_array(array), ["bones"])
    kept = labels.mask("bones").array[ball].mean()
    assert kept > 0.9 if is_bone else kept < 0.1
