"""`vis3d anonymize`: DICOM images without the patient's identity."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from cyclopts import Parameter

from vis3d.errors import InputError, NothingFoundError, UsageError
from vis3d_cli import say
from vis3d_cli.exit_codes import DONE, SOME_DONE
from vis3d_cli.options import PLAIN, Force, How, ReportFile
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.dicom import Anonymized, Policy

LEAST_KEY_BYTES = 16
MOST_LINES = 10


def anonymize(
    input: Annotated[
        Path, Parameter(help="A folder of DICOM files, one of them, a DICOMDIR, or an archive.")
    ],
    /,
    *,
    output: Annotated[
        Path,
        Parameter(
            name=["--output", "-o"],
            help="A folder outside INPUT, with a folder of numbered files in it a series.",
        ),
    ],
    dates: Annotated[
        Literal["remove", "shift"],
        Parameter(help="Remove dates and times, or move a patient's by one number of days."),
    ] = "remove",
    keep: Annotated[
        str | None,
        Parameter(
            metavar="WHAT,...",
            help="device (maker, model, serial number, station), characteristics (sex, age, "
            "height, weight, smoking), or both.",
        ),
    ] = None,
    key_file: Annotated[
        Path | None,
        Parameter(
            metavar="FILE",
            help="A secret of 16 bytes or more: with the same one, the same patient gets the "
            "same UIDs, name and days in every run. Without, each run makes other ones.",
        ),
    ] = None,
    pixels_reviewed: Annotated[
        bool, Parameter(help="You looked at the pictures: no text in them names anybody.")
    ] = False,
    compress: Annotated[
        Literal["same", "none", "rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000", "htj2k"],
        Parameter(help="How pixels are stored, without loss; same: as the source's kind."),
    ] = "same",
    report: ReportFile = None,
    force: Force = False,
    how: How = PLAIN,
) -> int:
    """Write DICOM images without the patient's identity (PS3.15 basic profile).

    Headers are built anew from what cannot identify; text, private groups,
    overlays, dates and UIDs go, and pixels are stored anew. Reports, documents,
    waveforms and segmentations are left out. What is drawn into the pixels and
    what a face looks like stays: a head in a CT is warned of; look.

    For example: vis3d anonymize scans/chest -o shared/chest --dates shift
    """
    from vis3d.dicom import anonymize as anonymized
    from vis3d.files import input_kind
    from vis3d.imaging import shows_head

    if input_kind(input) != "dicom":
        raise UsageError(f"{input.name} isn't DICOM: it has no header to clean.")
    policy = _policy(dates, keep, key_file)
    with watching(how) as progress:
        done = anonymized(
            input,
            output,
            policy=policy,
            pixels_reviewed=pixels_reviewed,
            compress=compress,
            shows_head=shows_head,
            force=force,
            progress=progress,
        )
    document = _document(done, output, key_file is not None)
    if report is not None:
        say.write_json(document, report)
    if not done.folders:
        first = done.failed[0]
        raise InputError(
            f"None of {len(done.failed)} images could be done; {first.path}: {first.reason}."
        )
    say.findings(done.findings, how)
    say.answer(document, _lines(done, output), how)
    for line in _not_done(done, None if how.verbose else MOST_LINES):
        say.note(line, how)
    return SOME_DONE if done.failed else DONE


def _policy(
    dates: Literal["remove", "shift"], keep: str | None, key_file: Path | None
) -> "Policy":
    from vis3d.dicom import Kept, Policy, Pseudonyms

    chosen = {word.strip() for word in keep.split(",")} if keep else set()
    unknown = chosen - set(get_args(Kept))
    if unknown:
        raise UsageError(f"--keep takes device, characteristics or both, not {keep!r}.")
    key = Pseudonyms() if key_file is None else Pseudonyms(_key(key_file))
    return Policy(key, dates, frozenset(word for word in get_args(Kept) if word in chosen))


def _key(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise NothingFoundError(f"The key {path} can't be read: {error.strerror}.") from error
    if len(key) < LEAST_KEY_BYTES:
        raise UsageError(
            f"The key in {path} has {len(key)} bytes; under {LEAST_KEY_BYTES} it could be "
            f"guessed. Make one, for example: openssl rand -hex 32 > {path.name}"
        )
    return key


def _document(done: "Anonymized", output: Path, own_key: bool) -> dict[str, object]:
    return {
        "output": str(output),
        "series": [{"folder": name, "files": count} for name, count in done.folders.items()],
        "left_out": [{"path": one.path, "reason": one.reason} for one in done.left_out],
        "failed": [{"path": one.path, "reason": one.reason} for one in done.failed],
        "findings": [finding.as_dict() for finding in done.findings],
        "key": "given" if own_key else "random",
    }


def _lines(done: "Anonymized", output: Path) -> Iterator[str]:
    for name, count in done.folders.items():
        yield f"{output / name}: {count} image{'s' * (count != 1)}"
    if done.left_out:
        count = len(done.left_out)
        yield f"{count} file{'s' * (count != 1)} left out: no images (--verbose lists them)."


def _not_done(done: "Anonymized", most: int | None) -> Iterator[str]:
    for one in done.failed[:most]:
        yield f"failed {one.path}: {one.reason}."
    if most is not None and len(done.failed) > most:
        yield f"... and {len(done.failed) - most} more failed (--verbose lists them)."
    for one in done.left_out if most is None else ():
        yield f"left out {one.path}: {one.reason}."
