"""How likely a point is to fail or to break a constraint, by its nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from medl.automl.defs import SearchSpace
from medl.automl.unit_cube import to_unit

from .projection import Judged

_FEW, _MANY = 5, 10
_TOO_MANY = 0.2


class Feasibility:
    """Says how many of a point's nearest neighbours failed or broke a constraint.

    Five of them are looked at, ten while more than a fifth of all failed. Distances are in the unit cube; different
    choices, and a value where the other has none, are 1 apart.

    Args:
        space: the search space.
        known: what was tried.
    """

    def __init__(self, space: SearchSpace, known: Sequence[Judged]):
        self._space = space
        self._known = [(self._place(one.values), any(by > 0 for by in one.constraints.values())) for one in known]
        broken = sum(breaks for _, breaks in self._known)
        self.any = broken > 0
        self._count = _MANY if broken > _TOO_MANY * len(self._known) else _FEW

    def broken_near(self, values: Mapping[str, int | float]) -> int:
        """Return how many of the nearest ones failed or broke a constraint."""
        place = self._place(values)
        near = sorted((_distance(place, other), breaks) for other, breaks in self._known)
        return sum(breaks for _, breaks in near[: self._count])

    def _place(self, values: Mapping[str, int | float]) -> list[tuple[bool, float | None]]:
        """Return for each parameter whether its values are only equal or not, and where it is."""
        return [
            (p.kind == "enum", None)
            if p.prl not in values
            else (p.kind == "enum", float(values[p.prl]) if p.kind == "enum" else to_unit(p, values[p.prl]))
            for p in self._space.parameters
        ]


def _distance(one: Sequence[tuple[bool, float | None]], other: Sequence[tuple[bool, float | None]]) -> float:
    total = 0.0
    for (named, a), (_, b) in zip(one, other, strict=True):
        if named or a is None or b is None:
            total += a != b
        else:
            total += (a - b) ** 2
    return total
