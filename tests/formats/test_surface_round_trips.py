import time
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import numpy as np
import pytest
import trimesh
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOGeometry import vtkOBJReader, vtkSTLReader
from vtkmodules.vtkIOPLY import vtkPLYReader
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

from tests.formats.making import tetrahedron
from vis3d.errors import UsageError
from vis3d.files import read_surface, read_surfaces, write_surface, write_surfaces
from vis3d.formats import SURFACE_READERS, SURFACE_WRITERS
from vis3d.surface import Surface
from vis3d.volume import Finding

SUFFIXES = sorted(SURFACE_WRITERS)
IN_MM = [suffix for suffix in SUFFIXES if suffix != ".glb"]
WITH_NAMES = [".3mf", ".glb", ".obj", ".ply", ".vtp"]
WITH_PARTS = [".3mf", ".glb", ".obj", ".vtp"]


def random_surface(count: int = 200) -> Surface:
    """Many triangles of many points, some of them far away."""
    random = np.random.default_rng(4)
    points = random.uniform(-900, 900, (count, 3)).astype(np.float32)
    triangles = np.array([random.permutation(count)[:3] for _ in range(3 * count)])
    triangles[: count // 3 * 3 // 3] = np.arange(count // 3 * 3).reshape(-1, 3)
    return Surface(points, triangles, "bones", (236, 223, 196))


def corners(surface: Surface) -> np.ndarray:
    return surface.points[surface.triangles]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_was_written_is_read_back(suffix: str, tmp_path: Path) -> None:
    written = random_surface()
    write_surface(written, tmp_path / f"bones{suffix}")
    read = read_surface(tmp_path / f"bones{suffix}")
    np.testing.assert_allclose(corners(read), corners(written), atol=1e-4)
    assert read.volume_ml == pytest.approx(written.volume_ml, rel=1e-4)
    assert read.metadata.get("findings", ()) == ()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_surface_gives_the_same_bytes_in_another_year(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, later = tmp_path / "now", tmp_path / "later"
    for folder, seconds in ((now, 1.7e9), (later, 1.8e9)):
        folder.mkdir()
        monkeypatch.setattr(time, "time", lambda seconds=seconds: seconds)
        write_surface(tetrahedron(), folder / f"bones{suffix}")
    assert (now / f"bones{suffix}").read_bytes() == (later / f"bones{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", IN_MM)
def test_ras_is_written_where_asked_and_read_back_as_lps(suffix: str, tmp_path: Path) -> None:
    written = tetrahedron()
    write_surface(written, tmp_path / f"lung{suffix}", coordinates="ras")
    read = read_surface(tmp_path / f"lung{suffix}")
    np.testing.assert_allclose(corners(read), corners(written), atol=1e-4)
    assert read.volume_ml > 0


@pytest.mark.parametrize("suffix", WITH_NAMES)
def test_name_and_colour_are_kept(suffix: str, tmp_path: Path) -> None:
    write_surface(tetrahedron("left lung", (79, 163, 224)), tmp_path / f"file{suffix}")
    read = read_surface(tmp_path / f"file{suffix}")
    assert (read.name, read.color) == ("left lung", (79, 163, 224))


@pytest.mark.parametrize("suffix", WITH_PARTS)
def test_several_structures_stay_apart(suffix: str, tmp_path: Path) -> None:
    left, right = tetrahedron("left lung", (79, 163, 224)), random_surface()
    write_surfaces((left, right), tmp_path / f"file{suffix}")
    read = read_surfaces(tmp_path / f"file{suffix}")
    assert [(part.name, part.color) for part in read] == [
        ("left lung", (79, 163, 224)),
        ("bones", (236, 223, 196)),
    ]
    for part, whole in zip(read, (left, right), strict=True):
        np.testing.assert_allclose(corners(part), corners(whole), atol=1e-4)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_several_structures_are_read_as_one_where_one_is_asked_for(
    suffix: str, tmp_path: Path
) -> None:
    parts = (tetrahedron("a"), random_surface())
    write_surfaces(parts, tmp_path / f"file{suffix}")
    read = read_surface(tmp_path / f"file{suffix}")
    expected = np.concatenate([corners(part) for part in parts])
    np.testing.assert_allclose(corners(read), expected, atol=1e-4)


@pytest.mark.parametrize("suffix", [".ply", ".vtp", ".glb"])
def test_colours_by_point_are_kept(suffix: str, tmp_path: Path) -> None:
    plain = tetrahedron()
    colors = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [128, 64, 32]], np.uint8)
    painted = Surface(plain.points, plain.triangles, "a", plain.color, {"colors": colors})
    write_surface(painted, tmp_path / f"file{suffix}")
    read = read_surface(tmp_path / f"file{suffix}")
    found = read.point_data["colors"].astype(int)
    assert np.abs(found - colors).max() <= (6 if suffix == ".glb" else 0)  # linear bytes


