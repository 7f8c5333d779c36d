"""The air in nose, mouth and ear canals is body, though a way leads out of it."""

import numpy as np
from numpy.typing import NDArray

from tests.segmentation.body.test_small_bodies import body_in, limb, middle_mm
from tests.segmentation.body.test_small_parts import slanting
from tests.segmentation.simple_chest import dice

Bools = NDArray[np.bool_]
GEOMETRY = slanting(260, (0.9, 0.8, 2.2))
X, Y, Z = middle_mm(GEOMETRY)


def empty() -> NDArray[np.float64]:
    return np.full(GEOMETRY.shape, -1000.0)


def head(hu: NDArray[np.float64]) -> Bools:
    return limb(hu, np.hypot(X, Y * 75 / 95), 75)


def test_nose_and_mouth_are_body_as_far_as_the_head_goes_round_them() -> None:
    hu = empty()
    inside = head(hu)
    pharynx = (np.abs(X) < 9) & (Y > -75) & (Y < -25) & (Z > 4) & (Z < 24)
    nostrils = (np.abs(X) < 5) & (Y < -60) & (np.abs(Z - 2) < 5)
    mouth = (np.abs(X) < 14) & (Y < -30) & (np.abs(Z + 14) < 7)
    throat = (np.abs(X) < 8) & (Y < -30) & (Y > -50) & (Z < 6) & (Z > -20)
    hu[pharynx | nostrils | mouth | throat] = -1000
    body = body_in(hu, GEOMETRY)
    assert np.mean(body[mouth & (Y > -70)]) > 0.9
    assert np.mean(body[nostrils & (Y > -70)]) > 0.9
    assert dice(body, inside) > 0.995


def test_bone_that_only_an_ear_canal_bares_is_body() -> None:
    hu = empty()
    inside = head(hu)
    hollow = np.zeros(GEOMETRY.shape, bool)
    for side in (-1, 1):
        away2 = (Y - 8) ** 2 + Z**2
        hu[away2 + (X - side * 45) ** 2 < 20**2] = 900
        hollow |= (away2 < 4**2) & (side * X > 32)
        hollow |= away2 + (X - side * 32) ** 2 < 8**2
    hu[hollow & inside] = -1000
    body = body_in(hu, GEOMETRY)
    assert np.mean(body[inside & (hu > 500)]) > 0.999
    assert dice(body, inside) > 0.998


def test_the_gap_between_two_limbs_is_no_body() -> None:
    hu = empty()
    apart = X - 0.1 * Z - 12 * np.cos(Y / 30)
    inside = limb(hu, np.hypot(X, Y), 74)
    hu[hu > 500] = 55
    gap = np.abs(apart) < 4
    hu[gap] = -1000
    body = body_in(hu, GEOMETRY)
    assert np.mean(body[gap & (np.abs(apart) < 2)]) < 0.02
    assert dice(body, inside & ~gap) > 0.99
