"""Hyperband's jobs: as many per rung as the table says, continued, and none of them waiting without need."""

from __future__ import annotations

from collections import Counter, defaultdict
from random import Random

import pytest

from medl.automl.curves import CurveJobs
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome
from medl.automl.simulate import simulate
from medl.components.controllers.hyperband import HyperbandController
from medl.testing.dialogue import run_context, told
from medl.testing.spaces import ENUM_ONLY, FLOAT_ONLY, SINGLE_POINT

PROB = FLOAT_ONLY.parameters[1].prl


def curve(values, epoch):
    return 1 - (values[PROB] - 0.7) ** 2 - 0.3 / epoch


def segments(simulated):
    """Return trial number to the epochs of its jobs, in order, and check that each goes on from the one before."""
    found = defaultdict(list)
    for job in simulated.core.jobs.values():
        trial = simulated.core.trials[job.trial]
        name, _, part = str(trial["id"]).partition(".")
        first, last = job.outcome["info"]["epochs"]
        assert last == trial["until_epoch"]
        assert int(part or 0) == len(found[name])
        if found[name]:
            source = simulated.core.jobs[trial["resume_from"]]
            assert source.trial.partition(".")[0] == name
            assert simulated.core.trials[source.trial]["values"] == trial["values"]
            assert first == found[name][-1][1] + 1, "an epoch is trained twice, or left out"
        else:
            assert trial["resume_from"] is None
            assert first == 1
        found[name].append((first, last))
    return found


@pytest.mark.parametrize("workers", [1, 3, 64])
@pytest.mark.parametrize("brackets", ["tao", "paper"])
def test_every_rung_is_as_the_table_says_and_no_epoch_is_trained_twice(workers, brackets):
    controller = HyperbandController(brackets=brackets)
    seconds = lambda values, epoch: 1 + 9 * values[PROB]  # noqa: E731
    simulated = simulate(controller, FLOAT_ONLY, CurveJobs(curve, epochs=27, seconds=seconds), workers=workers)
    ends = Counter(tuple(last for _, last in one) for one in segments(simulated).values())
    planned = Counter()
    for bracket in controller.plan(27):
        budgets = [rung.budget for rung in bracket]
        for place, rung in enumerate(bracket):
            further = bracket[place + 1].trials if place + 1 < len(bracket) else 0
            planned[tuple(budgets[: place + 1])] += rung.trials - further
    assert ends == +planned
    assert simulated.epochs == controller.epochs(FLOAT_ONLY)
    assert len(simulated.core.jobs) == controller.count(FLOAT_ONLY)


@pytest.mark.parametrize("epochs", [80, 100])
def test_taos_published_cost_in_a_run(epochs):
    controller = HyperbandController(epoch_multiplier="tao")
    simulated = simulate(controller, FLOAT_ONLY, CurveJobs(curve, epochs=epochs), workers=4)
    assert simulated.epochs == 936
    top = [trial for trial in simulated.core.trials.values() if trial["until_epoch"] == 108]
    assert len(top) == 4
    # what passes the config's epochs becomes the horizon, of every job
    assert {trial.get("horizon") for trial in simulated.core.trials.values()} == ({108} if epochs < 108 else {None})


@pytest.mark.parametrize("horizon", ["full", "rung"])
def test_the_horizon_is_a_full_training_or_the_rung(horizon):
    simulated = simulate(HyperbandController(horizon=horizon), FLOAT_ONLY, CurveJobs(curve, epochs=27))
    for trial in simulated.core.trials.values():
        assert trial.get("horizon") == (trial["until_epoch"] if horizon == "rung" else None)


def test_the_best_of_each_rung_go_on():
    simulated = simulate(HyperbandController(), FLOAT_ONLY, CurveJobs(curve, epochs=27), workers=1)
    first = [job for job in simulated.core.jobs.values() if job.trial in {f"T{n}" for n in range(1, 28)}]
    best = sorted(first, key=lambda job: -job.outcome["values"]["score"])[:9]
    gone_on = {str(id).partition(".")[0] for id in simulated.core.trials if str(id).endswith(".1")}
    assert {job.trial for job in best} <= gone_on
    assert not {job.trial for job in first} - {job.trial for job in best} & gone_on


def test_workers_are_busy_until_the_last_bracket_ends():
    simulated = simulate(HyperbandController(iterations=10), FLOAT_ONLY, CurveJobs(curve, epochs=27), workers=4)
    assert simulated.utilisation(simulated.last_new_trial_s) > 0.99


def test_a_failure_is_the_worst_and_never_goes_on():
    def failing(values, epoch):
        return float("nan") if values[PROB] > 0.3 else curve(values, epoch)

    simulated = simulate(HyperbandController(seed=4), FLOAT_ONLY, CurveJobs(failing, epochs=27), workers=3)
    assert simulated.core.status == "finished"
    failed = {job.name for job in simulated.core.jobs.values() if job.outcome["status"] == "failed"}
    assert failed
    assert not failed & {trial["resume_from"] for trial in simulated.core.trials.values()}


