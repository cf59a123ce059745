"""The points of a space one after the other, and how many there are, where conditions leave some values out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from medl.automl.defs import ParameterRange, SearchSpace

Values = Callable[[ParameterRange], Sequence[int | float]]
"""From a parameter to the values that are gone through."""


def all_values(parameter: ParameterRange) -> Sequence[int | float]:
    """Return every value of a parameter, for a range of floats only its least."""
    if parameter.kind == "enum":
        return range(len(parameter.targets))
    span = parameter.targets[0]
    return range(span.min, span.max + 1, span.step) if parameter.kind == "int" else (float(span.min),)


def grid_points(space: SearchSpace, values_of: Values) -> Iterator[dict[str, int | float]]:
    """Yield every combination once, lazily; a parameter that does not count has no value in it.

    The first parameter varies fastest. What depends on others varies faster than they do.
    """
    order = _parents_first(space)
    values = [values_of(parameter) for parameter in order]

    def combined(index: int, chosen: dict[str, int | float]) -> Iterator[dict[str, int | float]]:
        if index == len(order):
            yield {p.prl: chosen[p.prl] for p in space.parameters if p.prl in chosen}
            return
        parameter = order[index]
        if not _counts(parameter, chosen):
            yield from combined(index + 1, chosen)
            return
        for value in values[index]:
            yield from combined(index + 1, {**chosen, parameter.prl: value})

    return combined(0, {})


def count_points(space: SearchSpace, values_of: Values | None = None) -> float:
    """Return how many different points there are; ``inf`` where one has a range of floats.

    Args:
        space: the space.
        values_of: the values that are gone through; all of them where it is not given.
    """
    return math.prod(_count(group, values_of) for group in _groups(space))


def _count(group: list[ParameterRange], values_of: Values | None) -> float:
    """Return the points of parameters that depend on each other: over those that others depend on, one by one."""
    asked = {condition.prl for parameter in group for condition in parameter.when}
    order = _parents_first(SearchSpace(tuple(group)))
    parents = [parameter for parameter in order if parameter.prl in asked]
    leaves = [parameter for parameter in order if parameter.prl not in asked]

    def counted(index: int, chosen: dict[str, int | float]) -> float:
        if index == len(parents):
            sizes = (len(values_of(p)) if values_of else p.size for p in leaves if _counts(p, chosen))
            return math.prod(sizes)
        parameter = parents[index]
        if not _counts(parameter, chosen):
            return counted(index + 1, chosen)
        values = (values_of or all_values)(parameter)
        return sum(counted(index + 1, {**chosen, parameter.prl: value}) for value in values)

    return counted(0, {})


def _counts(parameter: ParameterRange, chosen: Mapping[str, int | float]) -> bool:
    """Return whether a parameter counts, where what it depends on is chosen already if that counts."""
    return all(chosen.get(condition.prl) in condition.values for condition in parameter.when)


def _parents_first(space: SearchSpace) -> list[ParameterRange]:
    """Return the parameters from the slowest to the fastest."""
    known = {parameter.prl: parameter for parameter in space.parameters}
    depths: dict[str, int] = {}

    def depth(prl: str) -> int:
        if prl not in depths:
            depths[prl] = max((depth(condition.prl) + 1 for condition in known[prl].when), default=0)
        return depths[prl]

    return sorted(reversed(space.parameters), key=lambda parameter: depth(parameter.prl))


def _groups(space: SearchSpace) -> list[list[ParameterRange]]:
    """Return the parameters in groups that do not depend on each other."""
    groups: list[list[ParameterRange]] = []
    for parameter in space.parameters:
        linked = {parameter.prl, *(condition.prl for condition in parameter.when)}
        touched = [g for g in groups if any(_linked(parameter, linked, other) for other in g)]
        groups = [g for g in groups if g not in touched]
        groups.append([p for g in touched for p in g] + [parameter])
    return groups


def _linked(parameter: ParameterRange, linked: set[str], other: ParameterRange) -> bool:
    """Return whether two parameters depend on each other or on the same one."""
    return other.prl in linked or bool(linked & {condition.prl for condition in other.when})
