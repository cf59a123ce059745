"""Every combination of values, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from medl.automl.defs import Context, FloatRange, ParameterRange, SearchSpace
from medl.automl.points import all_values, count_points, grid_points
from medl.automl.unit_cube import from_unit, midpoint
from medl.automl.weights_note import weights_note

from .fixed_order import FixedOrderController


class GridController(FixedOrderController):
    """Recommends the full product of all values; the first parameter varies fastest.

    ========== ======= ====================================================================================
    arg        default meaning
    ========== ======= ====================================================================================
    max_rounds null    at most this many recommendations; null for the whole grid
    points     3       points of a range, evenly spaced on its scale, both ends included; 1 is its middle; of whole
                       numbers all, where there are no more
    seed       0       no effect, the order is fixed
    ========== ======= ====================================================================================

    Combinations that differ only in what does not count are one; a parameter with a condition varies faster than the
    one it depends on. Weights of choices are ignored.

    Raises:
        ValueError: an argument is no whole number of at least 1.

    Source: the order of the jobs in Clara Train's recorded runs (first search entry fastest).
    """

    def __init__(self, max_rounds: int | None = None, points: int = 3, seed: int = 0):
        super().__init__(max_rounds)
        if isinstance(points, bool) or not isinstance(points, int) or points < 1:
            raise ValueError(f"points must be a whole number of at least 1, but got {points!r}")
        self.per_float = points

    def set_search_space(self, space: SearchSpace, ctx: Context) -> None:
        """Take the space, and trace whose weights are ignored.

        Raises:
            ValueError: the space is empty.
        """
        super().set_search_space(space, ctx)
        if note := weights_note(space):
            ctx.trace(self, note)

    def count(self, space: SearchSpace) -> float:
        """Return the number of combinations; of values that do not count there is one."""
        return count_points(space, self._values)

    def points(self, space: SearchSpace) -> Iterator[Mapping[str, int | float]]:
        """Yield every combination, counting like an odometer whose first wheel turns at every step."""
        return grid_points(space, self._values)

    def _values(self, parameter: ParameterRange) -> Sequence[int | float]:
        """Return the points of one parameter: all of them where it has no more than ``points``."""
        if parameter.kind == "enum" or parameter.size <= (1 if parameter.kind == "float" else self.per_float):
            return all_values(parameter)
        if self.per_float == 1:
            return (midpoint(parameter),)
        shares = [index / (self.per_float - 1) for index in range(self.per_float)]
        if parameter.kind == "float":
            return [from_unit(parameter, share) for share in shares]
        # of whole numbers the ends too, which are inside their bins: the nearest to evenly spaced ones, each once
        span = parameter.targets[0]
        ends = ParameterRange(
            *(parameter.prl, parameter.domain, "float", parameter.args),
            (FloatRange(span.min, span.min + (span.size - 1) * span.step),),
            parameter.scale,
        )
        places = (round((from_unit(ends, share) - span.min) / span.step) for share in shares)
        return list(dict.fromkeys(span.min + place * span.step for place in places))
