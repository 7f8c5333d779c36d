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