@pytest.mark.parametrize("suffix", WITH_NAMES)
def test_the_findings_of_the_scan_travel_along(suffix: str, tmp_path: Path) -> None:
    plain = tetrahedron()
    findings = tuple(
        Finding("missing-slices", "warning", f'<{number}> slices & "more" {{filled}}; größer')
        for number in range(30)
    )
    told = Surface(plain.points, plain.triangles, "a", metadata={"findings": findings})
    write_surface(told, tmp_path / f"file{suffix}")
    read = read_surface(tmp_path / f"file{suffix}")
    assert read.metadata["findings"] == findings
    if suffix == ".ply":
        vtk = vtkPLYReader()
        vtk.SetFileName(str(tmp_path / "file.ply"))
        vtk.Update()
        assert vtk.GetOutput().GetNumberOfPolys() == 4


def test_a_vtp_keeps_the_values_at_points(tmp_path: Path) -> None:
    plain = tetrahedron()
    deviation = np.array([0.5, -1.25, 3.0, 0.0], np.float32)
    measured = Surface(plain.points, plain.triangles, point_data={"deviation_mm": deviation})
    write_surface(measured, tmp_path / "file.vtp")
    read = read_surface(tmp_path / "file.vtp")
    np.testing.assert_array_equal(read.point_data["deviation_mm"], deviation)


@pytest.mark.parametrize("suffix", [".stl", ".ply", ".obj"])
def test_trimesh_reads_lps_millimetres(suffix: str, tmp_path: Path) -> None:
    written = tetrahedron()
    write_surface(written, tmp_path / f"lung{suffix}")
    mesh = trimesh.load_mesh(str(tmp_path / f"lung{suffix}"))
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(written.volume_ml * 1000, rel=1e-5)
    np.testing.assert_allclose(mesh.bounds, written.bounds_mm, atol=1e-4)


def test_vtk_tells_the_structures_of_a_vtp_apart(tmp_path: Path) -> None:
    parts = (tetrahedron("left lung", (79, 163, 224)), random_surface())
    write_surfaces(parts, tmp_path / "file.vtp")
    vtk = vtkXMLPolyDataReader()
    vtk.SetFileName(str(tmp_path / "file.vtp"))
    vtk.Update()
    output = vtk.GetOutput()
    names = output.GetFieldData().GetAbstractArray("structure_names")
    assert [names.GetValue(n) for n in range(names.GetNumberOfValues())] == [
        "left lung",
        "bones",
    ]
    table = vtk_to_numpy(output.GetFieldData().GetArray("structure_colors"))
    assert table.tolist() == [[79, 163, 224], [236, 223, 196]]
    numbers = vtk_to_numpy(output.GetCellData().GetArray("structure"))
    assert numbers.tolist() == [0] * 4 + [1] * len(parts[1].triangles)


