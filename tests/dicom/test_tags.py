"""Headers as trees: what pydicom reads is there, searched, and compared between files."""

import json
import struct
import zipfile
from itertools import zip_longest

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.dicom.tagged import keywords, named, saved, shipped
from vis3d.dicom import (
    Skipped,
    TagTree,
    compare_tags,
    dicom_json,
    each_tags,
    matching,
    read_tags,
    tag_summary,
    without_private,
)

SHIPPED = """
    CT_small.dcm MR_small.dcm MR_small_implicit.dcm MR_small_bigendian.dcm MR_small_RLE.dcm
    JPEG2000.dcm image_dfl.dcm rtplan.dcm rtdose.dcm waveform_ecg.dcm UN_sequence.dcm
    priv_SQ.dcm nested_priv_SQ.dcm liver_1frame.dcm examples_overlay.dcm reportsi.dcm
    test-SR.dcm SC_rgb_small_odd_big_endian.dcm JPEG2000-embedded-sequence-delimiter.dcm
""".split()


# Against an independent reader.


def normal(attributes, beside=None):
    """DICOM JSON as both readers mean it: without what the standard leaves out or open.

    What is bulk data in either this object or the one `beside` it is left out.
    """
    same = {}
    beside = beside or {}
    for tag, attribute in attributes.items():
        other = beside.get(tag, {})
        if tag.endswith("0000") or tag == "00080005":
            continue
        if "BulkDataURI" in attribute or "BulkDataURI" in other:
            continue
        vr, value = str(attribute["vr"]), attribute.get("Value") or None
        if vr == "SQ":
            pairs = zip_longest(value or [], other.get("Value") or [])
            value = [normal(item or {}, beside_item) for item, beside_item in pairs]
        elif isinstance(value, list):
            value = [one.strip() if isinstance(one, str) else one for one in value]
            value = [one or None if isinstance(one, (str, dict)) else one for one in value]
        same[tag] = (vr, value, attribute.get("InlineBinary"))
    return same


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.filterwarnings("ignore")
def test_the_json_says_what_pydicom_reads(name):
    path = shipped(name)
    tree = read_tags(path)
    mine = dicom_json(tree.elements, tree.name)
    data = pydicom.dcmread(path)
    theirs = data.to_json_dict(bulk_data_threshold=10**9, suppress_invalid_tags=True)
    # pydicom drops a sequence in which a value is invalid, and calls nested private ones null.
    lost = set(mine) - set(theirs) if name in ("rtdose.dcm", "nested_priv_SQ.dcm") else set()
    mine = {tag: one for tag, one in mine.items() if tag not in lost}
    assert normal(mine, theirs) == normal(theirs, mine)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.filterwarnings("ignore")
def test_the_json_is_read_by_pydicom(name):
    tree = read_tags(shipped(name))
    document = json.loads(json.dumps(dicom_json(tree.elements, tree.name), allow_nan=False))
    back = Dataset.from_json(document, bulk_data_uri_handler=lambda tag, vr, uri: b"")
    data = pydicom.dcmread(shipped(name))
    for keyword in ("PatientName", "SOPInstanceUID", "Rows", "StudyDate"):
        assert back.get(keyword) == data.get(keyword)


def test_the_place_of_bulk_data_is_where_they_lie():
    path = shipped("CT_small.dcm")
    pixels = named(read_tags(path).elements, "PixelData")
    assert pixels.bulk
    assert pixels.values == ()
    assert pixels.binary is None
    raw = path.read_bytes()[pixels.offset : pixels.offset + pixels.length]
    assert raw == pydicom.dcmread(path).PixelData
    (entry,) = dicom_json([pixels], "a b.dcm").values()
    assert entry == {
        "vr": "OW",
        "BulkDataURI": f"a%20b.dcm?offset={pixels.offset}&length={pixels.length}",
    }


def test_compressed_pixels_are_counted_in_fragments():
    path = shipped("JPEG2000-embedded-sequence-delimiter.dcm")
    pixels = named(read_tags(path).elements, "PixelData")
    encoded = pydicom.encaps.generate_fragments(pydicom.dcmread(path).PixelData)
    assert pixels.fragments == len(list(encoded)) - 1  # the first is the offset table


