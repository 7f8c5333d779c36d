"""Surfaces as DICOM objects: as the standard wants, and where they lie in the patient."""

import dataclasses
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
import trimesh

from tests.conftest import oblique_geometry
from tests.needs import need
from vis3d.dicom import Series, discover, load_series, write_ct_series, write_encapsulated_stl
from vis3d.errors import OutputError, UnsupportedError, UsageError
from vis3d.files import write_surface
from vis3d.meshing import extract_surface
from vis3d.surface import Surface
from vis3d.volume import Volume

SHAPE = (12, 22, 31)


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Series:
    """An oblique, anisotropic series with a bright box in it."""
    folder = tmp_path_factory.mktemp("series")
    values = np.full(SHAPE, -100, np.int16)
    values[3:8, 4:15, 6:20] = 900
    volume = Volume(values, oblique_geometry(SHAPE))
    write_ct_series(volume, folder, patient_name="Secret^Näme", patient_id="X1")
    return discover(folder).series[0]


@pytest.fixture(scope="module")
def box(series: Series) -> Surface:
    volume = load_series(series)
    return extract_surface(volume.mask(volume.array > 400, "left  box\n"), volume)


@pytest.fixture
def made(series: Series, box: Surface, tmp_path: Path) -> Path:
    write_surface(box, tmp_path / "box.dcm", series=series)
    return tmp_path / "box.dcm"


def test_the_stl_in_it_lies_where_the_surface_lies(made: Path, box: Surface) -> None:
    content = pydicom.dcmread(made)
    length = content.EncapsulatedDocumentLength
    stl = made.with_suffix(".stl")
    stl.write_bytes(content.EncapsulatedDocument[:length])
    mesh = trimesh.load(stl)
    assert mesh.is_watertight
    assert mesh.bounds == pytest.approx(box.bounds_mm, abs=1e-3)
    assert mesh.volume / 1000 == pytest.approx(box.volume_ml, rel=1e-4)
    unit = content.MeasurementUnitsCodeSequence[0]
    assert (unit.CodeValue, unit.CodingSchemeDesignator) == ("mm", "UCUM")
    assert content.MIMETypeOfEncapsulatedDocument == "model/stl"


def test_it_belongs_to_the_patient_and_study_of_its_series(made: Path, series: Series) -> None:
    content, sources = pydicom.dcmread(made), list(series.source_datasets())
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert content[keyword].value == sources[0][keyword].value, keyword
    assert content.SeriesInstanceUID != series.uid
    assert content.DocumentTitle == "left box"
    referred = {one.ReferencedSOPInstanceUID for one in content.SourceInstanceSequence}
    assert referred == {source.SOPInstanceUID for source in sources}
    assert content.ReferencedSeriesSequence[0].SeriesInstanceUID == series.uid


def test_a_dicom_verifier_finds_no_error(made: Path) -> None:
    need(shutil.which("dciodvfy") is not None, "dciodvfy (Debian package dicom3tools)")
    verdict = subprocess.run(["dciodvfy", made], capture_output=True, text=True, check=False)
    assert "EncapsulatedSTL" in verdict.stderr
    assert "Error" not in verdict.stderr


def test_a_series_that_is_no_dicom_is_refused(
    series: Series, box: Surface, tmp_path: Path
) -> None:
    for source in (None, dataclasses.replace(series, uid="")):
        with pytest.raises(UnsupportedError, match=r"write \.stl instead"):
            write_surface(box, tmp_path / "box.dcm", series=source)
    with pytest.raises(UnsupportedError, match=r"write \.stl instead"):
        write_encapsulated_stl(
            b"", dataclasses.replace(series, geometry=None), tmp_path / "box.dcm"
        )
    with pytest.raises(UsageError, match="LPS"):
        write_surface(box, tmp_path / "box.dcm", series=series, coordinates="ras")
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_an_output_error(
    series: Series, box: Surface, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        write_surface(box, tmp_path / "nowhere" / "box.dcm", series=series)
