"""Room on the disk of a run: what a job needs before it starts, and what is said while there is none."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from medl.automl.events import Event, EventLog
from medl.errors import RunError
from medl.memory import size_text

LEAST = 64_000_000
"""Bytes that have to be free before a job starts, or :data:`LEAST_SHARE` of the disk where that is less."""
LEAST_SHARE = 0.02
TIMES_A_JOB = 2
"""So many times what the largest job so far took has to be free: the job's own, and its copy if it is the best."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
"""What the system says of a disk that will take data again once somebody has made room."""


class DiskWatch:
    """Says whether a job may start, as far as the disk goes.

    Args:
        folder: of the run.
        say: told when there is too little room, and when there is enough again.
        usage: total, used and free bytes of the disk of a folder.
        every_s: seconds between two looks.
        pause_s: seconds in which no job starts after one found no room where there seems to be some.
    """

    def __init__(
        self,
        folder: Path,
        say: Callable[[str], None],
        usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage,
        every_s: float = 1.0,
        pause_s: float = 10.0,
    ):
        self._folder, self._say, self._usage, self._every_s = folder, say, usage, every_s
        self._pause_s = pause_s
        self._pause_until = float("-inf")
        self._largest = 0
        self._looked = float("-inf")
        self._short = False

    def took(self, job: Path) -> None:
        """A job has ended: the next ones may take as much as it did."""
        self._largest = max(self._largest, taken(job))

    def failed(self) -> None:
        """A job found no room: the next look is at once, and where there seems to be room (a quota) a while passes."""
        self._looked = float("-inf")
        if not self.short():
            self._pause_until = time.monotonic() + self._pause_s

    def short(self) -> bool:
        """Return whether there is too little room for another job, and say so when that changes."""
        now = time.monotonic()
        if now < self._pause_until:
            return True
        if now - self._looked < self._every_s:
            return self._short
        self._looked = now
        try:
            total, _, free = self._usage(self._folder)
        except OSError:  # what cannot be measured stops nobody; the job itself will say
            return self._short
        need = max(TIMES_A_JOB * self._largest, min(LEAST, int(LEAST_SHARE * total)))
        short = free < need
        if short and not self._short:
            self._say(
                f"disk: {size_text(free)} are free on the disk of {self._folder}, and a job needs {size_text(need)}: "
                "no job starts until there is room; running ones go on"
            )
        elif self._short and not short:
            self._say(f"disk: there is room again ({size_text(free)}): the run goes on")
        self._short = short
        return short


def free_bytes(folder: Path) -> int | None:
    """Return the bytes that can be written where a folder is, or will be made; ``None`` where that is not known."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), None)
    try:
        return None if there is None else shutil.disk_usage(there).free
    except OSError:
        return None


def taken(folder: Path) -> int:
    """Return the bytes that a folder takes; files with several names count once."""
    seen: set[tuple[int, int]] = set()
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                found = os.lstat(os.path.join(place, name))
            except OSError:  # just gone
                continue
            if (found.st_dev, found.st_ino) not in seen:
                seen.add((found.st_dev, found.st_ino))
                size += found.st_size
    return size


def append_when_room(
    log: EventLog, event: Mapping[str, Any], may_wait: Callable[[], bool], say: Callable[[str], None], every_s: float
) -> Event:
    """Append an event to a log, on a full disk once there is room, and return it as it was written.

    Args:
        log: of the run.
        event: to be written.
        may_wait: whether to wait on; else the error goes up.
        say: told of the wait, and of its end.
        every_s: seconds between two tries.

    Raises:
        RunError: it cannot be written, for another reason or without waiting.
    """
    said = False
    while True:
        try:
            written = log.append(event)
        except RunError as error:
            cause = error.__cause__
            if not (isinstance(cause, OSError) and cause.errno in FULL and may_wait()):
                raise
            if not said:
                said_of_it = str(error).partition(". ")[0]
                say(f"{said_of_it}. Make room: running jobs go on meanwhile, and then the run goes on by itself")
            said = True
            time.sleep(every_s)
        else:
            if said:
                say("the record can be written again: the run goes on")
            return written
