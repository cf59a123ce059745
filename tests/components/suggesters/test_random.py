"""Points at random: of their number alone, and none twice where they can be counted."""

from __future__ import annotations

from medl.automl.defs import Observation
from medl.components.suggesters.random import RandomSuggester
from medl.testing.spaces import ENUM_ONLY, MIXED


def test_a_point_depends_on_seed_and_number():
    one, other = RandomSuggester(3), RandomSuggester(4)
    points = [one.suggest(MIXED, number, [], []) for number in range(10)]
    assert points == [RandomSuggester(3).suggest(MIXED, number, [], []) for number in range(10)]
    assert points != [other.suggest(MIXED, number, [], []) for number in range(10)]
    assert len({tuple(point.items()) for point in points}) == 10


def test_every_point_of_a_finite_space_comes_once():
    suggester, known = RandomSuggester(), []
    for number in range(18):
        known.append(suggester.suggest(ENUM_ONLY, number, [Observation(v) for v in known[:9]], known[9:]))
    assert len({tuple(point.items()) for point in known}) == 18
    assert suggester.suggest(ENUM_ONLY, 18, [Observation(v) for v in known], []) is None
