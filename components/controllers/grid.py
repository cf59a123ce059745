"""Every combination of values, in a fixed order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from medl.automl.defs import ParameterRange, SearchSpace

from .fixed_order import FixedOrderController


class GridController(FixedOrderController):
    """Recommends the full product of all values; the first parameter varies fastest.

    ========== ======= ==================================================================================
    arg        default meaning
    ========== ======= ==================================================================================
    max_rounds null    at most this many recommendations; null for the whole grid
    points     3       points of a float range, evenly spaced, both ends included; 1 is the range's middle
    seed       0       no effect, the order is fixed
    ========== ======= ==================================================================================

    Raises:
        ValueError: an argument is no whole number of at least 1.

    Source: the order of the jobs in Clara Train's recorded runs (first search entry fastest).
    """

    def __init__(self, max_rounds: int | None = None, points: int = 3, seed: int = 0):
        super().__init__(max_rounds)
        if isinstance(points, bool) or not isinstance(points, int) or points < 1:
            raise ValueError(f"points must be a whole number of at least 1, but got {points!r}")
        self.per_float = points

    def count(self, space: SearchSpace) -> float:
        """Return the number of combinations."""
        return math.prod(self._length(parameter) for parameter in space.parameters)

    def points(self, space: SearchSpace) -> Iterator[Mapping[str, int | float]]:
        """Yield every combination, counting like an odometer whose first wheel turns at every step."""
        lengths = [self._length(parameter) for parameter in space.parameters]
        for number in range(math.prod(lengths)):
            values: dict[str, int | float] = {}
            for parameter, length in zip(space.parameters, lengths, strict=True):
                number, index = divmod(number, length)
                values[parameter.prl] = index if parameter.kind == "enum" else self._point(parameter, index)
            yield values

    def _length(self, parameter: ParameterRange) -> int:
        return self.per_float if parameter.size == math.inf else int(parameter.size)

    def _point(self, parameter: ParameterRange, index: int) -> float:
        low, high = parameter.targets[0].min, parameter.targets[0].max
        if low == high:
            return float(low)
        if self.per_float == 1:
            return float(low / 2 + high / 2)
        if index == self.per_float - 1:  # exactly, not but for a rounding
            return float(high)
        share = index / (self.per_float - 1)
        return float(min(max(low * (1 - share) + high * share, low), high))
