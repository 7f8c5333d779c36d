"""A click on a surface in 3D means the tissue inside it, on an oblique anisotropic grid."""

from dataclasses import replace

import numpy as np
import pytest
from vis3d_viewer.clicked import tissue_at
from vis3d_viewer.compose import value_at
from vis3d_viewer.poses import Pose
from vis3d_viewer.settings import Settings
from vis3d_viewer.study import Study

from tests.conftest import oblique_geometry
from vis3d.geometry import FloatArray
from vis3d.labels import STRUCTURES, LabelMap
from vis3d.meshing import extract_surface
from vis3d.volume import Volume

AWAY_MM = 300.0
BONES = Settings(preset="bone")


@pytest.fixture(scope="module")
def ball() -> Study:
    """A ball of bone in air, labelled, with its surface."""
    geometry = oblique_geometry()
    kji = np.moveaxis(np.indices(geometry.shape), 0, -1)
    middle = geometry.to_lps((np.array(geometry.shape)[::-1] - 1) / 2)
    inside = np.linalg.norm(geometry.to_lps(kji[..., ::-1]) - middle, axis=-1) < 9
    volume = Volume(np.where(inside, 700, -1000).astype(np.int16), geometry)
    labels = LabelMap(np.where(inside, 4, 0).astype(np.uint8), geometry)
    surface = extract_surface(labels.mask("bones"), volume)
    bones = STRUCTURES[3]
    return Study(volume, volume, labels, (bones,), {bones.label: surface})


def clicks(ball: Study) -> list[tuple[FloatArray, Pose]]:
    """Points of the surface that eyes all round see, somewhat aslant."""
    points = ball.surfaces[4].points
    middle = points.mean(axis=0)
    found = []
    for point in points[:: len(points) // 60]:
        outwards = (point - middle) / np.linalg.norm(point - middle)
        eye = point + AWAY_MM * (outwards + 0.6 * np.roll(outwards, 1))
        found.append((point, Pose(tuple(eye), tuple(point), (0.0, 0.0, 1.0), 1.0)))
    return found


def values(ball: Study, settings: Settings) -> list[float]:
    return [
        value_at(ball, tissue_at(ball, settings, point.tolist(), pose))["value"]
        for point, pose in clicks(ball)
    ]


def test_a_click_on_a_surface_reads_the_tissue_inside(ball: Study) -> None:
    assert min(value_at(ball, point.tolist())["value"] for point, _ in clicks(ball)) < 0
    assert values(ball, replace(BONES, show_volume=False)) == [700.0] * len(clicks(ball))


def test_a_click_on_a_volume_reads_what_is_opaque(ball: Study) -> None:
    assert values(ball, replace(BONES, show_surfaces=False)) == [700.0] * len(clicks(ball))


def test_the_point_stays_within_two_voxels_on_the_line_of_sight(ball: Study) -> None:
    for point, pose in clicks(ball):
        for parallel in (False, True):
            eye = replace(pose, parallel=parallel)
            moved = np.subtract(tissue_at(ball, BONES, point.tolist(), eye), point)
            toward = np.subtract(point, pose.position_lps)
            assert np.linalg.norm(moved) <= 1.5 * 2.5
            assert np.linalg.norm(np.cross(moved, toward)) < 1e-6 * AWAY_MM


def test_what_a_slice_shows_is_where_it_is(ball: Study) -> None:
    point, pose = clicks(ball)[0]
    sliced = replace(BONES, slices_in_3d=True)
    assert tissue_at(ball, sliced, point.tolist(), pose) == point.tolist()


def test_a_hidden_structure_is_not_meant(ball: Study) -> None:
    hidden = replace(BONES, hidden=[4], show_volume=False)
    for point, pose in clicks(ball):
        assert tissue_at(ball, hidden, point.tolist(), pose) == point.tolist()
