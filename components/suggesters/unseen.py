"""Points that were not tried yet."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from random import Random

from medl.automl.defs import ParameterRange, SearchSpace
from medl.automl.unit_cube import draw_point

_DRAWS = 100
_LISTED = 100_000
"""Spaces with no more points are gone through where drawing finds nothing new."""

Key = frozenset[tuple[str, int | float]]


def key(values: Mapping[str, int | float]) -> Key:
    """Return what is equal for equal points and can be put into a set."""
    return frozenset(values.items())


def unseen(space: SearchSpace, seen: set[Key], random: Random) -> dict[str, int | float] | None:
    """Return a point drawn at random that is none of ``seen``; ``None`` where there is none."""
    for _ in range(_DRAWS):
        point = draw_point(space, random)
        if key(point) not in seen:
            return point
    if space.size > _LISTED:
        return None
    left = {key(point): point for point in _every(space) if key(point) not in seen}
    return random.choice(list(left.values())) if left else None


def _every(space: SearchSpace) -> Iterable[dict[str, int | float]]:
    for values in itertools.product(*(_all_of(p) for p in space.parameters)):
        yield space.active({p.prl: value for p, value in zip(space.parameters, values, strict=True)})


def _all_of(parameter: ParameterRange) -> Iterable[int | float]:
    if parameter.kind == "enum":
        return range(len(parameter.targets))
    span = parameter.targets[0]
    return range(span.min, span.max + 1, span.step) if parameter.kind == "int" else (float(span.min),)
