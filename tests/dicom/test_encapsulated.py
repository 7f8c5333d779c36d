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
from vis3d.errors import InputError, OutputError, UnsupportedError, UsageError
from vis3d.files import input_kind, read_surface, write_surface
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


def test_it_is_read_back_where_it_lies(made: Path, box: Surface) -> None:
    read = read_surface(made)
    assert input_kind(made) == "surface"
    assert read.name == "left box"
    assert read.volume_ml == pytest.approx(box.volume_ml, rel=1e-5)
    np.testing.assert_allclose(read.bounds_mm, box.bounds_mm, atol=1e-4)
    assert read.metadata["findings"] == box.metadata["findings"]


@pytest.mark.parametrize(("unit", "factor"), [("cm", 10), ("um", 0.001), ("m", 1000)])
def test_other_units_of_length_become_millimetres(
    made: Path, box: Surface, unit: str, factor: float
) -> None:
    content = pydicom.dcmread(made)
    content.MeasurementUnitsCodeSequence[0].CodeValue = unit
    content.save_as(made)
    read = read_surface(made)
    np.testing.assert_allclose(read.bounds_mm, box.bounds_mm * factor, rtol=1e-5)
    assert "units-differ" in {one.code for one in read.metadata["findings"]}  # the STL says mm


@pytest.mark.parametrize(("said", "factor"), [(["UCUM", "mm", "mm"], 1), (None, 0.001)])
def test_what_dcmtk_wraps_lies_where_its_unit_says(
    box: Surface, tmp_path: Path, said: list[str] | None, factor: float
) -> None:
    need(shutil.which("stl2dcm") is not None, "stl2dcm (Debian package dcmtk)")
    write_surface(box, tmp_path / "box.stl")
    unit = [] if said is None else ["+mu", *said]  # DCMTK takes micrometres unless told
    files = [str(tmp_path / "box.stl"), str(tmp_path / "box.dcm")]
    subprocess.run(["stl2dcm", "--quiet", *unit, *files], check=True, capture_output=True)
    read = read_surface(tmp_path / "box.dcm")
    np.testing.assert_allclose(read.bounds_mm, box.bounds_mm * factor, atol=1e-3)
    codes = {one.code for one in read.metadata["findings"]}
    assert ("units-differ" in codes) is (factor != 1)


def test_dcmtk_and_vis3d_wrap_the_same_bytes(made: Path, box: Surface, tmp_path: Path) -> None:
    need(shutil.which("dcmdump") is not None, "dcmdump (Debian package dcmtk)")
    write_surface(box, tmp_path / "box.stl")
    dump = subprocess.run(
        ["dcmdump", "+P", "EncapsulatedDocumentLength", str(made)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert f" {(tmp_path / 'box.stl').stat().st_size} " in dump
    content = pydicom.dcmread(made).EncapsulatedDocument
    assert content.startswith((tmp_path / "box.stl").read_bytes())


def test_what_is_no_surface_in_dicom_is_refused(made: Path, series: Series) -> None:
    content = pydicom.dcmread(made)
    content.MeasurementUnitsCodeSequence[0].CodeValue = "furlong"
    content.save_as(made)
    with pytest.raises(UnsupportedError, match="unit"):
        read_surface(made)
    del content.MeasurementUnitsCodeSequence
    content.EncapsulatedDocument = b"solid nothing "
    content.save_as(made)
    with pytest.raises(InputError, match="no STL"):
        read_surface(made)
    made.write_bytes(made.read_bytes()[:700])
    with pytest.raises(InputError, match=r"box\.dcm"):
        read_surface(made)


def test_colours_and_place_of_a_glb_hold_on_an_oblique_grid(
    box: Surface, tmp_path: Path
) -> None:
    heights = box.points @ np.array([0.2, 0.5, 0.8])
    share = (heights - heights.min()) / np.ptp(heights)
    colors = np.stack([255 * share, 255 * (1 - share), np.full(len(share), 40)], axis=1)
    painted = dataclasses.replace(box, point_data={"colors": colors.astype(np.uint8)})
    write_surface(painted, tmp_path / "box.glb")
    scene = trimesh.load(tmp_path / "box.glb")
    (part,) = scene.geometry.values()
    (node,) = scene.graph.nodes_geometry
    placed = trimesh.transform_points(part.vertices, scene.graph[node][0])
    x, y, z = 1000 * placed.T
    lps = np.stack([x, -z, y], axis=1)
    np.testing.assert_allclose(np.sort(lps, axis=0), np.sort(box.points, axis=0), atol=1e-2)
    seen = (lps @ np.array([0.2, 0.5, 0.8]) - heights.min()) / np.ptp(heights)
    red = np.asarray(part.visual.vertex_attributes["color"])[:, 0] / 255
    srgb = np.where(red <= 0.0031308, red * 12.92, 1.055 * red ** (1 / 2.4) - 0.055)
    np.testing.assert_allclose(srgb, seen, atol=0.03)
