"""A scan turned as the patient is: k runs up, j to the back, i to the left."""

from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import UnsupportedError
from vis3d.geometry import FloatArray
from vis3d.segmentation.voxels.unmeasured import unmeasured
from vis3d.volume import Volume

Bools: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float32]
Whole: TypeAlias = NDArray[np.int16]
"""HU, or mm, as whole numbers: half the memory of floats."""
Labels: TypeAlias = NDArray[np.uint32]
Spacing: TypeAlias = tuple[float, float, float]
Values: TypeAlias = NDArray[Any]
"""HU values of whatever integer or float type the scan has."""
T = TypeVar("T", bound=np.generic)

AIR_HU = -1024
"""What a voxel that the scan never measured is read as, so that nothing grows into it."""
AS_GOOD_AS_AIR_HU = -1000
"""Where nothing unmeasured is denser than this the values are left as they are."""


@dataclass(frozen=True, eq=False)
class PatientFrame:
    """The HU values [k, j, i] in the order superior, posterior, left, and the way back.

    `unmeasured` marks the padding, where `hu` may be as low as the scanner wrote it; None
    where there is none. `affine` takes (i, j, k, 1) of this order to LPS mm (it may be
    left-handed). Nothing below depends on the order in which the file stored the voxels:
    that is decided here, once.
    """

    hu: Values
    unmeasured: Bools | None
    affine: FloatArray
    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    enlarged: float = 1.0
    """How many times larger than it is the patient is taken to be."""

    def enlarged_to(self, times: float) -> "PatientFrame":
        """The same voxels, each so many times as large: an infant as large as an adult."""
        affine = np.diag([times, times, times, 1.0]) @ self.affine
        return replace(self, affine=affine, enlarged=times)

    @property
    def spacing_kji(self) -> Spacing:
        """The spacing in mm in array order."""
        i_mm, j_mm, k_mm = np.linalg.norm(self.affine[:3, :3], axis=0).tolist()
        return (k_mm, j_mm, i_mm)

    @property
    def voxel_ml(self) -> float:
        """The volume of one voxel in ml."""
        return float(np.prod(self.spacing_kji)) / 1000

    def measured(self, mask: Bools) -> Bools:
        """The mask, changed in place, without what was never measured."""
        if self.unmeasured is not None:
            for plane, out in zip(mask, self.unmeasured, strict=True):
                if (plane & out).any():
                    plane &= ~out
        return mask

    def as_stored(self, array: NDArray[T]) -> NDArray[T]:
        """An array of this frame in the order of the volume it came from."""
        turned = array[tuple(slice(None, None, -1 if f else 1) for f in self.flipped)]
        back = np.argsort(self.axes)
        return np.ascontiguousarray(turned.transpose(back))


def patient_frame(volume: Volume) -> PatientFrame:
    """The volume in the patient's order; copies only what isn't stored that way.

    Raises:
        UnsupportedError: the values aren't Hounsfield units.
    """
    _require_hounsfield(volume)
    direction = volume.geometry.direction
    axes_ijk = max(permutations(range(3)), key=lambda p: _along(direction, p))
    signs = [direction[lps, axis] >= 0 for lps, axis in enumerate(axes_ijk)]
    axes = (2 - axes_ijk[2], 2 - axes_ijk[1], 2 - axes_ijk[0])
    flipped = (not signs[2], not signs[1], not signs[0])
    hu, unmeasured = _measured(volume)
    affine = np.eye(4)
    steps = volume.geometry.direction * volume.geometry.spacing
    affine[:3, :3] = steps[:, axes_ijk] * np.where(signs, 1, -1)
    lengths = np.array(volume.geometry.shape[::-1])[list(axes_ijk)] - 1
    affine[:3, 3] = volume.geometry.origin - affine[:3, :3] @ np.where(signs, 0, lengths)
    return PatientFrame(
        _turned(hu, axes, flipped),
        None if unmeasured is None else _turned(unmeasured, axes, flipped),
        affine,
        axes,
        flipped,
    )


def _require_hounsfield(volume: Volume) -> None:
    modality = str(volume.metadata.get("modality", "CT"))
    if modality != "CT":
        raise UnsupportedError(
            f"This is a scan of modality {modality}; the methods read Hounsfield units, which "
            "only CT measures. Choose a CT series."
        )
    if volume.unit != "HU":
        raise UnsupportedError(
            f"The values are in {volume.unit or 'no known unit'}, not in Hounsfield units; the "
            "methods need a CT scan in HU. If they are HU, say so as the file is loaded, "
            'unit="HU" (--unit HU); a .nrrd file can say so itself: `sample units: HU`.'
        )


def _along(direction: FloatArray, axes: tuple[int, ...]) -> float:
    return float(sum(abs(direction[lps, axis]) for lps, axis in enumerate(axes)))


def _measured(volume: Volume) -> tuple[Values, Bools | None]:
    """The values with everything unmeasured read as air, and where that was."""
    array: Values = volume.array
    if array.dtype.kind not in "iuf" or array.dtype.itemsize < 2:
        raise UnsupportedError(f"Values of type {array.dtype} can't be Hounsfield units.")
    array = _bounded(array)
    where = unmeasured(array, volume.padding)
    if where is None:
        return array, None
    everywhere = np.broadcast_to(where, array.shape)
    planes = zip(array, everywhere, strict=True)
    if all((plane[out] <= AS_GOOD_AS_AIR_HU).all() for plane, out in planes):
        return array, everywhere
    return np.where(where, array.dtype.type(AIR_HU), array), everywhere


def _bounded(array: Values) -> Values:
    """The values, those beyond 16-bit HU cut off there: their squares and means overflow."""
    limits = np.iinfo(np.int16)
    if np.can_cast(array.dtype, np.int16):
        return array
    least, greatest = np.fmin.reduce(array, axis=None), np.fmax.reduce(array, axis=None)
    if least < limits.min or greatest > limits.max:
        return array.clip(limits.min, limits.max)
    return array


def _turned(
    array: NDArray[T], axes: tuple[int, int, int], flipped: tuple[bool, bool, bool]
) -> NDArray[T]:
    turned = array.transpose(axes)[tuple(slice(None, None, -1 if f else 1) for f in flipped)]
    return turned if 0 in turned.strides else np.ascontiguousarray(turned)
