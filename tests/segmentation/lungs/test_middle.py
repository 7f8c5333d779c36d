"""The plane on whose sides a body is most alike, where the answer is known."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from vis3d.segmentation.lungs.middle import Middle, Trunk

SPACING = (5.0, 3.0, 3.5)
SHAPE = (30, 110, 120)
TURN = Rotation.from_euler("xz", (6, 3), degrees=True).as_matrix()
STEPS_MM = TURN @ np.diag(SPACING)[::-1]
CENTER_MM = STEPS_MM @ (np.array(SHAPE) / 2)
"""Where the body has its middle, in LPS mm from the first voxel."""


def middle_of(turned: float, cut: tuple[slice, ...], *, padded: bool) -> Middle:
    """The plane found of a body with spine and breastbone, turned, in a part of the grid."""
    x, y, z = np.tensordot(STEPS_MM, np.indices(SHAPE), 1) - CENTER_MM[:, None, None, None]
    a = np.radians(turned)
    left, back = x * np.cos(a) + y * np.sin(a), y * np.cos(a) - x * np.sin(a)
    body = np.hypot(left / 170, back / 110) < 1
    bone = (np.hypot(left, back - 70) < 20) | (np.hypot(left / 22, (back + 90) / 6) < 1)
    ribs = np.abs(np.hypot(left / 150, back / 95) - 1) < 0.03
    bone |= ribs & (z % 25 < 10)
    hu = np.where(bone, 500, np.where(body, 40, -1000)).astype(np.int16)
    seen = np.zeros(SHAPE, bool)
    seen[cut] = True
    box = (slice(None),) * 3 if padded else cut
    first_mm = STEPS_MM @ [part.start or 0 for part in box]
    unmeasured = ~seen if padded else None
    trunk = Trunk(hu[box], (body & seen)[box], unmeasured, SPACING, STEPS_MM)
    near = trunk.middle_near(CENTER_MM[0] - first_mm[0], np.ones(trunk.hu.shape, bool))
    return Middle(near.point_mm + first_mm, near.turned, near.tilted)


def off_middle_mm(middle: Middle) -> NDArray[np.float64]:
    return np.asarray(middle.axes[0] @ (CENTER_MM - middle.point_mm))


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("turned", [-25.0, 0.0, 18.0])
@pytest.mark.parametrize(
    "cut",
    [
        (slice(None), slice(None), slice(None)),
        (slice(None), slice(None), slice(50, None)),
        (slice(None), slice(10, None), slice(0, 84)),
    ],
)
def test_the_plane_is_the_same_however_the_field_of_view_cuts_the_body(
    cut: tuple[slice, ...], turned: float, padded: bool
) -> None:
    middle = middle_of(turned, cut, padded=padded)
    assert abs(middle.turned - turned) <= 3
    assert abs(off_middle_mm(middle)) <= 3


def test_without_a_body_the_plane_stays_where_it_was_looked_for() -> None:
    nothing = np.zeros(SHAPE, bool)
    hu = np.full(SHAPE, -1000, np.int16)
    middle = Trunk(hu, nothing, None, SPACING, STEPS_MM).middle_near(120.0, nothing)
    assert (middle.point_mm[0], middle.turned, middle.tilted) == (120.0, 0.0, 0.0)
