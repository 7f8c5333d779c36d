"""Nothing that names the patient is left, and nothing that measures is lost."""

import io
import json
import warnings
import zipfile

import imagecodecs
import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.data import get_testdata_file
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless
from vis3d_cli.main import main

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_stack, write
from vis3d.dicom import Policy, Pseudonyms, anonymize, discover, load_series, read_image
from vis3d.errors import Cancelled, NothingFoundError, UsageError

MARKER = "QZMARKERZQ"
DATE, TIME, UID, NUMBER = "19471123", "112233.445566", "1.2.999.777.31337", "31337.1331"
TRACES = (MARKER, DATE, TIME, UID, NUMBER)
PLANTED = {
    "CS": MARKER, "SH": MARKER, "LO": MARKER, "ST": MARKER, "LT": MARKER, "UT": MARKER,
    "UC": MARKER, "UR": f"http://{MARKER}.example", "AE": MARKER, "PN": f"{MARKER}^Nemo",
    "DA": DATE, "TM": TIME, "DT": DATE + TIME, "UI": UID, "AS": "031Y",
    "OB": MARKER.encode(), "OW": MARKER.encode(), "UN": MARKER.encode(), "OF": b"QZMARKERZQQZ",
    "OD": b"QZMARKERZQQZMARK", "OL": b"QZMARKERZQQZ", "OV": b"QZMARKERZQQZMARK",
}  # fmt: skip
NUMBERS_OF_PATIENTS = ("PatientWeight", "PatientSize", "OtherStudyNumbers")
LEAVE_AS_IT_IS = (
    "SOPClassUID", "PixelData", "SpecificCharacterSet", "Modality", "PatientPosition",
    "PhotometricInterpretation", "RescaleType", "BurnedInAnnotation",
)  # fmt: skip


@pytest.fixture
def array():
    return np.random.default_rng(4).integers(0, 4000, (6, 30, 40)).astype(np.uint16)


@pytest.fixture
def stack(array):
    """A small oblique scan."""
    return ct_stack(array, oblique_geometry(shape=(6, 30, 40)), RescaleIntercept="-1024")


def planted(dataset, number=0):
    """The same image with markers wherever the dictionary has a place for one.

    One in all of its 4,000 attributes, the others in 20 of each kind, both in items too.
    """
    step = 1 if number == 0 else 37
    inner = _with_markers(Dataset(), step)
    _with_markers(dataset, step)
    twice = Dataset(inner)
    twice.AnatomicRegionSequence = [_with_markers(Dataset(), 37)]
    for keyword in ("ReferencedImageSequence", "SharedFunctionalGroupsSequence",
                    "ContrastBolusAgentSequence", "VOILUTSequence",
                    "ViewCodeSequence")[number % 5 :][:1]:  # fmt: skip
        setattr(dataset, keyword, [twice])
    block = dataset.private_block(0x0029, MARKER, create=True)
    block.add_new(0x01, "LO", MARKER)
    block.add_new(0x02, "OB", MARKER.encode())
    block.add_new(0x03, "SQ", [_with_markers(Dataset(), 37)])
    dataset.add_new(0x60000010, "US", 30)
    dataset.add_new(0x60000011, "US", 40)
    dataset.add_new(0x60004000, "LT", MARKER)
    dataset.add_new(0x60003000, "OW", MARKER.encode() * 15)
    dataset.add_new(0x50003000, "OW", MARKER.encode())
    dataset.add_new(0xFFFCFFFC, "OB", MARKER.encode())
    for keyword in NUMBERS_OF_PATIENTS:
        setattr(dataset, keyword, NUMBER.split(".")[0] if keyword[0] == "O" else NUMBER)
    return dataset


def _with_markers(dataset, step):
    places = [
        (tag, vr)
        for tag, (vr, _, _, _, keyword) in DicomDictionary.items()
        if vr in PLANTED
        and keyword not in LEAVE_AS_IT_IS
        and keyword
        and "PixelData" not in keyword
        and 0x0008 <= tag >> 16 != 0xFFFE
    ]
    for tag, vr in places[::step]:
        if tag not in dataset or vr == "PN":
            dataset.add_new(tag, vr, PLANTED[vr])
    return dataset


