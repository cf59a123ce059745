"""Coordinates in the unit cube and points drawn at random."""

from __future__ import annotations

import collections
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.automl.defs import Condition, FloatRange, IntRange, ParameterRange, SearchSpace
from medl.automl.unit_cube import draw, draw_point, from_unit, midpoint, to_unit


def floats(low: float, high: float, scale: str = "linear") -> ParameterRange:
    return ParameterRange("lr.float.$0:a", "lr", "float", ("a",), (FloatRange(low, high),), scale=scale)


def ints(low: int, high: int, step: int = 1, scale: str = "linear") -> ParameterRange:
    return ParameterRange("net.int.$1:b", "net", "int", ("b",), (IntRange(low, high, step),), scale=scale)


def choices(count: int, weights: tuple[float, ...] | None = None) -> ParameterRange:
    targets = tuple((index,) for index in range(count))
    return ParameterRange("net.enum.$2:c", "net", "enum", ("c",), targets, weights=weights)


units = st.floats(-0.5, 1.5, allow_nan=False)
any_parameter = st.one_of(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2).map(
        lambda two: floats(*sorted(two))
    ),
    st.lists(st.floats(1e-300, 1e300), min_size=2, max_size=2).map(lambda two: floats(*sorted(two), scale="log")),
    st.builds(
        lambda low, more, step: ints(low, low + more, step), st.integers(), st.integers(0, 500), st.integers(1, 9)
    ),
    st.builds(lambda low, more: ints(low, low + more, scale="log"), st.integers(1, 10**9), st.integers(0, 500)),
    st.integers(1, 9).map(choices),
)


@given(any_parameter, units)
def test_every_coordinate_is_a_value_of_the_parameter_and_that_value_a_coordinate(parameter, unit):
    value = from_unit(parameter, unit)
    assert parameter.fault(value) == ""
    assert 0 <= to_unit(parameter, value) <= 1


@pytest.mark.parametrize(
    "parameter",
    [ints(-4, 17, 3), ints(1, 300, scale="log"), ints(1, 64, 7, "log"), ints(5, 5), choices(7), choices(1)],
)
def test_a_discrete_value_comes_back_from_its_coordinate(parameter):
    span = range(len(parameter.targets))
    if parameter.kind == "int":
        span = range(parameter.targets[0].min, parameter.targets[0].max + 1, parameter.targets[0].step)
    assert [from_unit(parameter, to_unit(parameter, value)) for value in span] == list(span)


@given(st.floats(1e-6, 1e6))
def test_a_float_comes_back_from_its_coordinate(value):
    assert from_unit(floats(1e-6, 1e6, "log"), to_unit(floats(1e-6, 1e6, "log"), value)) == pytest.approx(value)
    assert from_unit(floats(0, 1e6), to_unit(floats(0, 1e6), value)) == pytest.approx(value, abs=1e-9)


def test_ends_and_means():
    assert [from_unit(floats(1e-4, 1.0, "log"), unit) for unit in (0, 1)] == [1e-4, 1.0]
    assert midpoint(floats(1e-4, 1.0, "log")) == pytest.approx(1e-2)
    assert midpoint(floats(-1.0, 3.0)) == 1.0
    assert midpoint(ints(1, 9)) == 5
    assert midpoint(ints(1, 100, scale="log")) == 7  # sqrt(0.5 * 100.5) is 7.1
    assert midpoint(choices(3)) == 1
    assert (to_unit(floats(2, 2), 2), from_unit(floats(2, 2), 0.9)) == (0.5, 2)


def test_a_range_wider_than_a_float_and_one_of_the_smallest_floats():
    wide = floats(-1.7e308, 1.7e308)
    assert to_unit(wide, midpoint(wide)) == 0.5
    assert to_unit(floats(0.0, 5e-324), 5e-324) == 1


def test_a_draw_is_even_on_its_scale_and_follows_the_weights():
    random = Random(1)
    logs = [math.log10(draw(floats(1e-4, 1.0, "log"), random)) for _ in range(2000)]
    assert sum(value < -2 for value in logs) == pytest.approx(1000, abs=100)
    numbers = collections.Counter(draw(ints(0, 6, 2), random) for _ in range(2000))
    assert set(numbers) == {0, 2, 4, 6}
    assert all(count == pytest.approx(500, abs=80) for count in numbers.values())
    weighted = collections.Counter(draw(choices(3, (0.7, 0.2, 0.1)), random) for _ in range(2000))
    assert [weighted[index] for index in range(3)] == pytest.approx([1400, 400, 200], abs=100)


def test_a_point_has_only_values_that_count_and_a_seed_draws_it_again():
    child = ParameterRange(
        "lr.float.$3:d", "lr", "float", ("d",), (FloatRange(0, 1),), when=(Condition("net.enum.$2:c", (1,)),)
    )
    space = SearchSpace((child, choices(2), ints(0, 3)))
    points = [draw_point(space, Random(seed)) for seed in range(50)]
    assert all(space.faults(point) == [] for point in points)
    assert {(point["net.enum.$2:c"], child.prl in point) for point in points} == {(0, False), (1, True)}
    assert points == [draw_point(space, Random(seed)) for seed in range(50)]