def test_trimesh_reads_a_glb_in_metres_and_upright(tmp_path: Path) -> None:
    parts = (tetrahedron("left lung", (79, 163, 224)), random_surface())
    write_surfaces(parts, tmp_path / "lungs.glb")
    scene = trimesh.load_scene(str(tmp_path / "lungs.glb"))
    assert set(scene.geometry) == {"left lung", "bones"}
    placed = scene.to_mesh() if hasattr(scene, "to_mesh") else scene.dump(concatenate=True)
    lps = np.concatenate([part.points for part in parts])
    upright = lps[:, [0, 2, 1]] * [0.001, 0.001, -0.001]
    np.testing.assert_allclose(placed.bounds[0], upright.min(axis=0), atol=1e-6)
    np.testing.assert_allclose(placed.bounds[1], upright.max(axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("suffix", "reader"),
    [
        (".stl", vtkSTLReader),
        (".ply", vtkPLYReader),
        (".obj", vtkOBJReader),
        (".vtp", vtkXMLPolyDataReader),
    ],
)
def test_vtk_reads_lps_millimetres(suffix: str, reader: type, tmp_path: Path) -> None:
    written = random_surface()
    write_surface(written, tmp_path / f"bones{suffix}")
    vtk = reader()
    vtk.SetFileName(str(tmp_path / f"bones{suffix}"))
    vtk.Update()
    output = vtk.GetOutput()
    assert output.GetNumberOfPolys() == len(written.triangles)
    points = vtk_to_numpy(output.GetPoints().GetData())
    np.testing.assert_allclose(points.min(axis=0), written.bounds_mm[0], atol=1e-4)
    np.testing.assert_allclose(points.max(axis=0), written.bounds_mm[1], atol=1e-4)


@pytest.mark.parametrize("frame", ["lps", "ras"])
def test_slicer_finds_units_and_frame_in_the_stl_header(frame: str, tmp_path: Path) -> None:
    write_surface(tetrahedron(), tmp_path / "lung.stl", coordinates=frame)
    header = (tmp_path / "lung.stl").read_bytes()[:80].decode("ascii")
    assert not header.startswith("solid")
    assert f"SPACE={frame.upper()}" in header
    assert "mm" in header
    points = trimesh.load_mesh(str(tmp_path / "lung.stl")).bounds
    sign = -1 if frame == "ras" else 1
    assert np.sign(points[0][2]) == -1
    assert points[0][1] * sign > 0


def test_the_normals_of_an_stl_point_outwards(tmp_path: Path) -> None:
    write_surface(tetrahedron(), tmp_path / "lung.stl")
    mesh = trimesh.load_mesh(str(tmp_path / "lung.stl"))
    records = np.frombuffer((tmp_path / "lung.stl").read_bytes()[84:], np.uint8).reshape(-1, 50)
    stored = records[:, :12].copy().view(np.float32)
    away = mesh.triangles_center - mesh.center_mass
    assert (np.einsum("ij,ij->i", stored, away) > 0).all()
    np.testing.assert_allclose(np.linalg.norm(stored, axis=1), 1, rtol=1e-5)


def test_an_stl_is_read_with_its_points_joined(tmp_path: Path) -> None:
    write_surface(tetrahedron(), tmp_path / "lung.stl")
    assert len(read_surface(tmp_path / "lung.stl").points) == 4


def test_an_ascii_stl_is_read(tmp_path: Path) -> None:
    mesh = trimesh.creation.box((1, 2, 3))
    (tmp_path / "box.stl").write_text(trimesh.exchange.stl.export_stl_ascii(mesh))
    read = read_surface(tmp_path / "box.stl")
    assert (len(read.points), len(read.triangles)) == (8, 12)
    assert read.volume_ml == pytest.approx(0.006)
    assert [finding.code for finding in read.metadata["findings"]] == ["frame-assumed"]


@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian"])
def test_a_ply_of_another_program_is_read(encoding: str, tmp_path: Path) -> None:
    mesh = trimesh.creation.icosphere(subdivisions=2, radius=10)
    content = mesh.export(
        file_type="ply", encoding="ascii" if encoding == "ascii" else "binary"
    )
    (tmp_path / "ball.ply").write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    read = read_surface(tmp_path / "ball.ply")
    assert read.volume_ml == pytest.approx(mesh.volume / 1000, rel=1e-5)


def test_a_cube_of_squares_is_read_as_triangles(tmp_path: Path) -> None:
    points = [f"v {x} {y} {z}" for x in (0, 1) for y in (0, 2) for z in (0, 3)]
    squares = ["1//1 2//1 4//1 3//1", "5 7 8 6", "1 5 6 2", "3 4 8 7", "1 3 7 5", "-7 -3 -1 -5"]
    text = "\n".join(["# RAS?", "g cube", *points, *(f"f {square}" for square in squares)])
    (tmp_path / "cube.obj").write_text(text)
    read = read_surface(tmp_path / "cube.obj")
    assert len(read.triangles) == 12
    assert abs(read.volume_ml) == pytest.approx(0.006)
    assert read.name == "cube"


def test_a_3mf_holds_lps_millimetres(tmp_path: Path) -> None:
    parts = (tetrahedron("left lung", (79, 163, 224)), random_surface())
    write_surfaces(parts, tmp_path / "lungs.3mf")
    with zipfile.ZipFile(tmp_path / "lungs.3mf") as package:
        assert package.testzip() is None
        assert {"[Content_Types].xml", "_rels/.rels"} < set(package.namelist())
        model = ElementTree.fromstring(package.read("3D/3dmodel.model"))
    core = "{http://schemas.microsoft.com/3dmanufacturing/core/2015/02}"
    assert model.get("unit") == "millimeter"
    assert [i.get("objectid") for i in model.iter(f"{core}item")] == ["2", "3"]
    assert next(model.iter(f"{core}base")).get("displaycolor") == "#4FA3E0"
    for part, written in zip(model.iter(f"{core}object"), parts, strict=True):
        points = [[float(v.attrib[a]) for a in "xyz"] for v in part.iter(f"{core}vertex")]
        np.testing.assert_allclose(points, written.points, atol=1e-4)
        corners = [
            [int(t.attrib[a]) for a in ("v1", "v2", "v3")] for t in part.iter(f"{core}triangle")
        ]
        np.testing.assert_array_equal(corners, written.triangles)


def test_glb_has_its_own_frame(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Y up"):
        write_surface(tetrahedron(), tmp_path / "lung.glb", coordinates="ras")
    assert not list(tmp_path.iterdir())


def test_every_format_is_read_back() -> None:
    assert set(SURFACE_READERS) == set(SURFACE_WRITERS)


def test_stl_names_the_findings_that_its_header_has_room_for(tmp_path: Path) -> None:
    findings = tuple(
        Finding(code, severity, "words")
        for code, severity in (
            ("padding", "note"),
            ("gantry-tilt", "warning"),
            ("lossy", "warning"),
            ("thickness-differs", "note"),
        )
    )
    points = np.eye(4, 3)
    triangles = [[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]]
    surface = Surface(points, np.array(triangles), "a", metadata={"findings": findings})
    write_surface(surface, tmp_path / "a.stl")
    header = (tmp_path / "a.stl").read_bytes()[:80].decode().rstrip()
    assert header == "vis3d STL; UNITS=mm; SPACE=LPS; FINDINGS=gantry-tilt,lossy,padding"
    read = read_surface(tmp_path / "a.stl").metadata["findings"]
    assert [finding.code for finding in read] == ["gantry-tilt", "lossy", "padding"]
