"""Windows: which values become black and which white."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vis3d.errors import UsageError
from vis3d.volume import Volume

LUNG_HU = (-950.0, -600.0)
"""Values that aerated lung has, and little else in the body."""

LUNG_SHARE = 0.1
"""From this share of such voxels in its middle on, a CT is opened as a chest."""


WindowFunction: TypeAlias = Literal["linear_exact", "linear", "sigmoid"]
FUNCTIONS: dict[str, WindowFunction] = {"linear": "linear", "sigmoid": "sigmoid"}
"""By DICOM's words; LINEAR_EXACT is ours where none is said."""


@dataclass(frozen=True)
class Window:
    """The values shown between black and white: `center` and `width`, in the volume's unit.

    `function` is the VOI LUT function of PS3.3 C.11.2.1.3: `linear_exact` spans the width,
    `linear` (what a file means that names none) half a value less at each end, `sigmoid`
    bends towards both ends.

    Raises:
        UsageError: a width that isn't positive, or numbers that aren't finite.
    """

    center: float
    width: float
    function: WindowFunction = "linear_exact"

    def __post_init__(self) -> None:
        if self.function == "linear" and self.width < 1:
            raise UsageError(f"The width of a LINEAR window is 1 or more, not {self.width}.")
        if not (np.isfinite([self.center, self.width]).all() and self.width > 0):
            raise UsageError(
                "A window is CENTER,WIDTH with a positive width, "
                f"not {self.center},{self.width}."
            )

    @property
    def low(self) -> float:
        """The greatest value shown as black."""
        return self.center - self.width / 2

    @property
    def high(self) -> float:
        """The least value shown as white."""
        return self.center + self.width / 2 - (self.function == "linear")

    @classmethod
    def between(cls, low: float, high: float) -> "Window":
        """The window from black at `low` to white at `high`."""
        return cls((low + high) / 2, high - low)


@dataclass(frozen=True, eq=False)
class VoiLut:
    """A table of shades (PS3.3 C.11.2.1.1): `shades[0]`, 0 to 1, is what `first` is shown as.

    Values before and behind the table take its first and last shade.
    """

    first: float
    shades: NDArray[np.float32]


Shading: TypeAlias = Window | VoiLut

WINDOWS: dict[str, Window] = {
    "lung": Window(-600, 1500),
    "mediastinum": Window(40, 400),
    "bone": Window(400, 1800),
    "abdomen": Window(60, 350),
    "liver": Window(90, 150),
    "brain": Window(40, 80),
    "angio": Window(200, 600),
    "emphysema": Window(-900, 300),
    "full": Window(1023.5, 4095),
}
"""The windows that radiologists know by name, in HU."""


def grays(array: NDArray[Any], shading: Shading) -> NDArray[np.uint8]:
    """Values through a window or table as 0 (black) to 255 (white); not-a-number is black."""
    return shades(array, shading, 255).astype(np.uint8)


def deep_grays(array: NDArray[Any], shading: Shading) -> NDArray[np.uint16]:
    """As `grays`, with 0 to 65,535: for pictures of 16 bits."""
    return shades(array, shading, 65535).astype(np.uint16)


def shades(array: NDArray[Any], shading: Shading, white: int) -> NDArray[np.float32]:
    """Values as whole shades from 0 to `white`."""
    if isinstance(shading, VoiLut):
        index = np.nan_to_num(array.astype(np.float64)) - shading.first
        inside = np.clip(np.floor(index), 0, len(shading.shades) - 1).astype(np.int64)
        return np.asarray(np.rint(shading.shades[inside] * np.float32(white)))
    if shading.function == "sigmoid":
        exponent = -4 * (array.astype(np.float64) - shading.center) / shading.width
        bent = white / (1 + np.exp(np.clip(exponent, -700, 700)))
        return np.rint(np.nan_to_num(bent)).astype(np.float32)
    # From here on one multiplication and one addition a voxel, in place.
    scaled = array.astype(np.float32)
    scaled -= np.float32(shading.low)
    scaled *= np.float32(white / max(shading.high - shading.low, 1e-6))
    scaled += np.float32(0.5)
    if array.dtype.kind not in "iub":  # looking for not-a-number takes longer than the rest
        np.nan_to_num(scaled, copy=False, nan=0.0, posinf=white, neginf=0.0)
    np.clip(scaled, 0, white, out=scaled)
    return np.floor(scaled, out=scaled)


def default_window(volume: Volume) -> Window:
    """The window to open a volume with: the file's own, else one that suits its content."""
    own = own_windows(volume)
    return own[0][1] if own else suited_window(volume)


