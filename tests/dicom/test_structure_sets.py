"""Contours become the voxels inside them, wherever they lie."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.conftest import oblique_geometry
from vis3d.dicom import read_structure_set
from vis3d.dicom.contours import even_odd, filled_polygons
from vis3d.errors import Cancelled, InputError, UnsupportedError, Vis3dError
from vis3d.files import read_labelmaps
from vis3d.geometry import Geometry

GRID = oblique_geometry(shape=(24, 60, 70), spacing=(0.7, 0.9, 2.5))


def circle(center, radius, k, *, grid=GRID, sides=90):
    """A circle in slice k: LPS mm."""
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    i_mm, j_mm, _ = grid.spacing
    i = center[0] + radius / i_mm * np.cos(turn)
    j = center[1] + radius / j_mm * np.sin(turn)
    ijk = np.stack([i, j, np.full(sides, k)], axis=1)
    return grid.to_lps(ijk)


def ball(radius_mm, slices, *, grid=GRID):
    """Contours of a ball in the middle of the grid, in the slices given."""
    middle = (np.array(grid.shape[::-1]) - 1) / 2
    reached = [(k, radius_mm**2 - ((k - middle[2]) * grid.spacing[2]) ** 2) for k in slices]
    return [circle(middle, np.sqrt(rest), k, grid=grid) for k, rest in reached if rest > 0]


def item(points, kind="CLOSED_PLANAR"):
    made = Dataset()
    made.ContourGeometricType = kind
    made.NumberOfContourPoints = len(points)
    made.ContourData = [f"{value:.6f}"[:16] for value in np.ravel(points)]
    return made


def structure_set(path, regions, **changes):
    """A structure set; `regions` are (number, name, contour items)."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.3", "1.2.3"
    made.Modality, made.PatientName = "RTSTRUCT", "Secret^Name"
    made.StructureSetROISequence, made.ROIContourSequence = [], []
    for number, name, items in regions:
        named, drawn = Dataset(), Dataset()
        named.ROINumber, named.ROIName = number, name
        drawn.ReferencedROINumber, drawn.ROIDisplayColor = number, [255, number % 255, 0]
        drawn.ContourSequence = items
        made.StructureSetROISequence.append(named)
        made.ROIContourSequence.append(drawn)
    for keyword, value in changes.items():
        setattr(made, keyword, value)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.save_as(path, enforce_file_format=True)
    return path


def ml_of(labelmaps, name):
    return next(one for one in labelmaps if name in one.names).volume_ml(name)


def test_a_ball_has_its_volume_and_its_place(tmp_path):
    path = structure_set(
        tmp_path / "rt.dcm", [(7, "Ball", [item(c) for c in ball(15, range(24))])]
    )
    (labels,) = read_structure_set(path, GRID)
    assert labels.geometry is GRID
    assert labels.structures[0].label == 7
    assert labels.structures[0].color == (255, 7, 0)
    assert labels.volume_ml("ball") == pytest.approx(4 / 3 * np.pi * 1.5**3, rel=0.02)
    k, j, i = np.nonzero(labels.array)
    middle = GRID.to_lps(np.stack([i, j, k], axis=1)).mean(axis=0)
    assert np.linalg.norm(middle - GRID.center_lps) < 0.6


def test_planes_between_the_slices_and_wider_apart_than_them_fill_the_same_space(tmp_path):
    expected = 4 / 3 * np.pi * 1.5**3
    for planes in (np.arange(0.5, 24), np.arange(1, 24, 2), np.arange(0.3, 24, 1.7)):
        path = structure_set(
            tmp_path / "rt.dcm", [(1, "Ball", [item(c) for c in ball(15, planes)])]
        )
        (labels,) = read_structure_set(path, GRID)
        assert labels.volume_ml("ball") == pytest.approx(expected, rel=0.05)
        reached = np.flatnonzero(labels.array.any(axis=(1, 2)))
        assert (np.diff(reached) == 1).all()
        assert "contours-interpolated" in [one.code for one in labels.report.findings]


def test_parts_far_apart_are_not_joined(tmp_path):
    items = [item(circle((35, 30), 8, k)) for k in (2, 3, 4, 15, 16, 17)]
    (labels,) = read_structure_set(
        structure_set(tmp_path / "rt.dcm", [(1, "Two", items)]), GRID
    )
    assert np.flatnonzero(labels.array.any(axis=(1, 2))).tolist() == [2, 3, 4, 15, 16, 17]
    assert "contour-gaps" in [one.code for one in labels.report.findings]


def ring_area_mm2():
    return np.pi * (14**2 - 6**2)


@pytest.mark.parametrize("way", ["keyhole", "nested", "exclusive", "twice"])
def test_holes_stay_holes_however_they_are_written(tmp_path, way):
    outer, inner = circle((35, 30), 14, 5), circle((35, 30), 6, 5)
    if way == "keyhole":
        items = [
            item(np.concatenate([outer, outer[:1], inner[::-1][-1:], inner[::-1], outer[:1]]))
        ]
    elif way == "exclusive":
        items = [item(outer, "CLOSEDPLANAR_XOR"), item(inner, "CLOSEDPLANAR_XOR")]
    else:
        items = [item(inner), item(outer)] * (2 if way == "twice" else 1)
    (labels,) = read_structure_set(
        structure_set(tmp_path / "rt.dcm", [(1, "Ring", items)]), GRID
    )
    area = np.count_nonzero(labels.array) * 0.7 * 0.9
    assert area == pytest.approx(ring_area_mm2(), rel=0.03)
    assert not labels.array[5, 30, 35]


