"""Voxels with their place in the patient: a scan's values, or one structure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import UsageError
from vis3d.geometry import Geometry

Severity: TypeAlias = Literal["note", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """Something a reader of the data should know: repaired, guessed, trimmed or refused."""

    code: str
    severity: Severity
    message: str

    def as_dict(self) -> dict[str, str]:
        """As the load report prints it."""
        return {"code": self.code, "severity": self.severity, "message": self.message}


@dataclass(frozen=True, eq=False)
class Volume:
    """Scalar voxels [k, j, i] on a grid.

    `unit` is "HU" where the values are Hounsfield units, else the source's own word or "".
    `padding` marks voxels outside the scan, which no statistic counts and no method
    segments. `metadata` holds non-identifying facts only.

    Raises:
        ValueError: the array hasn't the grid's shape.
    """

    array: NDArray[np.generic]
    geometry: Geometry
    unit: str = "HU"
    padding: float | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_shape(self.array, self.geometry)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the load report says of this volume."""
        findings = self.metadata.get("findings", ())
        return findings if isinstance(findings, tuple) else ()

    def inside_scan(self) -> NDArray[np.bool_]:
        """Where the scan measured something: every voxel but the padding."""
        if self.padding is None:
            return np.ones(self.array.shape, bool)
        return np.asarray(self.array != self.padding)

    def mask(self, array: NDArray[np.bool_], name: str) -> "Mask":
        """One structure on this volume's grid."""
        return Mask(array, self.geometry, name)

    def with_array(
        self, array: NDArray[np.generic], geometry: Geometry | None = None
    ) -> "Volume":
        """The same scan with other values, on its own grid or on the one given."""
        return replace(self, array=array, geometry=geometry or self.geometry)

    def with_findings(self, *findings: Finding) -> "Volume":
        """The same voxels with more to say about them."""
        together = {**self.metadata, "findings": (*self.findings, *findings)}
        return replace(self, metadata=together)

    def __repr__(self) -> str:
        nk, nj, ni = self.geometry.shape
        sizes = " x ".join(f"{mm:.2f}" for mm in self.geometry.spacing)
        return f"Volume({ni} x {nj} x {nk}, {sizes} mm, {self.unit or 'no unit'}, LPS)"


@dataclass(frozen=True, eq=False)
class Mask:
    """The voxels [k, j, i] of one structure, with what the label map it is from says.

    Raises:
        ValueError: the array isn't boolean or hasn't the grid's shape.
    """

    array: NDArray[np.bool_]
    geometry: Geometry
    name: str = ""
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        if self.array.dtype != np.bool_:
            raise ValueError(f"A mask is boolean, not {self.array.dtype}.")
        _check_shape(self.array, self.geometry)

    @property
    def volume_ml(self) -> float:
        """The structure's volume by counting voxels."""
        return int(np.count_nonzero(self.array)) * self.geometry.voxel_ml

    def __repr__(self) -> str:
        return f"Mask({self.name or 'unnamed'}, {self.volume_ml:.1f} ml)"


def require_volume(given: object) -> None:
    """Says what is needed where something else than a volume was given.

    Raises:
        UsageError: it isn't a volume.
    """
    if not isinstance(given, Volume):
        raise UsageError(
            f"A Volume is needed here, as vis3d.load_volume reads it, not {_kind(given)}."
        )


def require_mask(given: object) -> None:
    """Says what is needed where something else than a mask was given.

    Raises:
        UsageError: it isn't a mask.
    """
    if not isinstance(given, Mask):
        raise UsageError(
            "A Mask is needed here, of one structure, as threshold(volume, low, high) or "
            f"labelmap.mask(name) makes it, not {_kind(given)}."
        )


def _kind(given: object) -> str:
    return "None" if given is None else f"a value of type {type(given).__name__}"


def _check_shape(array: NDArray[np.generic], geometry: Geometry) -> None:
    if array.shape != geometry.shape:
        raise ValueError(f"An array of shape {array.shape} on a grid of {geometry.shape}.")
