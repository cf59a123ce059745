"""One line per job, and a count at the end."""

from __future__ import annotations

import threading
from collections import Counter

from medl.automl.api import Handler
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome


class StatsHandler(Handler):
    """Writes what became of each job to the trace: job, status, score, wall seconds; at the end a count per status.

    It has no arguments. ``traceout`` says where the trace goes: console, file or both.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._seconds = 0.0

    def start_automl(self, ctx: Context) -> None:
        """Count from nothing."""
        with self._lock:
            self._counts.clear()
            self._seconds = 0.0

    def end_job(self, ctx: Context) -> None:
        """Write the job's line."""
        outcome: Outcome | None = ctx.get_prop(ContextKey.OUTCOME)
        status = outcome.status if outcome is not None else ctx.get_prop(ContextKey.JOB_STATUS, JobStatus.FAILED)
        words = [f"job={ctx.get_prop(ContextKey.JOB_NAME)}", f"status={status}"]
        if outcome is not None:
            words += [f"{name}={value:.4f}" for name, value in outcome.values.items()]
            if outcome.cost_s is not None:
                words.append(f"wall_s={outcome.cost_s:.0f}")
            if outcome.reason:
                words.append(f"reason={outcome.reason}")
        with self._lock:
            self._counts[str(status)] += 1
            self._seconds += (outcome.cost_s or 0.0) if outcome is not None else 0.0
        ctx.trace(self, " ".join(words))

    def end_automl(self, ctx: Context) -> None:
        """Write the counts."""
        with self._lock:
            words = [f"{status}={count}" for status, count in sorted(self._counts.items())]
            ctx.trace(self, f"jobs={sum(self._counts.values())} {' '.join(words)} wall_s={self._seconds:.0f}")
