"""A tiny program between the engine and a job, so that no process of a job outlives it or the engine.

``python -I leash.py ENGINE_PID GRACE_S COMMAND [ARG ...]`` runs the command and ends as it ends: with its exit code,
or by the signal that ended it. All that the command starts, in whatever session or group, becomes a child of this
program when its own parent ends (``PR_SET_CHILD_SUBREAPER``), so it can always be found:

* SIGTERM or SIGINT: SIGTERM to the whole tree, GRACE_S later SIGKILL to what is left.
* SIGHUP: SIGKILL to the whole tree at once. The kernel sends it when the engine ends, even by SIGKILL
  (``PR_SET_PDEATHSIG``), because a new engine may take the run up a moment later.
* The command ends: what it left behind is ended in the same way.
* This program is killed by SIGKILL: so is the command.

It imports nothing of medl: it starts in a few milliseconds and stays small. Linux only; elsewhere it runs the command
unwatched.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_WATCHED = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
_CANNOT_RUN = 127


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _descendants(root: int) -> set[int]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()
            if fields[0] != b"Z":
                children.setdefault(int(fields[1]), []).append(int(name))
    found: set[int] = set()
    waiting = [root]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def _send(pids: set[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _reap(command: int, status: int | None) -> int | None:
    """Collect every child that ended; return the command's wait status once it is known."""
    while True:
        try:
            pid, ended = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == 0:
            return status
        if pid == command:
            status = ended


def _clear(command: int, status: int | None, grace: float) -> int | None:
    """End every process below this one: SIGTERM, ``grace`` seconds, SIGKILL until none is left."""
    deadline = time.monotonic() + grace
    asked: set[int] = set()
    while True:
        status = _reap(command, status)
        left = _descendants(os.getpid())
        if not left:
            return _reap(command, status)
        if time.monotonic() >= deadline:
            _send(left, signal.SIGKILL)
        else:
            _send(left - asked, signal.SIGTERM)
            asked |= left
        if (more := signal.sigtimedwait(_WATCHED, 0.05)) is not None and more.si_signo == signal.SIGHUP:
            deadline = 0.0


def _run(engine: int, argv: list[str]) -> int:
    """Start the command as a child that dies with this program; return its process id."""
    leash = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != leash:  # it ended before the line above
            os._exit(_CANNOT_RUN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them; a command expects the defaults
            signal.signal(number, signal.SIG_DFL)
        os.execvp(argv[0], argv)
    except OSError as error:
        os.write(2, f"{argv[0]} cannot be run: {error.strerror}\n".encode())
    finally:
        os._exit(_CANNOT_RUN)


def main(arguments: list[str]) -> int:
    """Run a command on the leash; does not return where a signal ended the command."""
    engine, grace, argv = int(arguments[0]), float(arguments[1]), arguments[2:]
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGHUP)
    if os.getppid() != engine:  # it ended before the line above, so no signal will come
        return _CANNOT_RUN
    command = _run(engine, argv)
    status: int | None = None
    while status is None:
        number = signal.sigwait(_WATCHED)
        status = _reap(command, status)
        if number in (signal.SIGTERM, signal.SIGINT):
            status = _clear(command, status, grace)
        elif number == signal.SIGHUP:
            status = _clear(command, status, 0.0)
    _clear(command, status, min(grace, 2.0))
    if os.WIFSIGNALED(status):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the command has left its own core file, if any
        number = os.WTERMSIG(status)
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
        os.kill(os.getpid(), number)
    return os.waitstatus_to_exitcode(status) if status >= 0 else _CANNOT_RUN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
