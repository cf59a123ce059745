"""One job's processes: started on a leash, waited for, stopped as a whole tree, and what their end means."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from medl.automl.rank_end import rank_end
from medl.errors import RunError

GRACE_S = 10.0
"""Seconds between SIGTERM and SIGKILL."""

_LEASH = Path(__file__).with_name("leash.py")
_OUT_OF_MEMORY = re.compile(
    r"out of memory|\bMemoryError\b|can't allocate memory|Cannot allocate memory|std::bad_alloc|oom[- ]kill",
    re.IGNORECASE,
)
_KILLED_RANK = re.compile(r"signal 9\b|SIGKILL")


class JobProcess:
    """A running command and all that it started. Its methods may be called from any thread.

    Attributes:
        pid: the process id of the leash, which leads a session of its own.
    """

    def __init__(self, process: subprocess.Popen[bytes]):
        self._process = process
        self.pid = process.pid
        self._stopped = False

    def poll(self) -> int | None:
        """Return the exit code, minus the signal's number where one ended it, or ``None`` while it runs."""
        return self._process.poll()

    def wait(self, timeout: float | None = None) -> int | None:
        """Return as :meth:`poll` does, after the end or after ``timeout`` seconds, whichever comes first."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout)
        return None

    def stop(self) -> None:
        """End the whole tree: SIGTERM, the grace, SIGKILL. Returns at once; called again it does nothing."""
        if not self._stopped:
            self._stopped = True
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the whole tree by SIGKILL, now. Returns at once."""
        self._stopped = True
        self._signal(signal.SIGHUP)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` or :meth:`kill` was called: then the end says nothing about the command."""
        return self._stopped


def start(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    log: Path | None = None,
    header: str = "",
    grace: float = GRACE_S,
) -> JobProcess:
    """Start a command in a session of its own, on a leash: it ends when the calling thread or process does.

    Args:
        argv: the command; never a shell string.
        env: the whole environment.
        cwd: the folder to run in; this process's own where not given.
        log: takes standard output and error, appended; without it they are this process's own.
        header: first line of the log.
        grace: seconds between SIGTERM and SIGKILL when the tree is stopped.

    Raises:
        OSError: the log cannot be written.
    """
    # -I: nothing of the job's environment (PYTHONPATH with the user's own modules) reaches the leash; -S: no site
    leashed = [sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), str(grace), *argv]
    with contextlib.ExitStack() as stack:
        stream = None
        if log is not None:
            stream = stack.enter_context(log.open("ab"))
            if header:
                stream.write(f"{header}\n".encode())
                stream.flush()
        process = subprocess.Popen(
            leashed,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT if stream is not None else None,
            start_new_session=True,
        )
    return JobProcess(process)


def describe_end(returncode: int, log: Path | None = None) -> str:
    """Return why a command ended, in one line: its exit code or signal, what that probably means, its last words.

    >>> describe_end(-9)
    'signal 9: killed, probably out of memory'
    >>> describe_end(3)
    'exit code 3'
    """
    tail = _tail(log)
    last = next((line.strip() for line in reversed(tail.splitlines()) if line.strip()), "")
    if returncode < 0:
        number = -returncode
        if number == signal.SIGKILL:
            return "signal 9: killed, probably out of memory"
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = "unknown"
        reason = f"signal {number} ({name})"
    else:
        reason = f"exit code {returncode}"
        if returncode == 128 + signal.SIGKILL:
            return f"{reason}: killed, probably out of memory"
        if (end := rank_end(tail)) is not None:
            last = end.said
            reason = f"rank {end.rank} ended with exit code {end.code}"
            if end.signal == signal.SIGKILL:
                return f"{reason}: killed, probably out of memory"
        elif _KILLED_RANK.search(tail):
            reason += ": one of its processes was killed, probably out of memory"
    if _OUT_OF_MEMORY.search(tail):
        reason += ": out of memory"
    elif "No space left on device" in tail:
        reason += ": the disk is full"
    return f"{reason}: {last[:300]}" if last and returncode else reason


def _tail(log: Path | None, size: int = 8192) -> str:
    if log is None:
        return ""
    try:
        with log.open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - size))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""


def leashed_under(root: Path) -> list[int]:
    """Return the ids of processes on a leash whose command names a path below ``root``."""
    found = []
    below = str(root.resolve()) + os.sep
    names = {below, str(root) + os.sep}
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        if str(_LEASH) in words[:5] and any(name in word for word in words for name in names):
            found.append(int(entry.parent.name))
    return found


def await_leashes(root: Path, timeout: float = 15.0) -> None:
    """Wait until no job of an engine that was killed works below ``root`` any more.

    The kernel tells their leashes at once; this covers the moments that they take, so that two attempts never write
    into one folder.

    Raises:
        RunError: one is still there after ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    while left := leashed_under(root):
        if time.monotonic() > deadline:
            numbers = ", ".join(map(str, left))
            raise RunError(f"jobs of an earlier engine still run below {root} (process ids {numbers}). End them first.")
        time.sleep(0.05)
