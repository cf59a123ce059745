"""Ten thousand jobs through the core, and that its cost grows with their number only."""

from __future__ import annotations

import time

import pytest

from medl.automl.api import Controller
from medl.automl.core import Core
from medl.automl.curves import CurveJobs
from medl.automl.defs import (
    ContextKey,
    FloatRange,
    Outcome,
    ParameterRange,
    Recommendation,
    SearchResult,
    SearchSpace,
)
from medl.automl.simulate import simulate
from medl.automl.stopping_rule import stopping_rule
from medl.errors import RunError

PRL = "lr.float.$0:lr"
SPACE = SearchSpace((ParameterRange(PRL, "lr", "float", ("lr",), (FloatRange(0.0, 1.0),)),))


class Counting(Controller):
    """Recommends ``first`` at once and one more per outcome, up to ``total``."""

    def __init__(self, total, first):
        self.total, self.first, self.given = total, first, 0

    def set_search_space(self, space, ctx):
        self.space = space

    def _more(self, count):
        count = min(count, self.total - self.given)
        self.given += count
        numbers = range(self.given - count, self.given)
        return [Recommendation(f"t{n}", SearchResult(self.space, {PRL: (n % 100) / 100})) for n in numbers]

    def initial_recommendation(self, ctx):
        return self._more(self.first)

    def refine_recommendation(self, outcome, ctx):
        return self._more(1)


def job(recommendation):
    value = recommendation.result.values[PRL]
    return Outcome(recommendation.id, values={"dice": value}), 1.0 + value


def timed(count, first, workers=8):
    begun = time.process_time()
    simulated = simulate(Counting(count, first), SPACE, job, workers=workers)
    return time.process_time() - begun, simulated


@pytest.mark.parametrize("first", [8, 10_000])
def test_ten_thousand_jobs(first):
    small, _ = timed(2_000, min(first, 2_000))
    seconds, simulated = timed(10_000, first)
    assert simulated.core.status == "finished"
    assert len(simulated.core.jobs) == 10_000
    assert seconds < 10
    assert seconds < 5 * small * 2.5 + 0.5, "five times the jobs may not cost much more than five times the time"
    assert sum(simulated.busy_s.values()) == pytest.approx(10_000 * 1.495)
    assert simulated.makespan_s == pytest.approx(sum(simulated.busy_s.values()) / 8, rel=0.01)
    again = Core()
    for event in simulated.events:
        again.replay(event)
    assert again == simulated.core


def test_caps_and_stops():
    assert len(simulate(Counting(50, 50), SPACE, job, max_rounds=7).core.jobs) == 7
    stopped = simulate(Counting(50, 50), SPACE, job, max_jobs=5)
    assert stopped.core.status == "stopped"
    assert len(stopped.core.jobs) == 5


def test_what_a_run_refuses_a_simulation_refuses():
    class Twice(Counting):
        def refine_recommendation(self, outcome, ctx):
            return [Recommendation("t0", SearchResult(self.space, {PRL: 0.5}))]

    with pytest.raises(RunError, match=r"Twice.*'t0'.*already used"):
        simulate(Twice(5, 1), SPACE, job)


class Halving(Controller):
    """Two trials of 2 epochs each; the better one goes on to 6; ``stop_at`` is the epoch at which it says stop."""

    def __init__(self, stop_at=None):
        self.stop_at, self.reports, self.heard = stop_at, [], []

    def set_search_space(self, space, ctx):
        self.space = space
        self.goals = [ctx.get_prop(key) for key in (ContextKey.RUN_WORKERS, ContextKey.EPOCHS)]

    def point(self, name, value, until, source=None):
        return Recommendation(name, SearchResult(self.space, {PRL: value}), until_epoch=until, resume_from=source)

    def initial_recommendation(self, ctx):
        return [self.point("a", 0.25, 2), self.point("b", 0.75, 2)]

    def refine_recommendation(self, outcome, ctx):
        self.heard.append((outcome.recommendation_id, outcome.score, outcome.epoch))
        return [self.point("b2", 0.75, 6, "W2_1_J2")] if outcome.recommendation_id == "b" else []

    def report(self, job, epoch, values, ctx):
        self.reports.append((job, ctx.get_prop(ContextKey.RECOMMENDATION).id, epoch, dict(values)))
        return "stop" if epoch == self.stop_at else "continue"


def lasting(values, epoch):
    return values[PRL] * epoch


def test_trials_go_on_and_validations_are_reported():
    jobs = CurveJobs(lasting, epochs=6, seconds=lambda values, epoch: 2.0, validate_every=2)
    simulated = simulate(controller := Halving(), SPACE, jobs)
    assert controller.goals == [2, 6]
    assert controller.heard == [("a", 0.5, 2), ("b", 1.5, 2), ("b2", 4.5, 6)]
    name = next(job for job, trial, *_ in controller.reports if trial == "b2")
    assert [entry[2:] for entry in controller.reports if entry[0] == name] == [(4, {"score": 3.0}), (6, {"score": 4.5})]
    assert simulated.epochs == 8
    assert simulated.makespan_s == 12.0
    assert simulated.last_new_trial_s == 0.0
    assert simulated.utilisation() == pytest.approx(16 / 24)
    assert simulated.utilisation(4.0) == 1.0


def test_a_stop_ends_the_job_at_that_validation():
    jobs = CurveJobs(lasting, epochs=6, validate_every=1)
    simulated = simulate(controller := Halving(stop_at=4), SPACE, jobs)
    assert controller.heard[-1] == ("b2", 3.0, 4)
    assert simulated.epochs == 6
    assert [e["decision"] for e in simulated.events if e["type"] == "job_reported"][-1] == "stop"


def test_a_mirror_in_memory_has_every_trial():
    simulated = simulate(Counting(40, 8), SPACE, job, mirror=True)
    trials = simulated.mirror.storage.get_all_trials(0)
    assert len(trials) == 40
    assert max(t.value for t in trials) == pytest.approx(0.39)
    assert all(t.duration.total_seconds() > 0 for t in trials)


def test_a_stopping_rule_saves_epochs_of_poor_jobs():
    jobs = CurveJobs(lambda values, epoch: 1.0 - values[PRL], epochs=10, validate_every=1)  # ever poorer
    rule = stopping_rule({"name": "median", "args": {"warmup_epochs": 2, "min_trials": 3}})
    simulated = simulate(Counting(40, 4), SPACE, jobs, workers=4, stopping=rule)
    stopped = [event for event in simulated.events if event.get("decision") == "stop"]
    assert stopped
    assert all(event["epoch"] > 2 and "the median of" in event["reason"] for event in stopped)
    assert simulated.epochs == sum(
        event["outcome"]["epoch"] for event in simulated.events if event["type"] == "job_ended"
    )
    assert simulated.epochs < 400
