"""The executor contract: a good one passes, and each way of misbehaving is caught by the test that is meant for it."""

from __future__ import annotations

import threading
import time

import pytest

from medl.automl.api import Executor
from medl.automl.defs import ContextKey, JobStatus, Outcome, SearchSpace
from medl.testing.contexts import run_context
from medl.testing.executors import ExecutorContract
from medl.testing.spaces import MIXED


class Waits(Executor):
    """Jobs of a fiftieth of a second that can be aborted."""

    def __init__(self):
        self.aborted: set[str] = set()

    def determine_search_space(self, ctx):
        return MIXED

    def execute(self, recommendation, ctx):
        for _ in range(10):
            if ctx.get_prop(ContextKey.JOB_NAME) in self.aborted:
                return Outcome(recommendation.id, JobStatus.INTERRUPTED)
            time.sleep(0.002)
        return Outcome(recommendation.id, JobStatus.OK, {"score": 0.5}, epoch=1)

    def abort(self, ctx):
        self.aborted.add(ctx.get_prop(ContextKey.JOB_NAME))


class TestWaits(ExecutorContract):
    @pytest.fixture
    def executor(self):
        return Waits()


class TestBareNumber(ExecutorContract):
    """A function of the values, as a float."""

    @pytest.fixture
    def executor(self):
        class Function(Waits):
            def execute(self, recommendation, ctx):
                return float(len(recommendation.result.values))

        return Function()


class NoSpace(Waits):
    def determine_search_space(self, ctx):
        return None


class SameNames(Waits):
    def determine_search_space(self, ctx):
        return SearchSpace(MIXED.parameters + MIXED.parameters)


class NotANumber(Waits):
    def execute(self, recommendation, ctx):
        return float("nan")


class Words(Waits):
    def execute(self, recommendation, ctx):
        return "0.5"


class OfAnother(Waits):
    def execute(self, recommendation, ctx):
        return Outcome("another", JobStatus.OK, {"score": 0.5})


class OneAtATime(Waits):
    def __init__(self):
        super().__init__()
        self.busy = threading.Lock()

    def execute(self, recommendation, ctx):
        assert self.busy.acquire(blocking=False), "busy"
        try:
            return super().execute(recommendation, ctx)
        finally:
            self.busy.release()


class SetsOnTheRun(Waits):
    def execute(self, recommendation, ctx):
        ctx.parent.set_prop(ContextKey.JOB_MMAR_ROOT, "here")
        return super().execute(recommendation, ctx)


class OnlyOnce(Waits):
    seen = False

    def execute(self, recommendation, ctx):
        assert not self.seen
        self.seen = True
        return super().execute(recommendation, ctx)


class CannotAbort(Waits):
    """Runs for ever once it was aborted."""

    def execute(self, recommendation, ctx):
        while ctx.get_prop(ContextKey.JOB_NAME) in self.aborted:
            time.sleep(0.01)
        return super().execute(recommendation, ctx)


class AbortsOnce(Waits):
    def abort(self, ctx):
        assert ctx.get_prop(ContextKey.JOB_NAME) not in self.aborted
        super().abort(ctx)


class NeedsAJob(Waits):
    def shutdown(self, ctx):
        self.last  # noqa: B018


@pytest.mark.parametrize(
    ("bad", "test"),
    [
        (NoSpace, "test_determines_a_space"),
        (SameNames, "test_determines_a_space"),
        (NotANumber, "test_executes_points_of_the_space"),
        (Words, "test_executes_points_of_the_space"),
        (OfAnother, "test_executes_points_of_the_space"),
        (OneAtATime, "test_jobs_run_at_the_same_time"),
        (SetsOnTheRun, "test_leaves_the_context_of_the_run_alone"),
        (OnlyOnce, "test_a_second_attempt_runs"),
        (CannotAbort, "test_an_aborted_job_ends"),
        (AbortsOnce, "test_an_aborted_job_ends"),
        (NeedsAJob, "test_shuts_down_at_any_time"),
    ],
)
def test_misbehaviour_is_caught(bad, test, tmp_path):
    suite = ExecutorContract()
    suite.time_limit_s = 1.0
    getattr(suite, test)(Waits(), run_context(tmp_path))
    with pytest.raises((AssertionError, AttributeError)):
        getattr(suite, test)(bad(), run_context(tmp_path / "again"))
