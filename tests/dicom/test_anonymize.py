"""Nothing that names the patient is left, and nothing that measures is lost."""

import json
import zipfile

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from vis3d_cli.main import main

from tests.conftest import oblique_geometry
from tests.dicom.planted import DATE, MARKER, UID, assert_traceless, planted, saved, volume_at
from tests.dicom.stacks import ct_stack, write
from vis3d.dicom import Policy, Pseudonyms, anonymize, discover, load_series
from vis3d.errors import Cancelled, NothingFoundError, UsageError


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
