"""A sign of life for whoever waits for a training: the time of a file, renewed as iterations complete."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from ignite.engine import Engine, Events

from medl.mmar.stats import HEARTBEAT_FILE


class Heartbeat:
    """Touches a file after iterations of training and validation, at most once in a while.

    Rank 0 alone does it: where another rank is stuck, rank 0 soon waits for it and the file grows old.

    Args:
        folder: of the checkpoints; the file is ``heartbeat`` in it.
        interval_s: at least this many seconds lie between two touches.
    """

    def __init__(self, folder: Path, interval_s: float = 5.0):
        self.path = folder / HEARTBEAT_FILE
        self.interval_s = interval_s
        self._last = -interval_s

    def attach(self, engine: Engine, evaluator: Engine | None = None) -> None:
        """Listen to a trainer and to its evaluator."""
        for each in filter(None, (engine, evaluator)):
            each.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Touch the file where the last time is long enough ago."""
        now = time.monotonic()
        if now - self._last >= self.interval_s:
            self._last = now
            with contextlib.suppress(OSError):  # a full disk is for those to say who write something that counts
                self.path.touch()


def remove_heartbeat(folder: Path) -> None:
    """Remove the file: a training that has ended, however, shows no sign of life."""
    with contextlib.suppress(OSError):
        (folder / HEARTBEAT_FILE).unlink(missing_ok=True)
