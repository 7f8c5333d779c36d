"""How coarse pictures get while the hand moves: a machine of known speed, without a clock."""

import numpy as np
import pytest

from vis3d.phantom import chest_phantom
from vis3d.rendering import Stage
from vis3d.rendering.pace import GOAL_S, Pace
from vis3d.scene import Scene, SurfaceLayer, VolumeLayer
from vis3d.surface import Surface

SIZE = (240, 160)


class Machine:
    """Takes so many seconds for a picture of all pixels, and some for any picture."""

    def __init__(self, pace: Pace, *, fixed_s: float = 0.01) -> None:
        self._pace = pace
        self._fixed_s = fixed_s

    def pixels(self) -> float:
        """How far rays of the whole view lie apart."""
        return self._pace.rays * self._pace.scale

    def draw(self, full_s: float, count: int = 1) -> float:
        """The seconds of the last of so many pictures."""
        for _ in range(count):
            took = self._fixed_s + full_s / self.pixels() ** 2
            self._pace.took(took)
        return took


@pytest.mark.parametrize("full_s", [1e-4, 0.3, 0.6, 1.5])
def test_pictures_settle_where_they_take_what_they_may(full_s: float) -> None:
    pace = Pace()
    machine = Machine(pace, fixed_s=0.0)
    took = machine.draw(full_s, 50)
    assert pace.rays == 2 or 0.4 * GOAL_S < took < 1.5 * GOAL_S


def test_a_machine_that_gets_busy_is_followed_within_four_pictures() -> None:
    pace = Pace()
    machine = Machine(pace)
    assert machine.draw(0.4, 30) < GOAL_S
    assert pace.scale == 1, "an idle machine draws every pixel"
    took = machine.draw(2.5, 5)  # six times as slow
    assert took < 0.083, "12 pictures a second"
    assert pace.scale > 1


def test_one_slow_picture_changes_nothing() -> None:
    pace = Pace()
    machine = Machine(pace)
    machine.draw(0.5, 30)
    before = machine.pixels()
    pace.took(0.9)
    machine.draw(0.5, 2)
    assert machine.pixels() == before


def test_pictures_get_fine_again_once_there_is_time() -> None:
    pace = Pace()
    machine = Machine(pace)
    machine.draw(4.0, 10)
    assert pace.scale > 1.5
    machine.draw(0.2, 25)
    assert pace.scale == 1


def test_a_picture_of_fewer_pixels_shows_the_same() -> None:
    scan = chest_phantom(shape=(20, 32, 40), noise_hu=0).volume
    ball = scan.geometry.center_lps + 20 * np.array(
        [[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0]]
    )
    surface = Surface(ball, np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]]), "one")
    for layer in (SurfaceLayer(surface), VolumeLayer(scan, "bone")):
        stage = Stage(SIZE, volumes_on_cpu=True)
        stage.show(Scene([layer], marker=True))
        stage.render("coarse")
        usual = stage.picture().astype(float)
        for _ in range(6):
            stage._pace.took(5.0)
        stage.render("coarse")
        small = stage.picture()
        assert small.shape == (64, 96, 3)
        rows = np.linspace(0, SIZE[1] - 1, 64).astype(int)
        columns = np.linspace(0, SIZE[0] - 1, 96).astype(int)
        alike = np.abs(usual[np.ix_(rows, columns)] - small).mean(axis=2) < 40
        assert alike.mean() > 0.9
        stage.render("fine")
        assert stage.picture().shape == (*SIZE[::-1], 3)
        stage.close()
