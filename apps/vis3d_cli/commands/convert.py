"""`vis3d convert`: a scan in another format."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from vis3d.errors import UsageError
from vis3d.progress import Progress, part
from vis3d_cli import options, reading, say
from vis3d_cli.exit_codes import DONE
from vis3d_cli.options import PLAIN, THE_ONLY_ONE, How, Input, Which
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.volume import Volume


def convert(
    input: Input,
    /,
    *,
    output: Annotated[
        Path,
        Parameter(name=["--output", "-o"], help="A .nii .nii.gz .nrrd .mha .vti or .npz file."),
    ],
    isotropic: Annotated[
        float | None, Parameter(metavar="MM", help="Resample to cubes of this size.")
    ] = None,
    shape: Annotated[
        str | None,
        Parameter(
            metavar="NK,NJ,NI",
            allow_leading_hyphen=True,
            help="Resample the same box to this many slices, rows and columns.",
        ),
    ] = None,
    slices: Annotated[
        str | None,
        Parameter(
            metavar="A:B",
            allow_leading_hyphen=True,
            help="Only the slices from A (counted from 0) up to but not including B.",
        ),
    ] = None,
    which: Which = THE_ONLY_ONE,
    how: How = PLAIN,
) -> int:
    """Write a scan as NIfTI, NRRD, MetaImage, VTK or NumPy.

    For example: vis3d convert scans/chest -o chest.nii.gz --isotropic 1
    """
    if isotropic is not None and shape is not None:
        raise UsageError("--isotropic and --shape both say the grid; give one of them.")
    wanted_shape = None if shape is None else options.shape(shape)
    wanted_mm = None if isotropic is None else options.positive((isotropic,), "--isotropic")[0]
    wanted_slices = None if slices is None else options.slices(slices)

    from vis3d.files import VOLUME_SUFFIXES, write_volume

    reading.check_output(output, VOLUME_SUFFIXES, "volumes")
    with watching(how) as progress:
        loading = part(progress, 0.0, 0.6)
        volume = reading.load(input, which, how, loading, slices=wanted_slices)
        volume = _regridded(volume, wanted_shape, wanted_mm, part(progress, 0.6, 0.9))
        write_volume(volume, output, progress=part(progress, 0.9, 1.0))
    say.answer(_document(output, volume), [f"{output}: {volume!r}"], how)
    return DONE


def _regridded(
    volume: "Volume",
    shape: tuple[int, int, int] | None,
    isotropic_mm: float | None,
    progress: Progress,
) -> "Volume":
    if isotropic_mm is None and shape is None:
        return volume
    from vis3d.resample import isotropic_geometry, resample, shaped_geometry

    if shape is not None:
        grid = shaped_geometry(volume.geometry, shape)
    elif isotropic_mm is not None:
        grid = isotropic_geometry(volume.geometry, isotropic_mm)
    return resample(volume, grid, progress=progress)


def _document(output: Path, volume: "Volume") -> dict[str, object]:
    """What was written, on which grid, and what to know of it."""
    return {
        "output": str(output),
        "shape": list(volume.geometry.shape),
        "spacing_mm": list(volume.geometry.spacing),
        "findings": [finding.as_dict() for finding in volume.findings],
    }
