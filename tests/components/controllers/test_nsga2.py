"""Nsga2Controller."""

from __future__ import annotations

import pytest

from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, SearchSpace
from medl.automl.goals import Goals, Objective
from medl.automl.simulate import simulate
from medl.components.controllers.nsga2 import Nsga2Controller
from medl.testing.controllers import ControllerContract
from medl.testing.spaces import SPACES, float_range


class TestContract(ControllerContract):
    rounds = 9

    @pytest.fixture(params=["mixed", "single_point", "conditional", "discrete"])
    def space(self, request):
        return SPACES[request.param]

    @pytest.fixture
    def controller_factory(self):
        return lambda max_rounds, seed: Nsga2Controller(max_rounds, seed=seed)


PLANE = SearchSpace((float_range("x", 0.0, 1.0), float_range("y", 0.0, 1.0)))
X, Y = (p.prl for p in PLANE.parameters)


def searched(answer, rounds=160) -> list[dict]:
    ctx = Context()
    ctx.set_prop(ContextKey.GOALS, Goals((Objective("dice"), Objective("params_m", "min"))))
    controller = Nsga2Controller(rounds, population_size=20)
    run = simulate(controller, PLANE, lambda r: (answer(r, r.result.values[X], r.result.values[Y]), 1.0), ctx=ctx)
    return [run.core.trials[job.trial]["values"] for job in run.core.jobs.values()]


def scored(recommendation, x, y) -> Outcome:
    values = {"dice": 1 - (x - 0.2) ** 2 - y, "params_m": (x - 0.4) ** 2 + y}
    return Outcome(recommendation.id, values=values, minimize=frozenset({"params_m"}))


def on_front(point) -> bool:
    return 0.15 < point[X] < 0.45 and point[Y] < 0.15


def test_several_objectives_come_to_a_front():
    points = searched(scored)
    assert sum(map(on_front, points[-40:])) > 3 * max(1, sum(map(on_front, points[:40])))


@pytest.mark.parametrize("broken", [{}, {"memory_mb": 900.0}], ids=["failed", "violated"])
def test_what_fails_or_violates_dies_out(broken):
    def answer(recommendation, x, y):
        if y < 0.5:
            return Outcome(recommendation.id, JobStatus.FAILED, violations=broken)
        return scored(recommendation, x, y)

    points = searched(answer)
    assert sum(p[Y] < 0.5 for p in points[-60:]) < 0.35 * 60


@pytest.mark.parametrize(("rounds", "size"), [(20, 5), (8, 4), (1000, 50)])
def test_a_generation_fits_the_number_of_recommendations(rounds, size):
    assert Nsga2Controller(rounds).population_size == size


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="population_size"):
        Nsga2Controller(population_size=1)
