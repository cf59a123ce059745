"""The kinds of ends that a job should not have, how each is recognised, and what happens then. docs/faults.md is it.

An executor that recognises one says so in ``Outcome.info["fault"]``; the engine does the rest.
"""

from __future__ import annotations

import enum
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medl.automl.disk import FULL
from medl.automl.rank_end import rank_end
from medl.errors import ConfigError

MAX_ATTEMPTS = 2
"""Attempts of a job that end by its own fault; after so many it has failed."""

MAX_OUTSIDE = 10
"""Attempts of a job that end by a fault from outside; after so many it has failed all the same."""

FIRST_JOBS = 3
"""Jobs, and at least one of every worker, that end alike before a run is given up."""

TAIL = 8192
"""Bytes at the end of a log that are looked at."""


class Fault(str, enum.Enum):
    """Why a job did not come to its end."""

    CONFIG = "config"
    OUT_OF_MEMORY = "out_of_memory"
    KILLED = "killed"
    CRASH = "crash"
    STALL = "stall"
    NAN = "nan"
    LOST_WORKER = "lost_worker"
    DISK_FULL = "disk_full"
    UNREADABLE_FILE = "unreadable_file"
    TIME_LIMIT = "time_limit"
    REJECTED = "rejected"
    ERROR = "error"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Policy:
    """What happens after a fault.

    Attributes:
        retried: whether the job runs again, as often as is allowed.
        counts: whether it is the job's own fault, so that it counts towards ``max_attempts``.
        alike: whether a run is given up whose first jobs all end so.
    """

    retried: bool = False
    counts: bool = True
    alike: bool = True


POLICIES: Mapping[Fault, Policy] = {
    Fault.CONFIG: Policy(),
    Fault.OUT_OF_MEMORY: Policy(),  # again only where the executor has halved the batch: info["runs_again"]
    Fault.KILLED: Policy(retried=True, counts=False, alike=False),
    Fault.CRASH: Policy(retried=True),
    Fault.STALL: Policy(retried=True),
    Fault.NAN: Policy(alike=False),
    Fault.LOST_WORKER: Policy(retried=True, counts=False, alike=False),
    Fault.DISK_FULL: Policy(retried=True, counts=False, alike=False),
    Fault.UNREADABLE_FILE: Policy(retried=True),
    Fault.TIME_LIMIT: Policy(alike=False),
    Fault.REJECTED: Policy(alike=False),
    Fault.ERROR: Policy(),
}
"""Every kind with its policy; docs/faults.md has the same table, and a test compares them."""

RUNS_AGAIN = "runs_again"
"""Key of ``Outcome.info``: true where the executor has something to change in another attempt."""

_NO_ROOM = re.compile(r"No space left on device|no space is left|Disk quota exceeded|Read-only file system")
_OUT_OF_MEMORY = re.compile(
    r"out of memory|\bMemoryError\b|can't allocate memory|Cannot allocate memory|std::bad_alloc|oom[- ]kill"
    r"|bus error: the memory that its processes share is full",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"out of memory .*(goes on with|puts images)")
