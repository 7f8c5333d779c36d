"""Damaged and hostile headers end in a sentence, or are shown up to the damage."""

import json
import random
import struct

import pytest

from tests.dicom.tagged import keywords, saved, shipped
from vis3d.dicom import dicom_json, read_tags, tag_summary
from vis3d.dicom import elements as rooms_of_elements
from vis3d.errors import InputError, NotDicomError, NothingFoundError, TooLargeError, Vis3dError


def nested(depth):
    """A file of sequences of undefined length, one in the other."""
    start = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    start += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    return start * depth


@pytest.mark.parametrize("depth", [100, 5000])
def test_nesting_too_deep_is_said(depth, tmp_path):
    path = saved(tmp_path / "deep.dcm")
    path.write_bytes(path.read_bytes() + nested(depth))
    with pytest.raises(InputError, match=r"^deep\.dcm has .*nested too deep"):
        read_tags(path)


@pytest.mark.parametrize("name", ["MR_truncated.dcm", "rtplan_truncated.dcm"])
def test_a_truncated_file_is_refused_and_shown_up_to_there_by_force(name):
    path = shipped(name)
    with pytest.raises(InputError, match=rf"^{name} is truncated: .* missing .*use force"):
        read_tags(path)
    tree = read_tags(path, force=True)
    assert "truncated" in tree.damage
    assert "PatientName" in keywords(tree.elements)


def test_a_file_cut_anywhere_is_refused_in_a_sentence(tmp_path):
    """But for cuts exactly between two elements, which nobody can see."""
    path = tmp_path / "cut.dcm"
    for name in ("CT_small.dcm", "rtplan.dcm", "MR_small_RLE.dcm", "image_dfl.dcm"):
        whole = shipped(name).read_bytes()
        said = []
        for length in [*range(0, min(len(whole), 3000), 61), len(whole) - 9]:
            path.write_bytes(whole[:length])
            said.append(refusal_of(path))
        assert all(line.startswith("cut.dcm ") for line in said if line)
        assert said.count("") <= 3
        assert not any("CompressedSamples" in line for line in said)


def refusal_of(path):
    """Why a file is refused, "" if it isn't; any other exception is a defect."""
    try:
        read_tags(path)
    except InputError as error:
        return str(error)
    return ""


def test_garbage_is_read_or_refused_and_nothing_else(tmp_path):
    generator = random.Random(8)
    path = tmp_path / "flipped.dcm"
    for name in ("CT_small.dcm", "rtplan.dcm", "MR_small_bigendian.dcm", "nested_priv_SQ.dcm"):
        whole = shipped(name).read_bytes()[:6000]
        for _ in range(60):
            damaged = bytearray(whole)
            for _ in range(3):
                damaged[generator.randrange(132, len(damaged))] = generator.randrange(256)
            path.write_bytes(damaged)
            try:
                tree = read_tags(path, force=True)
            except Vis3dError:
                continue
            json.dumps(dicom_json(tree.elements, tree.name), allow_nan=False)
            tag_summary(tree)


@pytest.mark.parametrize("items", [False, True])
def test_millions_of_elements_or_items_are_refused(items, tmp_path, monkeypatch):
    monkeypatch.setattr(rooms_of_elements, "MAX_ELEMENTS", 1000)
    path = saved(tmp_path / "many.dcm")
    one = struct.pack("<HH2sH", 0x0010, 0x4000, b"LT", 0)
    sequence = struct.pack("<HH2sHI", 0x0040, 0x0275, b"SQ", 0, 0xFFFFFFFF)
    empty_item = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
    more = sequence + empty_item * 2000 if items else one * 2000
    path.write_bytes(path.read_bytes() + more)
    with pytest.raises(TooLargeError, match="more than 1000 elements"):
        read_tags(path)


def test_zeros_behind_the_last_element_are_forgiven(tmp_path):
    path = saved(tmp_path / "x.dcm")
    path.write_bytes(path.read_bytes() + b"\0\0")
    assert "SOPClassUID" in keywords(read_tags(path).elements)


def test_what_is_no_dicom_is_said_so(tmp_path):
    with pytest.raises(NothingFoundError):
        read_tags(tmp_path / "nowhere.dcm")
    path = tmp_path / "letter.txt"
    path.write_bytes(b"")
    with pytest.raises(NotDicomError, match=r"^letter\.txt is an empty file\.$"):
        read_tags(path)
    path.write_text("Dear Sir, " * 100)
    with pytest.raises(NotDicomError, match=r"^letter\.txt is not DICOM\.$"):
        read_tags(path)


def test_force_reads_a_file_without_preamble():
    path = shipped("ExplVR_LitEndNoMeta.dcm")
    with pytest.raises(NotDicomError, match="use force"):
        read_tags(path)
    assert read_tags(path, force=True).meta == ()
