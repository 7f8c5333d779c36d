"""Transfer functions by name: what of a CT is seen, and in which colours."""

import numpy as np

from vis3d.errors import UsageError
from vis3d.imaging import default_window
from vis3d.scene import TransferFunction
from vis3d.volume import Volume

VOLUME_PRESETS: dict[str, TransferFunction] = {
    "bone": TransferFunction(
        (
            (150, 0.68, 0.42, 0.31, 0.0),
            (230, 0.82, 0.60, 0.45, 0.25),
            (350, 0.92, 0.80, 0.65, 0.75),
            (550, 0.97, 0.91, 0.80, 0.92),
            (1200, 1.0, 0.99, 0.95, 1.0),
        )
    ),
    "vessels": TransferFunction(
        (
            (110, 0.45, 0.05, 0.04, 0.0),
            (160, 0.70, 0.12, 0.08, 0.08),
            (240, 0.86, 0.25, 0.16, 0.35),
            (380, 0.93, 0.62, 0.45, 0.5),
            (600, 0.97, 0.90, 0.76, 0.7),
            (1200, 1.0, 0.98, 0.94, 0.9),
        )
    ),
    "lungs": TransferFunction(
        (
            (-980, 0.16, 0.34, 0.52, 0.0),
            (-900, 0.30, 0.56, 0.74, 0.008),
            (-780, 0.55, 0.78, 0.88, 0.016),
            (-650, 0.95, 0.82, 0.70, 0.05),
            (-480, 0.98, 0.62, 0.44, 0.08),
            (-300, 0.86, 0.32, 0.24, 0.02),
            (-220, 0.70, 0.20, 0.16, 0.0),
        ),
        shaded=False,
    ),
    "airways": TransferFunction(
        (
            (-1000, 0.98, 0.80, 0.45, 0.8),
            (-960, 0.96, 0.74, 0.40, 0.4),
            (-930, 0.88, 0.58, 0.34, 0.03),
            (-905, 0.45, 0.62, 0.74, 0.006),
            (-700, 0.45, 0.62, 0.74, 0.004),
            (-600, 0.50, 0.70, 0.80, 0.0),
        ),
        shaded=False,
    ),
    "skin": TransferFunction(
        (
            (-850, 0.86, 0.64, 0.52, 0.0),
            (-700, 0.91, 0.70, 0.58, 0.3),
            (-400, 0.94, 0.74, 0.63, 0.9),
            (200, 0.97, 0.82, 0.72, 1.0),
        )
    ),
    "mip": TransferFunction(
        (
            (-300, 0.05, 0.06, 0.08, 0.0),
            (0, 0.16, 0.17, 0.19, 0.6),
            (400, 0.55, 0.55, 0.54, 1.0),
            (1500, 1.0, 1.0, 0.97, 1.0),
        ),
        shaded=False,
        blend="mip",
    ),
    "minip": TransferFunction(
        (
            (-1000, 0.03, 0.03, 0.05, 1.0),
            (-860, 0.62, 0.66, 0.72, 1.0),
            (-500, 1.0, 1.0, 1.0, 1.0),
            (-300, 1.0, 1.0, 1.0, 0.0),
        ),
        shaded=False,
        blend="minip",
    ),
}
"""Opacities are those of 1 mm. Bring your own as `vis3d.TransferFunction`.

What is shaded becomes opaque while its value still rises: behind the edge, normals are
those of noise, and vtkFixedPointVolumeRayCastMapper paints them as rings (VTK 9.7).
"""

INSIDE_PRESETS = ("airways", "minip")
"""These show air, so they need a volume that holds none round the body."""


def transfer_function(transfer: str | TransferFunction, volume: Volume) -> TransferFunction:
    """The transfer function meant by a name or by itself.

    Presets are written in HU; a volume of another unit gets them stretched over the
    values that its default window shows.

    Raises:
        UsageError: no preset of that name.
    """
    if isinstance(transfer, TransferFunction):
        return transfer
    preset = VOLUME_PRESETS.get(transfer)
    if preset is None:
        legal = ", ".join(VOLUME_PRESETS)
        raise UsageError(f"There is no preset {transfer!r}; choose from {legal}.")
    return preset if volume.unit == "HU" else _stretched(preset, volume)


def _stretched(preset: TransferFunction, volume: Volume) -> TransferFunction:
    window = default_window(volume)
    first, last = preset.points[0][0], preset.points[-1][0]
    points = tuple(
        (float(np.interp(value, (first, last), (window.low, window.high))), *rest)
        for value, *rest in preset.points
    )
    return TransferFunction(points, preset.shaded, preset.blend)  # type: ignore[arg-type]
