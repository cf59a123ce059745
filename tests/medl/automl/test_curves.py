"""Computed jobs: where they start, what they come to, what they cost."""

from __future__ import annotations

import math

import pytest

from medl.automl.curves import CurveJobs
from medl.automl.defs import FloatRange, JobStatus, ParameterRange, Recommendation, SearchResult, SearchSpace
from medl.automl.goals import Constraint, Goals, Objective
from medl.errors import RunError

PRL = "lr.float.$0:lr"
SPACE = SearchSpace((ParameterRange(PRL, "lr", "float", ("lr",), (FloatRange(0.0, 1.0),)),))


def asked(name="a", value=0.5, **more):
    return Recommendation(name, SearchResult(SPACE, {PRL: value}), **more)


def test_a_trial_goes_on_from_its_source_and_no_epoch_is_trained_twice():
    jobs = CurveJobs(lambda values, epoch: values[PRL] * epoch, epochs=27, seconds=lambda values, epoch: float(epoch))
    first, seconds = jobs(asked(until_epoch=3), "W1_1_J1")
    assert (first.score, first.epoch, first.info, seconds) == (1.5, 3, {"epochs": [1, 3]}, 6.0)
    second, seconds = jobs(asked("b", until_epoch=9, resume_from="W1_1_J1"), "W1_2_J2")
    assert (second.score, second.info, seconds) == (4.5, {"epochs": [4, 9]}, 4.0 + 5 + 6 + 7 + 8 + 9)
    assert jobs.trained == 9


def test_a_curve_may_see_what_was_lived_before():
    seen = []

    def curve(values, epoch, past):
        seen.append((values[PRL], epoch, [(v[PRL], *rest) for v, *rest in past]))
        return 0.0

    jobs = CurveJobs(curve, epochs=9)
    jobs(asked(value=0.1, until_epoch=2), "one")
    jobs(asked("b", value=0.2, until_epoch=4, inherit_from="one"), "two")
    jobs(asked("c", value=0.3, until_epoch=6, resume_from="two"), "three")
    assert seen == [(0.1, 2, []), (0.2, 4, [(0.1, 1, 2)]), (0.3, 6, [(0.1, 1, 2), (0.2, 3, 4)])]


def test_the_last_counts_on_a_rung_and_the_best_of_a_whole_training():
    def rise_and_fall(values, epoch):
        return {"dice": -abs(epoch - 4), "loss": epoch}

    goals = Goals((Objective("dice"), Objective("loss", "min")))
    jobs = CurveJobs(rise_and_fall, epochs=8, goals=goals, validate_every=2)
    whole, _ = jobs(asked())
    assert (whole.values, whole.minimize, whole.objectives) == ({"dice": 0, "loss": 4}, {"loss"}, (0, -4))
    assert whole.epoch == 8
    rung, _ = jobs(asked(until_epoch=7))
    assert (rung.values["dice"], rung.epoch) == (-3, 7)


def test_failures_constraints_and_missing_objectives():
    goals = Goals((Objective("dice"),), (Constraint("params_m", max=5), Constraint("gflops", max=1, penalty=0.1)))
    jobs = CurveJobs(
        lambda values, epoch: {"dice": math.nan if values[PRL] > 0.7 else 0.5, "gflops": 3.0},
        epochs=3,
        goals=goals,
        measure=lambda values: {"params_m": 10 * values[PRL]},
    )
    good, _ = jobs(asked(value=0.4))
    assert (good.constraints, good.violations) == (
        {"gflops": 3.0, "params_m": 4.0},
        {"params_m": -1.0, "gflops": 2.0},
    )
    assert good.score == pytest.approx(0.5 - 0.1 * 2), "the soft one costs 0.1 for each unit over it"
    rejected, seconds = jobs(asked(value=0.6))
    assert (rejected.status, rejected.violations, seconds) == (JobStatus.REJECTED, {"params_m": 1.0}, 0.0)
    assert "params_m" in rejected.reason
    failed, _ = CurveJobs(jobs.curve, epochs=3, goals=Goals((Objective("dice"),)))(asked(value=0.9))
    assert (failed.status, failed.objectives, failed.epoch) == (JobStatus.FAILED, (), 3)
    with pytest.raises(RunError, match="not the objective hd95"):
        CurveJobs(jobs.curve, epochs=3, goals=Goals((Objective("hd95", "min"),)))(asked())
