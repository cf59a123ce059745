"""What a call of the engine gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medl.automl.defs import JobStatus


@dataclass(frozen=True)
class RunResult:
    """How a call of :meth:`medl.automl.engine.Engine.run` ended.

    Attributes:
        status: ``finished``; ``stopped`` (someone asked to); ``interrupted`` (a signal; the same command goes on);
            ``failed`` (the controller broke; the same command goes on once it is mended).
        summary: as in ``summary.json``.
        signal: the signal that interrupted it, if one did.
    """

    status: str
    summary: dict[str, Any]
    signal: int | None = None

    @property
    def exit_code(self) -> int:
        """0 if any job scored, 3 if none did; 130 or 143 after SIGINT or SIGTERM."""
        if self.signal is not None:
            return 128 + self.signal
        return 0 if any(row["status"] == JobStatus.OK for row in self.summary["jobs"]) else 3
