"""The model of BOHB: densities that integrate to one, the budget it takes, what it avoids."""

from __future__ import annotations

import math
from collections import Counter
from random import Random

import numpy as np
import pytest

from medl.automl.defs import Condition, IntRange, Observation, ParameterRange, SearchSpace
from medl.automl.unit_cube import draw_point
from medl.components.suggesters.kde import Cube, Density, KdeSuggester
from medl.testing.spaces import ENUM_ONLY, MIXED, enum_range, float_range

LINE = SearchSpace((float_range("x", 0.0, 1.0),))
X = LINE.parameters[0].prl
RATE = ParameterRange("lr.float.$0:rate", "lr", "float", ("rate",), (float_range("r", 1e-5, 1e-1).targets[0],), "log")
DEPTH = ParameterRange("net.int.$0:depth", "net", "int", ("depth",), (IntRange(1, 9, 2),))
KIND = enum_range("kind", "a", "b", "c")
CONDITIONAL = SearchSpace(
    (
        KIND,
        RATE,
        ParameterRange(DEPTH.prl, "net", "int", DEPTH.args, DEPTH.targets, when=(Condition(KIND.prl, (1,)),)),
    )
)


def seen(space, score, count=40, budget=1.0, seed=0):
    dice = Random(seed)
    points = [draw_point(space, dice) for _ in range(count)]
    return [Observation(point, (score(point),), budget) for point in points]


def test_a_density_integrates_to_one_within_its_range():
    cube = Cube(LINE)
    density = Density(cube, [{X: value} for value in (0.0, 0.05, 0.5, 0.97)])
    grid = (np.arange(20_000) + 0.5) / 20_000
    assert np.exp(density.log_density(grid[:, None])).mean() == pytest.approx(1.0, abs=1e-3)


def test_the_chances_of_choices_add_up_to_one():
    space = SearchSpace((KIND,))
    density = Density(Cube(space), [{KIND.prl: value} for value in (0, 0, 0, 1)])
    chances = np.exp(density.log_density(np.array([[0.0], [1.0], [2.0]])))
    assert chances.sum() == pytest.approx(1.0)
    assert chances[0] > chances[1] > chances[2] > 0


def test_what_does_not_count_is_evenly_spread():
    cube = Cube(CONDITIONAL)
    points = [{KIND.prl: 0, RATE.prl: 1e-3}, {KIND.prl: 1, RATE.prl: 1e-3, DEPTH.prl: 5}]
    assert np.isnan(cube.coordinates(points)[0, 2])
    assert np.isfinite(Density(cube, points).log_density(cube.coordinates(points))).all()


@pytest.mark.parametrize("space", [MIXED, CONDITIONAL])
def test_points_lie_in_the_space_and_depend_on_the_arguments_alone(space):
    known = seen(space, lambda point: sum(point.values()))
    for number in range(25):
        point = KdeSuggester(seed=3).suggest(space, number, known, [])
        assert not space.faults(point)
        assert KdeSuggester(seed=3).suggest(space, number, list(known), []) == point
    assert KdeSuggester(seed=4).suggest(space, 0, known, []) != KdeSuggester(seed=3).suggest(space, 0, known, [])


def test_no_point_of_a_finite_space_comes_twice():
    suggester, known = KdeSuggester(), []
    for number in range(18):
        point = suggester.suggest(ENUM_ONLY, number, known[:-2], [o.values for o in known[-2:]])
        known.append(Observation(point, (float(sum(point.values())),)))
    assert len({tuple(o.values.items()) for o in known}) == 18
    assert suggester.suggest(ENUM_ONLY, 18, known, []) is None


def suggested(known, count=40, **args):
    suggester = KdeSuggester(random_fraction=0.0, **args)
    return [suggester.suggest(LINE, number, known, [])[X] for number in range(count)]


def test_it_goes_where_the_good_ones_are():
    points = suggested(seen(LINE, lambda point: -abs(point[X] - 0.8)))
    assert sum(abs(x - 0.8) < 0.15 for x in points) > 30


def test_before_there_are_enough_it_draws_at_random():
    points = suggested(seen(LINE, lambda point: -abs(point[X] - 0.8), count=3))
    assert min(points) < 0.1
    assert max(points) > 0.9


def test_the_largest_budget_with_enough_points_counts():
    low = seen(LINE, lambda point: -abs(point[X] - 0.1), budget=1)
    high = seen(LINE, lambda point: -abs(point[X] - 0.9), budget=9, seed=1)
    assert np.median(suggested([*low, *high[:3]])) < 0.4  # one parameter: 2 and 2 are needed
    assert np.median(suggested([*low, *high])) > 0.7
    assert np.median(suggested([*low, *high[:8]], min_points_in_model=7)) < 0.4


def test_only_the_last_samples_are_fitted():
    old = seen(LINE, lambda point: 5 - abs(point[X] - 0.1), count=100)
    new = seen(LINE, lambda point: -abs(point[X] - 0.9), count=30, seed=1)
    assert np.median(suggested([*old, *new])) < 0.4
    assert np.median(suggested([*old, *new], kde_samples=30)) > 0.7


def test_random_draws_avoid_what_fails_and_still_go_everywhere():
    known = [
        Observation(o.values, () if o.values[X] < 0.5 else o.objectives) for o in seen(LINE, lambda p: 1.0, count=80)
    ]
    suggester = KdeSuggester(random_fraction=1.0)
    points = [suggester.suggest(LINE, number, known, [])[X] for number in range(300)]
    assert sum(x < 0.5 for x in points) < 45
    assert max(points) > 0.95
    assert 0.2 < np.mean([x > 0.75 for x in points]) / np.mean([x > 0.5 for x in points]) < 0.8


def test_weights_of_choices_are_honoured_where_it_draws():
    kind = enum_range("kind", "a", "b")
    weighed = ParameterRange(kind.prl, "net", "enum", kind.args, kind.targets, weights=(0.9, 0.1))
    space = SearchSpace((weighed, LINE.parameters[0]))
    drawn = Counter(KdeSuggester().suggest(space, number, [], [])[kind.prl] for number in range(400))
    assert 330 < drawn[0] < 390


def test_a_narrow_bad_density_does_not_drive_it_away_from_all():
    """Bad points in one place leave the rest no better than the good ones' place is."""
    good = [Observation({X: 0.5 + 0.01 * n}, (1.0 + n,)) for n in range(5)]
    bad = [Observation({X: 0.4 + 1e-6 * n}, (0.0,)) for n in range(20)]
    assert all(0.3 < x < 0.8 for x in suggested([*good, *bad]))


def test_scores_of_any_size_are_only_compared():
    known = seen(LINE, lambda point: -1.7e308 if point[X] < 0.7 else 1.7e308)
    assert all(math.isfinite(x) for x in suggested(known, count=5))
