"""Who runs jobs: the workers that ``workers=0:1`` on a command line describes."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import Any

from medl.errors import ConfigError, Problem

_FORM = "Write workers=0:1 for two workers with one GPU (or CPU slot) each, workers=0,1:2,3 for two with two each."
_HOSTS = "Several hosts of one worker are written as workers=hostA/0,1+hostB/0,1."
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True)
class WorkerSpec:
    """One worker.

    Attributes:
        name: W1, W2, …
        slots: its GPU ids, or CPU slots where there is no GPU; those of all its hosts, one host after the other.
        hosts: each host's name and ids; empty where the worker has this machine only.
    """

    name: str
    slots: tuple[int, ...]
    hosts: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def gpu_list_string(self) -> str:
        """Return the ids as they are written: ``0,1``, or ``hostA/0,1+hostB/0,1``."""
        if not self.hosts:
            return ",".join(map(str, self.slots))
        return "+".join(f"{host}/{','.join(map(str, slots))}" for host, slots in self.hosts)


def parse_workers(spec: str | int, gpus: int | None = None) -> tuple[WorkerSpec, ...]:
    """Return the workers W1, W2, … of ``0,1:2,3``: workers are parted by ``:``, the ids of one by ``,``.

    Ids may repeat between workers, who then share a GPU. A worker on several hosts joins them by ``+``.

    Args:
        spec: the text; a single id may be an int, as ``--set`` makes it.
        gpus: number of GPUs that may be used; ids beyond are refused. ``None`` or 0: the ids are CPU slots, any number.
            Those of other hosts are not known here.

    Raises:
        ConfigError: with every problem.
    """
    if isinstance(spec, bool) or not isinstance(spec, (str, int)):
        raise ConfigError(_problem('workers is a list such as "0:1"', spec, _FORM))
    problems: list[Problem] = []
    workers = []
    for number, part in enumerate(str(spec).split(":"), start=1):
        if "/" in part or "+" in part:
            hosts = _hosts(number, part, problems)
            workers.append(WorkerSpec(f"W{number}", tuple(slot for _, slots in hosts for slot in slots), hosts))
        else:
            workers.append(WorkerSpec(f"W{number}", _slots(number, part, gpus, problems)))
    if problems:
        raise ConfigError(problems)
    return tuple(workers)


def _hosts(number: int, part: str, problems: list[Problem]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    found: list[tuple[str, tuple[int, ...]]] = []
    for piece in part.split("+"):
        host, slash, ids = (word.strip() for word in piece.partition("/"))
        if not slash or not _HOST.fullmatch(host):
            rule = f"worker {number} has several hosts or a named one, so each is written as host/ids"
            problems.append(_problem(rule, piece, _HOSTS))
            continue
        if host in (name for name, _ in found):
            problems.append(_problem(f"worker {number} names a host twice", host, "Give its ids together."))
        try:
            socket.getaddrinfo(host, None)
        except OSError:
            remedy = "Write a name that this machine knows and that ssh reaches without a password."
            problems.append(_problem(f"the host of worker {number} has to be known", host, remedy))
        found.append((host, _slots(number, ids, None, problems)))
    return tuple(found)


def _slots(number: int, part: str, gpus: int | None, problems: list[Problem]) -> tuple[int, ...]:
    words = [word.strip() for word in part.split(",")]
    if any(not (word.isascii() and word.isdigit()) for word in words):
        problems.append(_problem(f"worker {number} needs ids that are whole numbers from 0", part, _FORM))
        return ()
    slots = tuple(int(word) for word in words)
    if len(set(slots)) < len(slots):
        remedy = "Name each id once per worker; workers may share one, as in 0:0."
        problems.append(_problem(f"worker {number} names an id twice", part, remedy))
    if gpus and (beyond := [slot for slot in slots if slot >= gpus]):
        shown = f"{gpus} GPU{'s' * (gpus > 1)} can be used, with ids 0 to {gpus - 1}"
        problems.append(_problem(shown, beyond[0], "Ids count from 0 within CUDA_VISIBLE_DEVICES where that is set."))
    return slots


def _problem(rule: str, value: Any, remedy: str) -> Problem:
    return Problem(rule=rule, file="--set", path="workers", value=value, remedy=remedy)
