"""What a command reads it never writes over: a scan is often the only copy."""

import shutil

import numpy as np
import pytest
import trimesh
from PIL import Image
from pydicom.data import get_testdata_file


@pytest.fixture
def sources(scan, tmp_path):
    """A file of every kind that some command both reads and writes."""
    shutil.copy(scan, tmp_path / "scan.nii.gz")
    shutil.copy(get_testdata_file("CT_small.dcm"), tmp_path / "slice.dcm")
    pixels = np.full((30, 40, 3), 20, np.uint8)
    pixels[5:20, 10:30] = 200
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    trimesh.creation.box((10, 20, 30)).export(tmp_path / "box.stl")
    (tmp_path / "link.nii.gz").symlink_to(tmp_path / "scan.nii.gz")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "name", "out", "options"),
    [
        ("convert", "scan.nii.gz", "scan.nii.gz", ["--isotropic", "9"]),
        ("convert", "scan.nii.gz", "link.nii.gz", []),
        ("segment", "scan.nii.gz", "scan.nii.gz", ["--structures", "body"]),
        ("remove-background", "scan.nii.gz", "scan.nii.gz", []),
        ("remove-background", "slice.dcm", "slice.dcm", ["--box", "9,9,90,90"]),
        ("remove-background", "photo.png", "photo.png", []),
        ("plan", "box.stl", "box.stl", ["--mirror", "0,0,0,1,0,0"]),
    ],
)
def test_the_source_is_never_written_over(sources, refusal, command, name, out, options):
    before = (sources / name).read_bytes()
    code, line = refusal(command, sources / name, "-o", sources / out, *options)
    assert (code, "is INPUT" in line) == (2, True)
    assert (sources / name).read_bytes() == before


@pytest.mark.parametrize("option", ["--csv", "--html", "--histograms", "--clusters"])
@pytest.mark.parametrize("other", ["scan.nii.gz", "masks.nii.gz"])
def test_no_table_is_written_over_what_is_read(sources, refusal, option, other):
    shutil.copy(sources / "scan.nii.gz", sources / "masks.nii.gz")
    before = (sources / other).read_bytes()
    given = ("--segmentation", sources / "masks.nii.gz")
    code, line = refusal("measure", sources / "scan.nii.gz", *given, option, sources / other)
    assert (code, "is INPUT" in line) == (2, True)
    assert (sources / other).read_bytes() == before


@pytest.mark.parametrize("command", ["segment", "mesh"])
def test_no_slice_of_the_scan_is_written_over(sources, refusal, command):
    (sources / "study").mkdir()
    image = shutil.copy(sources / "slice.dcm", sources / "study" / "1.dcm")
    before = image.read_bytes()
    options = ["--level", "0"] if command == "mesh" else []
    code, line = refusal(command, sources / "study", "-o", image, *options)
    assert (code, "is INPUT" in line) == (2, True)
    assert image.read_bytes() == before


def test_no_output_is_written_over_another(sources, refusal, monkeypatch):
    monkeypatch.chdir(sources)
    scan, box = sources / "scan.nii.gz", sources / "box.stl"
    table, made = sources / "table.csv", sources / "made.stl"
    for command in (
        ("measure", scan, "--csv", table, "--html", "table.csv"),
        ("segment", scan, "-o", "masks.nii", "--report", sources / "masks.nii"),
        ("mesh", scan, "--level", "0", "-o", made, "--report", made),
        ("plan", box, "--mirror", "0,0,0,1,0,0", "-o", made, "--report", made),
    ):
        code, line = refusal(*command)
        assert (code, "same name" in line) == (2, True)
    assert not any(path.exists() for path in (table, made, sources / "masks.nii"))
