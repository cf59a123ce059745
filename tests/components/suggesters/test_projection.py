"""Distributions, stand-ins and constraints: what a sampler is shown."""

from __future__ import annotations

import pytest

from medl.automl.defs import Condition, FloatRange, IntRange, Observation, ParameterRange, SearchSpace
from medl.components.suggesters.projection import FAILED, Projection, distribution, judged, mixed, sampler_seed, start
from medl.testing.spaces import ENUM_ONLY, MIXED, SPACES, enum_range, float_range


def whole(name: str, low: int, high: int, step: int = 1, scale: str = "linear") -> ParameterRange:
    return ParameterRange(f"net.int.$0:{name}", "net", "int", (name,), (IntRange(low, high, step),), scale)


LOG = ParameterRange("lr.float.$0:lr", "lr", "float", ("lr",), (FloatRange(1e-5, 1e-1),), "log")


def test_a_parameter_has_the_distribution_that_a_user_of_optuna_would_write():
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    assert distribution(float_range("x", -1.0, 2.0)) == FloatDistribution(-1.0, 2.0)
    assert distribution(LOG) == FloatDistribution(1e-5, 1e-1, log=True)
    assert distribution(whole("n", 1, 8, 3)) == IntDistribution(1, 7, step=3)
    assert distribution(whole("n", 1, 64, scale="log")) == IntDistribution(1, 64, log=True)
    assert distribution(enum_range("act", "relu", "prelu")) == CategoricalDistribution((0, 1))


@pytest.mark.parametrize("name", sorted(SPACES))
def test_the_first_points_are_those_of_optunas_sampler_with_that_seed(name):
    import optuna

    space = SPACES[name]
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=7))
    ranges = {p.prl: distribution(p) for p in space.parameters}
    for number in range(4):
        assert start(space, 7, number) == space.active(study.ask(ranges).params)


def test_failures_are_a_constraint_and_take_the_worst_objective():
    first, second, failed = judged(
        [Observation({"x": 1}, (0.9, -3.0)), Observation({"x": 2}, (0.2, -1.0)), Observation({"x": 3})]
    )
    assert first.constraints == second.constraints == {FAILED: -1.0}
    assert failed.constraints == {FAILED: 1.0}
    assert failed.objectives == (0.2, -3.0)


def test_without_failures_and_violations_there_are_no_constraints():
    found = judged([Observation({"x": 1}, (0.9,), violations={"params_m": -0.5}), Observation({"x": 2}, (0.1,))])
    assert [one.constraints for one in found] == [{}, {}]


def test_violations_weigh_the_same_in_any_unit_and_are_no_failures():
    found = judged(
        [
            Observation({"x": 1}, (0.9,), violations={"memory_mb": -400.0, "params_m": -1.0}),
            Observation({"x": 2}, violations={"memory_mb": 800.0, "params_m": 2.0}),
        ]
    )
    assert [one.constraints for one in found] == [
        {"memory_mb": -0.5, "params_m": -0.5},
        {"memory_mb": 1.0, "params_m": 1.0},
    ]


def test_failures_alone_say_nothing():
    assert [one.constraints for one in judged([Observation({"x": 1}), Observation({"x": 2})])] == [{}, {}]


def test_huge_objectives_stay_within_what_can_be_squared():
    assert judged([Observation({"x": 1}, (1.7e308,))])[0].objectives == (1e100,)


def test_pending_ones_are_running_trials():
    from optuna.samplers import RandomSampler
    from optuna.trial import TrialState

    projection = Projection(ENUM_ONLY, RandomSampler(seed=0), 1)
    point = start(ENUM_ONLY, 0, 0)
    projection.add(judged([Observation(point, (0.5,))]), [start(ENUM_ONLY, 0, 1)])
    assert [t.state for t in projection.study.trials] == [TrialState.COMPLETE, TrialState.RUNNING]
    assert projection.study.trials[1].params == start(ENUM_ONLY, 0, 1)


CHILD_FIRST = SearchSpace(
    (
        ParameterRange(
            "net.float.$0:momentum", "net", "float", ("momentum",), (FloatRange(0.5, 1.0),),
            when=(Condition("net.enum.train.model$0:optimizer", (1,)),),
        ),
        enum_range("optimizer", "adam", "sgd"),
    )
)  # fmt: skip


@pytest.mark.parametrize("whole_study", [True, False])
def test_a_point_has_a_value_only_of_what_counts_also_where_a_child_stands_before_its_parent(whole_study):
    from optuna.samplers import RandomSampler

    projection = Projection(CHILD_FIRST, RandomSampler(seed=0), 1, whole=whole_study)
    points = [projection.ask() for _ in range(20)]
    assert not [fault for point in points for fault in CHILD_FIRST.faults(point)]
    assert {len(point) for point in points} == {1, 2}


def test_whole_numbers_on_a_logarithmic_scale_keep_their_steps():
    from optuna.samplers import RandomSampler

    space = SearchSpace((whole("n", 3, 100, 7, "log"),))
    projection = Projection(space, RandomSampler(seed=0), 1)
    assert not [fault for _ in range(50) for fault in space.faults(projection.ask())]


def test_every_number_has_a_seed_of_its_own_that_numpy_takes():
    seeds = [mixed(seed, number) for seed in (-3, 0, 10**20) for number in range(200)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**32 for seed in (*seeds, sampler_seed(-1), sampler_seed(2**40)))
    assert sampler_seed(5) == 5


def test_optuna_says_nothing_and_keeps_its_settings(capfd):
    import optuna

    before = optuna.logging.get_verbosity(), len(optuna.logging._get_library_root_logger().handlers)
    Projection(MIXED, optuna.samplers.RandomSampler(seed=0), 1).ask()
    assert capfd.readouterr().err == ""
    assert (optuna.logging.get_verbosity(), len(optuna.logging._get_library_root_logger().handlers)) == before
