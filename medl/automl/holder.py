"""Who holds something: a process of one boot of one machine, told apart from another one with the same number."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Holder:
    """A process.

    Attributes:
        pid: its number.
        host: name of its machine.
        boot: the kernel's id of this boot; empty where it gives none.
        started: when the process started, in ticks since the boot; a number that comes again has another one.
        pids: the space of process numbers that it lives in (a container has its own).
    """

    pid: int
    host: str
    boot: str = ""
    started: int = 0
    pids: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"

    def to_bytes(self) -> bytes:
        """Return the holder as a file holds it: one line of JSON."""
        return (json.dumps(asdict(self)) + "\n").encode()

    @property
    def lives(self) -> bool | None:
        """Whether the process runs; ``None`` where that cannot be known from here: another machine, a container."""
        me = this_process()
        if self.host == me.host and self.boot != me.boot:
            return False  # the machine was started again since
        if (self.host, self.boot, self.pids) != (me.host, me.boot, me.pids):
            return None
        return self.started == started(self.pid)


def this_process() -> Holder:
    """Return this process."""
    pid = os.getpid()
    return Holder(pid, socket.gethostname(), _boot(), started(pid) or 0, _pids())


def read_holder(text: bytes) -> Holder | None:
    """Return the holder that a file names, ``None`` where it names none."""
    try:
        value = json.loads(text)
        found = Holder(int(value["pid"]), str(value["host"]), str(value["boot"]), int(value["started"]), value["pids"])
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found.pids, str) else None


def started(pid: int, root: Path = Path("/")) -> int | None:
    """Return when a process of this machine started, in ticks since the boot; ``None`` where there is none such."""
    try:  # the name, in brackets, may hold anything
        fields = (root / f"proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return None if fields[0] == "Z" else int(fields[19])
    except (OSError, ValueError, IndexError):
        return None


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _pids() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