def test_pixels_are_never_read(tmp_path):
    path = saved(tmp_path / "big.dcm", Rows=1, Columns=1)
    with path.open("ab") as file:
        file.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, 3 << 30))
        file.truncate(file.tell() + (3 << 30))  # a hole: 3 GiB that take no room
    pixels = named(read_tags(path).elements, "PixelData")
    assert pixels.length == 3 << 30


# What a person looks for.


def test_private_elements_are_named_by_their_creator():
    elements = read_tags(shipped("CT_small.dcm")).elements
    suite = next(one for one in elements if one.tag == 0x00091002)
    assert (suite.private_creator, suite.name, suite.values) == (
        "GEMS_IDEN_01",
        "Suite id",
        ("CT01",),
    )
    kept = without_private(elements)
    assert not any(one.is_private for one in kept)
    assert len(kept) < len(elements)


def test_private_elements_inside_sequences_go_too(tmp_path):
    item = Dataset()
    item.CodeValue = "A"
    item.private_block(0x0011, "ACME", create=True).add_new(1, "LO", "secret")
    path = saved(tmp_path / "x.dcm", ProcedureCodeSequence=Sequence([item]))
    (sequence,) = [one for one in without_private(read_tags(path).elements) if one.items]
    assert keywords(sequence.items[0]) == ["CodeValue"]


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("pixelspacing", "PixelSpacing"),
        ("Pixel Spacing", "PixelSpacing"),
        ("0028,0030", "PixelSpacing"),
        ("(0028,0030)", "PixelSpacing"),
        ("00280030", "PixelSpacing"),
        ("0.661468", "PixelSpacing"),
        ("compressedsamples", "PatientName"),
        ("ct image storage", "SOPClassUID"),
    ],
)
def test_find_looks_in_keyword_name_tag_and_value(text, keyword):
    found = matching(read_tags(shipped("CT_small.dcm")).elements, text)
    assert keyword in keywords(found)
    assert len(found) < 10


def test_find_keeps_the_sequences_round_a_match_and_nothing_beside_it():
    found = matching(read_tags(shipped("rtplan.dcm")).elements, "GantryAngle")
    assert keywords(found) == ["BeamSequence"]
    points = named(found[0].items[0], "ControlPointSequence")
    assert keywords(points.items[0]) == ["GantryAngle"]
    assert matching(read_tags(shipped("rtplan.dcm")).elements, "no such thing") == ()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("CT_small.dcm", {"modality": "CT", "size": "128 x 128 pixels", "date": "1997-04-30"}),
        ("liver_1frame.dcm", {"kind": "Segmentation Storage", "size": "512 x 512 pixels"}),
        ("rtstruct.dcm", {"kind": "RT Structure Set Storage"}),
        ("waveform_ecg.dcm", {"modality": "ECG"}),
    ],
)
def test_the_summary_fits_any_kind(name, said):
    assert said.items() <= tag_summary(read_tags(shipped(name), force=True)).items()


def test_the_spacing_of_a_multi_frame_image_is_found_in_its_groups():
    assert "mm" in tag_summary(read_tags(shipped("liver_1frame.dcm")))["spacing"]


def test_an_empty_header_is_no_error(tmp_path):
    tree = read_tags(saved(tmp_path / "bare.dcm", PatientName="", Rows=None))
    assert set(tag_summary(tree)) == {"kind", "transfer_syntax"}
    assert dicom_json(tree.elements, "x")["00100010"] == {"vr": "PN"}


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        ("ISO_IR 100", "Sch\u00e4del^Ren\u00e9".encode("latin-1"), "Sch\u00e4del^Ren\u00e9"),
        ("ISO_IR 192", "\u738b^\u5c0f\u6771".encode(), "\u738b^\u5c0f\u6771"),
        ("ISO_IR nonsense", b"M\xfcller", "M\u00fcller"),
    ],
)
def test_names_are_read_in_the_files_own_characters(charset, raw, text, tmp_path):
    path = saved(tmp_path / "x.dcm", SpecificCharacterSet="ISO_IR 192", PatientName="N" * 20)
    data = path.read_bytes().replace(b"N" * 20, raw.ljust(20))
    data = data.replace(
        b"CS\x0a\x00ISO_IR 192",
        struct.pack("<2sH", b"CS", len(charset) + len(charset) % 2)
        + charset.encode().ljust(len(charset) + len(charset) % 2),
    )
    path.write_bytes(data)
    elements = read_tags(path).elements
    assert named(elements, "PatientName").values == (text,)
    document = dicom_json(elements, "x")
    assert document["00100010"]["Value"] == [{"Alphabetic": text}]
    assert document["00080005"]["Value"] == ["ISO_IR 192"]