def saved(folder, datasets, *, implicit=False):
    """Files with names, preambles and ends that carry the marker."""
    for number, dataset in enumerate(datasets):
        place = folder / MARKER
        place.mkdir(parents=True, exist_ok=True)
        dataset.SOPInstanceUID = f"{UID}.{number}"
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID = f"{UID}.91", f"{UID}.92"
        dataset.FrameOfReferenceUID = f"{UID}.93"
        if "TransferSyntaxUID" not in getattr(dataset, "file_meta", {}):
            dataset.file_meta = FileMetaDataset()
            syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
            dataset.file_meta.TransferSyntaxUID = syntax
        dataset.file_meta.SourceApplicationEntityTitle = MARKER
        dataset.preamble = MARKER.encode().ljust(128, b"Z")
        content = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset.save_as(content, enforce_file_format=True)
        (place / f"{MARKER}{number}.dcm").write_bytes(content.getvalue())
    return folder


def volume_at(path):
    (series,) = discover(path).series
    return load_series(series)


def assert_traceless(folder):
    files = list(folder.rglob("*"))
    assert files
    for path in files:
        named = str(path.relative_to(folder))
        held = path.read_bytes() if path.is_file() else b""
        for trace in TRACES:
            assert trace not in named
            assert trace.encode() not in held, (trace, path)
            assert trace.encode("utf-16-le") not in held


@pytest.mark.parametrize("implicit", [False, True])
def test_no_marker_survives_wherever_it_was_planted(tmp_path, stack, implicit):
    source = saved(
        tmp_path / "in", [planted(one, n) for n, one in enumerate(stack)], implicit=implicit
    )
    before = volume_at(source)
    assert MARKER.encode() in next(source.rglob("*.dcm")).read_bytes()
    done = anonymize(source, tmp_path / "out")
    assert list(done.folders.values()) == [6]
    assert not done.failed
    assert_traceless(tmp_path / "out")
    after = volume_at(tmp_path / "out")
    np.testing.assert_array_equal(after.array, before.array)
    np.testing.assert_allclose(after.geometry.affine, before.geometry.affine, atol=1e-9)
    assert (after.unit, after.padding) == (before.unit, before.padding)


@pytest.mark.parametrize("keep", ["device", "characteristics"])
def test_dates_that_are_shifted_keep_their_intervals_and_no_origin(tmp_path, stack, keep):
    for one in stack:
        planted(one, 1)
        one.StudyDate, one.AcquisitionDate = DATE, "19471130"
        one.AcquisitionDateTime = "19471130101112.5"
        one.AcquisitionTime = "101112.5"
        one.StationName, one.PatientAge, one.PatientSex = "CT7", "094Y", "F"
    policy = Policy(dates="shift", keep=frozenset([keep]))
    source = saved(tmp_path / "in", stack)
    done = anonymize(source, tmp_path / "out", policy=policy)
    made = pydicom.dcmread(next((tmp_path / "out").rglob("*.dcm")))
    days = [np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:]}") for d in
            (made.StudyDate, made.AcquisitionDate)]  # fmt: skip
    assert (days[1] - days[0]).astype(int) == 7
    assert made.StudyDate < DATE
    assert made.AcquisitionTime == "101112.5"
    assert made.AcquisitionDateTime == made.AcquisitionDate + "101112.5"
    assert made.PatientBirthDate == ""
    assert made.get("StationName") == ("CT7" if keep == "device" else "")
    assert made.get("PatientAge") == ("090Y" if keep == "characteristics" else None)
    codes = [item.CodeValue for item in made.DeidentificationMethodCodeSequence]
    assert codes == [
        "113100",
        "113107",
        {"device": "113109", "characteristics": "113108"}[keep],
    ]
    assert sum(done.folders.values()) == 6
    assert DATE.encode() not in b"".join(
        p.read_bytes() for p in (tmp_path / "out").rglob("*.dcm")
    )


def test_comments_in_compressed_pixels_and_bytes_behind_them_are_gone(tmp_path, array, stack):
    comment = b"\xff\xfe" + (len(MARKER) + 2).to_bytes(2, "big") + MARKER.encode()
    for one, values in zip(stack, array, strict=True):
        stream = imagecodecs.jpegls_encode(values)
        stream = stream[:2] + comment + stream[2:] + MARKER.encode()
        one.PixelData = encapsulate([stream])
        one["PixelData"].VR, one["PixelData"].is_undefined_length = "OB", True
        one.file_meta = FileMetaDataset()
        one.file_meta.TransferSyntaxUID = JPEGLSLossless
    source = saved(tmp_path / "in", stack)
    anonymize(source, tmp_path / "out")
    assert_traceless(tmp_path / "out")
    np.testing.assert_array_equal(volume_at(tmp_path / "out").array, array.astype(int) - 1024)
    made = pydicom.dcmread(next((tmp_path / "out").rglob("*.dcm")))
    assert made.file_meta.TransferSyntaxUID == JPEGLSLossless