def test_a_rejected_configuration_is_replaced_and_at_last_no_more():
    def answer(recommendation, job=""):
        if recommendation.result.values[PROB] > 0.5:
            return Outcome(recommendation.id, JobStatus.REJECTED, reason="too large"), 1.0
        value = {"score": curve(recommendation.result.values, recommendation.until_epoch)}
        return Outcome(recommendation.id, values=value, epoch=recommendation.until_epoch), 1.0

    simulated = simulate(HyperbandController(R=9, epoch_multiplier=1), FLOAT_ONLY, answer, workers=2)
    outcomes = [job.outcome for job in simulated.core.jobs.values()]
    assert sum(outcome["status"] == "rejected" for outcome in outcomes) > 3
    assert sum(outcome["status"] == "ok" for outcome in outcomes) == HyperbandController(R=9).count(FLOAT_ONLY)
    none_left = simulate(HyperbandController(R=9, epoch_multiplier=1, max_redraws=2), FLOAT_ONLY, answer, workers=2)
    new = [job for job in none_left.core.jobs.values() if "." not in job.trial]
    assert len(new) == 9 + 3 + 2
    assert none_left.core.status == "finished"


def test_what_may_still_go_on_is_needed():
    controller, jobs = HyperbandController(R=9), CurveJobs(curve, epochs=9)
    ctx = run_context()
    ctx.set_prop(ContextKey.EPOCHS, 9)
    controller.set_search_space(FLOAT_ONLY, ctx)
    queue, kept = list(controller.initial_recommendation(ctx)), set()
    while queue:
        recommendation = queue.pop(0)
        assert recommendation.resume_from is None or recommendation.resume_from in kept
        outcome, _ = jobs(recommendation, f"job of {recommendation.id}")
        given = list(told(controller, outcome, ctx))
        kept = (kept | {f"job of {recommendation.id}"}) & (
            set(controller.needs()) | {r.resume_from for r in [*queue, *given]}
        )
        assert set(controller.needs()) <= kept | {f"job of {recommendation.id}"}
        assert len(kept) <= 5
        queue += given
    assert not list(controller.needs())


def test_a_share_of_the_data_starts_anew_on_each_rung():
    controller = HyperbandController(fidelity={"variable": "data_fraction", "min": 0.1, "max": 1.0})
    ctx = Context()
    controller.set_search_space(FLOAT_ONLY, ctx)
    queue, seen = list(controller.initial_recommendation(ctx)), Counter()
    while queue:
        recommendation = queue.pop(0)
        assert recommendation.resume_from is None
        assert recommendation.until_epoch is None
        share = recommendation.variables["data_fraction"]
        seen[round(share, 3)] += 1
        outcome = Outcome(recommendation.id, values={"dice": recommendation.result.values[PROB]}, epoch=27)
        queue += told(controller, outcome, ctx)
    assert seen == {0.111: 9, 0.333: 6, 1.0: 2}
    assert not list(controller.needs())


def test_fewer_points_than_places_are_shared_out_all_the_same():
    everything = simulate(HyperbandController(suggester="grid"), ENUM_ONLY, CurveJobs(lambda v, e: e, epochs=27))
    assert len({tuple(trial["values"].values()) for trial in everything.core.trials.values()}) == 18
    single = simulate(HyperbandController(), SINGLE_POINT, CurveJobs(lambda v, e: e, epochs=27))
    assert [trial["until_epoch"] for trial in single.core.trials.values()] == [1, 3, 9, 27]


def test_the_order_of_outcomes_alone_decides_not_the_workers():
    """A run that goes on with one worker is given what the run with eight was."""
    dice = Random(3)
    ctx = run_context(8)
    ctx.set_prop(ContextKey.RUN_WORKERS, 8)
    controller = HyperbandController(seed=1)
    controller.set_search_space(FLOAT_ONLY, ctx)
    queue, turns = list(controller.initial_recommendation(ctx)), []
    while queue:
        recommendation = queue.pop(dice.randrange(min(8, len(queue))))
        score = dice.random()
        outcome = Outcome(recommendation.id, values={"dice": score}, epoch=recommendation.until_epoch)
        given = list(told(controller, outcome, ctx))
        turns.append((outcome, given))
        queue += given
    other = run_context(1)
    other.set_prop(ContextKey.RUN_WORKERS, 8)
    again = HyperbandController(seed=1)
    again.set_search_space(FLOAT_ONLY, other)
    again.initial_recommendation(other)
    for outcome, given in turns:
        assert list(told(again, outcome, other)) == given


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"R": 2}, "R must be a whole number of at least 3"),
        ({"nu": 1}, "nu must be a whole number of at least 2"),
        ({"brackets": "both"}, 'brackets must be "tao" or "paper"'),
        ({"epoch_multiplier": "fitt"}, "epoch_multiplier must be a number above 0"),
        ({"epoch_multiplier": 0}, "epoch_multiplier must be a number above 0"),
        ({"horizon": "half"}, 'horizon must be "full" or "rung"'),
        ({"max_recommendations": 0}, "max_recommendations must be a whole number of at least 1"),
        ({"suggester": "cmaes"}, 'suggester "cmaes" does not go with hyperband.*bayesian, grid, kde, random, tpe'),
        ({"fidelity": {"variable": "share"}}, "fidelity must be"),
        (
            {"fidelity": {"variable": "share", "min": 0.1, "max": 1}, "epoch_multiplier": 4},
            "epoch_multiplier is of epochs",
        ),
    ],
)
def test_wrong_args_are_named(args, words):
    with pytest.raises(ValueError, match=words):
        HyperbandController(**args)


def test_a_rung_below_one_epoch_is_refused_before_anything_starts():
    ctx = Context()
    ctx.set_prop(ContextKey.EPOCHS, 12)
    with pytest.raises(ValueError, match="Take R 12 or less, or at least 27 epochs"):
        HyperbandController().set_search_space(FLOAT_ONLY, ctx)
    with pytest.raises(ValueError, match="give epoch_multiplier a number"):
        HyperbandController().set_search_space(FLOAT_ONLY, Context())
