"""Feasibility: failures among the nearest."""

from __future__ import annotations

from medl.automl.defs import SearchSpace
from medl.components.suggesters.feasibility import Feasibility
from medl.components.suggesters.projection import FAILED, Judged
from medl.testing.spaces import enum_range, float_range

SPACE = SearchSpace((float_range("x", 0.0, 100.0), enum_range("act", "relu", "prelu")))
X, ACT = (p.prl for p in SPACE.parameters)


def known(fails) -> list[Judged]:
    points = [{X: float(x), ACT: act} for x in range(0, 101, 5) for act in (0, 1)]
    return [Judged(point, (0.0,), {FAILED: 1.0 if fails(point) else -1.0}) for point in points]


def test_it_counts_among_the_nearest():
    feasibility = Feasibility(SPACE, known(lambda p: p[X] > 80))
    assert feasibility.any
    assert feasibility.broken_near({X: 10.0, ACT: 0}) == 0
    assert feasibility.broken_near({X: 100.0, ACT: 0}) > 2


def test_another_choice_is_far_away():
    feasibility = Feasibility(SPACE, known(lambda p: p[ACT] == 1 and p[X] < 30))
    assert feasibility.broken_near({X: 10.0, ACT: 0}) == 0
    assert feasibility.broken_near({X: 10.0, ACT: 1}) == 5


def test_more_of_them_are_looked_at_while_many_fail():
    assert Feasibility(SPACE, known(lambda p: p[X] > 50)).broken_near({X: 90.0, ACT: 0}) > 5


def test_without_failures_there_is_nothing_to_avoid():
    assert not Feasibility(SPACE, known(lambda p: False)).any
