"""at_one_budget: the largest budget that has enough."""

from __future__ import annotations

from medl.automl.defs import Observation
from medl.components.suggesters.budget import at_one_budget


def seen(*pairs: tuple[int, float]) -> list[Observation]:
    return [Observation({"x": x}, (0.5,), budget) for x, budget in pairs]


def test_the_largest_budget_with_enough_is_taken():
    given = seen((1, 1), (2, 1), (3, 1), (1, 3), (2, 3), (1, 9))
    assert at_one_budget(given, 2) == given[3:5]
    assert at_one_budget(given, 1) == given[5:]


def test_without_enough_anywhere_the_fullest_budget_is_taken():
    given = seen((1, 1), (2, 1), (1, 3))
    assert at_one_budget(given, 5) == given[:2]


def test_failures_are_kept_whatever_their_budget():
    given = [*seen((1, 1), (2, 3), (3, 3)), Observation({"x": 4}, (), 1.0)]
    assert [o.values["x"] for o in at_one_budget(given, 2)] == [2, 3, 4]


def test_the_last_of_a_configuration_counts():
    given = [Observation({"x": 1}, (0.1,)), Observation({"x": 1}, (0.3,)), Observation({"x": 2}, (0.2,))]
    assert at_one_budget(given, 1) == given[1:]
