"""StatsHandler: a line per job and the counts."""

from __future__ import annotations

import pytest

from medl.automl.defs import Context, ContextKey, JobStatus, Outcome
from medl.components.handlers.stats_handler import StatsHandler
from medl.testing.handlers import HandlerContract


def test_it_traces_each_job_and_the_counts(tmp_path):
    ctx = Context()
    ctx.set_trace("file", tmp_path / "trace.txt")
    handler = StatsHandler()
    handler.start_automl(ctx)
    for name, outcome in (
        ("W1_1_J1", Outcome("T1", JobStatus.OK, {"dice": 0.51234}, cost_s=12.0)),
        ("W2_1_J2", Outcome("T2", JobStatus.FAILED, cost_s=3.0, reason="exit code 1")),
    ):
        job = Context(ctx)
        job.set_prop(ContextKey.JOB_NAME, name)
        job.set_prop(ContextKey.OUTCOME, outcome)
        handler.end_job(job)
    handler.end_automl(ctx)
    lines = (tmp_path / "trace.txt").read_text().splitlines()
    assert lines == [
        "StatsHandler: job=W1_1_J1 status=ok dice=0.5123 wall_s=12",
        "StatsHandler: job=W2_1_J2 status=failed wall_s=3 reason=exit code 1",
        "StatsHandler: jobs=2 failed=1 ok=1 wall_s=15",
    ]


def test_a_job_without_an_outcome_is_counted_too(tmp_path):
    ctx = Context()
    ctx.set_trace("file", tmp_path / "trace.txt")
    handler = StatsHandler()
    job = Context(ctx)
    job.set_prop(ContextKey.JOB_NAME, "W1_1_J1")
    job.set_prop(ContextKey.JOB_STATUS, JobStatus.INTERRUPTED)
    handler.end_job(job)
    assert "job=W1_1_J1 status=interrupted" in (tmp_path / "trace.txt").read_text()


class TestContract(HandlerContract):
    @pytest.fixture
    def handler(self):
        return StatsHandler()
