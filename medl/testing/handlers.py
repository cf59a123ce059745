"""What every handler of a search must do, as tests."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from medl.automl.api import Handler
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, Recommendation, SearchSpace
from medl.errors import near_names
from medl.testing import contexts

METHODS = (
    "startup",
    "start_automl",
    "search_space_available",
    "recommendations_available",
    "start_job",
    "end_job",
    "outcome_recorded",
    "end_automl",
    "shutdown",
)
"""The methods that the engine calls."""


class HandlerContract:
    """The tests of a handler. Subclass it as ``Test…`` and give it a fixture.

    ::

        class TestMyHandler(HandlerContract):
            @pytest.fixture
            def handler(self):
                return MyHandler()

    Override the fixture ``run`` where your handler needs more in the context of the run than
    :func:`medl.testing.contexts.run_context` has, or other folders.
    """

    @pytest.fixture
    def handler(self) -> Handler:
        """Override: a new handler."""
        raise NotImplementedError('give your test class a fixture "handler"')

    @pytest.fixture
    def run(self, tmp_path: Path) -> Context:
        """The context of a run that begins."""
        return contexts.run_context(tmp_path)

    def test_methods_take_one_context(self, handler: Handler) -> None:
        """The engine calls each method with the context and nothing else."""
        for name in METHODS:
            try:
                inspect.signature(getattr(handler, name)).bind(None)
            except TypeError as error:
                raise AssertionError(f"{name} is called as {name}(ctx), but it does not take that: {error}") from error

    def test_no_method_is_nearly_one_of_the_contract(self, handler: Handler) -> None:
        """A misspelt method would never be called, and nobody would say so."""
        own = {name for cls in type(handler).__mro__[:-1] if cls is not Handler for name in vars(cls)}
        for name in sorted(own - set(METHODS)):
            near = [other for other in near_names(name, METHODS, 1) if _differ_little(name, other)]
            assert not near or not callable(getattr(handler, name)), (
                f'{name} is never called: did you mean "{near[0]}"?'
            )

    def test_lives_through_a_run(self, handler: Handler, run: Context) -> None:
        """Every method in the engine's order, with two jobs at a time and outcomes of every status."""
        self._begin(handler, run)
        jobs = contexts.first_points(self._space(run), 2 * len(_ENDS))
        contexts.announce(run, jobs)
        handler.recommendations_available(run)
        for number, pair in enumerate(zip(jobs[::2], jobs[1::2], strict=True)):
            running = [contexts.job_context(run, r, 2 * number + w, worker=w) for w, r in enumerate(pair, start=1)]
            for ctx in running:
                handler.start_job(ctx)
            for ctx, recommendation in zip(reversed(running), reversed(pair), strict=True):
                contexts.end_job(ctx, _end(recommendation, number))
                handler.end_job(ctx)
                handler.outcome_recorded(ctx)
            contexts.announce(run, [])
            handler.recommendations_available(run)
        self._finish(handler, run)

    def test_jobs_start_and_end_at_the_same_time(self, handler: Handler, run: Context) -> None:
        """``start_job`` and ``end_job`` are called from the jobs' own threads, several at once."""
        self._begin(handler, run)
        jobs = contexts.first_points(self._space(run), 8)
        contexts.announce(run, jobs)
        handler.recommendations_available(run)
        together = threading.Barrier(len(jobs))
        raised: list[BaseException] = []

        def live(number: int, recommendation: Recommendation) -> None:
            try:
                ctx = contexts.job_context(run, recommendation, number, worker=number)
                together.wait(30)
                handler.start_job(ctx)
                contexts.end_job(ctx, Outcome(recommendation.id, JobStatus.OK, {"score": 0.1 * number}, epoch=1))
                together.wait(30)
                handler.end_job(ctx)
            except threading.BrokenBarrierError:
                return  # another one raised
            except BaseException as error:
                raised.append(error)
                together.abort()

        threads = [threading.Thread(target=live, args=job) for job in enumerate(jobs, start=1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not raised, f"{type(raised[0]).__name__} in a job's thread: {raised[0]}"
        self._finish(handler, run)

    def test_survives_a_run_without_jobs(self, handler: Handler, run: Context) -> None:
        """Nothing was recommended."""
        self._begin(handler, run)
        self._finish(handler, run)

    def test_survives_a_run_that_was_refused(self, handler: Handler, run: Context) -> None:
        """``shutdown`` may come right after ``startup``."""
        handler.startup(run)
        handler.shutdown(run)

    def test_survives_a_run_that_is_stopped(self, handler: Handler, run: Context) -> None:
        """A job still ends after someone asked to stop."""
        self._begin(handler, run)
        jobs = contexts.first_points(self._space(run), 1)
        contexts.announce(run, jobs)
        handler.recommendations_available(run)
        ctx = contexts.job_context(run, jobs[0], 1)
        handler.start_job(ctx)
        run.stop_work("contract", "on purpose")
        contexts.end_job(ctx, Outcome(jobs[0].id, JobStatus.STOPPED, reason="the run was stopped"))
        handler.end_job(ctx)
        handler.outcome_recorded(ctx)
        self._finish(handler, run)

    def test_survives_a_second_attempt_of_a_job(self, handler: Handler, run: Context) -> None:
        """A job that was interrupted comes again under its name."""
        self._begin(handler, run)
        jobs = contexts.first_points(self._space(run), 1)
        contexts.announce(run, jobs)
        handler.recommendations_available(run)
        for attempt, status in ((1, JobStatus.INTERRUPTED), (2, JobStatus.OK)):
            ctx = contexts.job_context(run, jobs[0], 1, attempt=attempt)
            handler.start_job(ctx)
            contexts.end_job(ctx, Outcome(jobs[0].id, status, {"score": 0.5} if status is JobStatus.OK else {}))
            handler.end_job(ctx)
        self._finish(handler, run)

    def _space(self, run: Context) -> SearchSpace:
        space: SearchSpace = run.get_prop(ContextKey.SEARCH_SPACE)
        return space

    def _begin(self, handler: Handler, run: Context) -> None:
        handler.startup(run)
        handler.start_automl(run)
        handler.search_space_available(run)

    def _finish(self, handler: Handler, run: Context) -> None:
        handler.end_automl(run)
        handler.shutdown(run)


_ENDS: Sequence[JobStatus] = (
    JobStatus.OK,
    JobStatus.FAILED,
    JobStatus.OK,
    JobStatus.NO_SCORE,
    JobStatus.INTERRUPTED,
    JobStatus.STOPPED,
)


def _end(recommendation: Recommendation, number: int) -> Outcome:
    status = _ENDS[number]
    if status is JobStatus.OK:
        return Outcome(recommendation.id, status, {"score": 0.5 + 0.1 * number}, epoch=2, cost_s=1.5)
    return Outcome(recommendation.id, status, reason="on purpose")


def _differ_little(name: str, other: str) -> bool:
    """Return whether the names are the same but for case, marks and a final s."""
    return name.lower().strip("_s").replace("_", "") == other.lower().strip("_s").replace("_", "")
