"""Jobs and runs that take longer than they may: ended gently first, hard a while later."""

from __future__ import annotations

import time
from collections.abc import Callable

from medl.automl.crew import Crew
from medl.automl.run_limits import RunLimits

SHARE = 0.1
"""Of a limit, what a gentle end may take on top of it; never less than the patience of a stop."""


class TimeLimits:
    """Watches how long jobs, and the run, have taken.

    Args:
        limits: how long they may.
        crew: whose jobs are ended.
        say: takes each line for the person who watches.
        patience_s: seconds that a gentle end gets at least.
        clock: seconds that only grow, whatever happens to the machine's time.

    Attributes:
        ended: jobs that were ended hard.
        run_is_over: why the run has to end, empty where it may go on.
    """

    def __init__(
        self,
        limits: RunLimits,
        crew: Crew,
        say: Callable[[str], None],
        patience_s: float,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._limits, self._crew, self._say, self._patience_s, self._clock = limits, crew, say, patience_s, clock
        self._began: float | None = None
        self._jobs: dict[str, float] = {}
        self._asked: set[str] = set()
        self._all_ended = False
        self.ended: set[str] = set()
        self.run_is_over = ""

    def begin(self, job: str) -> None:
        """An attempt of a job starts."""
        self._jobs[job] = self._clock()
        self._asked.discard(job)
        self.ended.discard(job)

    def look(self) -> None:
        """End what has taken too long; the run's time begins with the first look."""
        now = self._clock()
        self._began = now if self._began is None else self._began
        most = self._limits.max_job_run_time
        for job in list(self._crew.orders) if most is not None else ():
            assert most is not None
            taken = now - self._jobs.get(job, now)
            if taken > most and job not in self._asked:
                self._asked.add(job)
                if self._crew.stop_early(job):
                    self._say(f"{job} has run for {most:g} s (max_job_run_time): it ends with its epoch")
            if taken > most + self._grace(most) and job not in self.ended:
                self.ended.add(job)
                self._say(f"{job} has not ended with its epoch: it is ended now")
                self._crew.abort_job(job)
        self._look_at_run(now - self._began)

    def reason(self, job: str) -> str:
        """Return why a job was ended hard."""
        most = self._limits.max_job_run_time or 0.0
        return f"it had run for max_job_run_time ({most:g} s) and did not end with its epoch in {self._grace(most):g} s"

    def _grace(self, limit: float) -> float:
        return max(self._patience_s, SHARE * limit)

    def _look_at_run(self, taken: float) -> None:
        most = self._limits.max_sys_run_time
        if most is None or taken <= most:
            return
        if not self.run_is_over:
            self.run_is_over = f"max_sys_run_time: it has run for {most:g} s"
        for job in list(self._crew.orders):
            self._crew.stop_early(job)
        if taken > most + self._grace(most) and self._crew.orders and not self._all_ended:
            self._all_ended = True
            self._say("the running jobs have not ended with their epochs: they are ended now")
            self._crew.abort()
