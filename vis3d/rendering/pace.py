"""How coarsely 3D must be drawn to follow the hand."""

from statistics import median

GOAL_S = 0.045
"""What a picture should take while the hand moves: some 15 a second with all that follows."""

FINEST, USUAL, COARSEST = 1.0, 2.0, 5.0
"""How coarse a picture may be. Up to the usual coarseness rays lie apart, beyond it there are
fewer pixels as well, of surfaces too."""

RAY_PIXELS = 2
"""The pixels between rays at the finest."""

HASTE, CAUTION = 0.7, 0.2
"""How far a picture moves the pace: at once where the hand waits, slowly where it doesn't."""


class Pace:
    """Finds, picture by picture, how coarse they must be; one slow picture alone is no sign."""

    def __init__(self, goal_s: float = GOAL_S) -> None:
        self._goal_s = goal_s
        self._coarseness = USUAL
        self._before_s = goal_s

    @property
    def rays(self) -> float:
        """The pixels of the picture between rays, whole: the ray caster knows no others."""
        return float(round(RAY_PIXELS * min(self._coarseness, USUAL)))

    @property
    def scale(self) -> float:
        """How many times wider and higher the view is than the picture, in quarters."""
        return max(round(4 * self._coarseness / USUAL) / 4, 1.0)

    def took(self, seconds: float) -> None:
        """A picture took so long; its time goes with the number of rays or pixels."""
        usual_s = median((seconds, self._before_s, self._goal_s))
        self._before_s = seconds
        drawn = self.rays / RAY_PIXELS * self.scale
        ideal = drawn * (max(usual_s, 1e-4) / self._goal_s) ** 0.5
        ideal = min(max(ideal, FINEST), COARSEST)
        share = HASTE if ideal > self._coarseness else CAUTION
        self._coarseness += share * (ideal - self._coarseness)
