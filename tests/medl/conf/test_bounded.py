from __future__ import annotations

import ast
import itertools
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.conf.bounded import MAX_BITS, MAX_SIZE, MAX_STEPS, Refused, Steps, binary


def test_steps_run_out() -> None:
    steps = Steps()
    steps.take(MAX_STEPS)
    with pytest.raises(Refused, match="steps"):
        steps.take()


def test_an_endless_iterator_is_not_listed() -> None:
    with pytest.raises(Refused, match="elements"):
        Steps().listed(itertools.count())


def test_shared_elements_weigh_each_time() -> None:
    inner = [0] * 10
    assert Steps().weigh([inner, inner, {"a": inner}]) == 1 + (2 + 20) + (1 + 2 + 10)
    shared: list[object] = [0]
    for _ in range(60):
        shared = [shared, shared]
    with pytest.raises(Refused, match="steps"):
        Steps().weigh(shared)


@given(st.integers(), st.integers(0, 300), st.sampled_from([(ast.Pow, operator.pow), (ast.Mult, operator.mul)]))
def test_integers_are_python_s_until_they_are_too_large(
    left: int, right: int, pair: tuple[type[ast.operator], object]
) -> None:
    kind, function = pair
    expected = function(left, right)  # type: ignore[operator]
    try:
        assert binary(Steps(), kind, left, right) == expected
    except Refused:
        assert left.bit_length() * right > MAX_BITS


@given(st.sampled_from(["", "ab", [], [1, 2], [[1], [2]], ()]), st.integers(-3, 10**12))
def test_a_repetition_is_python_s_until_it_is_too_long(sequence: object, times: int) -> None:
    for pair in ((sequence, times), (times, sequence)):
        try:
            assert binary(Steps(), ast.Mult, *pair) == sequence * max(times, 0)  # type: ignore[operator]
        except Refused:
            assert times > MAX_SIZE // 10
