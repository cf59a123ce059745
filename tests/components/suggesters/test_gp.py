"""GpSuggester: Optuna's GPSampler, nothing added where nothing failed."""

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
from medl.components.suggesters.gp import GpSuggester
from medl.components.suggesters.projection import distribution, mixed, start
from medl.components.suggesters.tpe import TpeSuggester
from medl.testing.dialogue import smooth_score
from medl.testing.spaces import ENUM_ONLY, MIXED, enum_range, float_range

PLANE = SearchSpace((float_range("x", 0.0, 1.0), float_range("y", 0.0, 1.0)))
X, Y = (p.prl for p in PLANE.parameters)


def known(space, count, seed=0) -> list[Observation]:
    points = (start(space, seed, number) for number in range(count))
    return [Observation(p, (smooth_score(Recommendation("T1", SearchResult(space, p))),)) for p in points]


def searched(suggester, space, rounds, answer):
    observations = []
    for number in range(rounds):
        observations.append(answer(suggester.suggest(space, number, observations, [])))
    return observations


def direct(space, observations, pending, seed):
    """Return what Optuna's sampler says, used as its guide says."""
    import optuna

    sampler = optuna.samplers.GPSampler(seed=seed, warn_independent_sampling=False)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    ranges = {p.prl: distribution(p) for p in space.parameters}
    for o in observations:
        study.add_trial(optuna.trial.create_trial(params=dict(o.values), distributions=ranges, value=o.objectives[0]))
    for values in pending:
        state = optuna.trial.TrialState.RUNNING
        study.add_trial(optuna.trial.create_trial(state=state, params=dict(values), distributions=ranges))
    return study.ask(ranges).params


@pytest.mark.parametrize("waiting", [0, 2])
@pytest.mark.parametrize("space", [PLANE, MIXED], ids=["plane", "mixed"])
def test_it_is_optunas_sampler_given_the_same_trials(space, waiting):
    points, pending = known(space, 12), [start(space, 1, number) for number in range(waiting)]
    assert GpSuggester(seed=4).suggest(space, 12, points, pending) == direct(space, points, pending, mixed(4, 12))


def test_it_begins_as_optunas_sampler():
    assert [GpSuggester(seed=3).suggest(MIXED, n, known(MIXED, n, 3), []) for n in range(10)] == [
        start(MIXED, 3, n) for n in range(10)
    ]


def test_the_noise_is_learned(monkeypatch):
    import optuna

    given = {}
    sampler = optuna.samplers.GPSampler
    monkeypatch.setattr(optuna.samplers, "GPSampler", lambda **args: given.update(args) or sampler(**args))
    GpSuggester(4).suggest(PLANE, 4, known(PLANE, 4), [])
    assert given
    assert not given.get("deterministic_objective", False)


def test_it_finds_the_best_of_a_smooth_function():
    def answer(values):
        return Observation(values, (-((values[X] - 0.3) ** 2) - (values[Y] - 0.7) ** 2,))

    best = max(searched(GpSuggester(5), PLANE, 14, answer), key=lambda o: o.objectives)
    assert abs(best.values[X] - 0.3) < 0.05
    assert abs(best.values[Y] - 0.7) < 0.05


def test_beyond_max_points_it_is_tpe():
    points = known(PLANE, 13)
    assert GpSuggester(5, max_points=12, seed=2).suggest(PLANE, 13, points, []) == TpeSuggester(5, seed=2).suggest(
        PLANE, 13, points, []
    )


def test_no_point_comes_twice_and_a_space_has_an_end():
    points, pending = known(ENUM_ONLY, 1), []
    while (values := GpSuggester(30).suggest(ENUM_ONLY, 1 + len(pending), points, pending)) is not None:
        pending.append(values)
    everything = [points[0].values, *pending]
    assert len(everything) == 18
    assert len({tuple(values.values()) for values in everything}) == 18
    known_all = [Observation(values, (0.5,)) for values in everything]
    assert GpSuggester(5).suggest(ENUM_ONLY, 18, known_all, []) is None
    left = GpSuggester(5).suggest(ENUM_ONLY, 17, known_all[:17], [])
    assert tuple(left.values()) == tuple(everything[17].values())


def test_conditions_hold_and_what_does_not_count_has_no_value():
    optimizer = enum_range("optimizer", "adam", "sgd")
    momentum = ParameterRange(
        "net.float.$0:momentum", "net", "float", ("momentum",), (FloatRange(0.0, 1.0),),
        when=(Condition(optimizer.prl, (1,)),),
    )  # fmt: skip
    space = SearchSpace((momentum, optimizer))
    found = searched(GpSuggester(5), space, 9, lambda v: Observation(v, (v.get(momentum.prl, 0.4),)))
    assert not [fault for o in found for fault in space.faults(o.values)]
    assert max(o.objectives[0] for o in found) > 0.9


def test_several_objectives():
    found = searched(
        GpSuggester(5), PLANE, 9, lambda v: Observation(v, (-((v[X] - 0.2) ** 2), -((v[X] - 0.4) ** 2) - v[Y]))
    )
    assert sum(0.1 < o.values[X] < 0.5 and o.values[Y] < 0.1 for o in found[5:]) >= 2


def test_failures_alone_leave_it_drawing_at_random():
    points = [Observation(start(PLANE, 0, n)) for n in range(12)]
    assert GpSuggester().suggest(PLANE, 12, points, []) == start(PLANE, 0, 12)


def test_violations_alone_lead_to_where_there_are_none():
    points = [Observation(p := start(PLANE, 0, n), violations={"m": 2.0 - p[X]}) for n in range(8)]
    assert GpSuggester(8).suggest(PLANE, 8, points, [])[X] > 0.9


@pytest.mark.parametrize("args", [{"n_startup": 0}, {"max_points": True}, {"seed": 0.5}])
def test_wrong_arguments_are_named(args):
    with pytest.raises(ValueError, match=next(iter(args))):
        GpSuggester(**args)
