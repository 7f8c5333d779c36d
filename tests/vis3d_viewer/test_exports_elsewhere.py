"""Files made from what is open, as other programs understand them."""

import re
from pathlib import Path

import highdicom
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import trimesh
from vis3d_viewer.exports import Exports
from vis3d_viewer.study import Study, open_scan
from vis3d_viewer.workbench import Workbench

from tests.conftest import oblique_geometry
from tests.dicom.stacks import ct_stack, write
from tests.vis3d_viewer.desks import PlainDesk
from tests.vis3d_viewer.scans import blob_lps, blob_scan
from vis3d.dicom import discover
from vis3d.progress import silent


def opened(study: Study, folder: Path) -> tuple[PlainDesk, Exports]:
    """A nodule in a scan, ready to be saved."""
    desk = PlainDesk(study, folder)
    bench = Workbench(desk)
    exporter = Exports(desk, bench.showing)
    bench.open(study)
    bench.add_threshold(200, 3000, "nodule 1")
    desk.finish()
    return desk, exporter


def saved(desk: PlainDesk) -> Path:
    desk.finish()
    return desk.offered[-1]


def test_what_is_shown_before_a_download_is_what_the_file_holds(tmp_path: Path) -> None:
    desk, exporter = opened(Study(blob_scan()), tmp_path)
    exporter.prepare_surface(9)
    desk.finish()
    plan = desk.state["surface_plan"]
    exporter.save_surface(".stl")
    mesh = trimesh.load_mesh(saved(desk))
    sizes = [float(mm) for mm in plan["size"].removesuffix(" mm").split(" × ")]
    assert sizes == pytest.approx(mesh.extents, abs=0.51)
    assert plan["triangles"] == len(mesh.faces)
    assert plan["closed"] == mesh.is_watertight
    assert float(plan["volume"].split()[0]) == pytest.approx(mesh.volume / 1000, abs=0.06)
    p95, most = map(float, re.findall(r"([\d.]+) mm", plan["deviation"]))
    assert 0 <= p95 <= most < max(oblique_geometry().spacing)


@pytest.fixture
def from_dicom(tmp_path: Path) -> Study:
    volume = blob_scan()
    write(tmp_path / "scan", ct_stack(np.asarray(volume.array, np.int16), volume.geometry))
    (series,) = discover(tmp_path / "scan").series
    return open_scan(tmp_path / "scan", series, "refuse", silent)


def test_nrrd_holds_the_structures_where_they_lie(from_dicom: Study, tmp_path: Path) -> None:
    desk, exporter = opened(from_dicom, tmp_path)
    exporter.save_labels(".nrrd")
    image = sitk.ReadImage(str(saved(desk)))
    filled = np.argwhere(sitk.GetArrayFromImage(image) == 9)
    assert len(filled) == 27
    middle = image.TransformContinuousIndexToPhysicalPoint(filled.mean(axis=0)[::-1].tolist())
    assert np.allclose(middle, blob_lps(), atol=1e-3)


def test_dicom_seg_holds_the_structures_where_they_lie(
    from_dicom: Study, tmp_path: Path
) -> None:
    desk, exporter = opened(from_dicom, tmp_path)
    exporter.save_labels(".dcm")
    found = highdicom.seg.segread(saved(desk))
    assert found.StudyInstanceUID == "1.2.3", "in the study of the scan"
    names = [found.get_segment_description(n).segment_label for n in found.segment_numbers]
    assert names == ["nodule 1"]
    grid = found.get_volume(combine_segments=True)
    filled = np.argwhere(grid.array > 0)
    assert len(filled) == 27
    middle = grid.map_indices_to_reference(filled).mean(axis=0)
    assert np.allclose(middle, blob_lps(), atol=1e-2)
