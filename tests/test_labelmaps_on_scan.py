"""A label map of any tool marks the same voxels of the scan, however its file holds them."""

import itertools
import re
from dataclasses import replace

import nibabel
import numpy as np
import pytest
import SimpleITK

from tests.conftest import oblique_geometry
from vis3d.errors import Vis3dError
from vis3d.files import read_labelmaps_on
from vis3d.volume import Volume

GRID = oblique_geometry(shape=(9, 13, 17))
RAS = np.diag([-1.0, -1.0, 1.0, 1.0]) @ GRID.affine


@pytest.fixture(scope="module")
def truth():
    """Labels with no symmetry."""
    made = np.zeros(GRID.shape, np.uint8)
    made[1:5, 2:9, 3:12], made[5:8, 6:11, 8:15], made[2, 3, 4] = 1, 2, 3
    return made


@pytest.fixture(scope="module")
def scan():
    return Volume(np.zeros(GRID.shape, np.int16), GRID, "HU")


def on_scan(path, scan):
    (labels,) = read_labelmaps_on(scan, path)
    assert labels.geometry == scan.geometry
    return labels


@pytest.mark.parametrize("kind", ["f4", "f8", "i1", "i2", "i4", "i8", "u2", "u4", "u8"])
def test_numbers_of_any_type_are_labels(kind, truth, scan, tmp_path):
    image = nibabel.Nifti1Image(truth.T.astype(kind), RAS, dtype=kind)
    image.to_filename(tmp_path / "labels.nii.gz")
    np.testing.assert_array_equal(on_scan(tmp_path / "labels.nii.gz", scan).array, truth)
    stored = SimpleITK.GetImageFromArray(truth.astype(kind))
    stored.SetSpacing(GRID.spacing)
    stored.SetOrigin(GRID.origin)
    stored.SetDirection(GRID.direction.ravel().tolist())
    for suffix in (".mha", ".nrrd", ".nii"):
        SimpleITK.WriteImage(stored, tmp_path / f"sitk{suffix}", useCompression=True)
        np.testing.assert_array_equal(on_scan(tmp_path / f"sitk{suffix}", scan).array, truth)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
def test_axes_in_any_order_and_direction_mark_the_same_voxels(
    order, flips, truth, scan, tmp_path
):
    turn = np.zeros((3, 2))
    for to, axis in enumerate(order):
        turn[axis] = (to, -1 if axis in flips else 1)
    image = nibabel.Nifti1Image(truth.T, RAS).as_reoriented(turn)
    image.to_filename(tmp_path / "turned.nii.gz")
    labels = on_scan(tmp_path / "turned.nii.gz", scan)
    np.testing.assert_array_equal(labels.array, truth)
    assert labels.report.findings == ()  # put in order, not resampled


def test_a_grid_that_only_looks_turned_is_resampled(truth, scan, tmp_path):
    image = nibabel.Nifti1Image(truth.T, RAS).as_reoriented([[0, -1], [1, 1], [2, 1]])
    image.affine[:3, 3] += RAS[:3, 0] * 0.5  # half a voxel to the side
    image.to_filename(tmp_path / "aside.nii.gz")
    labels = on_scan(tmp_path / "aside.nii.gz", scan)
    assert [one.code for one in labels.report.findings] == ["labels-resampled"]


def test_one_time_point_is_no_reason_to_refuse(truth, scan, tmp_path):
    for shape in ((*truth.T.shape, 1), (*truth.T.shape, 1, 1)):
        image = nibabel.Nifti1Image(truth.T.reshape(shape), RAS)
        image.to_filename(tmp_path / "one.nii")
        np.testing.assert_array_equal(on_scan(tmp_path / "one.nii", scan).array, truth)


def test_a_cropped_label_map_lies_where_it_was_cut_out(truth, scan, tmp_path):
    image = nibabel.Nifti1Image(truth.T, RAS).slicer[2:16, 1:12, 1:8]
    image.to_filename(tmp_path / "cropped.nii.gz")
    labels = on_scan(tmp_path / "cropped.nii.gz", scan)
    np.testing.assert_array_equal(labels.array, truth)
    assert [one.code for one in labels.report.findings] == ["labels-resampled"]


SIDES = oblique_geometry(shape=(20, 30, 40))


