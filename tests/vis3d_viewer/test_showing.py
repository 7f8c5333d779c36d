"""What 3D shows follows the structures, and only what changed is made anew."""

from pathlib import Path

import numpy as np
import pytest
from vis3d_viewer import study as studies
from vis3d_viewer.scene3d import compose
from vis3d_viewer.study import Study
from vis3d_viewer.workbench import Workbench

from tests.conftest import oblique_geometry
from tests.vis3d_viewer.desks import PlainDesk
from vis3d.errors import Cancelled
from vis3d.meshing.tiles import tiled_for_view
from vis3d.progress import Progress
from vis3d.scene import SurfaceLayer
from vis3d.volume import Volume

LONG = oblique_geometry((12, 40, 320), (0.9, 1.2, 2.0))
"""Three tiles along one of its axes."""


@pytest.fixture
def desk(tmp_path: Path) -> PlainDesk:
    array = np.full(LONG.shape, -1000, np.int16)
    array[3:9, 10:30, 10:310] = 400
    return PlainDesk(Study(Volume(array, LONG, "HU")), tmp_path)


@pytest.fixture
def bench(desk: PlainDesk, bench: Workbench) -> Workbench:
    bench.add_threshold(200, 600, "bar")
    desk.finish()
    return bench


def shown(desk: PlainDesk) -> list[SurfaceLayer]:
    assert desk.study is not None
    scene = compose(desk.study, desk.settings)
    return [layer for layer in scene.layers if isinstance(layer, SurfaceLayer)]


def stroke(desk: PlainDesk, bench: Workbench, i: float) -> None:
    assert desk.study is not None
    label = desk.study.structures[0].label
    at = LONG.to_lps([i, 30.0, 6.0]).tolist()
    bench.corrections.stroke("eraser", label, [at], 4.0)
    desk.finish()


def test_a_stroke_makes_only_tiles_anew_that_it_reaches(
    desk: PlainDesk, bench: Workbench
) -> None:
    before = shown(desk)
    assert len(before) == 3
    stroke(desk, bench, 20.0)
    after = shown(desk)
    kept = {id(layer.surface) for layer in before} & {id(layer.surface) for layer in after}
    assert len(after) == 3
    assert len(kept) == 2
    stroke(desk, bench, 300.0)
    bench.undo()
    desk.finish()
    study = desk.study
    assert study is not None
    (label,) = study.tiles
    fresh = tiled_for_view(study.masks[label])
    for index, tile in fresh.tiles.items():
        assert np.array_equal(
            tile.surface.points, study.tiles[label].tiles[index].surface.points
        )
    assert np.array_equal(study.surfaces[label].points, fresh.whole.points)


def test_what_was_stopped_half_way_is_drawn_from_the_start(
    desk: PlainDesk, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = studies.tiles_of

    def stopped(study: Study, label: int, changes: object, progress: Progress) -> None:
        raise Cancelled

    monkeypatch.setattr(studies, "tiles_of", stopped)
    with pytest.raises(Cancelled):
        stroke(desk, bench, 20.0)
    monkeypatch.setattr(studies, "tiles_of", draw)
    stroke(desk, bench, 300.0)
    study = desk.study
    assert study is not None
    (label,) = study.tiles
    fresh = tiled_for_view(study.masks[label])
    assert np.array_equal(study.surfaces[label].points, fresh.whole.points)
