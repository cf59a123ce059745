"""The grid, point by point."""

from __future__ import annotations

from medl.automl.defs import Condition, ParameterRange, SearchSpace
from medl.components.controllers.grid import GridController
from medl.components.suggesters.grid import GridSuggester
from medl.testing.spaces import ENUM_ONLY, FLOAT_ONLY, enum_range


def test_it_is_the_grid_controllers_order():
    suggester = GridSuggester(points=2)
    points = [suggester.suggest(FLOAT_ONLY, number, [], []) for number in range(9)]
    assert points == [*GridController(points=2).points(FLOAT_ONLY), None]
    assert GridSuggester(points=2).suggest(FLOAT_ONLY, 5, [], []) == points[5]
    assert suggester.suggest(ENUM_ONLY, 0, [], []) is not None
    assert suggester.suggest(FLOAT_ONLY, 3, [], []) == points[3]


def test_points_that_differ_in_what_does_not_count_are_one():
    kind, depth = enum_range("kind", "a", "b"), enum_range("depth", 1, 2, 3)
    depth = ParameterRange(depth.prl, "net", "enum", depth.args, depth.targets, when=(Condition(kind.prl, (1,)),))
    suggester, space = GridSuggester(), SearchSpace((kind, depth))
    points = [suggester.suggest(space, number, [], []) for number in range(5)]
    assert points[-1] is None
    assert len({tuple(point.items()) for point in points[:-1]}) == 4