@pytest.mark.parametrize(
    ("keyword", "vr", "raw", "said"),
    [
        ("SliceThickness", b"DS", b"1.50", [1.5]),
        ("SliceThickness", b"DS", b"1,5 ", ["1,5"]),
        ("SliceThickness", b"DS", b"NaN ", ["NaN"]),
        ("SliceThickness", b"DS", b"1e400 ", ["1e400"]),
        ("PixelSpacing", b"DS", b"\\1.0", [None, 1.0]),
        ("DiffusionBValue", b"FD", struct.pack("<d", float("inf")), ["inf"]),
        ("FrameIncrementPointer", b"AT", struct.pack("<HH", 0x18, 0x1063), ["00181063"]),
    ],
)
def test_odd_values_are_legal_json(keyword, vr, raw, said, tmp_path):
    tag = pydicom.datadict.tag_for_keyword(keyword)
    path = saved(tmp_path / "x.dcm")
    with path.open("ab") as file:
        file.write(struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(raw)) + raw)
    tree = read_tags(path)
    document = dicom_json(tree.elements, tree.name)
    assert document[f"{tag:08X}"]["Value"] == said
    json.dumps(document, allow_nan=False)


# Several files.


def test_a_comparison_parts_what_differs_from_what_does_not(tmp_path):
    item = Dataset()
    for number in range(4):
        item.CodeValue = f"C{number // 2}"
        item.CodeMeaning = "same"
        more = {"PatientComments": "here"} if number == 3 else {}
        saved(
            tmp_path / f"{number}.dcm",
            InstanceNumber=number,
            Modality="CT",
            ProcedureCodeSequence=Sequence([item]),
            **more,
        )
    found = compare_tags(tree.elements for tree in each_tags(tmp_path))
    assert found.files == 4
    by_name = {one.element.keyword: one for one in found.differences}
    assert set(by_name) == {"InstanceNumber", "CodeValue", "PatientComments"}
    assert [n for _, n in by_name["InstanceNumber"].values] == [1, 1, 1, 1]
    assert [n for _, n in by_name["CodeValue"].values] == [2, 2]
    assert by_name["CodeValue"].path == ("ProcedureCodeSequence[1]",)
    assert by_name["PatientComments"].missing == 3
    assert "Modality" in keywords(found.common)
    (sequence,) = [one for one in found.common if one.items]
    assert keywords(sequence.items[0]) == ["CodeMeaning"]


def test_a_folder_and_its_archives_hold_the_same_headers(tmp_path):
    folder = tmp_path / "scan"
    folder.mkdir()
    for name in ("CT_small.dcm", "MR_small_RLE.dcm"):
        (folder / name).write_bytes(shipped(name).read_bytes())
    (folder / "notes.txt").write_text("no DICOM")
    packed = tmp_path / "scan.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    here, there = list(each_tags(folder)), list(each_tags(packed))
    assert here == there
    assert [type(one) for one in here] == [TagTree, TagTree, Skipped]
    assert here[2] == Skipped("notes.txt", "not DICOM")


def test_progress_is_told(tmp_path):
    saved(tmp_path / "x.dcm")
    told = []
    list(each_tags(tmp_path, progress=lambda fraction, what: told.append(fraction)))
    assert told[-1] == 1.0


@pytest.mark.real
def test_every_slice_in_every_transfer_syntax_has_the_same_patient(real_data):
    trees = each_tags(real_data / "transfer_syntaxes")
    slices = [one for one in trees if isinstance(one, TagTree) and "CTImage" in one.name]
    assert len({tree.transfer_syntax for tree in slices}) > 5
    found = compare_tags(tree.elements for tree in slices)
    differ = {one.element.keyword for one in found.differences}
    assert not {"PatientID", "Rows", "ImagePositionPatient", "WindowCenter"} & differ


@pytest.mark.real
def test_a_series_differs_in_position_alone(real_data):
    trees = each_tags(real_data / "lidc_idri_0314.zip")
    found = compare_tags(tree.elements for tree in trees if isinstance(tree, TagTree))
    assert found.files == 275
    differ = {one.element.keyword for one in found.differences} - {""}
    assert differ == {
        "SOPInstanceUID",
        "InstanceNumber",
        "ImagePositionPatient",
        "SliceLocation",
    }