@pytest.mark.parametrize("compress", ["none", "rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000"])
@pytest.mark.parametrize("signed", [False, True])
def test_twelve_bits_survive_every_compression(tmp_path, array, stack, compress, signed):
    for one, values in zip(stack, array, strict=True):
        one.BitsStored, one.HighBit, one.PixelRepresentation = 12, 11, int(signed)
        one.PixelData = (values & 0xFFF).tobytes()
        one.add_new("PixelPaddingValue", "SS" if signed else "US", -7 if signed else 7)
    source = saved(tmp_path / "in", stack)
    anonymize(source, tmp_path / "out", compress=compress)
    before, after = volume_at(source), volume_at(tmp_path / "out")
    np.testing.assert_array_equal(after.array, before.array)
    assert after.padding == before.padding
    files = sorted(map(str, (tmp_path / "out").rglob("*.dcm")))
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(files)
    theirs = SimpleITK.GetArrayFromImage(reader.Execute())
    inside = after.inside_scan()
    np.testing.assert_array_equal(theirs[inside], after.array[inside])


def test_padding_that_was_written_unsigned_survives(tmp_path, array, stack):
    for one, values in zip(stack, array, strict=True):
        one.PixelRepresentation, one.RescaleIntercept = 1, "0"
        one.PixelData = (values.astype(np.int16) - 2000).tobytes()
        one.add_new("PixelPaddingValue", "US", 63536)
    source = saved(tmp_path / "in", stack)
    before = volume_at(source)
    assert before.padding == -2000
    for compress in ("same", "jpeg-ls", "rle"):
        anonymize(source, tmp_path / compress, compress=compress)
        after = volume_at(tmp_path / compress)
        np.testing.assert_array_equal(after.array, before.array)
        assert after.padding == before.padding


@pytest.mark.parametrize("compress", ["same", "rle", "jpeg-lossless", "jpeg-ls", "jpeg-2000"])
@pytest.mark.parametrize(
    "name",
    [
        "SC_rgb_rle_2frame.dcm",
        "SC_rgb_small_odd.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
        "SC_rgb_dcmtk_+eb+cy+np.dcm",
        "JPEG-lossy.dcm",
    ],
)
def test_colours_and_loops_survive_every_compression(tmp_path, name, compress):
    source = get_testdata_file(name)
    done = anonymize(source, tmp_path / "out", compress=compress)
    assert not done.failed
    (made,) = (tmp_path / "out").rglob("*.dcm")
    for number in range(read_image(source).frames):
        np.testing.assert_array_equal(
            read_image(made, frame=number).pixels, read_image(source, frame=number).pixels
        )


def test_a_head_that_no_header_speaks_of_is_seen(tmp_path, stack):
    source = saved(tmp_path / "in", stack)
    seen = []
    done = anonymize(source, tmp_path / "out", shows_head=lambda v: seen.append(v) or True)
    assert [finding.code for finding in done.findings] == ["face-seen", "face-unknown"]
    assert done.findings[0].message.startswith("6 images with a skull or a face to be seen")
    assert seen[0].array.shape == (6, 30, 40)
    none = anonymize(source, tmp_path / "other", shows_head=lambda volume: False)
    assert [finding.code for finding in none.findings] == ["face-unknown"]


@pytest.mark.parametrize(
    ("elements", "spacing_mm", "codes"),
    [
        ({"BodyPartExamined": "CHEST"}, 2.5, []),
        ({"BodyPartExamined": "CHEST_TO_PELVIS"}, 2.5, []),
        ({"BodyPartExamined": "CHEST ABDOMEN"}, 2.5, []),
        ({"BodyPartExamined": "CSPINE"}, 2.5, ["face-unknown"]),
        ({"BodyPartExamined": "TRUNK"}, 2.5, ["face-unknown"]),
        ({"BodyPartExamined": "KNEE", "ProtocolName": "t1 mprage brain"}, 2.5, ["face"]),
        ({}, 2.5, ["face-unknown"]),
        ({"BodyPartExamined": "CHEST"}, 200.0, ["face-reached"]),
    ],
)
@pytest.mark.parametrize("modality", ["MR", "PT"])
def test_mr_and_pet_are_warned_of_unless_they_name_a_part_without_face(
    tmp_path, array, modality, elements, spacing_mm, codes
):
    grid = oblique_geometry((6, 30, 40), (0.7, 0.9, spacing_mm))
    stack = ct_stack(array, grid, Modality=modality, **elements)
    done = anonymize(
        saved(tmp_path / "in", stack), tmp_path / "out", shows_head=lambda volume: True
    )
    assert [finding.code for finding in done.findings] == codes


