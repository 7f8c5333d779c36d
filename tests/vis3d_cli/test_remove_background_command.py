"""remove-background: pictures, DICOM images, scans and folders of them."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file
from vis3d_cli.main import main

import vis3d
from tests.dicom.stacks import ct_slice, write


@pytest.fixture
def photo(tmp_path):
    """An orange disc of radius 30 about (60, 50) on grey."""
    rows, columns = np.ogrid[:100, :140]
    disc = (columns - 60) ** 2 + (rows - 50) ** 2 <= 900
    pixels = np.where(disc[:, :, None], (220, 130, 40), (90, 95, 100)).astype(np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path, disc


def test_the_object_stays_on_transparent_ground(photo, tmp_path, answer):
    path, disc = photo
    (row,) = answer("remove-background", path, "-o", tmp_path / "cut.png")["images"]
    assert row["error"] is None
    assert row["foreground_percent"] == pytest.approx(100 * disc.mean(), rel=0.03)
    with Image.open(tmp_path / "cut.png") as image:
        pixels = np.asarray(image)
    assert pixels.shape == (100, 140, 4)
    assert ((pixels[:, :, 3] == 255) == disc).mean() > 0.99
    assert set(np.unique(pixels[:, :, 3])) == {0, 255}


@pytest.mark.parametrize(
    ("name", "words", "color"),
    [
        ("cut.jpg", [], (255, 255, 255)),
        ("cut.bmp", [], (255, 255, 255)),
        ("cut.png", ["--background", "black"], (0, 0, 0)),
        ("cut.webp", ["--background", "#10A0F0"], (16, 160, 240)),
    ],
)
def test_the_ground_has_the_colour_asked_for(photo, tmp_path, name, words, color):
    path, _ = photo
    assert main(["remove-background", str(path), "-o", str(tmp_path / name), *words]) == 0
    with Image.open(tmp_path / name) as image:
        pixels = np.asarray(image.convert("RGB"), int)
    assert np.abs(pixels[5, 5] - color).max() <= 2
    assert np.abs(pixels[50, 60] - (220, 130, 40)).max() <= 12


def test_a_feathered_edge_has_the_opacities_between(photo, tmp_path):
    path, _ = photo
    assert main(
        ["remove-background", str(path), "-o", str(tmp_path / "cut.png"), "--feather", "5%"]
    ) == 0  # fmt: skip
    with Image.open(tmp_path / "cut.png") as image:
        opacity = np.asarray(image)[:, :, 3]
    assert ((opacity > 0) & (opacity < 255)).sum() > 500
    assert opacity[50, 60] == 255


def test_boxes_points_and_objects_apart(tmp_path, answer):
    pixels = np.full((90, 160, 3), 30, np.uint8)
    pixels[20:50, 20:60], pixels[40:80, 100:150] = 220, 200
    Image.fromarray(pixels).save(tmp_path / "two.png")
    (row,) = answer("remove-background", tmp_path / "two.png", "-o", tmp_path / "a.png",
                    "--separate")["images"]  # fmt: skip
    assert [path.rsplit("/", 1)[1] for path in row["outputs"]] == ["a-1.png", "a-2.png"]
    with Image.open(tmp_path / "a-1.png") as image:
        larger = np.asarray(image)[:, :, 3] > 0
    assert larger[60, 125]
    assert not larger[35, 40]
    assert main(["remove-background", str(tmp_path / "two.png"), "-o", str(tmp_path / "b.png"),
                 "--box", "10,10,70,60", "--point", "140,75,background"]) == 0  # fmt: skip
    with Image.open(tmp_path / "b.png") as image:
        kept = np.asarray(image)[:, :, 3] > 0
    assert kept[35, 40]
    assert not kept[60, 125]


@pytest.mark.parametrize(
    "words",
    [
        ["--box", "1,2,3"],
        ["--box", "1,2,3,4,square"],
        ["--box", "-1,2,30,40"],
        ["--box", "0,0,900,40"],
        ["--point", "a,b"],
        ["--feather", "wide"],
        ["--background", "greenish"],
    ],
)
def test_hints_that_say_nothing_are_refused(photo, tmp_path, refusal, words):
    code, _ = refusal("remove-background", photo[0], "-o", tmp_path / "cut.png", *words)
    assert code == 2
    assert not (tmp_path / "cut.png").exists()


def test_a_negative_box_is_read_without_an_equals_sign(photo, tmp_path, refusal):
    _, line = refusal(
        "remove-background", photo[0], "-o", tmp_path / "cut.png", "--box", "-1,2,30,40"
    )
    assert "'-1,2,30,40'" in line


def test_a_jpeg_cannot_be_transparent(photo, tmp_path, refusal):
    code, line = refusal("remove-background", photo[0], "-o", tmp_path / "cut.jpg",
                         "--background", "transparent")  # fmt: skip
    assert (code, "transparent" in line) == (2, True)


def test_a_picture_of_nothing_asks_for_a_box(tmp_path, refusal):
    Image.new("RGB", (50, 40), "gray").save(tmp_path / "flat.png")
    code, line = refusal("remove-background", tmp_path / "flat.png", "-o", tmp_path / "x.png")
    assert (code, "--box" in line) == (4, True)
    assert not (tmp_path / "x.png").exists()


def test_a_folder_goes_in_one_go_and_a_broken_file_is_named(photo, tmp_path, capsys):
    path, _ = photo
    (tmp_path / "in").mkdir()
    path.rename(tmp_path / "in" / "a.png")
    Image.open(tmp_path / "in" / "a.png").save(tmp_path / "in" / "b.jpg")
    (tmp_path / "in" / "c.png").write_bytes(b"broken")
    out = tmp_path / "out"
    assert main(["remove-background", str(tmp_path / "in"), "-o", str(out), "--json"]) == 8
    printed = capsys.readouterr()
    rows = json.loads(printed.out)["images"]
    assert [row["error"] is None for row in rows] == [True, True, False]
    assert printed.err.startswith("vis3d: c.png is no picture")
    assert sorted(file.name for file in out.iterdir()) == ["a.png", "b.png"]


def test_the_body_of_a_scan_stays_and_the_rest_is_padding(scan, phantom, tmp_path):
    out = tmp_path / "body.nii.gz"
    assert main(["remove-background", str(scan), "-o", str(out)]) == 0
    volume = vis3d.read_volume(out)
    truth = phantom.labels.mask("body").array
    inside = volume.inside_scan()
    assert 2 * (inside & truth).sum() / (inside.sum() + truth.sum()) > 0.97
    assert np.array_equal(volume.array[inside], phantom.volume.array[inside])


def test_the_slices_of_a_scan_become_pictures_of_the_body(tmp_path):
    rows, columns = np.ogrid[:90, :110]
    body = (columns - 55) ** 2 / 1600 + (rows - 40) ** 2 / 900 <= 1
    values = np.where(body, 40, -1000).astype(np.int16)
    values[78:80, 5:105] = 300  # a table
    write(
        tmp_path / "scan",
        [ct_slice(values, (0, 0, 3 * k), pixel_spacing=(3.5, 3.5)) for k in range(8)],
    )
    out = tmp_path / "out"
    assert main(["remove-background", str(tmp_path / "scan"), "-o", str(out)]) == 0
    files = sorted(out.rglob("*.png"))
    assert [file.name for file in files] == [f"{k:04d}.png" for k in range(8)]
    with Image.open(files[4]) as image:
        opacity = np.asarray(image)[:, :, 3]
    assert opacity[40, 55] == 255
    assert not opacity[78:80].any()
    assert not opacity[3, 3]


def body_slices(count=8):
    """A body on a table, and where the body is."""
    rows, columns = np.ogrid[:90, :110]
    body = (columns - 55) ** 2 / 1600 + (rows - 40) ** 2 / 900 <= 1
    values = np.where(body, 40, -1000).astype(np.int16)
    values[78:80, 5:105] = 300
    slices = [
        ct_slice(values, (0, 0, 3 * k), pixel_spacing=(3.5, 3.5), BodyPartExamined="CHEST")
        for k in range(count)
    ]
    return slices, body


def test_a_series_comes_back_as_a_series_of_the_body(tmp_path, answer):
    slices, body = body_slices()
    write(tmp_path / "scan", slices)
    out = tmp_path / "out"
    (row,) = answer("remove-background", tmp_path / "scan", "-o", out, "--format", "dcm")[
        "images"
    ]
    assert len(row["outputs"]) == 8
    volume = vis3d.load_volume(out)
    source = vis3d.load_volume(tmp_path / "scan")
    assert volume.geometry.matches(source.geometry)
    assert volume.padding is not None
    assert (volume.inside_scan()[4] == body).mean() > 0.99
    assert np.array_equal(volume.array[4, 30:50, 30:80], source.array[4, 30:50, 30:80])
    made = dcmread(row["outputs"][0])
    assert made.PatientID == "SECRET-ID"
    assert made.SeriesDescription == "vis3d: background removed"


def test_a_dicom_image_comes_back_as_a_dicom_image(tmp_path):
    slices, body = body_slices(1)
    (path,) = write(tmp_path / "one", slices)
    out = tmp_path / "cut.dcm"
    assert main(["remove-background", str(path), "-o", str(out)]) == 0
    made = dcmread(out)
    kept = made.pixel_array != made.PixelPaddingValue
    assert (kept == body).mean() > 0.99


def test_colours_and_slices_of_a_folder_go_back_together(tmp_path, answer):
    slices, _ = body_slices()
    write(tmp_path / "in" / "scan", slices)
    pixels = np.full((60, 80, 3), 20, np.uint8)
    pixels[20:40, 30:60] = (200, 90, 40)
    page = ct_slice(
        np.zeros((60, 80), np.uint8), Modality="OT", SOPClassUID="1.2.840.10008.5.1.4.1.1.7",
        SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0,
        SeriesInstanceUID="1.2.3.99",
    )  # fmt: skip
    page.PixelData = pixels.tobytes()
    write(tmp_path / "in" / "page", [page])
    rows = answer("remove-background", tmp_path / "in", "-o", tmp_path / "out", "--format",
                  "dcm")["images"]  # fmt: skip
    assert [len(row["outputs"]) for row in rows] == [8, 1]
    assert all(row["error"] is None for row in rows)
    made = dcmread(rows[1]["outputs"][0]).pixel_array
    assert made[30, 45].tolist() == [200, 90, 40]
    assert made[5, 5].tolist() == [0, 0, 0]
    shown = answer("remove-background", tmp_path / "in", "-o", tmp_path / "png")["images"]
    assert len(shown) == 9


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_single_images_of_an_archive_are_cut_too(tmp_path, answer, kind):
    """Names in it are never used for paths."""
    rows, columns = np.ogrid[:60, :80]
    disc = (columns - 40) ** 2 + (rows - 25) ** 2 <= 300
    photo = ct_slice(
        np.where(disc, 3000, 200).astype(np.uint16), Modality="CR", SeriesInstanceUID="1.2.9",
        SOPClassUID="1.2.840.10008.5.1.4.1.1.1", RescaleIntercept=None, RescaleSlope=None,
        ImagePositionPatient=None, ImageOrientationPatient=None,
    )  # fmt: skip
    write(tmp_path / "in" / "one", [photo])
    shutil.copy(get_testdata_file("SC_rgb_rle_2frame.dcm"), tmp_path / "in" / "two")
    path = shutil.make_archive(str(tmp_path / "in"), kind, tmp_path / "in")
    found = answer("remove-background", path, "-o", tmp_path / "png")["images"]
    assert [row["error"] for row in found] == [None, None]
    names = sorted(
        str(f.relative_to(tmp_path / "png")) for f in (tmp_path / "png").rglob("*.*")
    )
    assert names == ["images/0000.png", "series-001/0000.png"]
    with Image.open(tmp_path / "png" / names[1]) as image:
        assert ((np.asarray(image)[:, :, 3] == 255) == disc).mean() > 0.98
    words = ["-o", tmp_path / "dcm", "--format", "dcm"]
    rows = answer("remove-background", path, *words)["images"]
    made = [dcmread(row["outputs"][0]) for row in rows]
    assert [one.Modality for one in made] == ["CR", "OT"]
    assert not made[0].pixel_array[~disc].all()
    assert (made[0].pixel_array[disc] == 3000).mean() > 0.9


def test_one_file_of_colours_goes_back_to_a_folder_too(tmp_path, answer):
    rows = answer("remove-background", get_testdata_file("SC_rgb_rle_2frame.dcm"), "-o",
                  tmp_path / "out", "--format", "dcm")["images"]  # fmt: skip
    assert [len(row["outputs"]) for row in rows] == [1]
    assert dcmread(rows[0]["outputs"][0]).NumberOfFrames == 2


@pytest.mark.parametrize(
    "words", [["remove-background", "--format", "dcm"], ["convert", "--dicom"]]
)
@pytest.mark.parametrize("below", ["", "new"])
def test_new_series_are_never_written_among_their_source(tmp_path, refusal, words, below):
    command, *options = words
    write(tmp_path / "scan", body_slices(4)[0])
    folder = tmp_path / "scan" / below
    code, line = refusal(command, tmp_path / "scan", "-o", folder, *options)
    assert (code, "lies in INPUT" in line) == (2, True)
    assert len(list((tmp_path / "scan").rglob("*"))) == 4


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["cut.dcm"], 4, "isn't DICOM"),
        (["cut.dcm", "--separate"], 2, "--separate"),
        (["cut.dcm", "--background", "transparent"], 2, "transparent"),
    ],
)
def test_what_dicom_cannot_hold_is_refused(photo, tmp_path, refusal, words, code, said):
    told, line = refusal("remove-background", photo[0], "-o", tmp_path / words[0], *words[1:])
    assert (told, said in line) == (code, True)
    assert not (tmp_path / "cut.dcm").exists()


@pytest.mark.parametrize("words", [[], ["--format", "dcm"]])
def test_where_every_file_failed_no_empty_folder_is_left(tmp_path, capsys, words):
    slices, _ = body_slices(1)
    slices[0].PixelData = np.full((90, 110), -1000, np.int16).tobytes()
    write(tmp_path / "in", slices)
    out = tmp_path / "deep" / "out"
    assert main(["remove-background", str(tmp_path / "in"), "-o", str(out), *words]) == 4
    assert capsys.readouterr().err.startswith("vis3d: ")
    assert not (tmp_path / "deep").exists()


def test_a_dicom_picture_becomes_one_file(tmp_path):
    rows, columns = np.ogrid[:90, :110]
    body = (columns - 55) ** 2 / 1600 + (rows - 40) ** 2 / 900 <= 1
    values = np.where(body, 40, -1000).astype(np.int16)
    (path,) = write(tmp_path / "one", [ct_slice(values, (0, 0, 0), pixel_spacing=(3.5, 3.5))])
    assert main(["remove-background", str(path), "-o", str(tmp_path / "x.tif")]) == 0
    with Image.open(tmp_path / "x.tif") as image:
        opacity = np.asarray(image)[:, :, 3]
    assert (opacity > 0)[40, 55]
    assert not opacity[3, 3]
