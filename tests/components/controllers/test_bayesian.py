"""BayesianController: the contract, failures in a simulated run, several objectives."""

from __future__ import annotations

import pytest

from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, SearchSpace
from medl.automl.goals import Goals, Objective
from medl.automl.simulate import simulate
from medl.components.controllers.bayesian import BayesianController
from medl.testing.controllers import ControllerContract
from medl.testing.spaces import SPACES, float_range

PLANE = SearchSpace((float_range("x", 0.0, 1.0), float_range("y", 0.0, 1.0)))
X, Y = (p.prl for p in PLANE.parameters)


class TestContract(ControllerContract):
    rounds = 8

    @pytest.fixture(params=["discrete", "single_point"])
    def space(self, request):
        return SPACES[request.param]

    @pytest.fixture
    def controller_factory(self):
        return lambda max_rounds, seed: BayesianController(max_rounds, n_startup=6, seed=seed)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_of_60_jobs_at_most_a_fifth_fail_where_half_the_space_does():
    def run_job(recommendation):
        x, y = recommendation.result.values[X], recommendation.result.values[Y]
        if x > 0.5:
            return Outcome(recommendation.id, JobStatus.FAILED), 1.0
        return Outcome(recommendation.id, values={"dice": 1 - (x - 0.2) ** 2 - (y - 0.6) ** 2}), 1.0

    jobs = list(simulate(BayesianController(60), PLANE, run_job, workers=1).core.jobs.values())
    assert len(jobs) == 60
    assert sum(job.outcome["status"] == JobStatus.FAILED for job in jobs) <= 12
    assert max(job.outcome["values"].get("dice", 0.0) for job in jobs) > 0.995


def test_several_objectives_come_to_a_front():
    ctx = Context()
    ctx.set_prop(ContextKey.GOALS, Goals((Objective("dice"), Objective("params_m", "min"))))

    def run_job(recommendation):
        x, y = recommendation.result.values[X], recommendation.result.values[Y]
        values = {"dice": 1 - (x - 0.2) ** 2 - y, "params_m": (x - 0.4) ** 2 + y}
        return Outcome(recommendation.id, values=values, minimize=frozenset({"params_m"})), 1.0

    run = simulate(BayesianController(14, n_startup=6), PLANE, run_job, workers=1, ctx=ctx)
    points = [run.core.trials[job.trial]["values"] for job in run.core.jobs.values()]
    assert sum(0.15 < p[X] < 0.45 and p[Y] < 0.1 for p in points[7:]) >= 3
