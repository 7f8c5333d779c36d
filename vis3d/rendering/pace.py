"""How coarsely a volume must be drawn to follow the hand."""

GOAL_S = 0.045
"""What a picture should take while the hand moves: some 15 a second with all that follows."""

FINEST, COARSEST = 2.0, 6.0
START = 4.0

CAUTION = 0.25
"""How far each picture moves the pace; pictures of a busy machine vary."""


class Pace:
    """Finds, picture by picture, how many pixels (squared) a ray may stand for."""

    def __init__(self, goal_s: float = GOAL_S) -> None:
        self._goal_s = goal_s
        self._pixels = START

    @property
    def pixels(self) -> float:
        """The pixels between rays, in whole ones: the ray caster knows no others."""
        return float(round(self._pixels))

    def took(self, seconds: float) -> None:
        """A picture at this pace took so long; its time goes with the number of rays."""
        ideal = self.pixels * (max(seconds, 1e-4) / self._goal_s) ** 0.5
        ideal = min(max(ideal, FINEST), COARSEST)
        self._pixels += CAUTION * (ideal - self._pixels)
