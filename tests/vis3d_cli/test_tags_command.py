"""`vis3d tags`: the header on a terminal and as DICOM JSON."""

import json
import struct
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from vis3d_cli.main import main

from vis3d.dicom import write_ct_series
from vis3d.phantom import chest_phantom

CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))
PLAN = Path(str(get_testdata_file("rtplan.dcm", download=False)))
CUT = Path(str(get_testdata_file("MR_truncated.dcm", download=False)))


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A CT series of twelve slices and a text file beside them."""
    folder = tmp_path_factory.mktemp("stack")
    write_ct_series(
        chest_phantom(shape=(12, 24, 20)).volume,
        folder,
        patient_name="Nemo^\x1b[31mCaptain\x07",
        patient_id="NAUTILUS",
        series_description="Chest \u202e reversed",
        seed=3,
    )
    (folder / "notes.txt").write_text("no DICOM")
    return folder


def shown(capsys, *tokens):
    """What a command that succeeds prints."""
    capsys.readouterr()
    assert main([str(token) for token in tokens]) == 0
    return capsys.readouterr()


def test_the_tree_has_a_line_for_each_element(capsys):
    lines = shown(capsys, "tags", CT).out.splitlines()
    assert lines[0].startswith("CT_small.dcm: CT Image Storage, CT, 128 x 128 pixels")
    assert "(0028,0030) DS PixelSpacing                         0.661468\\0.661468" in lines
    assert any(line.startswith("  (0010,0020) LO PatientID ") for line in lines)
    assert any("PixelData" in line and "<32,768 bytes>" in line for line in lines)
    assert not any("GEMS" in line for line in lines)


def test_private_elements_come_on_demand_with_their_creator(capsys):
    assert "Suite id [GEMS_IDEN_01]" in shown(capsys, "tags", CT, "--private").out
    assert "Suite id" in shown(capsys, "tags", CT, "--private", "--find", "gems_iden").out


def test_find_shows_what_matches_and_where_it_is(capsys):
    printed = shown(capsys, "tags", PLAN, "--find", "GantryAngle")
    words = [line.split()[2] for line in printed.out.splitlines()[1:] if "(" in line]
    assert words == ["BeamSequence", "ControlPointSequence", "GantryAngle"]
    printed = shown(capsys, "tags", PLAN, "--find", "-no-such-")
    assert "Nothing in rtplan.dcm contains" in printed.err


def test_long_values_are_shortened(tmp_path, capsys):
    path = tmp_path / "long.dcm"
    text = b"word " * 2000
    path.write_bytes(
        CT.read_bytes() + struct.pack("<HH2sHI", 0x7FE1, 0x1010, b"UT", 0, len(text))
    )
    with path.open("ab") as file:
        file.write(text)
    lines = shown(capsys, "tags", path, "--private").out.splitlines()
    assert lines[-1].endswith("...")
    assert max(map(len, lines)) < 160


def test_a_series_shows_what_differs_at_a_glance(stack, capsys):
    printed = shown(capsys, "tags", stack)
    common, differs = printed.out.split("What differs between 12 files")
    assert "The same in all files (12):" in common
    assert "PatientName" in common
    assert "InstanceNumber                       1 .. 12 (12 values)" in differs
    assert "ImagePositionPatient" in differs
    assert "PatientName" not in differs
    assert "skipped notes.txt: not DICOM" in printed.err


def test_json_is_an_object_for_a_file_and_an_array_for_more(stack, answer):
    one = answer("tags", CT)
    assert one["00100010"]["Value"] == [{"Alphabetic": "CompressedSamples^CT1"}]
    assert "BulkDataURI" in one["7FE00010"]
    assert not any(tag.startswith("0009") for tag in one)
    assert "00091002" in answer("tags", CT, "--private")
    assert list(answer("tags", CT, "--find", "pixelspacing")) == ["00280030"]
    many = answer("tags", stack)
    assert [slice_["00200013"]["Value"] for slice_ in many] == [[n] for n in range(1, 13)]
    assert len(answer("tags", CT, PLAN)) == 2


def test_no_terminal_obeys_a_header(stack, capsys):
    for tokens in ([stack], [stack / sorted(p.name for p in stack.glob("*.dcm"))[0]]):
        printed = shown(capsys, "tags", *tokens)
        for character in "\x1b\x07\u202e":
            assert character not in printed.out + printed.err
        assert "Captain" in printed.out


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("cut.dcm", 4, "truncated"),
        ("garbage.dcm", 4, "not DICOM"),
        ("deep.dcm", 4, "nested too deep"),
        ("empty.dcm", 4, "empty"),
        ("nowhere.dcm", 3, "no file"),
        ("", 3, "no DICOM file"),
    ],
)
def test_hostile_files_end_in_one_line(name, code, said, tmp_path, refusal):
    (tmp_path / "sub").mkdir()
    deep = struct.pack(
        "<HH2sHIHHI", 0x7FE1, 0x1040, b"SQ", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    files = {
        "cut.dcm": CUT.read_bytes(),
        "garbage.dcm": bytes(range(256)) * 9,
        "deep.dcm": CT.read_bytes() + deep * 4000,
        "empty.dcm": b"",
    }
    if name in files:
        (tmp_path / "sub" / name).write_bytes(files[name])
    found, line = refusal("tags", tmp_path / "sub" / name)
    assert found == code
    assert said in line


def test_force_shows_what_lies_before_the_damage(capsys):
    printed = shown(capsys, "tags", CUT, "--force")
    assert "PatientName" in printed.out
    assert "truncated" in printed.err
    assert "0020000D" in json.loads(shown(capsys, "tags", CUT, "--force", "--json").out)
