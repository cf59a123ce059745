"""Every point of a space once, in a known order, and their number."""

from __future__ import annotations

import itertools
import math
from random import Random

import pytest

from medl.automl.defs import Condition, ParameterRange, SearchSpace
from medl.automl.points import all_values, count_points, grid_points
from medl.testing.spaces import CONDITIONAL, DISCRETE, ENUM_ONLY, MANY, SPACES


def enum(name: str, count: int, *when: Condition) -> ParameterRange:
    return ParameterRange(f"net.enum.$0:{name}", "net", "enum", (name,), tuple((n,) for n in range(count)), when=when)


def on(name: str, *values: int) -> Condition:
    return Condition(f"net.enum.$0:{name}", values)


def by_hand(space: SearchSpace) -> list[dict[str, int | float]]:
    """Return the different points among all combinations."""
    found: list[dict[str, int | float]] = []
    for combination in itertools.product(*(all_values(p) for p in space.parameters)):
        point = space.active({p.prl: value for p, value in zip(space.parameters, combination, strict=True)})
        if point not in found:
            found.append(point)
    return found


def random_space(seed: int) -> SearchSpace:
    random = Random(seed)
    parameters: list[ParameterRange] = []
    for number in range(random.randint(1, 6)):
        parents = random.sample(parameters, min(len(parameters), random.choice([0, 0, 1, 2])))
        when = tuple(
            Condition(p.prl, tuple(random.sample(range(len(p.targets)), random.randint(1, len(p.targets)))))
            for p in parents
        )
        parameters.append(enum(f"p{number}", random.randint(1, 3), *when))
    random.shuffle(parameters)
    return SearchSpace(tuple(parameters))


@pytest.mark.parametrize("seed", range(60))
def test_every_point_comes_once(seed: int):
    space = random_space(seed)
    points = list(grid_points(space, all_values))
    expected = by_hand(space)
    assert len(points) == len(expected) == count_points(space)
    assert all(point in expected for point in points)
    assert all(space.faults(point) == [] for point in points)
    assert all(list(point) == [p.prl for p in space.parameters if p.prl in point] for point in points)


def test_the_first_varies_fastest_and_a_child_faster_than_its_parent():
    assert [tuple(p.values()) for p in grid_points(SearchSpace((enum("a", 2), enum("b", 2))), all_values)] == [
        *((0, 0), (1, 0), (0, 1), (1, 1))
    ]
    space = SearchSpace((enum("a", 2), enum("b", 2, on("a", 1))))
    assert [tuple(p.values()) for p in grid_points(space, all_values)] == [(0,), (1, 0), (1, 1)]


def test_ready_spaces_and_large_ones():
    assert count_points(ENUM_ONLY) == 18
    assert count_points(DISCRETE) == 14 == len(list(grid_points(DISCRETE, all_values)))
    assert count_points(CONDITIONAL) == math.inf
    assert count_points(MANY) == math.inf
    assert count_points(SPACES["single_point"]) == 1
    # independent groups are multiplied, not gone through
    pairs = [(enum(f"a{n}", 9), enum(f"b{n}", 9, on(f"a{n}", 0))) for n in range(40)]
    assert count_points(SearchSpace(tuple(p for pair in pairs for p in pair))) == 17**40


def test_the_first_points_of_a_huge_space_come_at_once():
    pairs = [(enum(f"a{n}", 9), enum(f"b{n}", 9, on(f"a{n}", 0))) for n in range(40)]
    space = SearchSpace(tuple(p for pair in pairs for p in pair))
    assert len(list(itertools.islice(grid_points(space, all_values), 100))) == 100
