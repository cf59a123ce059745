"""The processes of a search as the kernel shows them: whose child is whose, and which of them are what."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from pathlib import Path

ENGINE, JOB, RANK, ALL = "engine", "job", "rank", "all"
KINDS = (ENGINE, JOB, RANK, ALL)


def descendants(root: int) -> list[int]:
    """Return the ids of all processes below a process, in whatever session they are."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = entry.read_bytes().rpartition(b")")[2].split()
            if fields[0] != b"Z":
                children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _read(pid: int, name: str) -> list[bytes]:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_bytes().split(b"\0")
    return []


def targets(engine: int, kind: str) -> list[list[int]]:
    """Return the groups of processes of which one would be killed; none where there is none at this moment.

    Args:
        engine: the process of the search.
        kind: the engine alone; the command of a job; a rank of Horovod; or all that there is, the engine first.
    """
    below = descendants(engine)
    if kind == ENGINE:
        return [[engine]]
    if kind == ALL:
        return [[engine, *below]]
    if kind == RANK:
        return [[pid] for pid in below if any(word.startswith(b"HOROVOD_RANK=") for word in _read(pid, "environ"))]
    leashes = [pid for pid in below if any(word.endswith(b"leash.py") for word in _read(pid, "cmdline")[:5])]
    parents = {pid: _parent(pid) for pid in below}
    return [[pid] for pid in below if parents[pid] in leashes]


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
    return 0


def kill(pids: Iterable[int]) -> None:
    """Send SIGKILL to all of them."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def marked(word: str) -> list[int]:
    """Return the processes that have this word, ``NAME=VALUE``, in their environment, wherever they came from."""
    own = os.getpid()
    found = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return [pid for pid in found if pid != own and word.encode() in _read(pid, "environ")]
