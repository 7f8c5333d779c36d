"""What pictures are measured with: OpenGL, a ball at a known place, the middle of a blob."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import oblique_geometry
from tests.needs import need
from vis3d.errors import RequirementError
from vis3d.geometry import FloatArray, Geometry
from vis3d.rendering import Stage, require_opengl
from vis3d.surface import Surface
from vis3d.volume import Volume

GEOMETRY = oblique_geometry((30, 60, 80), (1.1, 1.3, 2.5))


@dataclass(frozen=True)
class Ball:
    """A bright ball in air, off the middle of an oblique anisotropic grid."""

    center_lps: FloatArray
    volume: Volume
    surface: Surface

    @property
    def geometry(self) -> Geometry:
        return self.volume.geometry


@pytest.fixture(scope="session")
def ball() -> Ball:
    return ball_at(GEOMETRY.to_lps((60.0, 18.0, 11.0)))


def ball_at(
    center_lps: FloatArray, radius_mm: float = 6.0, geometry: Geometry = GEOMETRY
) -> Ball:
    points = geometry.to_lps(np.stack(np.indices(geometry.shape)[::-1], axis=-1))
    depth_mm = radius_mm - np.linalg.norm(points - center_lps, axis=-1)
    values = np.clip(-1000 + 1000 * (depth_mm + 1), -1000, 1000).astype(np.int16)
    return Ball(center_lps, Volume(values, geometry), sphere(center_lps, radius_mm))


def sphere(center_lps: FloatArray, radius_mm: float) -> Surface:
    """A globe of triangles, counter-clockwise seen from outside."""
    rows, columns = 24, 48
    theta = np.linspace(0, np.pi, rows)[:, None]
    phi = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None]
    unit = np.stack(
        [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta) + 0 * phi],
        axis=-1,
    )
    row, column = (n.reshape(-1) for n in np.indices((rows - 1, columns)))
    a, b = row * columns + column, row * columns + (column + 1) % columns
    triangles = np.concatenate(
        [np.stack([a, a + columns, b], axis=1), np.stack([b, a + columns, b + columns], axis=1)]
    )
    return Surface(
        unit.reshape(-1, 3) * radius_mm + center_lps, triangles, "ball", (240, 30, 20)
    )


def corner_box(geometry: Geometry) -> Surface:
    """Specks at the grid's corners, so that the camera sees all of it."""
    return Surface(geometry.corners_lps, np.arange(6).reshape(2, 3), "box", (0, 0, 0))


@pytest.fixture
def make_stage() -> Iterator[Callable[..., Stage]]:
    """Stages that are closed after the test."""
    try:
        require_opengl()
    except RequirementError as error:
        need(False, str(error))
    stages: list[Stage] = []

    def make(size: tuple[int, int] = (320, 240), **options: object) -> Stage:
        stages.append(Stage(size, **options))  # type: ignore[arg-type]
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()


def middle_of(bright: NDArray[np.bool_]) -> FloatArray:
    """The (x, y) of the middle of the pixels that are true."""
    rows, columns = np.nonzero(bright)
    assert rows.size, "nothing to see"
    return np.array([columns.mean(), rows.mean()])
