"""Jobs and runs that take too long, by a clock of the test's own."""

from __future__ import annotations

from medl.automl.run_limits import RunLimits, read_limits
from medl.automl.time_limits import TimeLimits


class Crew:
    def __init__(self, *jobs):
        self.orders, self.calls = dict.fromkeys(jobs), []

    def stop_early(self, job):
        self.calls.append(("gently", job))
        return True

    def abort_job(self, job):
        self.calls.append(("hard", job))

    def abort(self):
        self.calls.append(("hard", "all"))


def test_a_job_ends_gently_then_hard():
    now, crew, said = [0.0], Crew("a"), []
    times = TimeLimits(RunLimits(max_job_run_time=1000), crew, said.append, 30, lambda: now[0])
    times.begin("a")
    for now[0] in (999, 1001, 1050, 1099):
        times.look()
    assert crew.calls == [("gently", "a")]
    for now[0] in (1101, 1102):
        times.look()
    assert crew.calls == [("gently", "a"), ("hard", "a")]
    assert times.ended == {"a"} and "max_job_run_time (1000 s)" in times.reason("a") and len(said) == 2
    times.begin("a")
    assert not times.ended


def test_a_run_ends_gently_then_hard():
    now, crew, said = [0.0], Crew("a"), []
    times = TimeLimits(RunLimits(max_sys_run_time=10), crew, said.append, 30, lambda: now[0])
    for now[0] in (0, 9):
        times.look()
    assert not times.run_is_over and not crew.calls
    now[0] = 11
    times.look()
    assert "max_sys_run_time" in times.run_is_over and crew.calls == [("gently", "a")]
    for now[0] in (41, 42):
        times.look()
    assert crew.calls.count(("hard", "all")) == 1


def test_limits_of_a_config():
    assert read_limits({}) == RunLimits(2, None, None, False)
    assert read_limits({"max_attempts": 1, "share_gpus": 1, "max_job_run_time": None}) == RunLimits(1, share_gpus=True)
