"""remove-background on CT scans that are no even stack: slices stay where they were scanned."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from vis3d_cli.main import main

import vis3d
from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_stack, write
from vis3d.phantom import Phantom

MISSING = (20, 21, 40)


def scanned(phantom: Phantom, missing: tuple[int, ...] = MISSING) -> list[Dataset]:
    """The slices of the oblique, anisotropic phantom, but for some."""
    volume = phantom.volume
    slices = ct_stack(volume.array, volume.geometry, SliceThickness="4.5")
    return [one for k, one in enumerate(slices) if k not in missing]


def cut_back(folder: Path, out: Path, *words: str) -> list[Dataset]:
    words = ("remove-background", str(folder), "-o", str(out), "--format", "dcm", *words)
    assert main(list(words)) == 0
    return [dcmread(file) for file in sorted(out.iterdir())]


def place(dataset: Dataset) -> list[float]:
    return [float(mm) for mm in dataset.ImagePositionPatient]


def assert_only_the_background_changed(before: Dataset, after: Dataset) -> np.ndarray:
    """What is kept has its value, at its place; where the body is (rows, columns)."""
    np.testing.assert_allclose(place(after), place(before), atol=1e-4)
    for keyword in ("ImageOrientationPatient", "PixelSpacing"):
        np.testing.assert_allclose(
            [float(one) for one in after[keyword].value],
            [float(one) for one in before[keyword].value],
            atol=1e-6,
        )
    assert after.SliceThickness == before.SliceThickness
    (source,) = after.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == before.SOPInstanceUID
    kept = after.pixel_array != after.PixelPaddingValue
    hu = after.pixel_array * float(after.RescaleSlope) + float(after.RescaleIntercept)
    np.testing.assert_array_equal(hu[kept], before.pixel_array[kept])
    return kept


@pytest.mark.parametrize("shift_mm", [0.0, 1.3], ids=["straight", "tilted"])
def test_a_scan_with_gaps_is_cut_where_its_slices_lie(
    phantom: Phantom, tmp_path: Path, capsys: pytest.CaptureFixture[str], shift_mm: float
) -> None:
    slices = scanned(phantom)
    geometry = phantom.volume.geometry
    for one in slices:
        k = round(float(geometry.to_ijk(place(one))[2]))
        one.ImagePositionPatient = list(place(one) + geometry.direction[:, 1] * shift_mm * k)
    write(tmp_path / "scan", slices)
    made = cut_back(tmp_path / "scan", tmp_path / "out")
    said = capsys.readouterr().err
    assert "3 slices seem to be missing. The slices stay where they are." in said
    assert ("they stay so" in said) == bool(shift_mm)
    kept = [
        assert_only_the_background_changed(before, after)
        for before, after in zip(slices, made, strict=True)
    ]
    truth = np.delete(phantom.labels.mask("body").array, MISSING, axis=0)
    assert 2 * (kept & truth).sum() / (np.sum(kept) + truth.sum()) > 0.97


def test_on_both_sides_of_a_wide_gap_the_body_is_found_alone(
    phantom: Phantom, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tuple(range(18, 40))
    slices = scanned(phantom, missing)
    write(tmp_path / "scan", slices)
    made = cut_back(tmp_path / "scan", tmp_path / "out")
    assert "1 gap wider than 15 mm" in capsys.readouterr().err
    kept = [
        assert_only_the_background_changed(before, after)
        for before, after in zip(slices, made, strict=True)
    ]
    truth = np.delete(phantom.labels.mask("body").array, missing, axis=0)
    assert 2 * (kept & truth).sum() / (np.sum(kept) + truth.sum()) > 0.97


def test_gaps_are_filled_where_that_is_asked_for(phantom: Phantom, tmp_path: Path) -> None:
    write(tmp_path / "scan", scanned(phantom))
    made = cut_back(tmp_path / "scan", tmp_path / "out", "--gaps", "interpolate")
    assert len(made) == len(phantom.volume.array)
    again = vis3d.load_volume(tmp_path / "out")
    assert again.geometry.matches(phantom.volume.geometry, tolerance_mm=1e-3)


def test_pictures_of_a_scan_with_gaps_are_its_slices(phantom: Phantom, tmp_path: Path) -> None:
    write(tmp_path / "scan", scanned(phantom))
    out = tmp_path / "out"
    assert main(["remove-background", str(tmp_path / "scan"), "-o", str(out)]) == 0
    assert len(list(out.rglob("*.png"))) == len(phantom.volume.array) - len(MISSING)


@pytest.mark.parametrize("words", [[], ["--format", "dcm"]])
def test_slices_that_are_no_stack_are_refused_and_others_done(
    phantom: Phantom, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    good = scanned(phantom, ())
    bad = scanned(phantom, ())[:6]
    bad += scanned(phantom, ())[:6]
    for number, dataset in enumerate(bad):
        dataset.SeriesInstanceUID = "1.2.3.77"
        dataset.InstanceNumber = dataset.AcquisitionNumber = None
        values = np.frombuffer(dataset.PixelData, np.int16) + number // 6
        dataset.PixelData = values.astype(np.int16).tobytes()
        dataset.SOPInstanceUID = f"1.2.3.77.{number}"
    write(tmp_path / "scans" / "good", good)
    write(tmp_path / "scans" / "bad", bad)
    out = tmp_path / "out"
    assert main(["remove-background", str(tmp_path / "scans"), "-o", str(out), *words]) == 8
    said = capsys.readouterr().err
    assert "slices with different pixels" in said
    assert "Separate the files and load each part." in said
    assert len([file for file in out.rglob("*") if file.is_file()]) == len(good)


def test_a_slice_of_another_orientation_is_said_to_be_cut_alone(
    phantom: Phantom, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slices = scanned(phantom, ())
    turned = oblique_geometry().direction @ np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    slices[30].ImageOrientationPatient = turned[:, :2].T.ravel().tolist()
    write(tmp_path / "scan", slices)
    assert main(["remove-background", str(tmp_path / "scan"), "-o", str(tmp_path / "out"),
                 "--format", "dcm"]) == 0  # fmt: skip
    said = capsys.readouterr().err
    assert "is one CT slice: its body is found in that alone" in said
    assert "1 slice seems to be missing" in said
