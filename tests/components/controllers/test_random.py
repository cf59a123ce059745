"""RandomController: seeded, in range, no enum point twice."""

from __future__ import annotations

import collections
import math
import random as global_random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.automl.defs import (
    Context,
    ContextKey,
    FloatRange,
    IntRange,
    JobStatus,
    Outcome,
    ParameterRange,
    SearchSpace,
)
from medl.components.controllers.random import RandomController
from medl.testing.controllers import ControllerContract
from medl.testing.spaces import SPACES


def enum(name: str, choices: int) -> ParameterRange:
    return ParameterRange(f"net.enum.train.model$0:{name}", "net", "enum", (name,), tuple((n,) for n in range(choices)))


def span(name: str, low: float, high: float) -> ParameterRange:
    return ParameterRange(f"lr.float.$0:{name}", "lr", "float", (name,), (FloatRange(low, high),))


MIXED = SearchSpace((span("lr", 1e-4, 1e-2), enum("act", 3)))


def drive(controller: RandomController, space: SearchSpace, status: JobStatus = JobStatus.OK) -> list[dict]:
    ctx = Context()
    ctx.set_prop(ContextKey.NUM_WORKERS, 2)
    controller.set_search_space(space, ctx)
    queue = list(controller.initial_recommendation(ctx))
    seen = []
    while queue:
        recommendation = queue.pop(0)
        seen.append(dict(recommendation.result.values))
        queue += controller.refine_recommendation(Outcome(recommendation.id, status, {"m": 0.5}), ctx)
    return seen


def test_the_same_seed_draws_the_same_points_and_another_seed_others():
    assert drive(RandomController(30, seed=3), MIXED) == drive(RandomController(30, seed=3), MIXED)
    assert drive(RandomController(30, seed=3), MIXED) != drive(RandomController(30, seed=4), MIXED)


def test_the_global_generator_is_left_alone():
    global_random.seed(1)
    state = global_random.getstate()
    drive(RandomController(30), MIXED)
    assert global_random.getstate() == state


def test_max_rounds_caps_the_recommendations_whatever_the_outcomes():
    assert len(drive(RandomController(), MIXED)) == 20
    assert len(drive(RandomController(5), MIXED)) == 5
    assert len(drive(RandomController(50), MIXED, JobStatus.FAILED)) == 50


def test_both_kinds_vary_over_their_whole_range():
    points = drive(RandomController(300), MIXED)
    rates = [p["lr.float.$0:lr"] for p in points]
    assert {p["net.enum.train.model$0:act"] for p in points} == {0, 1, 2}
    assert min(rates) < 1e-3
    assert max(rates) > 9e-3


@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(1, 40), st.integers(0, 5))
def test_enum_points_never_repeat(sizes: list[int], rounds: int, seed: int):
    space = SearchSpace(tuple(enum(f"p{n}", size) for n, size in enumerate(sizes)))
    points = drive(RandomController(rounds, seed), space)
    assert len(points) == min(rounds, space.size)
    assert len({tuple(p.values()) for p in points}) == len(points)
    assert not [fault for p in points for fault in space.faults(p)]


@given(st.floats(-1.7e308, 1.7e308), st.floats(-1.7e308, 1.7e308))
def test_floats_stay_in_range(a: float, b: float):
    space = SearchSpace((span("x", min(a, b), max(a, b)),))
    assert not [fault for p in drive(RandomController(5), space) for fault in space.faults(p)]


def test_a_huge_enum_space_is_drawn_from_without_being_listed():
    space = SearchSpace(tuple(enum(f"p{n}", 10) for n in range(400)))
    began = time.process_time()
    assert len({tuple(p.values()) for p in drive(RandomController(40), space)}) == 40
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize(
    "args", [{"max_rounds": 0}, {"max_rounds": None}, {"max_rounds": True}, {"seed": "x"}, {"seed": 1.5}]
)
def test_wrong_arguments_are_named(args):
    with pytest.raises(ValueError, match=next(iter(args))):
        RandomController(**args)


def test_parallelism_is_what_will_run():
    assert RandomController(20).parallelism(MIXED) == 20
    assert RandomController(20).parallelism(SearchSpace((enum("a", 3),))) == 3


class TestContract(ControllerContract):
    @pytest.fixture
    def controller_factory(self):
        return lambda max_rounds, seed: RandomController(max_rounds=max_rounds, seed=seed)


def test_scales_steps_and_weights_are_drawn_from():
    points = drive(RandomController(2000), SPACES["conditional"])
    assert all(SPACES["conditional"].faults(point) == [] for point in points)
    rates = [math.log10(point["lr.float.$0:learning_rate"]) for point in points]
    assert sum(rate < -3 for rate in rates) == pytest.approx(1000, abs=120)  # the middle of 1e-5 and 1e-1
    widths = [point["net.int.$3:width"] for point in points]
    assert sum(width <= 32 for width in widths) == pytest.approx(1000, abs=120)  # and of 4 and 256
    optimizers = collections.Counter(point["lr.enum.$0:optimizer"] for point in points)
    assert [optimizers[n] for n in range(3)] == pytest.approx([1000, 500, 500], abs=120)
    assert {point["net.int.$2:depth"] for point in points} == {2, 5, 8, 11}


def test_every_point_of_a_space_with_conditions_and_weights_comes_once():
    space = SPACES["discrete"]
    points = drive(RandomController(100), space)
    assert len(points) == 14 == RandomController().count(space)
    assert len({tuple(point.items()) for point in points}) == 14


def test_whole_numbers_alone_are_shuffled_without_repeats():
    parameter = ParameterRange("net.int.$0:n", "net", "int", ("n",), (IntRange(10, 40, 10),))
    points = drive(RandomController(100), SearchSpace((parameter, enum("act", 2))))
    assert sorted(tuple(point.values()) for point in points) == [(n, a) for n in (10, 20, 30, 40) for a in (0, 1)]
