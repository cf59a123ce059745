"""Workers: their grammar, and that a job ends exactly once whatever user code does."""

from __future__ import annotations

import threading

import pytest

from medl.automl.api import Executor, Handler
from medl.automl.defs import (
    NO_SCORE,
    Context,
    ContextKey,
    JobStatus,
    Outcome,
    Recommendation,
    SearchResult,
    SearchSpace,
)
from medl.automl.goals import Constraint, Goals, Objective
from medl.automl.worker import Order, Worker, as_outcome
from medl.automl.worker_spec import WorkerSpec
from medl.errors import MedlError

SPACE = SearchSpace(())


class Function(Executor):
    def __init__(self, function):
        self.function = function

    def determine_search_space(self, ctx):
        return SPACE

    def execute(self, recommendation, ctx):
        return self.function(ctx)


class Calls(Handler):
    def __init__(self, raising=()):
        self.calls = []
        self.raising = raising

    def start_job(self, ctx):
        self.calls.append(("start_job", ctx.get_prop(ContextKey.JOB_STATUS)))
        if "start_job" in self.raising:
            raise SystemExit("handler")

    def end_job(self, ctx):
        self.calls.append(("end_job", ctx.get_prop(ContextKey.JOB_STATUS), ctx.get_prop(ContextKey.SCORE)))
        if "end_job" in self.raising:
            raise ValueError("handler")


def run(function, *handlers, stopping=False):
    posted, reports, done = [], [], threading.Event()
    order = Order("J", 1, Recommendation("a", SearchResult(SPACE, {})), Context())
    if stopping:
        order.stopping.set()

    def post(order, outcome):
        posted.append((outcome, [list(handler.calls) for handler in handlers]))
        done.set()

    worker = Worker(
        WorkerSpec("W1", (0,)),
        Function(function),
        handlers,
        post,
        lambda component, method, error: reports.append((method, error)),
    )
    worker.submit(order)
    assert done.wait(10)
    order.recorded.set()
    assert order.closed.wait(10)
    worker.finish(10)
    ((outcome, before),) = posted
    assert all(len(calls) == 1 for calls in before), "end_job came before the end was recorded"
    return outcome, reports


def crash(ctx):
    raise RuntimeError("boom\n  twice")


def leave(ctx):
    raise SystemExit(3)


def refuse(ctx):
    raise MedlError("the disk is full.")


@pytest.mark.parametrize(
    ("function", "status", "score", "reason"),
    [
        (lambda ctx: 0.5, "ok", 0.5, ""),
        (lambda ctx: Outcome("other", values={"dice": 0.25}), "ok", 0.25, ""),
        (lambda ctx: None, "no_score", NO_SCORE, "no score"),
        (lambda ctx: NO_SCORE, "no_score", NO_SCORE, "no score"),
        (lambda ctx: float("nan"), "failed", NO_SCORE, "score is nan"),
        (lambda ctx: Outcome("a", values={"dice": float("inf")}), "failed", NO_SCORE, "dice is inf"),
        (lambda ctx: Outcome("a"), "no_score", NO_SCORE, ""),
        (lambda ctx: "good", "failed", NO_SCORE, "gave back str"),
        (crash, "failed", NO_SCORE, "Function.execute raised RuntimeError: boom twice ("),
        (leave, "failed", NO_SCORE, "SystemExit: 3"),
        (refuse, "failed", NO_SCORE, "the disk is full."),
    ],
)
def test_every_end_is_an_outcome_and_end_job_comes_once(function, status, score, reason):
    first, second = Calls(raising=("start_job", "end_job")), Calls()
    outcome, reports = run(function, first, second)
    assert (str(outcome.status), outcome.score, outcome.recommendation_id) == (status, score, "a")
    assert reason in outcome.reason
    for handler in (first, second):
        assert [call[0] for call in handler.calls] == ["start_job", "end_job"]
        assert handler.calls[0][1] is JobStatus.RUNNING
        assert handler.calls[1][1:] == (JobStatus(status), score)
    assert [method for method, _ in reports if method != "execute"] == ["start_job", "end_job"]


def test_a_job_that_was_stopped_is_interrupted_and_never_begins():
    handler = Calls()
    outcome, _ = run(lambda ctx: pytest.fail("it ran"), handler, stopping=True)
    assert outcome.status is JobStatus.INTERRUPTED
    assert [call[0] for call in handler.calls] == ["start_job", "end_job"]


def test_stopping_makes_a_failure_an_interruption_and_leaves_a_score_alone():
    order = Order("J", 1, Recommendation("a", SearchResult(SPACE, {})), Context())
    from medl.automl.worker import run_executor

    def stopped(result):
        def function(ctx):
            order.stopping.set()
            if result is None:
                raise RuntimeError("killed")
            return result

        order.stopping.clear()
        return run_executor(Function(function), order, lambda *words: None)

    assert stopped(None).status is JobStatus.INTERRUPTED
    assert stopped(0.5).status is JobStatus.OK


def test_what_a_controller_sees_has_been_through_json():
    outcome = as_outcome(Outcome("a", values={"dice": 1}, info={"pair": (1, 2), 3: "x"}), "a", "E")
    assert outcome.info == {"pair": [1, 2], "3": "x"}
    assert as_outcome(Outcome("a", values={"dice": 1}, info={"odd": object()}), "a", "E").status is JobStatus.OK


GOALS = Goals((Objective("hd95", "min"), Objective("dice")), (Constraint("params_m", max=5),))


@pytest.mark.parametrize(
    ("result", "status", "objectives", "reason"),
    [
        (Outcome("a", values={"dice": 0.5, "x": 1.0, "hd95": 2.0}), "ok", (-2.0, 0.5), ""),
        (Outcome("a", values={"dice": 0.5}), "no_score", (), "E gave dice, but not the objective hd95"),
        (0.25, "no_score", (), "E gave hd95, but not the objective dice"),
        (Outcome("a", values={"dice": 0.5, "hd95": 2.0}, constraints={"params_m": 7.0}), "rejected", (), "params_m"),
        (Outcome("a", JobStatus.REJECTED, constraints={"params_m": 7.0}, reason="too large"), "rejected", (), "large"),
    ],
)
def test_outcomes_are_held_against_the_goals(result, status, objectives, reason):
    outcome = as_outcome(result, "a", "E", GOALS)
    assert (str(outcome.status), outcome.objectives) == (status, objectives)
    assert reason in outcome.reason
    assert outcome.minimize <= {"hd95"}
    if status == "rejected":
        assert outcome.violations == {"params_m": 2.0}


def test_what_an_executor_says_of_directions_stays():
    outcome = as_outcome(
        Outcome("a", values={"loss": 2.0}, minimize=frozenset({"loss"}), violations={"x": 1.0}), "a", "E"
    )
    assert (outcome.score, outcome.violations) == (-2.0, {"x": 1.0})
