"""The validations of running jobs, each found once, for stopping rule and controller to judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from medl.automl.defs import Context
from medl.automl.summary import read_reports
from medl.automl.worker import Order
from medl.mmar.run_folder import RunFolder
from medl.mmar.stats import METRICS_FILE


@dataclass(frozen=True)
class Report:
    """One validation of a job.

    Attributes:
        job: its name.
        attempt: which of its attempts.
        epoch: that was validated (1-based).
        values: metric name to value, as logged.
        ctx: the job's context.
    """

    job: str
    attempt: int
    epoch: int
    values: Mapping[str, float]
    ctx: Context


class Reporting:
    """Looks into the folders of running jobs.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: RunFolder):
        self._folder = folder
        self._found: dict[str, int] = {}
        self._left: dict[str, tuple[int, int, int] | None] = {}

    def begin(self, job: str) -> None:
        """An attempt is about to start: what lies there now is of the one before, until something else lies there."""
        self._found.pop(job, None)
        self._left[job] = self._state(job)

    def _state(self, job: str) -> tuple[int, int, int] | None:
        try:
            found = (self._folder.job(job).models / METRICS_FILE).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def look(self, order: Order) -> list[Report]:
        """Return the validations that a running job's attempt has come to since the last look, in their order."""
        state = self._state(order.job)
        if state is None or state == self._left.get(order.job):
            return []
        latest = self._found.get(order.job, 0)
        fresh = [
            Report(order.job, order.attempt, epoch, values, order.ctx)
            for epoch, values in read_reports(self._folder.job(order.job).models)
            if epoch > latest
        ]
        if fresh:
            self._found[order.job] = fresh[-1].epoch
        return fresh
