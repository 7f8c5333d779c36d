"""`vis3d convert`: scans in another format."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from vis3d.errors import InputError, UsageError
from vis3d.progress import Progress, part
from vis3d_cli import as_dicom, grids, reading, say
from vis3d_cli.as_dicom import DICOM, NO_DICOM, AsDicom
from vis3d_cli.exit_codes import BAD_INPUT, DONE, SOME_DONE
from vis3d_cli.grids import GRID, WHOLE, Grid
from vis3d_cli.listing import written_document
from vis3d_cli.options import PLAIN, THE_ONLY_ONE, Choice, How, Input, Manner, Which
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.dicom import Discovery, Series
    from vis3d.volume import Volume


def convert(
    input: Input,
    /,
    *,
    output: Annotated[
        Path,
        Parameter(
            name=["--output", "-o"],
            help="A .nii .nii.gz .nrrd .mha .vti or .npz file; with --all-series, --dicom or "
            "--dicomdir a folder.",
        ),
    ],
    all_series: Annotated[
        str | None,
        Parameter(
            metavar="SUFFIX",
            help="Convert every series of INPUT to this format, such as npz: one numbered "
            "file each.",
        ),
    ] = None,
    grid: Annotated[Grid, Parameter(name="*", group=GRID)] = WHOLE,
    dicom: Annotated[AsDicom, Parameter(name="*", group=DICOM)] = NO_DICOM,
    which: Which = THE_ONLY_ONE,
    how: How = PLAIN,
) -> int:
    """Write a scan as NIfTI, NRRD, MetaImage, VTK, NumPy or DICOM.

    For example: vis3d convert scans/chest -o chest.nii.gz --isotropic 1

    A folder of patients to one shape, the voxels' size kept:
    vis3d convert patients -o learning --all-series npz --isotropic 2 --shape
    160,192,192 --fit crop

    A new DICOM series of the same patient, resampled and compressed:
    vis3d convert scans/chest -o derived --dicom --isotropic 1 --compress jpeg-ls
    """
    grids.check(grid)
    as_dicom.check(dicom, grid, all_series)
    if dicom.wanted:
        return as_dicom.convert(input, output, dicom, grid, which, how)
    if all_series is not None:
        return _convert_all(input, output, _suffix(all_series), grid, which, how)

    from vis3d.files import VOLUME_SUFFIXES

    reading.check_output(output, VOLUME_SUFFIXES, "volumes", sources=[input])
    with watching(how) as progress:
        volume = _convert(input, output, grid, which, how, progress)
    say.answer(written_document(output, volume), [f"{output}: {volume!r}"], how)
    return DONE


def _convert(
    input: Path,
    output: Path,
    grid: Grid,
    which: Choice,
    how: Manner,
    progress: Progress,
    found: "Discovery | None" = None,
) -> "Volume":
    from vis3d.files import write_volume

    volume = grids.load(input, which, how, grid, part(progress, 0.0, 0.9), found=found)
    write_volume(volume, output, progress=part(progress, 0.9, 1.0))
    return volume


def _convert_all(
    input: Path, folder: Path, suffix: str, grid: Grid, which: Choice, how: Manner
) -> int:
    """Each series to a file of its own; one that can't be converted doesn't stop the rest."""
    from vis3d.choosing import nothing_found
    from vis3d.files import discover

    if which.series is not None:
        raise UsageError("--series picks one series; --all-series converts all of them.")
    if grid.segmentation is not None:
        raise UsageError("--segmentation belongs to one scan: leave it out with --all-series.")
    reading.make_folder(folder)
    rows: list[dict[str, Any]] = []
    with watching(how) as progress:
        found = discover(input, force=which.force, progress=part(progress, 0.0, 0.1))
        if not found.series:
            raise nothing_found(found)
        share = 0.9 / len(found.series)
        for number, series in enumerate(found.series):
            start = 0.1 + number * share
            step = part(progress, start, start + share)
            output = folder / f"{series.index:04d}{suffix}"
            one = replace(which, series=str(series.index))
            try:
                volume = _convert(input, output, grid, one, how, step, found)
            except InputError as error:
                rows.append(_row(series, error=say.plain(error)))
                say.error_line(f"series {series.index}: {error}")
            else:
                rows.append({**_row(series), **written_document(output, volume)})
    say.answer({"series": rows}, _lines(rows), how)
    failed = sum(row["error"] is not None for row in rows)
    if not failed:
        return DONE
    return BAD_INPUT if failed == len(rows) else SOME_DONE


def _row(series: "Series", error: str | None = None) -> dict[str, Any]:
    return {
        "index": series.index,
        "uid": series.uid,
        "modality": series.modality,
        "description": series.description,
        "error": error,
    }


def _lines(rows: list[dict[str, Any]]) -> Iterator[object]:
    cells = []
    for row in rows:
        shape = " x ".join(str(n) for n in row.get("shape", ()))
        spacing = " x ".join(f"{mm:.3g}" for mm in row.get("spacing_mm", ()))
        name = Path(row["output"]).name if "output" in row else "not converted"
        cells.append((name, row["modality"], row["description"], shape, spacing))
    yield say.table(("file", "modality", "description", "k x j x i", "mm i x j x k"), cells)


def _suffix(text: str) -> str:
    from vis3d.files import VOLUME_SUFFIXES

    suffix = f".{text.lower().lstrip('.')}"
    if suffix not in VOLUME_SUFFIXES:
        raise UsageError(
            f"--all-series takes one of {', '.join(VOLUME_SUFFIXES)}, not {text!r}."
        )
    return suffix