def numbered(file, *, left, right, third):
    """A scan of two lungs side by side and the label map of a tool that names nothing."""
    lps = SIDES.to_lps(np.stack(np.indices(SIDES.shape)[::-1], axis=-1))
    towards_left = lps[..., 0] - lps[..., 0].mean()
    labels = np.zeros(SIDES.shape, np.uint8)
    labels[towards_left > 3], labels[towards_left < -3] = left, right
    number, hu = third
    labels[8:12, 12:18, 17:23] = number
    array = np.where(labels > 0, np.int16(-860), np.int16(40))
    array[labels == number] = hu
    nifti = np.diag([-1.0, -1.0, 1.0, 1.0]) @ SIDES.affine
    nibabel.Nifti1Image(labels.T, nifti).to_filename(file)
    return Volume(array, SIDES, "HU")


def test_labels_without_names_get_ours_where_the_scan_bears_them_out(tmp_path):
    file = tmp_path / "numbers.nii.gz"
    labels = on_scan(file, numbered(file, left=1, right=2, third=(3, -990)))
    assert [one.name for one in labels.structures] == ["left lung", "right lung", "airways"]
    (said,) = labels.report.findings
    assert (said.code, said.severity) == ("labels-by-number", "note")
    assert "1 left lung, 2 right lung, 3 airways" in said.message


@pytest.mark.parametrize(
    ("left", "right", "third"),
    [
        (2, 1, (3, -990)),  # lungmask's numbers: 1 is the right lung
        (1, 2, (3, -500)),  # infected lung is no airway
        (1, 2, (5, -860)),  # nor body
        (1, 2, (9, 40)),  # ours end with 8
        (1, 1, (2, -860)),  # both lungs are one, and the second is something between
        (1, 3, (4, 300)),  # nothing is called right lung
    ],
)
def test_numbers_that_the_scan_denies_name_nothing(left, right, third, tmp_path):
    file = tmp_path / "numbers.nii.gz"
    labels = on_scan(file, numbered(file, left=left, right=right, third=third))
    assert {one.name for one in labels.structures} == {
        f"label {number}" for number in {left, right, third[0]}
    }
    assert labels.report.findings == ()


def test_numbers_say_nothing_of_a_scan_in_another_unit(tmp_path):
    file = tmp_path / "numbers.nii.gz"
    scan = replace(numbered(file, left=1, right=2, third=(3, -990)), unit="")
    assert on_scan(file, scan).structures[0].name == "label 1"


def test_colours_and_vectors_are_no_labels(truth, scan, tmp_path):
    colors = np.zeros(truth.T.shape, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    nibabel.Nifti1Image(colors, RAS).to_filename(tmp_path / "colors.nii")
    vectors = SimpleITK.GetImageFromArray(np.stack([truth] * 3, axis=-1), isVector=True)
    for suffix in (".mha", ".nrrd", ".nii.gz"):
        SimpleITK.WriteImage(vectors, tmp_path / f"vectors{suffix}")
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(Vis3dError, match=re.escape(path.name)):
            on_scan(path, scan)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "labels.txt",
            "# ITK-SnAP Label Description File\n"
            '    0     0    0    0        0  0  0    "Clear Label"\n'
            '    1   255   128    7        1  1  1    "Spleen, cut"\n'
            '    2     0   255    0      0.5  1  1    "Left Lung"\n',
        ),
        (
            "labels.ctbl",
            "# Color table file\n0 Background 0 0 0 0\n1 Spleen,_cut 255 128 7 255\n"
            "2 Left_Lung 0 255 0 255\n",
        ),
        ("labels_ColorTable.ctbl", "1 Spleen,_cut 255 128 7 255\n2 left-lung 0 255 0 255\n"),
        ("labels.label", '1 255 128 7 1 1 1 "Spleen, cut"\n2 0 255 0 1 1 0 "left lung"\n'),
    ],
)
def test_descriptions_beside_the_file_name_and_colour_its_labels(
    name, text, truth, scan, tmp_path
):
    nibabel.Nifti1Image(truth.T, RAS).to_filename(tmp_path / "labels.nii.gz")
    (tmp_path / name).write_text(text)
    labels = on_scan(tmp_path / "labels.nii.gz", scan)
    assert [(one.label, one.name, one.color) for one in labels.structures[:2]] == [
        (1, "Spleen, cut", (255, 128, 7)),
        (2, "left lung", (0, 255, 0)),
    ]
    assert labels.structures[2].name == "label 3"