_KILLED = re.compile(r"\bsignal 9\b|SIGKILL|the system killed a process of the data loader")
_NAN = re.compile(r"the loss is (nan|-?inf)|the key metric \S+ is (nan|-?inf)", re.IGNORECASE)
_LOST = re.compile(
    r"ssh: |Connection (refused|reset|timed out|closed)|No route to host|Host key verification failed"
    r"|Unable to connect|Network is unreachable|launcher was not able to",
)
_UNREADABLE = re.compile(
    r"ImageFileError|UnidentifiedImageError|FileNotFoundError|No such file or directory|Input/output error"
    r"|cannot be read|[Cc]annot identify image|not a gzipped file|Compressed file ended|CRC check failed|\bBadZipFile\b"
    r"|\bEOFError\b|[Tt]runcated|Expected \d+ bytes, got \d+|Error -\d+ while decompressing|zlib\.error"
    r"|mmap length is greater than file size|cannot find a suitable reader|stale file handle",
    re.IGNORECASE,
)
_DAMAGED = re.compile(
    r"was cut off or damaged|the file has to exist|files do not exist|folder of the data has to exist"
)
"""What a training says, with the exit code of a config error, of data that were there when the search began."""
_STOPPED = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def fault_of(code: int, log: Path | None = None, *, oom_kills: int = 0, hosts: bool = False) -> Fault:
    """Return why a training ended that did not end well.

    Args:
        code: its exit code, minus a signal's number.
        log: what it wrote.
        oom_kills: processes that the kernel ended meanwhile for want of memory, on this machine.
        hosts: whether the job had ranks on other machines.
    """
    tail = log_tail(log)
    end = rank_end(tail)
    number = end.signal if end is not None else -code if code < 0 else code - 128 if 128 < code < 160 else None
    said = _last_words(tail, end.said if end is not None else "")
    if _NO_ROOM.search(said):
        return Fault.DISK_FULL
    if number == signal.SIGKILL or _KILLED.search(said):
        return Fault.OUT_OF_MEMORY if oom_kills or _OUT_OF_MEMORY.search(said) else Fault.KILLED
    if number in _STOPPED:
        return Fault.KILLED
    if _NAN.search(said):
        return Fault.NAN
    if _OUT_OF_MEMORY.search(said):
        return Fault.OUT_OF_MEMORY
    own = end.code if end is not None else code
    if own == 2:
        return Fault.UNREADABLE_FILE if _DAMAGED.search("\n".join(tail.splitlines()[-12:])) else Fault.CONFIG
    if hosts and (own == 255 or _LOST.search(tail)):
        return Fault.LOST_WORKER
    if _UNREADABLE.search(said):
        return Fault.UNREADABLE_FILE
    return Fault.CRASH


def fault_of_error(error: BaseException) -> Fault:
    """Return why a job ended whose executor raised an exception in this process."""
    if isinstance(error, OSError) and error.errno in FULL:
        return Fault.DISK_FULL
    if isinstance(error, MemoryError):
        return Fault.OUT_OF_MEMORY
    return Fault.CONFIG if isinstance(error, ConfigError) else Fault.ERROR


def _last_words(tail: str, said: str) -> str:
    """Return what a training said of its end: its own last line, or where it has none the end of the log."""
    lines = [line for line in tail.splitlines() if line.strip()]
    own = said or next((line for line in reversed(lines[-3:]) if line.startswith("medl: ")), "")
    if own.startswith("medl: ") and not _GOES_ON.search(own):
        return own
    return "\n".join(line for line in [*lines[-40:], said] if not _GOES_ON.search(line))


def log_tail(log: Path | None, size: int = TAIL) -> str:
    """Return the end of a log; empty where there is none."""
    if log is None:
        return ""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, 2) - size))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""


def oom_kills(root: Path = Path("/")) -> int:
    """Return how many processes the kernel has ended for want of memory since it started; 0 where it does not say."""
    try:
        found = re.search(r"^oom_kill (\d+)$", (root / "proc/vmstat").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def fault_in(info: Mapping[str, Any]) -> Fault | None:
    """Return the fault that an outcome's info names, ``None`` where it names none that is known."""
    try:
        return Fault(info.get("fault", ""))
    except ValueError:
        return None


def runs_again(info: Mapping[str, Any], own: int, outside: int, max_attempts: int = MAX_ATTEMPTS) -> bool:
    """Return whether a job gets another attempt.

    Args:
        info: of the outcome of the attempt that failed.
        own: attempts of the job before this one that ended by its own fault.
        outside: attempts before this one that ended by one from outside.
        max_attempts: how many of its own it may have.
    """
    fault = fault_in(info)
    if fault is None:
        return False
    policy = POLICIES[fault]
    if not policy.retried and info.get(RUNS_AGAIN) is not True:
        return False
    return own + 1 < max_attempts if policy.counts else outside + 1 < MAX_OUTSIDE
