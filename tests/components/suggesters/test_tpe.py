"""TpeSuggester: pure, new points only, failures avoided."""

from __future__ import annotations

import pytest

from medl.automl.defs import (
    Condition,
    FloatRange,
    Observation,
    ParameterRange,
    Recommendation,
    SearchResult,
    SearchSpace,
)
from medl.components.suggesters.projection import Judged, distribution, start
from medl.components.suggesters.tpe import TpeSuggester, shortened
from medl.testing.dialogue import smooth_score
from medl.testing.spaces import ENUM_ONLY, FLOAT_ONLY, MIXED, enum_range, float_range


def score(space, values) -> float:
    return smooth_score(Recommendation("T1", SearchResult(space, values)))


def searched(suggester, space, rounds, answer=None, pending=0):
    """Return the observations of a search with so many configurations always pending."""
    answer = answer or (lambda values: Observation(values, (score(space, values),)))
    observations, waiting, number = [], [], 0
    while len(observations) < rounds:
        while len(waiting) <= pending:
            values = suggester.suggest(space, number, observations, waiting)
            if values is None:
                return observations
            waiting.append(values)
            number += 1
        observations.append(answer(waiting.pop(0)))
    return observations


def test_it_begins_as_optunas_sampler_and_then_learns():
    found = searched(TpeSuggester(seed=3), MIXED, 40)
    assert [o.values for o in found[:10]] == [start(MIXED, 3, number) for number in range(10)]
    assert max(o.objectives[0] for o in found[10:]) > max(o.objectives[0] for o in found[:10])


def test_it_is_optunas_sampler_given_the_same_trials():
    import optuna

    from medl.components.suggesters.projection import mixed

    known = searched(TpeSuggester(seed=1), MIXED, 15)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=mixed(1, 15)))
    ranges = {p.prl: distribution(p) for p in MIXED.parameters}
    for o in known:
        study.add_trial(optuna.trial.create_trial(params=dict(o.values), distributions=ranges, value=o.objectives[0]))
    assert TpeSuggester(seed=1).suggest(MIXED, 15, known, []) == study.ask(ranges).params


def test_a_suggestion_is_a_function_of_what_is_given():
    known = searched(TpeSuggester(seed=3), MIXED, 14)
    suggester = TpeSuggester(seed=3)
    first = suggester.suggest(MIXED, 14, known, [])
    suggester.suggest(MIXED, 15, known, [first])
    assert suggester.suggest(MIXED, 14, known, []) == first
    assert suggester.suggest(MIXED, 15, known, []) != first


def test_what_is_pending_is_not_suggested_again():
    known = searched(TpeSuggester(4), ENUM_ONLY, 12)
    pending = []
    for number in range(12, 18):
        pending.append(TpeSuggester(4).suggest(ENUM_ONLY, number, known, pending))
    assert len({tuple(p.values()) for p in [*(o.values for o in known), *pending]}) == 18
    assert TpeSuggester(4).suggest(ENUM_ONLY, 18, known, pending) is None


def test_conditions_hold():
    optimizer = enum_range("optimizer", "adam", "sgd")
    momentum = ParameterRange(
        "net.float.$0:momentum", "net", "float", ("momentum",), (FloatRange(0.0, 1.0),),
        when=(Condition(optimizer.prl, (1,)),),
    )  # fmt: skip
    space = SearchSpace((momentum, float_range("rate", 0.0, 1.0), optimizer))

    def answer(values):
        return Observation(values, (-((values[space.parameters[1].prl] - 0.3) ** 2) + values.get(momentum.prl, 0.0),))

    found = searched(TpeSuggester(5), space, 40, answer)
    assert not [fault for o in found for fault in space.faults(o.values)]
    assert sum(o.values.get(momentum.prl, 0.0) > 0.6 for o in found[20:]) > 10


@pytest.mark.parametrize("broken", [{}, {"params_m": 3.0}], ids=["failed", "violated"])
@pytest.mark.parametrize("edge", ["away from the best", "through the best"])
def test_of_60_at_most_a_fifth_fail_where_half_the_space_does(edge, broken):
    x = FLOAT_ONLY.parameters[1].prl

    def answer(values):
        fails = values[x] > 0.5 if edge == "away from the best" else values[x] < 0.3
        return Observation(values, violations=broken) if fails else Observation(values, (score(FLOAT_ONLY, values),))

    failures = sorted(
        sum(not o.objectives for o in searched(TpeSuggester(seed=seed), FLOAT_ONLY, 60, answer, pending=1))
        for seed in range(3)
    )
    assert failures[1] <= 12, failures


def test_failures_alone_leave_it_drawing_at_random():
    found = searched(TpeSuggester(5), FLOAT_ONLY, 30, Observation)
    values = [o.values[FLOAT_ONLY.parameters[1].prl] for o in found]
    assert min(values) < 0.2
    assert max(values) > 0.8


def test_several_objectives():
    x = FLOAT_ONLY.parameters[1].prl
    found = searched(
        TpeSuggester(), FLOAT_ONLY, 50, lambda v: Observation(v, (-((v[x] - 0.2) ** 2), -((v[x] - 0.4) ** 2)))
    )
    inside = [0.15 < o.values[x] < 0.45 for o in found]
    assert sum(inside[25:]) > sum(inside[:25])


def test_of_more_points_than_it_looks_at_the_best_and_the_last_stay():
    known = [Judged({"x": n}, (float(-n),), {}) for n in range(20)]
    assert [one.values["x"] for one in shortened(known, 8)] == [0, 1, 2, 3, 16, 17, 18, 19]
    known = [Judged({"x": n}, (float(-n),), {"m": 1.0 if n < 2 else -1.0}) for n in range(20)]
    assert [one.values["x"] for one in shortened(known, 8)] == [2, 3, 4, 5, 16, 17, 18, 19]
    assert shortened(known, 20) == known


@pytest.mark.parametrize("args", [{"n_startup": 0}, {"max_points": 1.5}, {"seed": "x"}])
def test_wrong_arguments_are_named(args):
    with pytest.raises(ValueError, match=next(iter(args))):
        TpeSuggester(**args)
