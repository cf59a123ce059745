"""TpeController: the contract, failures in a simulated run, a Pareto front."""

from __future__ import annotations

import pytest

from medl.automl.defs import JobStatus, Outcome
from medl.automl.simulate import simulate
from medl.components.controllers.random import RandomController
from medl.components.controllers.tpe import TpeController
from medl.testing.controllers import ControllerContract
from medl.testing.dialogue import smooth_score
from medl.testing.spaces import MIXED, SPACES

X = MIXED.parameters[2].prl


class TestContract(ControllerContract):
    rounds = 9

    @pytest.fixture(params=["mixed", "single_point", "conditional", "discrete"])
    def space(self, request):
        return SPACES[request.param]

    @pytest.fixture
    def controller_factory(self):
        return lambda max_rounds, seed: TpeController(max_rounds, n_startup=5, seed=seed)


def scores(controller, workers=2) -> list[float]:
    found = []

    def run_job(recommendation):
        found.append(smooth_score(recommendation))
        return Outcome(recommendation.id, values={"dice": found[-1]}), 1.0 + len(found) % 3

    simulate(controller, MIXED, run_job, workers=workers)
    return found


def test_it_is_ahead_of_random():
    ahead = sum(max(scores(TpeController(40, seed=n))) > max(scores(RandomController(40, seed=n))) for n in range(6))
    assert ahead >= 5


def test_of_60_jobs_at_most_a_fifth_fail_where_half_the_space_does():
    failed = []
    for seed in range(3):

        def run_job(recommendation):
            if recommendation.result.values[X] > 0.5:
                return Outcome(recommendation.id, JobStatus.FAILED), 1.0
            return Outcome(recommendation.id, values={"dice": smooth_score(recommendation)}), 1.0

        run = simulate(TpeController(60, seed=seed), MIXED, run_job, workers=2)
        failed.append(sum(job.outcome["status"] == JobStatus.FAILED for job in run.core.jobs.values()))
    assert sorted(failed)[1] <= 12, failed
