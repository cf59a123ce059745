"""ASHA promotes as the paper says, keeps every worker busy, and its cost does not grow with what is done."""

from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medl.automl.curves import CurveJobs
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome
from medl.automl.simulate import simulate
from medl.components.controllers.asha import AshaController, AshaRung
from medl.components.controllers.scheduler import Trial
from medl.testing.dialogue import run_context, told
from medl.testing.spaces import FLOAT_ONLY

PROB = FLOAT_ONLY.parameters[1].prl


def curve(values, epoch):
    return 1 - (values[PROB] - 0.7) ** 2 - 0.3 / epoch


@given(st.lists(st.one_of(st.none(), st.integers(-3, 3)), max_size=60), st.integers(2, 4), st.randoms())
@settings(max_examples=200, deadline=None)
def test_a_rung_promotes_what_sorting_everything_would(scores, nu, dice):
    rung, known, promoted = AshaRung(nu), [], set()
    for number, score in enumerate(scores, start=1):
        rung.add(Trial(number, {}), score)
        known.append((float("inf") if score is None else -score, number))
        best = sorted(known)[: len(known) // nu]
        expected = [n for worth, n in best if n not in promoted and worth < float("inf")]
        found = rung.promotable()
        assert (found.number if found else None) == (expected[0] if expected else None)
        if found and dice.random() < 0.7:
            assert rung.promote() is found
            promoted.add(found.number)


@given(st.integers(1, 60), st.integers(2, 4), st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_what_goes_on_was_needed_until_then(trials, nu, seed, workers, brackets):
    """No checkpoint is resumed that needs() did not name from the moment at which it was made."""
    dice, ctx = Random(seed), run_context()
    ctx.set_prop(ContextKey.RUN_WORKERS, workers)
    controller = AshaController(max_trials=trials, nu=nu, brackets=brackets)
    controller.set_search_space(FLOAT_ONLY, ctx)
    queue, kept = list(controller.initial_recommendation(ctx)), set()
    while queue:
        recommendation = queue.pop(dice.randrange(min(workers, len(queue))))
        assert recommendation.resume_from is None or recommendation.resume_from in kept
        bad = dice.random() < 0.2
        outcome = Outcome(
            recommendation.id,
            JobStatus.FAILED if bad else JobStatus.OK,
            {} if bad else {"dice": dice.random()},
            epoch=recommendation.until_epoch,
        )
        queue += told(controller, outcome, ctx)
        named = set(controller.needs()) | {r.resume_from for r in queue}
        kept = (kept | {f"job of {recommendation.id}"}) & named
    assert not list(controller.needs())


def test_every_worker_is_busy_up_to_the_last_new_trial():
    jobs = CurveJobs(curve, epochs=27, seconds=lambda values, epoch: 1 + 9 * values[PROB])
    simulated = simulate(AshaController(max_trials=2000), FLOAT_ONLY, jobs, workers=64)
    assert len([id for id in simulated.core.trials if "." not in str(id)]) == 2000
    assert simulated.utilisation(simulated.last_new_trial_s) >= 0.95


def test_a_trials_budget_grows_by_nu_and_no_epoch_is_trained_twice():
    simulated = simulate(AshaController(max_trials=200), FLOAT_ONLY, CurveJobs(curve, epochs=27), workers=7)
    reached = {}
    for job in simulated.core.jobs.values():
        trial = simulated.core.trials[job.trial]
        source = trial["resume_from"]
        first, last = job.outcome["info"]["epochs"]
        assert (first, last) == ((reached[source] + 1, 3 * reached[source]) if source else (1, 1))
        reached[job.name] = last
    sources = [t["resume_from"] for t in simulated.core.trials.values() if t["resume_from"]]
    assert len(sources) == len(set(sources))
    assert max(reached.values()) == 27


def test_most_of_the_epochs_go_to_the_best():
    simulated = simulate(AshaController(max_trials=200), FLOAT_ONLY, CurveJobs(curve, epochs=27), workers=7)
    whole = [t["values"][PROB] for t in simulated.core.trials.values() if t["until_epoch"] == 27]
    assert 200 // 27 <= len(whole) <= 40
    assert sum(abs(value - 0.7) < 0.1 for value in whole) >= 0.7 * len(whole)


def test_an_outcome_after_ten_thousand_trials_costs_milliseconds():
    dice, ctx, spent = Random(0), run_context(), []
    controller = AshaController(max_trials=10_000, max_concurrent=64)
    controller.set_search_space(FLOAT_ONLY, ctx)
    queue = list(controller.initial_recommendation(ctx))
    while queue:
        recommendation = queue.pop(dice.randrange(len(queue)))
        outcome = Outcome(recommendation.id, values={"dice": dice.random()}, epoch=recommendation.until_epoch)
        begun = time.process_time()
        queue += told(controller, outcome, ctx)
        spent.append(time.process_time() - begun)
    assert len(spent) > 13_000
    assert sorted(spent[-1000:])[990] < 0.05


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.NO_SCORE, JobStatus.INTERRUPTED])
def test_what_has_no_score_counts_and_never_goes_on(status):
    ctx = run_context()
    controller = AshaController(max_trials=9, max_concurrent=1)
    controller.set_search_space(FLOAT_ONLY, ctx)
    queue, ids = list(controller.initial_recommendation(ctx)), []
    while queue:
        recommendation = queue.pop()
        ids.append(recommendation.id)
        outcome = Outcome(recommendation.id, status)
        if recommendation.id == "T1":
            outcome = Outcome("T1", values={"dice": 0.5}, epoch=1)
        queue += told(controller, outcome, ctx)
    # the one with a score is among the best third as soon as there are three
    assert ids == ["T1", "T2", "T3", "T1.1", "T4", "T5", "T6", "T7", "T8", "T9"]


def test_a_job_that_ended_before_its_rung_goes_no_further():
    ctx = run_context()
    controller = AshaController(max_trials=6, max_concurrent=1, min_epochs=3)
    controller.set_search_space(FLOAT_ONLY, ctx)
    queue, resumed = list(controller.initial_recommendation(ctx)), []
    while queue:
        recommendation = queue.pop()
        resumed.append(recommendation.resume_from)
        queue += told(controller, Outcome(recommendation.id, values={"dice": 0.5}, epoch=2), ctx)
    assert resumed == [None] * 6


def test_max_concurrent_is_what_is_out():
    controller = AshaController(max_concurrent=5)
    controller.set_search_space(FLOAT_ONLY, run_context())
    assert len(controller.initial_recommendation(run_context())) == 5
    assert controller.parallelism(FLOAT_ONLY) == 5


def test_the_rungs_reach_from_min_epochs_to_the_epochs():
    assert AshaController().budgets(27) == (1, 3, 9, 27)
    assert AshaController(min_epochs=2).budgets(50) == (6, 17, 50)
    assert AshaController(max_epochs=9).budgets(27) == (1, 3, 9)
    assert AshaController(fidelity={"variable": "share", "min": 0.1, "max": 0.9}).budgets(None) == pytest.approx(
        (0.1, 0.3, 0.9)
    )


def test_a_lower_top_than_bottom_is_refused():
    with pytest.raises(ValueError, match="max_epochs must be at least min_epochs"):
        AshaController(min_epochs=9, max_epochs=3)
    ctx = Context()
    with pytest.raises(ValueError, match="give max_epochs"):
        AshaController().set_search_space(FLOAT_ONLY, ctx)
    ctx.set_prop(ContextKey.EPOCHS, 3)
    with pytest.raises(ValueError, match="Take a smaller min_epochs"):
        AshaController(min_epochs=9).set_search_space(FLOAT_ONLY, ctx)