def suited_window(volume: Volume) -> Window:
    """The window that suits what is seen, whatever the file says.

    That of the lung for a CT with enough aerated lung, of soft tissue for another one;
    values of other units are shown from their 1st to their 99th percentile.
    """
    values = _sample(volume)
    if not values.size:
        return WINDOWS["mediastinum"]
    if volume.unit != "HU":
        return _spread(*np.percentile(values, (1, 99)).tolist())
    values = _sample(volume, without=0.2)  # round the patient, blurred edges look like lung
    lung = (values > LUNG_HU[0]) & (values < LUNG_HU[1])
    return WINDOWS["lung" if lung.sum() > LUNG_SHARE * lung.size else "mediastinum"]


def own_windows(volume: Volume) -> tuple[tuple[str, Window], ...]:
    """The windows that came with the file and make sense, each with its name or ""."""
    told = volume.metadata.get("windows", ())
    found: list[tuple[str, Window]] = []
    for entry in told if isinstance(told, Sequence) else ():
        try:
            center, width, name, function = (*entry, "", "")[:4]
            bent = FUNCTIONS.get(str(function).lower(), "linear_exact")
            found.append((str(name).strip(), Window(float(center), float(width), bent)))
        except (UsageError, TypeError, ValueError, IndexError):
            continue
    return tuple(found)


def own_tables(volume: Volume) -> tuple[tuple[str, VoiLut], ...]:
    """The VOI LUTs that came with the file, each with its name or ""."""
    told = volume.metadata.get("voi_luts", ())
    entries = told if isinstance(told, Sequence) else ()
    return tuple((str(name), VoiLut(float(first), table)) for name, first, table in entries)


def default_shading(volume: Volume) -> Shading:
    """As `default_window`; a table of the file's own if it has that and no window."""
    tables = own_tables(volume)
    if tables and not own_windows(volume):
        return tables[0][1]
    return default_window(volume)


def parse_shading(text: str, volume: Volume) -> Shading:
    """As `parse_window`; also one of the file's own windows and tables by name or number.

    Numbers count from 1, windows first.

    Raises:
        UsageError: neither a name nor numbers that mean something here.
    """
    name = text.strip().lower()
    if name == "default":
        return default_shading(volume)
    own: list[tuple[str, Shading]] = [*own_windows(volume), *own_tables(volume)]
    if name.isascii() and name.isdigit():
        if not 1 <= int(name) <= len(own):
            raise UsageError(f"The file has {len(own)} windows of its own; {name} is none.")
        return own[int(name) - 1][1]
    for title, shading in own:
        if title and title.lower() == name:
            return shading
    return parse_window(text, volume)


def parse_window(text: str, volume: Volume) -> Window:
    """The window that a person names (`lung`) or writes (`-600,1500`).

    `default` is the volume's own, `full` reaches from its least to its greatest value.

    Raises:
        UsageError: neither a name from `WINDOWS` nor two numbers.
    """
    name = text.strip().lower()
    if name == "default":
        return default_window(volume)
    if name == "full":
        return _full_window(volume)
    if name in WINDOWS:
        return WINDOWS[name]
    parts = name.split(",")
    try:
        center, width = (float(part) for part in parts)
    except ValueError:
        legal = ", ".join(("default", *WINDOWS))
        raise UsageError(f"A window is CENTER,WIDTH or one of {legal}, not {text!r}.") from None
    return Window(center, width)


def _full_window(volume: Volume) -> Window:
    slabs = (_measured(volume, slab) for slab in volume.array)  # never a copy of the whole
    ends = [(float(slab.min()), float(slab.max())) for slab in slabs if slab.size]
    if not ends:
        return WINDOWS["full"]
    return _spread(min(low for low, _ in ends), max(high for _, high in ends))


def _sample(volume: Volume, *, without: float = 0.0) -> NDArray[Any]:
    """About 100,000 measured values, of the whole grid or without this part of each end."""
    step = max(1, round((volume.array.size / 100_000) ** (1 / 3)))
    part = [slice(int(n * without), n - int(n * without), step) for n in volume.array.shape]
    return _measured(volume, volume.array[tuple(part)])


def _measured(volume: Volume, array: NDArray[Any]) -> NDArray[Any]:
    """Those values that are neither padding nor not-a-number."""
    values: NDArray[Any] = array if array.dtype.kind in "iu" else array[np.isfinite(array)]
    return values if volume.padding is None else values[values != volume.padding]


def _spread(low: float, high: float) -> Window:
    return Window.between(low, high if high > low else low + 1)
