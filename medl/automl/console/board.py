"""What the console shows of a run: its rows and workers, kept up event by event and read from another thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medl.automl.events import Event
from medl.automl.summary import Progress, Rows

_FRESH_S = 0.5
"""Seconds that a summary is good for while nothing happens."""


@dataclass
class WorkerState:
    """One worker.

    Attributes:
        name: W1, W2, …
        gpus: its slots, as they are written.
        job: what it runs, or ``None``.
        since: when it began that, ISO-8601.
        jobs: how many it was given.
        suspended: whether it is given none at present.
    """

    name: str
    gpus: str
    job: str | None = None
    since: str | None = None
    jobs: int = 0
    suspended: bool = False

    @property
    def state(self) -> str:
        """``idle``, ``busy``, ``suspended`` or ``busy, suspended``."""
        words = ["busy"] if self.job is not None else []
        words += ["suspended"] if self.suspended else []
        return ", ".join(words) or "idle"


class Board:
    """The state of a run for people who ask.

    Args:
        rows: of the run; from now on changed by :meth:`take` alone.
        progress: gives running job to how far it is; called from any thread.
    """

    def __init__(self, rows: Rows, progress: Callable[[], Mapping[str, Progress]] = dict):
        self._rows = rows
        self._progress = progress
        self._lock = threading.Lock()
        self._workers: dict[str, WorkerState] = {}
        self._worker_of: dict[str, str] = {}
        self._summary: dict[str, Any] = {}
        self._made = self._cost = 0.0
        self._changed = True

    @property
    def run_id(self) -> str:
        """The name of the run."""
        return self._rows.run_id

    def take(self, event: Event) -> None:
        """Take one more event in."""
        with self._lock:
            self._rows.take(event)
            self._changed = True
            kind = event["type"]
            if kind in ("run_started", "run_resumed"):
                self._begin(event["workers"])
            elif kind == "job_started":
                worker = self._workers.setdefault(event["worker"], WorkerState(event["worker"], ""))
                worker.job, worker.since = event["job"], event["time"]
                worker.jobs += event["attempt"] == 1
                self._worker_of[event["job"]] = worker.name
            elif kind in ("job_ended", "job_interrupted"):
                if (ended := self._workers.get(self._worker_of.get(event["job"], ""))) is not None:
                    ended.job = ended.since = None
            elif kind in ("worker_suspended", "worker_resumed") and event["worker"] in self._workers:
                self._workers[event["worker"]].suspended = kind == "worker_suspended"

    def _begin(self, workers: Sequence[Any]) -> None:
        before, self._workers = self._workers, {}
        for worker in workers:
            name, slots = (worker, ()) if isinstance(worker, str) else (worker["name"], worker.get("slots", ()))
            old = before.get(name, WorkerState(name, ""))
            gpus = ",".join(map(str, slots))
            self._workers[name] = WorkerState(name, gpus, jobs=old.jobs, suspended=old.suspended)

    def workers(self) -> list[WorkerState]:
        """Return the workers as they are now, copies of them."""
        with self._lock:
            return [WorkerState(**vars(worker)) for worker in self._workers.values()]

    def summary(self) -> dict[str, Any]:
        """Return the summary, as good as new; nobody changes it.

        Of a run of thousands of jobs it is made less often, so that a stream of requests takes a tenth of the time at
        most.
        """
        with self._lock:
            begun = time.monotonic()
            age = begun - self._made
            if not self._summary or ((age > _FRESH_S or self._changed) and age > 10 * self._cost):
                self._summary = self._rows.value(dict(self._progress()))
                self._changed = False
                self._made = time.monotonic()
                self._cost = self._made - begun
            return self._summary
