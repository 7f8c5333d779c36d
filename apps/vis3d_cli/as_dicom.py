"""`convert --dicom` and `--dicomdir`: a scan back as DICOM, in a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from vis3d.errors import OutputError, UsageError
from vis3d.progress import Progress, part
from vis3d_cli import grids, reading, say
from vis3d_cli.exit_codes import DONE
from vis3d_cli.grids import WHOLE, Grid
from vis3d_cli.listing import written_document
from vis3d_cli.options import Choice, Manner
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.dicom import Series

DICOM = Group("DICOM", sort_key=7)


@dataclass(frozen=True, kw_only=True)
class AsDicom:
    """Whether, and how, DICOM is written."""

    dicom: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Write a new series of the same patient and study into the folder OUT.",
        ),
    ] = False
    compress: Annotated[
        Literal["rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000", "htj2k"] | None,
        Parameter(help="Compress its pixels, without loss."),
    ] = None
    dicomdir: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Write a file set with a DICOMDIR into the folder OUT: the source's files as "
            "they are, or with --dicom the new series.",
        ),
    ] = False

    @property
    def wanted(self) -> bool:
        """Whether DICOM is to be written."""
        return self.dicom or self.dicomdir


NO_DICOM = AsDicom()


def check(asked: AsDicom, grid: Grid, all_series: str | None) -> None:
    """Before anything is read: whether the options make sense together.

    Raises:
        UsageError: they don't.
    """
    if asked.compress is not None and not asked.dicom:
        raise UsageError("--compress goes with --dicom.")
    if asked.wanted and all_series is not None:
        raise UsageError("--all-series writes files of one format; leave --dicom out.")
    if asked.dicomdir and not asked.dicom and grid != WHOLE:
        raise UsageError("--dicomdir copies files as they are; add --dicom to change them.")


def convert(
    input: Path, output: Path, asked: AsDicom, grid: Grid, which: Choice, how: Manner
) -> int:
    """Write the new series, or the file set, and say what was written."""
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output} is a file; name a folder for DICOM.")
    reading.check_apart(input, output)
    with watching(how) as progress:
        if not asked.dicom:
            document = _copied(input, output, which, progress)
        else:
            document = _derived(input, output, asked, grid, which, how, progress)
    say.answer(document, [f"{document['output']}: {document['files']} files"], how)
    return DONE


def _copied(input: Path, output: Path, which: Choice, progress: Progress) -> dict[str, Any]:
    """All series of INPUT, or the one picked, in a file set."""
    from vis3d.choosing import nothing_found, select_series
    from vis3d.dicom import write_file_set
    from vis3d.files import discover

    found = discover(input, force=which.force, progress=part(progress, 0.0, 0.3))
    if not found.series:
        raise nothing_found(found)
    chosen: tuple[Series, ...] = found.series
    if which.series is not None:
        chosen = (select_series(found, which.series),)
    written = write_file_set(chosen, output, part(progress, 0.3, 1.0))
    files = len({name for series in chosen for name in series.files})
    return {"output": str(written), "files": files, "series": len(chosen)}


def _derived(
    input: Path,
    output: Path,
    asked: AsDicom,
    grid: Grid,
    which: Choice,
    how: Manner,
    progress: Progress,
) -> dict[str, Any]:
    from vis3d.choosing import select_series
    from vis3d.dicom import write_derived_series
    from vis3d.files import discover

    found = discover(input, force=which.force, progress=part(progress, 0.0, 0.1))
    series = select_series(found, which.series)
    volume = grids.load(input, which, how, grid, part(progress, 0.1, 0.6), found=found)
    files = write_derived_series(
        volume,
        series,
        output,
        description=_description(grid, series),
        compress=asked.compress,
        file_set=asked.dicomdir,
        progress=part(progress, 0.6, 1.0),
    )
    return {**written_document(output, volume), "files": len(files)}


def _description(grid: Grid, series: "Series") -> str:
    """What was done to the scan, in a few words."""
    done = [
        word
        for word, true in (
            (f"{grid.keep} alone", grid.keep),
            (f"cropped to {grid.crop}", grid.crop),
            ("resampled", grid.isotropic or grid.shape),
            ("straightened", series.stack and series.stack.tilted),
            ("gaps filled", series.stack and series.stack.gapped),
        )
        if true
    ]
    return f"vis3d: {', '.join(done) or 'converted'}"
