"""Notices a job that runs and gets nowhere: a stuck rank keeps the others waiting for ever, and no launcher tells."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path


class Watchdog:
    """Tells for how long none of a job's files has changed.

    Times are compared with the file's own last time, not with this machine's clock, which another host may not share.

    Args:
        paths: the files that show progress; they may be absent, or come and go.
        timeout_s: after this many seconds without a change the job is stalled.
        clock: seconds that only grow.
    """

    def __init__(self, paths: Sequence[Path], timeout_s: float, clock: Callable[[], float] = time.monotonic):
        self.paths = tuple(paths)
        self.timeout_s = timeout_s
        self._clock = clock
        self._seen = self._look()
        self._since = clock()

    def stalled(self) -> bool:
        """Look at the files; return whether the last change is longer ago than allowed."""
        now, seen = self._clock(), self._look()
        if seen != self._seen:
            self._seen, self._since = seen, now
        return now - self._since > self.timeout_s

    def _look(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(_time_and_size(path) for path in self.paths)


def _time_and_size(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
