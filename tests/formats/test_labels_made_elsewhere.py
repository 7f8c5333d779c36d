"""Label maps of other tools: names beside the file, a file a structure, layers that overlap."""

import json

import nibabel
import nrrd
import numpy as np
import pytest

from tests.conftest import oblique_geometry
from vis3d.errors import Cancelled, InputError
from vis3d.files import read_labelmap, read_labelmaps
from vis3d.formats.nifti import RAS_TO_LPS

GRID = oblique_geometry(shape=(10, 14, 18))


def array():
    made = np.zeros(GRID.shape, np.uint8)
    made[2:5, 3:9, 4:12], made[6:8, 2:5, 3:9] = 1, 2
    return made


def plain_nifti(path, values):
    """A NIfTI without names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.Nifti1Image(values.T, RAS_TO_LPS @ GRID.affine).to_filename(path)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("masks.json", json.dumps({"labels": {"background": 0, "liver": 1, "left lung": 2}})),
        ("masks.json", json.dumps({"labels": {"1": "liver", "2": "left lung"}})),
        ("masks.json", json.dumps({"1": "liver", "2": "left lung"})),
        (
            "dataset.json",
            json.dumps({"labels": {"liver": 1, "left lung": 2}, "numTraining": 3}),
        ),
        ("masks.tsv", "index\tname\tcolor\n1\tliver\t#ff8000\n2\tleft lung\tn/a\n"),
    ],
)
def test_names_beside_the_file_are_taken(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    labels = read_labelmap(plain_nifti(tmp_path / "masks.nii.gz", array()))
    assert [one.name for one in labels.structures] == ["liver", "left lung"]
    assert labels.structures[1].code is not None
    if name.endswith("tsv"):
        assert labels.structures[0].color == (255, 128, 0)


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"Rows": 2}', '{"labels": [1, 2]}', "[" * 100_000, '{"1": 5}']
)
def test_other_files_beside_it_name_nothing(tmp_path, text):
    (tmp_path / "masks.json").write_text(text)
    labels = read_labelmap(plain_nifti(tmp_path / "masks.nii.gz", array()))
    assert [one.name for one in labels.structures] == ["label 1", "label 2"]


def test_a_folder_of_masks_is_one_segmentation(tmp_path):
    folder = tmp_path / "segmentations"
    whole, part = array() == 1, array() == 1
    part[:3] = False
    for name, mask in (("liver", whole), ("liver_tumor", part), ("spleen", array() == 2)):
        plain_nifti(folder / f"{name}.nii.gz", mask.astype(np.uint8))
    (folder / "statistics.json").write_text("{}")
    first, second = read_labelmaps(folder)
    assert [one.name for one in first.structures] == ["liver", "spleen"]
    assert second.names == ("liver_tumor",)
    np.testing.assert_array_equal(first.mask("liver").array, whole)
    np.testing.assert_array_equal(second.mask("liver tumor").array, part)
    np.testing.assert_allclose(first.geometry.affine, GRID.affine, atol=1e-4)


def test_a_folder_of_masks_on_different_grids_is_refused(tmp_path):
    plain_nifti(tmp_path / "a.nii.gz", array())
    plain_nifti(tmp_path / "b.nii.gz", array()[:-1])
    with pytest.raises(InputError, match="other grids"):
        read_labelmaps(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no masks"):
        read_labelmaps(tmp_path / "empty")


def test_reading_a_folder_of_masks_can_be_stopped(tmp_path):
    plain_nifti(tmp_path / "a.nii.gz", array())

    def stop(fraction, what):
        raise Cancelled

    with pytest.raises(Cancelled):
        read_labelmaps(tmp_path, progress=stop)


def test_layers_of_a_slicer_segmentation_are_label_maps_of_their_own(tmp_path):
    layers = np.stack([array(), (array() > 0).astype(np.uint8)])
    steps = (GRID.direction * GRID.spacing).T
    header = {
        "space": "left-posterior-superior",
        "kinds": ["list", "domain", "domain", "domain"],
        "space directions": np.vstack([[np.nan] * 3, steps]),
        "space origin": np.array(GRID.origin),
        "Segment0_Name": "liver", "Segment0_LabelValue": "1", "Segment0_Layer": "0",
        "Segment1_Name": "spleen", "Segment1_LabelValue": "2", "Segment1_Layer": "0",
        "Segment2_Name": "both", "Segment2_LabelValue": "1", "Segment2_Layer": "1",
        "Segment2_Color": "1 0 0.5",
    }  # fmt: skip
    nrrd.write(str(tmp_path / "s.seg.nrrd"), layers.transpose(0, 3, 2, 1), header)
    first, second = read_labelmaps(tmp_path / "s.seg.nrrd")
    assert [one.name for one in first.structures] == ["liver", "spleen"]
    assert [(one.name, one.color) for one in second.structures] == [("both", (255, 0, 128))]
    np.testing.assert_array_equal(first.array, array())
    np.testing.assert_array_equal(second.array, array() > 0)
    np.testing.assert_allclose(second.geometry.affine, GRID.affine, atol=1e-9)


def test_labels_that_are_named_and_absent_have_no_voxels(tmp_path):
    (tmp_path / "masks.json").write_text('{"1": "liver", "2": "spleen", "2035": "insula"}')
    labels = read_labelmap(plain_nifti(tmp_path / "masks.nii.gz", array()))
    assert labels.volume_ml("insula") == 0
    assert not labels.mask("insula").array.any()
    assert "liver" in repr(labels)


def test_an_nrrd_that_skips_more_lines_than_it_has_is_refused(tmp_path):
    header = b"NRRD0004\ntype: short\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n"
    path = tmp_path / "skip.nrrd"
    path.write_bytes(header + b"endian: little\nline skip: 99999999999\n\n" + bytes(16))
    with pytest.raises(InputError, match="voxels end"):
        read_labelmap(path)
