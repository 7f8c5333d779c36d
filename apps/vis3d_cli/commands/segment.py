"""`vis3d segment`: which voxel belongs to which structure."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from vis3d.progress import part
from vis3d_cli import options, reading, say
from vis3d_cli.exit_codes import DONE
from vis3d_cli.given import given_labels
from vis3d_cli.options import PLAIN, THE_ONLY_ONE, How, Input, ReportFile, Which
from vis3d_cli.watch import watching

if TYPE_CHECKING:
    from vis3d.labels import LabelMap
    from vis3d.volume import Finding

DICOM_SUFFIX = ".dcm"
STRUCTURES = ("lungs", "airways", "bones")


def segment(
    input: Input,
    /,
    *,
    output: Annotated[
        Path,
        Parameter(
            name=["--output", "-o"],
            help="A .nii .nii.gz .nrrd or .mha file, or .dcm for DICOM SEG.",
        ),
    ],
    structures: Annotated[
        str | None,
        Parameter(
            metavar="NAME,...",
            help="Any of lungs, airways, bones, body, cortical, cancellous, metal "
            "(lungs,airways,bones); of a file those in it (all).",
        ),
    ] = None,
    segmentation: Annotated[
        Path | None,
        Parameter(metavar="FILE", help="Take the structures of this file instead."),
    ] = None,
    report: ReportFile = None,
    which: Which = THE_ONLY_ONE,
    how: How = PLAIN,
) -> int:
    """Find lungs, airways, bones and body; write a label map.

    Labels: 1 left lung, 2 right lung, 3 airways, 4 bones, 5 body (what has no
    other label inside the skin), 6 cortical and 7 cancellous (the bones split in
    two), 8 metal. Left and right are the patient's.

    With --segmentation FILE the structures of a file, on the scan's grid: a DICOM
    SEG becomes NIfTI, what TotalSegmentator wrote a DICOM SEG.

    For example: vis3d segment scans/chest -o masks.nii.gz --report report.json
    """
    names = () if structures is None else options.names(structures)

    import vis3d
    from vis3d.files import LABELMAP_SUFFIXES
    from vis3d.labels import structure_labels

    if segmentation is None:
        names = names or STRUCTURES
        structure_labels(names)  # an unknown name is refused before anything is read
    reading.check_distinct(output, report)
    reading.check_output(output, LABELMAP_SUFFIXES, "label maps", sources=[input, segmentation])
    if report is not None:
        reading.check_output(report, sources=[input, segmentation])
    with watching(how) as progress:
        source = None
        if reading.suffix_of(output) == DICOM_SUFFIX:
            source = reading.source_series(input, which, part(progress, 0.0, 0.05))
        volume = reading.load(input, which, how, part(progress, 0.05, 0.2))
        step = part(progress, 0.2, 0.95)
        if segmentation is None:
            labels = vis3d.segment(volume, names, progress=step)
        else:
            labels = given_labels(volume, segmentation, names, step)
        progress(0.95, "writing")
        told = replace(labels.report, findings=(*volume.findings, *labels.report.findings))
        vis3d.write_labelmap(
            replace(labels, report=told),
            output,
            series=source,
            method="vis3d" if segmentation is None else "unknown",
        )
    document = report_document(labels, volume.findings)
    if report is not None:
        say.write_json(document, report)
    say.answer(document, _lines(document, labels, output), how)
    return DONE


def report_document(labels: "LabelMap", loaded: "Iterable[Finding]") -> dict[str, object]:
    """What `--report` and `--json` hold; vis3d's body is everything inside the skin."""
    counts = labels.voxels()
    structures = []
    for structure in labels.structures:
        voxels = sum(counts[label] for label in labels.whole(structure))
        structures.append(
            {
                "label": structure.label,
                "name": structure.name,
                "volume_ml": voxels * labels.geometry.voxel_ml,
                "voxels": voxels,
            }
        )
    report = labels.report
    return {
        "structures": structures,
        "checks": [
            {"code": check.code, "ok": bool(check.ok), "message": check.message}
            for check in report.checks
        ],
        "findings": [finding.as_dict() for finding in (*loaded, *report.findings)],
        "seconds": float(report.seconds),
    }


def _lines(document: dict[str, object], labels: "LabelMap", output: Path) -> Iterator[object]:
    structures = document["structures"]
    assert isinstance(structures, list)
    rows = [(row["label"], row["name"], f"{row['volume_ml']:,.1f}") for row in structures]
    yield say.table(("label", "structure", "ml"), rows, right=("label", "ml"))
    for check in labels.report.checks:
        yield f"{'ok' if check.ok else 'CHECK'}: {check.message}"
    said = {check.message for check in labels.report.checks}
    for finding in labels.report.findings:
        if finding.message not in said:
            yield f"{finding.severity}: {finding.message}"
    yield f"{output}: written; segmented in {labels.report.seconds:.1f} s"