def test_a_real_head_is_warned_of_though_its_words_say_chest(tmp_path, real_data, capsys):
    with zipfile.ZipFile(real_data / "ge_tilted_head.zip") as archive:
        archive.extractall(tmp_path / "in")
    for path in (tmp_path / "in").rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        for keyword in ("StudyDescription", "SeriesDescription", "ProtocolName"):
            setattr(dataset, keyword, "CHEST")
        dataset.BodyPartExamined = "CHEST"
        dataset.save_as(path)
    assert main(["anonymize", str(tmp_path / "in"), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err
    assert "with a skull or a face to be seen" in said
    assert "may be the head" not in said


def test_bits_above_the_stored_ones_and_surplus_pixels_are_gone(tmp_path, array, stack):
    for one, values in zip(stack, array, strict=True):
        one.BitsStored, one.HighBit = 12, 11
        one.PixelData = (values | 0xA000).tobytes() + MARKER.encode()
    anonymize(saved(tmp_path / "in", stack), tmp_path / "out")
    assert_traceless(tmp_path / "out")
    made = pydicom.dcmread(next((tmp_path / "out").rglob("*.dcm")))
    assert np.frombuffer(made.PixelData, "<u2").max() < 4096
    assert len(made.PixelData) == 2 * 30 * 40


def test_one_key_gives_one_identity_in_every_run_and_another_key_another(tmp_path, stack):
    source = saved(tmp_path / "in", stack)
    uids = []
    for run, key in enumerate((b"k" * 32, b"k" * 32, b"l" * 32)):
        anonymize(source, tmp_path / str(run), policy=Policy(Pseudonyms(key)))
        made = [pydicom.dcmread(path) for path in sorted((tmp_path / str(run)).rglob("*.dcm"))]
        assert len({one.StudyInstanceUID for one in made}) == 1
        assert len({one.SOPInstanceUID for one in made}) == 6
        uids.append([(one.SOPInstanceUID, one.PatientID) for one in made])
    assert uids[0] == uids[1]
    assert not set(uids[0]) & set(uids[2])


def test_references_between_images_stay(tmp_path, stack):
    reference = Dataset()
    reference.ReferencedSOPClassUID = stack[0].SOPClassUID
    reference.ReferencedSOPInstanceUID = f"{UID}.0"
    stack[1].ReferencedImageSequence = [reference]
    anonymize(saved(tmp_path / "in", stack), tmp_path / "out")
    made = [pydicom.dcmread(path) for path in sorted((tmp_path / "out").rglob("*.dcm"))]
    target = made[1].ReferencedImageSequence[0].ReferencedSOPInstanceUID
    assert target in {one.SOPInstanceUID for one in made}


def test_kernels_without_a_known_name_still_part_the_stacks(tmp_path, array):
    geometry = oblique_geometry(shape=(6, 30, 40))
    both = [
        one
        for kernel in (f"{MARKER}1", f"{MARKER}2")
        for one in ct_stack(array + len(kernel), geometry, ConvolutionKernel=kernel)
    ]
    both[0].PixelData = (array[0] + 9).tobytes()
    source = saved(tmp_path / "in", both)
    assert len(discover(source).series) == 2
    anonymize(source, tmp_path / "out")
    assert len(discover(tmp_path / "out").series) == 2
    assert_traceless(tmp_path / "out")


def test_burned_in_text_fails_until_somebody_looked(tmp_path, stack, capsys):
    stack[2].BurnedInAnnotation = "YES"
    source = saved(tmp_path / "in", stack)
    assert main(["anonymize", str(source), "-o", str(tmp_path / "out"), "--json"]) == 8
    document = json.loads(capsys.readouterr().out)
    assert [series["files"] for series in document["series"]] == [5]
    assert "--pixels-reviewed" in document["failed"][0]["reason"]
    reviewed = ["anonymize", str(source), "-o", str(tmp_path / "new"), "--pixels-reviewed"]
    assert main(reviewed) == 0
    assert pydicom.dcmread(next((tmp_path / "new").rglob("*.dcm"))).BurnedInAnnotation == "NO"


def test_nothing_is_written_where_all_is_refused(tmp_path, stack, capsys):
    for one in stack:
        one.BurnedInAnnotation = "YES"
    source = saved(tmp_path / "in", stack)
    assert main(["anonymize", str(source), "-o", str(tmp_path / "out")]) == 4
    assert "burned" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_screens_and_heads_are_warned_of(tmp_path, stack, capsys):
    stack[0].Modality, stack[1].BodyPartExamined = "SC", "HEAD"
    source = saved(tmp_path / "in", stack)
    assert main(["anonymize", str(source), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err
    assert "often shows text" in said
    assert "face" in said


def test_reports_and_documents_are_left_out_with_a_reason(tmp_path, stack):
    source = saved(tmp_path / "in", stack)
    report = Dataset()
    report.SOPClassUID, report.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.104.1", "1.2.3"
    report.EncapsulatedDocument = MARKER.encode()
    write(tmp_path / "in" / "more", [report])
    (tmp_path / "in" / "notes.txt").write_text(MARKER)
    done = anonymize(source, tmp_path / "out")
    reasons = {"PDF" if "more" in one.path else "text": one.reason for one in done.left_out}
    assert reasons["PDF"].startswith("no image")
    assert reasons["text"] == "not DICOM"
    assert sum(done.folders.values()) == 6


def test_images_that_do_not_say_what_they_are_are_named(tmp_path, stack):
    source = saved(tmp_path / "in", stack)
    for path in source.rglob("*.dcm"):
        image = pydicom.dcmread(path)
        image.SOPClassUID = ""
        image.save_as(path)
    with pytest.raises(NothingFoundError, match="its SOPClassUID is missing or empty"):
        anonymize(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_file_does_not_stop_the_others(tmp_path, stack, capsys):
    source = saved(tmp_path / "in", stack)
    victim = sorted(source.rglob("*.dcm"))[3]
    victim.write_bytes(victim.read_bytes()[:-900])
    assert main(["anonymize", str(source), "-o", str(tmp_path / "out"), "--json"]) == 8
    document = json.loads(capsys.readouterr().out)
    assert "truncated" in document["failed"][0]["reason"]
    assert sum(series["files"] for series in document["series"]) == 5


def test_archives_are_taken_and_their_names_are_not(tmp_path, stack):
    source = saved(tmp_path / "in", stack)
    with zipfile.ZipFile(tmp_path / "scan.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in source.rglob("*.dcm"):
            archive.write(path, f"{MARKER}/{path.name}")
    done = anonymize(tmp_path / "scan.zip", tmp_path / "out")
    assert sum(done.folders.values()) == 6
    assert_traceless(tmp_path / "out")


def test_the_output_is_never_in_the_input(tmp_path, stack):
    source = saved(tmp_path / "in", stack)
    for inside in (source, source / "out", source / ".." / "in"):
        with pytest.raises(UsageError, match="elsewhere"):
            anonymize(source, inside)
    with pytest.raises(NothingFoundError):
        (tmp_path / "empty").mkdir()
        anonymize(tmp_path / "empty", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_stopping_leaves_nothing(tmp_path, stack):
    source = saved(tmp_path / "in", stack)

    def stop(fraction, what):
        if fraction > 0.4:
            raise Cancelled

    with pytest.raises(Cancelled):
        anonymize(source, tmp_path / "out", progress=stop)
    assert not (tmp_path / "out").exists()


def test_a_short_key_is_refused(tmp_path, stack, capsys):
    source = saved(tmp_path / "in", stack)
    (tmp_path / "key").write_text("1234")
    tokens = ["anonymize", str(source), "-o", str(tmp_path / "out"), "--key-file"]
    assert main([*tokens, str(tmp_path / "key")]) == 2
    assert "guessed" in capsys.readouterr().err
    (tmp_path / "key").write_text("5a" * 16)
    assert main([*tokens, str(tmp_path / "key")]) == 0


def test_real_scans_measure_the_same(tmp_path, real_data):
    for name in ("transfer_syntaxes", "lung_pet_ct_dx_a0002.zip"):
        out = tmp_path / name
        done = anonymize(real_data / name, out)
        assert not done.failed
        before = [load_series(s) for s in discover(real_data / name).series if s.loadable]
        after = [load_series(s) for s in discover(out).series if s.loadable]
        assert len(before) == len(after)
        for one in before:
            assert any(
                np.array_equal(one.array, other.array)
                and np.allclose(one.geometry.affine, other.geometry.affine, atol=1e-9)
                for other in after
            )
