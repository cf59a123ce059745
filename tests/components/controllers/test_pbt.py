"""PBT: the worst go on from the best, only what can change in mid-training does, and a changing optimum is followed."""

from __future__ import annotations

import math

import pytest

from medl.automl.curves import CurveJobs
from medl.automl.defs import Context, ContextKey, FloatRange, JobStatus, Outcome, ParameterRange, SearchSpace
from medl.automl.simulate import simulate
from medl.components.controllers.pbt import PbtController
from medl.testing.dialogue import EPOCHS, run_context, told
from medl.testing.spaces import ENUM_ONLY, enum_range

RATE = ParameterRange(
    "lr.float.$0:learning_rate", "lr", "float", ("learning_rate",), (FloatRange(1e-4, 1.0),), scale="log"
)
RATES = SearchSpace((RATE,))
NET = enum_range("act", "relu", "prelu", "elu")
BOTH = SearchSpace((RATE, NET))


def learned(segments, epochs):
    """Return what was learned with these rates; the best one falls from 0.3 to 0.0003 in the course of the training."""
    quality = 0.0
    for values, first, last in segments:
        for epoch in range(first, last + 1):
            miss = math.log10(values[RATE.prl]) + 0.5 + 3 * epoch / epochs
            quality += (1 - quality) * 0.06 * math.exp(-miss * miss / 0.18)
    return quality


def curve(values, epoch, past):
    first = past[-1][2] + 1 if past else 1
    return learned([*past, (values, first, epoch)], 60)


def run(controller, space=RATES, workers=4, epochs=60):
    ctx = Context()
    ctx.set_prop(ContextKey.EPOCHS, epochs)
    ctx.set_prop(ContextKey.RUN_WORKERS, workers)
    jobs = CurveJobs(curve, epochs=epochs)
    return simulate(controller, space, jobs, workers=workers, ctx=ctx), jobs


def test_ahead_of_the_best_constant_rate():
    constant = max(learned([({RATE.prl: 10 ** (-4 + n / 50)}, 1, 60)], 60) for n in range(201))
    for seed in range(3):
        simulated, jobs = run(PbtController(10, 6, seed=seed))
        assert jobs.trained == 600
        ended = [event["outcome"]["values"]["score"] for event in simulated.events if event["type"] == "job_ended"]
        assert max(ended) > 1.1 * constant


@pytest.mark.parametrize("workers", [1, 3, 10])
def test_the_same_is_recommended_however_many_workers_there_are(workers):
    given = [(t["id"], t["values"]) for t in run(PbtController(6, 10), workers=workers)[0].core.trials.values()]
    assert sorted(given, key=str) == sorted(
        ((t["id"], t["values"]) for t in run(PbtController(6, 10), workers=2)[0].core.trials.values()), key=str
    )


def test_every_member_trains_every_epoch_once_and_a_quarter_is_replaced():
    simulated, _ = run(PbtController(8, 20))
    trials = simulated.core.trials.values()
    assert [sum(t["until_epoch"] == until for t in trials) for until in (20, 40, 60)] == [8, 8, 8]
    for until in (40, 60):
        inherited = [t for t in trials if t["until_epoch"] == until and t["inherit_from"]]
        assert len(inherited) == 2
        for trial in inherited:  # its values are those of whom it inherits, changed
            source = simulated.core.trials[simulated.core.jobs[trial["inherit_from"]].trial]
            ratio = trial["values"][RATE.prl] / source["values"][RATE.prl]
            assert 1e-4 <= trial["values"][RATE.prl] <= 1.0
            assert ratio != 1
    for trial in trials:
        if trial["resume_from"]:
            source = simulated.core.trials[simulated.core.jobs[trial["resume_from"]].trial]
            assert trial["values"] == source["values"]


def test_a_networks_values_go_with_its_weights():
    simulated, _ = run(PbtController(12, 6, resample_prob=1.0), BOTH)
    inherited = [t for t in simulated.core.trials.values() if t["inherit_from"]]
    assert inherited
    for trial in inherited:
        source = simulated.core.trials[simulated.core.jobs[trial["inherit_from"]].trial]
        assert trial["values"][NET.prl] == source["values"][NET.prl]


def test_all_jobs_that_are_gone_on_from_were_needed():
    ctx = run_context(4)
    controller = PbtController(4, 9)
    controller.set_search_space(RATES, ctx)
    queue, kept = list(controller.initial_recommendation(ctx)), set()
    while queue:
        recommendation = queue.pop(0)
        for source in (recommendation.resume_from, recommendation.inherit_from):
            assert source is None or source in kept
        outcome = Outcome(recommendation.id, values={"dice": len(kept)}, epoch=recommendation.until_epoch)
        queue += told(controller, outcome, ctx)
        kept |= set(controller.needs())
    assert recommendation.until_epoch == EPOCHS


def test_a_member_that_failed_takes_over_from_one_of_the_best():
    ctx = run_context(4)
    controller = PbtController(4, 9)
    controller.set_search_space(RATES, ctx)
    first = list(controller.initial_recommendation(ctx))
    given = []
    for number, recommendation in enumerate(first):
        failed = number == 1
        status = JobStatus.FAILED if failed else JobStatus.OK
        values = {} if failed else {"dice": 1.0 - number}
        given += told(controller, Outcome(recommendation.id, status, values, epoch=9), ctx)
    assert [r.inherit_from for r in given] == [None, "job of P1.1", None, None]
    assert given[1].resume_from is None


def test_a_space_without_anything_to_change_is_refused():
    with pytest.raises(ValueError, match="nothing of the search space can change in mid-training"):
        PbtController().set_search_space(SearchSpace((NET,)), run_context())
    with pytest.raises(ValueError, match="keep names lr, which the search space does not have"):
        PbtController(keep=["lr"]).set_search_space(RATES, run_context())
    assert ENUM_ONLY.parameters  # choices of transforms are no hindrance
    with pytest.raises(ValueError, match="eval_interval is 30, but a full training has only 27 epochs"):
        PbtController(eval_interval=30).set_search_space(RATES, run_context())


def test_fewer_workers_than_members_is_said(tmp_path):
    ctx = run_context(3)
    ctx.set_prop(ContextKey.RUN_WORKERS, 3)
    ctx.set_trace("file", tmp_path / "trace.txt")
    PbtController(8).set_search_space(RATES, ctx)
    assert "8 members on 3 workers: each interval takes 3 waves" in (tmp_path / "trace.txt").read_text()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"population_size": 1}, "population_size must be a whole number of at least 2, but got 1"),
        ({"quantile": 0}, "quantile must be above 0"),
        ({"quantile": 0.6}, "quantile must be a number between 0 and 0.5, but got 0.6"),
        ({"perturbation": []}, "perturbation must be a list of factors above 0"),
        ({"perturbation": "0.8"}, "perturbation must be a list of factors above 0"),
        ({"keep": "lr"}, "keep must be a list of names"),
    ],
)
def test_args_out_of_bounds_are_refused(args, said):
    with pytest.raises(ValueError, match=said):
        PbtController(**args)