def test_contours_that_overlap_in_part_join(tmp_path):
    items = [item(circle((30, 30), 8, 5)), item(circle((38, 30), 8, 5))]
    (labels,) = read_structure_set(
        structure_set(tmp_path / "rt.dcm", [(1, "Both", items)]), GRID
    )
    assert labels.array[5, 30, 34] == 1


def test_regions_that_overlap_lie_on_several_label_maps(tmp_path):
    regions = [
        (3, "External", [item(c) for c in ball(19, range(24))]),
        (4, "Ball", [item(c) for c in ball(12, range(24))]),
        (5, "Tip", [item(circle((4, 4), 2, 2))]),
        (6, "Points", [item([[0, 0, 0]], "POINT")]),
        (8, "Nothing", []),
    ]
    labelmaps = read_labelmaps(structure_set(tmp_path / "rt.dcm", regions), geometry=GRID)
    assert len(labelmaps) == 2
    assert ml_of(labelmaps, "External") > ml_of(labelmaps, "Ball") > 1.1 * 4 * 1.2**3 * 0.9
    said = {one.code: one.message for one in labelmaps[0].report.findings}
    assert "Points" in said["open-contours"]
    assert "Nothing" in said["empty-regions"]


def test_contours_in_other_planes_than_the_scans_are_resampled_onto_it(tmp_path):
    other = Geometry((40, 80, 80), (1, 1, 1.5), (0, 0, 0))
    start = GRID.center_lps - other.center_lps
    other = Geometry((40, 80, 80), (1, 1, 1.5), tuple(start))
    items = [item(c) for c in ball(13, range(40), grid=other)]
    (labels,) = read_structure_set(
        structure_set(tmp_path / "rt.dcm", [(1, "Ball", items)]), GRID
    )
    assert labels.geometry is GRID
    assert labels.volume_ml("Ball") == pytest.approx(4 / 3 * np.pi * 1.3**3, rel=0.04)
    assert "contours-resampled" in [one.code for one in labels.report.findings]


def test_without_a_scan_they_lie_on_a_grid_of_their_own(tmp_path):
    path = structure_set(
        tmp_path / "rt.dcm", [(1, "Ball", [item(c) for c in ball(15, range(24))])]
    )
    (labels,) = read_labelmaps(path)
    assert labels.volume_ml("Ball") == pytest.approx(4 / 3 * np.pi * 1.5**3, rel=0.03)
    k, j, i = np.nonzero(labels.array)
    middle = labels.geometry.to_lps(np.stack([i, j, k], axis=1)).mean(axis=0)
    assert np.linalg.norm(middle - GRID.center_lps) < 0.6


@given(st.lists(st.tuples(st.integers(0, 39), st.integers(0, 29)), min_size=3, max_size=12))
@settings(deadline=None, max_examples=60)
def test_filling_counts_edges_as_a_ray_does(corners):
    points = np.array(corners, float) + 0.25
    picture = even_odd(points, (32, 42))
    j, i = 11, 17
    crossed = 0
    for (ai, aj), (bi, bj) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if min(aj, bj) <= j < max(aj, bj):
            crossed += ai + (j - aj) / (bj - aj) * (bi - ai) <= i
    assert picture[j, i] == crossed % 2


def test_a_rectangle_covers_its_area_and_what_leaves_the_picture_is_cut():
    square = np.array([[-5.5, 3.5], [9.5, 3.5], [9.5, 40.5], [-5.5, 40.5]])
    picture = filled_polygons([(square, False)], (20, 30))
    assert picture[4:, :10].all()
    assert np.count_nonzero(picture) == 16 * 10


def refused(path, kind=Vis3dError):
    with pytest.raises(kind) as caught:
        read_structure_set(path, GRID)
    assert "Secret" not in str(caught.value)
    return str(caught.value)


def test_damage_is_told(tmp_path):
    good = item(circle((35, 30), 8, 3))
    path = tmp_path / "rt.dcm"
    bad = item(circle((35, 30), 8, 3))
    bad.NumberOfContourPoints = 5
    assert "should have 5 points" in refused(structure_set(path, [(1, "A", [bad])]), InputError)
    far = item(circle((35, 30), 8, 3) + 1e7)
    assert "no patient" in refused(structure_set(path, [(1, "A", [far])]), InputError)
    assert "two regions" in refused(structure_set(path, [(1, "A", [good])] * 2), InputError)
    only_points = [(1, "A", [item([[1, 2, 3]], "POINT")])]
    assert "closed" in refused(structure_set(path, only_points), UnsupportedError)
    content = structure_set(path, [(1, "A", [good])]).read_bytes()
    for length in range(0, len(content) - 1, 97):
        path.write_bytes(content[:length])
        refused(path)


def test_flipped_bytes_give_a_label_map_or_a_word_of_ours(tmp_path):
    path = structure_set(tmp_path / "rt.dcm", [(1, "A", [item(circle((35, 30), 8, 3))])])
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(5)
    for _ in range(150):
        damaged = bytearray(content)
        for at in rng.integers(132, len(content), 3):
            damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        with suppress(Vis3dError):
            read_structure_set(path, GRID)


def test_stopping_stops(tmp_path):
    path = structure_set(
        tmp_path / "rt.dcm", [(1, "Ball", [item(c) for c in ball(15, range(24))])]
    )

    def stop(fraction, what):
        raise Cancelled

    with pytest.raises(Cancelled):
        read_structure_set(path, GRID, progress=stop)


def test_a_planning_systems_file_reads(real_data):
    labelmaps = read_labelmaps(real_data / "seg_objects" / "rt_utils_mock" / "rt.dcm")
    assert labelmaps[0].names == ("ROI-1",)
