"""`vis3d phantom`: a chest CT whose anatomy is exactly known."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from vis3d.errors import UsageError
from vis3d.progress import Progress, part
from vis3d.whole_file import whole_folder
from vis3d_cli import options, say
from vis3d_cli.exit_codes import DONE
from vis3d_cli.options import PLAIN, How
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.phantom import Phantom

TRUTH = "truth.nii.gz"
STEEPEST_DEGREES = 40.0


def phantom(
    folder: Annotated[Path, Parameter(name="DIR", help="The folder to write into.")],
    /,
    *,
    shape: Annotated[
        str | None,
        Parameter(metavar="NK,NJ,NI", allow_leading_hyphen=True, help="Slices, rows, columns."),
    ] = None,
    spacing: Annotated[
        str | None,
        Parameter(
            metavar="I,J,K", allow_leading_hyphen=True, help="Column, row, slice spacing in mm."
        ),
    ] = None,
    tilt: Annotated[
        float, Parameter(metavar="DEG", help="Tilt of the gantry in degrees.")
    ] = 0.0,
    orientation: Annotated[
        Literal["axial", "coronal", "sagittal", "oblique"],
        Parameter(help="How the slices lie in the patient."),
    ] = "axial",
    seed: Annotated[int, Parameter(help="The same seed, the same files.")] = 0,
    how: How = PLAIN,
) -> int:
    """Write the built-in phantom as a DICOM series with its truth.

    DIR gets a CT series and truth.nii.gz, a label map on the grid on which vis3d
    loads the series.

    For example: vis3d phantom phantom --spacing 1.2,1.2,2.5 --tilt 10
    """
    if not abs(tilt) <= STEEPEST_DEGREES:
        raise UsageError(
            f"--tilt takes degrees from -{STEEPEST_DEGREES:g} to {STEEPEST_DEGREES:g}."
        )
    if seed < 0:
        raise UsageError("--seed takes a whole number from 0 on.")
    grid: dict[str, Any] = {}
    if shape is not None:
        grid["shape"] = options.shape(shape)
    if spacing is not None:
        grid["spacing"] = options.spacing(spacing)

    from vis3d.phantom import ORIENTATIONS, chest_phantom

    grid["direction"] = ORIENTATIONS[orientation]
    with watching(how) as progress:
        made = chest_phantom(
            tilt_degrees=tilt, seed=seed, progress=part(progress, 0.0, 0.5), **grid
        )
        with whole_folder(folder) as scratch:
            _write(made, scratch, seed, part(progress, 0.5, 1.0))
    document = {"series": str(folder), "truth": str(folder / TRUTH)}
    say.answer(document, [f"{folder}: {made.volume!r} and {TRUTH}"], how)
    return DONE


def _write(made: "Phantom", folder: Path, seed: int, progress: Progress) -> None:
    from vis3d.dicom import write_ct_series
    from vis3d.files import load_volume, write_labelmap

    write_ct_series(
        made.volume,
        folder,
        patient_name="Phantom^Chest",
        patient_id="PHANTOM",
        series_description="vis3d phantom",
        slice_origins_lps=made.slice_origins_lps,
        seed=seed,
        progress=part(progress, 0.0, 0.3),
    )
    # The grid is what the reader makes of the files: a tilted stack is straightened.
    grid = load_volume(folder, progress=part(progress, 0.3, 0.6)).geometry
    truth = made.truth_on(grid, progress=part(progress, 0.6, 0.9))
    progress(0.9, "writing the truth")
    write_labelmap(truth, folder / TRUTH)
