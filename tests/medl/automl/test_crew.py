"""Orders given, ended early, aborted."""

from __future__ import annotations

import threading

from medl.automl.api import Executor
from medl.automl.core import StartJob
from medl.automl.crew import Crew
from medl.automl.defs import Context, ContextKey, Recommendation, SearchResult, SearchSpace
from medl.automl.worker_spec import parse_workers

RECOMMENDATION = Recommendation("a", SearchResult(SearchSpace(()), {}))


class Waiting(Executor):
    """A job lasts until it is stopped early (its score is 1 then) or aborted."""

    def __init__(self, breaks=False):
        self.breaks, self.early, self.aborted, self.calls = breaks, threading.Event(), threading.Event(), []

    def determine_search_space(self, ctx):
        return SearchSpace(())

    def execute(self, recommendation, ctx):
        self.seen = {key: ctx.get_prop(key) for key in (ContextKey.GPUS, ContextKey.WORKER_NAME, ContextKey.ATTEMPT)}
        assert self.early.wait(30)
        if self.aborted.is_set():
            raise RuntimeError("aborted")
        return 1.0

    def stop_early(self, ctx):
        self.calls.append(ctx.get_prop(ContextKey.JOB_NAME))
        self.early.set()
        if self.breaks:
            raise ValueError("no")

    def abort(self, ctx):
        self.aborted.set()
        self.early.set()


def begun(executor, reports=None):
    crew = Crew(parse_workers("0,1:2"), executor, (), lambda *call: (reports or []).append(call))
    crew.begin()
    crew.start(StartJob("W1_1_J1", {}, "W1", 2), RECOMMENDATION, {}, Context())
    return crew


def test_an_order_has_its_context_and_ends_early_once():
    crew = begun(executor := Waiting())
    assert crew.stop_early("W1_1_J1")
    assert not crew.stop_early("W1_1_J1"), "told before"
    assert not crew.stop_early("W2_1_J2"), "does not run"
    order, outcome = crew.inbox.get(timeout=30)
    assert (order.job, outcome.score) == ("W1_1_J1", 1.0)
    assert executor.calls == ["W1_1_J1"]
    assert executor.seen == {ContextKey.GPUS: [0, 1], ContextKey.WORKER_NAME: "W1", ContextKey.ATTEMPT: 2}
    crew.ended("W1_1_J1")
    assert not crew.stop_early("W1_1_J1")
    crew.finish(5)


def test_an_executor_that_cannot_stop_early_is_reported():
    crew = begun(Waiting(breaks=True), reports := [(None, "", None)])
    assert crew.stop_early("W1_1_J1")
    assert reports[-1][1] == "stop_early"
    crew.inbox.get(timeout=30)
    crew.ended("W1_1_J1")
    crew.finish(5)


def test_finishing_aborts_what_runs():
    crew = begun(executor := Waiting())
    crew.finish(10)
    assert executor.aborted.is_set()
    order, outcome = crew.inbox.get(timeout=30)
    assert str(outcome.status) == "interrupted"
    assert order.closed.wait(10)
