"""No output but a DICOM object carries patient data; no terminal obeys what a file says."""

import json
import logging

import pydicom
import pytest
from vis3d_cli.main import main

from vis3d.dicom import write_ct_series
from vis3d.files import discover

NAME, NUMBER = "Nemo^Captain", "NAUTILUS-20000"


@pytest.fixture(scope="module")
def nemo(tmp_path_factory, phantom):
    """A DICOM series of a named patient."""
    folder = tmp_path_factory.mktemp("nemo")
    write_ct_series(
        phantom.volume,
        folder,
        patient_name=NAME,
        patient_id=NUMBER,
        series_description="Chest \x1b[31mred\x07",
        seed=1,
    )
    return folder


def said(capsys, *tokens):
    code = main([str(token) for token in tokens])
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def test_no_command_says_or_writes_who_the_patient_is(nemo, tmp_path, capsys):
    masks = tmp_path / "masks.nii.gz"
    commands = [
        ("info", nemo),
        ("info", nemo, "--json"),
        ("convert", nemo, "-o", tmp_path / "volume.nii"),
        ("convert", nemo, "-o", tmp_path / "volume.nrrd"),
        ("segment", nemo, "-o", masks, "--report", tmp_path / "report.json"),
        ("mesh", nemo, "--segmentation", masks, "--label", "1", "-o", tmp_path / "lung.obj"),
        ("mesh", nemo, "--segmentation", masks, "--label", "99", "-o", tmp_path / "no.stl"),
        ("measure", nemo, "--segmentation", masks, "--csv", tmp_path / "lungs.csv"),
        ("slices", nemo, "-o", tmp_path, "--every", "40"),
        ("render", nemo, "--mode", "slice", "-o", tmp_path / "slice.png"),
    ]
    words = "".join(said(capsys, *tokens, "--verbose")[1] for tokens in commands)
    names = " ".join(path.name for path in tmp_path.rglob("*"))
    for secret in ("Nemo", "Captain", "NAUTILUS"):
        assert secret not in words + names
        for path in tmp_path.rglob("*.*"):
            assert secret.encode() not in path.read_bytes()


def test_a_librarys_log_lines_stay_unsaid(nemo, monkeypatch, capsys):
    log = logging.getLogger("chatty")
    monkeypatch.setattr(log, "propagate", False)
    monkeypatch.setattr(log.manager, "emittedNoHandlerWarning", False)
    found = discover(nemo)
    monkeypatch.setattr(
        "vis3d.files.discover", lambda *_, **__: log.warning("Captain Nemo") or found
    )
    code, words = said(capsys, "info", nemo, "--json")
    assert code == 0
    assert json.loads(words)


def test_a_dicom_segmentation_belongs_to_the_patient(nemo, tmp_path, capsys):
    out = tmp_path / "seg.dcm"
    code, words = said(capsys, "segment", nemo, "-o", out, "--structures", "lungs")
    assert code == 0
    assert "Nemo" not in words
    assert pydicom.dcmread(out).PatientName == NAME


def test_a_terminal_gets_no_control_characters_from_a_file(nemo, capsys):
    code, words = said(capsys, "info", nemo)
    assert code == 0
    assert "\x1b" not in words
    assert "\x07" not in words
    code, words = said(capsys, "info", nemo, "--json")
    assert "\x1b" not in words
    assert "red" in json.loads(words)["series"][0]["description"]
