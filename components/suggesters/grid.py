"""Every combination of values, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from medl.automl.api import Suggester
from medl.automl.defs import Observation, SearchSpace

from ..controllers.grid import GridController
from .unseen import Key, key


class GridSuggester(Suggester):
    """Suggests the points of GridController in its order.

    ========== ======= ==============================================================================
    arg        default meaning
    ========== ======= ==============================================================================
    points     3       points of a float range, evenly spaced, both ends included; 1 is the middle
    seed       0       no effect, the order is fixed
    ========== ======= ==============================================================================

    Raises:
        ValueError: ``points`` is no whole number of at least 1.
    """

    def __init__(self, points: int = 3, seed: int = 0):
        self._grid = GridController(points=points)
        self._space: SearchSpace | None = None
        self._rest: Iterator[Mapping[str, int | float]] = iter(())
        self._seen: set[Key] = set()
        self._points: list[Mapping[str, int | float]] = []  # worked out so far; nothing that is not of the space alone

    def count(self, space: SearchSpace) -> float:
        """Return how many points the grid has at most."""
        return self._grid.count(space)

    def suggest(
        self,
        space: SearchSpace,
        number: int,
        observations: Sequence[Observation],
        pending: Sequence[Mapping[str, int | float]],
    ) -> Mapping[str, int | float] | None:
        """Return the point of that number, counted from 0; ``None`` beyond the last."""
        if space is not self._space:
            self._space, self._rest, self._seen, self._points = space, iter(self._grid.points(space)), set(), []
        while len(self._points) <= number:
            values = next(self._rest, None)
            if values is None:
                return None
            if key(values) not in self._seen:  # points that differ in what does not count are one
                self._seen.add(key(values))
                self._points.append(values)
        return self._points[number]
