"""A job under the threshold is stopped, and goes no further."""

from __future__ import annotations

import pytest

from medl.automl.curves import CurveJobs
from medl.automl.defs import Context
from medl.automl.goals import Goals, Objective
from medl.automl.simulate import simulate
from medl.components.controllers.hyperband_es import HyperbandEsController
from medl.testing.spaces import FLOAT_ONLY

PROB = FLOAT_ONLY.parameters[1].prl


def searched(sign=1.0, goals=None, **args):
    jobs = CurveJobs(lambda values, epoch: sign * values[PROB], epochs=27, goals=goals, validate_every=1)
    return simulate(HyperbandEsController(seed=2, **args), FLOAT_ONLY, jobs, workers=2)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_what_is_worse_than_the_threshold_is_stopped(sign):
    goals = Goals((Objective("loss", "min" if sign < 0 else "max"),))
    simulated = searched(sign, goals, early_stop_threshold=sign * 0.4, min_early_stop_epochs=2)
    stopped = 0
    for job in simulated.core.jobs.values():
        trial = simulated.core.trials[job.trial]
        early = job.outcome["epoch"] < trial["until_epoch"]
        assert early == (trial["values"][PROB] < 0.4 and trial["until_epoch"] > 2)
        if early:
            stopped += 1
            assert job.outcome["epoch"] == 2
            assert job.name not in {other["resume_from"] for other in simulated.core.trials.values()}
    assert stopped > 3


def test_without_a_threshold_it_is_hyperband():
    simulated = searched()
    assert all(e["decision"] == "continue" for e in simulated.events if e["type"] == "job_reported")
    assert simulated.epochs == 27 + 9 * 2 + 3 * 6 + 18 + 27 + 18 + 18 + 6 * 9 + 2 * 18


def test_where_the_objective_is_not_logged_nothing_is_stopped():
    controller = HyperbandEsController(early_stop_threshold=0.5)
    assert controller.report("W1_1_J1", 5, {}, Context()) == "continue"
    assert controller.report("W1_1_J1", 5, {"dice": 0.1}, Context()) == "stop"


@pytest.mark.parametrize("args", [{"early_stop_threshold": "low"}, {"min_early_stop_epochs": 0}])
def test_wrong_args_are_named(args):
    with pytest.raises(ValueError, match=next(iter(args))):
        HyperbandEsController(**args)
