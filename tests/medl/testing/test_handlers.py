"""The handler contract: a good one passes, and each way of misbehaving is caught by the test that is meant for it."""

from __future__ import annotations

import inspect
import threading

import pytest

from medl.automl.api import Handler
from medl.automl.defs import ContextKey, JobStatus
from medl.testing.contexts import run_context
from medl.testing.handlers import METHODS, HandlerContract


class Counts(Handler):
    def __init__(self):
        self.running, self.ended, self.lock = set(), [], threading.Lock()

    def start_job(self, ctx):
        with self.lock:
            self.running.add(ctx.get_prop(ContextKey.JOB_NAME))

    def end_job(self, ctx):
        with self.lock:
            self.running.remove(ctx.get_prop(ContextKey.JOB_NAME))
            self.ended.append(ctx.get_prop(ContextKey.JOB_STATUS))

    def shutdown(self, ctx):
        assert not self.running


class TestCounts(HandlerContract):
    @pytest.fixture
    def handler(self):
        return Counts()


class TestEmpty(HandlerContract):
    """Every method is optional."""

    @pytest.fixture
    def handler(self):
        return Handler()


class TwoArguments(Counts):
    def end_job(self, ctx, score):
        pass


class Misspelt(Counts):
    def end_jobs(self, ctx):
        pass


class CamelCase(Counts):
    def startJob(self, ctx):
        pass


class WantsAScore(Counts):
    def end_job(self, ctx):
        assert ctx.get_prop(ContextKey.JOB_STATUS) is JobStatus.OK


class OneAtATime(Counts):
    def start_job(self, ctx):
        assert not self.running
        super().start_job(ctx)


class NeedsJobs(Counts):
    def end_automl(self, ctx):
        self.ended[0]


class NeedsTheStart(Counts):
    def start_automl(self, ctx):
        self.began = True

    def shutdown(self, ctx):
        self.began  # noqa: B018


class NamesOnce(Counts):
    def start_job(self, ctx):
        assert not self.ended
        super().start_job(ctx)


@pytest.mark.parametrize(
    ("bad", "test"),
    [
        (TwoArguments, "test_methods_take_one_context"),
        (Misspelt, "test_no_method_is_nearly_one_of_the_contract"),
        (CamelCase, "test_no_method_is_nearly_one_of_the_contract"),
        (WantsAScore, "test_lives_through_a_run"),
        (WantsAScore, "test_survives_a_run_that_is_stopped"),
        (OneAtATime, "test_jobs_start_and_end_at_the_same_time"),
        (NeedsJobs, "test_survives_a_run_without_jobs"),
        (NeedsTheStart, "test_survives_a_run_that_was_refused"),
        (NamesOnce, "test_survives_a_second_attempt_of_a_job"),
    ],
)
def test_misbehaviour_is_caught(bad, test, tmp_path):
    method = getattr(HandlerContract(), test)
    run = [run_context(tmp_path)] if "run" in inspect.signature(method).parameters else []
    method(Counts(), *run)
    with pytest.raises((AssertionError, IndexError, AttributeError)):
        method(bad(), *run)


def test_a_method_that_is_not_in_the_contract_is_nobodys_business():
    class Ours(Handler):
        def round_ended(self, ctx):
            pass

        def job_table(self):
            pass

    HandlerContract().test_no_method_is_nearly_one_of_the_contract(Ours())


def test_the_methods_are_those_of_the_contract():
    assert set(METHODS) == {name for name in vars(Handler) if not name.startswith("_")}
