"""What every executor must do, as tests."""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from medl.automl.api import Executor
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, SearchSpace
from medl.testing import contexts


class ExecutorContract:
    """The tests of an executor. Subclass it as ``Test…`` and give it a fixture.

    ::

        class TestMyExecutor(ExecutorContract):
            @pytest.fixture
            def executor(self):
                return MyExecutor()

    Override the fixture ``run`` where your executor needs an archive of its own: a context whose MMAR_ROOT is that one
    and whose RUN_ROOT is a folder. Jobs should take a second or less.

    Attributes:
        time_limit_s: a job ends within that time, and an aborted one well before.
    """

    time_limit_s = 60.0

    @pytest.fixture
    def executor(self) -> Executor:
        """Override: a new executor."""
        raise NotImplementedError('give your test class a fixture "executor"')

    @pytest.fixture
    def run(self, tmp_path: Path) -> Context:
        """The context of a run that begins; the space is not in it yet."""
        ctx = contexts.run_context(tmp_path)
        ctx.set_prop(ContextKey.SEARCH_SPACE, None)
        return ctx

    def test_determines_a_space(self, executor: Executor, run: Context) -> None:
        """A SearchSpace whose parameters have names of their own."""
        space = self._space(executor, run)
        prls = [parameter.prl for parameter in space.parameters]
        assert len(set(prls)) == len(prls), f"two parameters have the same name: {sorted(prls)}"
        assert all(parameter.targets for parameter in space.parameters), "a parameter has no targets"

    def test_executes_points_of_the_space(self, executor: Executor, run: Context) -> None:
        """An outcome that answers the recommendation, or a number; finite where the job went well."""
        jobs = contexts.first_points(self._space(executor, run), 2)
        for number, recommendation in enumerate(jobs, start=1):
            self._check(
                executor.execute(recommendation, contexts.job_context(run, recommendation, number)), recommendation.id
            )

    def test_jobs_run_at_the_same_time(self, executor: Executor, run: Context) -> None:
        """``execute`` is called from several threads at once, each with a context of its own."""
        jobs = contexts.first_points(self._space(executor, run), 3)
        ended: dict[int, Any] = {}

        def live(number: int) -> None:
            ctx = contexts.job_context(run, jobs[number], number + 1, worker=number + 1)
            try:
                ended[number] = executor.execute(jobs[number], ctx)
            except BaseException as error:
                ended[number] = error

        threads = [threading.Thread(target=live, args=(number,), daemon=True) for number in range(len(jobs))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(self.time_limit_s)
        for number, recommendation in enumerate(jobs):
            assert number in ended, f"job {number + 1} did not end within {self.time_limit_s:g} s"
            assert not isinstance(ended[number], BaseException), f"job {number + 1} raised {ended[number]!r}"
            self._check(ended[number], recommendation.id)

    def test_leaves_the_context_of_the_run_alone(self, executor: Executor, run: Context) -> None:
        """What a job sets stays with the job: others run beside it."""
        recommendation = contexts.first_points(self._space(executor, run), 1)[0]
        executor.execute(recommendation, contexts.job_context(run, recommendation, 1))
        for key in (ContextKey.JOB_NAME, ContextKey.JOB_MMAR_ROOT, ContextKey.SCORE, ContextKey.OUTCOME):
            assert run.get_prop(key) is None, f"{key} of a job was set on the context of the run"

    def test_a_second_attempt_runs(self, executor: Executor, run: Context) -> None:
        """A job that was interrupted comes again under its name, and its first folder may still be there."""
        recommendation = contexts.first_points(self._space(executor, run), 1)[0]
        for attempt in (1, 2):
            ctx = contexts.job_context(run, recommendation, 1, attempt=attempt)
            self._check(executor.execute(recommendation, ctx), recommendation.id)

    def test_an_aborted_job_ends(self, executor: Executor, run: Context) -> None:
        """``abort`` may come at any moment and more than once; ``execute`` then ends soon, in whatever way."""
        recommendation = contexts.first_points(self._space(executor, run), 1)[0]
        ctx = contexts.job_context(run, recommendation, 1)
        ended: list[Any] = []

        def live() -> None:
            try:
                ended.append(executor.execute(recommendation, ctx))
            except Exception as error:
                ended.append(error)

        executor.abort(ctx)
        thread = threading.Thread(target=live, daemon=True)
        thread.start()
        until = time.monotonic() + self.time_limit_s
        while thread.is_alive() and time.monotonic() < until:
            executor.abort(ctx)
            thread.join(0.05)
        assert ended, f"an aborted job did not end within {self.time_limit_s:g} s"
        executor.abort(ctx)

    def test_stopping_early_may_come_at_any_moment(self, executor: Executor, run: Context) -> None:
        """``stop_early`` before, while and after a job runs, more than once: the job ends, perhaps without score."""
        recommendation = contexts.first_points(self._space(executor, run), 1)[0]
        ctx = contexts.job_context(run, recommendation, 1)
        executor.stop_early(ctx)
        ended: list[Any] = []
        thread = threading.Thread(target=lambda: ended.append(executor.execute(recommendation, ctx)), daemon=True)
        thread.start()
        until = time.monotonic() + self.time_limit_s
        while thread.is_alive() and time.monotonic() < until:
            executor.stop_early(ctx)
            thread.join(0.05)
        assert ended, f"a job that was stopped early did not end within {self.time_limit_s:g} s, or raised"
        self._check(ended[0], recommendation.id)
        executor.stop_early(ctx)

    def test_shuts_down_at_any_time(self, executor: Executor, run: Context) -> None:
        """``shutdown`` may come before anything else, and after a job."""
        executor.shutdown(run)

    def test_shuts_down_after_a_job(self, executor: Executor, run: Context) -> None:
        """``shutdown`` after a job ended."""
        recommendation = contexts.first_points(self._space(executor, run), 1)[0]
        executor.execute(recommendation, contexts.job_context(run, recommendation, 1))
        executor.shutdown(run)

    def _space(self, executor: Executor, run: Context) -> SearchSpace:
        """Determine the space and set it, as the engine does."""
        space = executor.determine_search_space(run)
        assert isinstance(space, SearchSpace), (
            f"determine_search_space must return a SearchSpace, but it gave {space!r}"
        )
        run.set_prop(ContextKey.SEARCH_SPACE, space)
        return space

    def _check(self, result: Any, id: str) -> None:
        if not isinstance(result, Outcome):
            assert isinstance(result, int | float), (
                f"execute must return an Outcome or a number, but it gave {result!r}"
            )
            assert math.isfinite(result), f"a score is a finite number, but it is {result}"
            return
        assert result.recommendation_id == id, f"the outcome answers {result.recommendation_id!r}, but {id!r} was run"
        assert result.status in (JobStatus.OK, JobStatus.NO_SCORE), f"the job ended as {result.status}: {result.reason}"
        assert all(math.isfinite(v) for v in result.values.values()), (
            f"values are finite numbers, but got {result.values}"
        )
