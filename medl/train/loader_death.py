"""A process of the data loader that the system ended: what it was, and what to do. Imports nothing heavy."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from medl.memory import size_text

_KILLED = re.compile(r"DataLoader worker \(pid (\d+)\) is killed by signal: ([\w ]+)\.")
_GONE = re.compile(r"DataLoader worker \(pid\(s\) ([\d, ]+)\) exited unexpectedly")
_SHARED_FULL = re.compile(r"unable to (?:open|write|allocate|resize|mmap).*shared memory|/torch_\d+.*No space left")
_LESS = (
    "Fewer num_workers of the dataloader, a smaller cache (cache_num of the dataset) or fewer jobs at the same time "
    "need less; else it takes more RAM."
)
_SHARED = (
    "Set num_workers of the dataloader to 0 or to fewer, or give more of it (docker run --shm-size=8g, or --ipc=host)."
)


def loader_death(errors: Iterable[BaseException], shared: str = "/dev/shm") -> str:
    """Return what ended a process of the data loader, with the remedy; an empty text where nothing did.

    Args:
        errors: what was raised and what it came from.
        shared: the folder of the memory that processes share.
    """
    texts = [str(error) for error in errors]
    for text in texts:
        if found := _KILLED.search(text):
            return _ended(found[1], found[2], shared)
    for text in texts:
        if _SHARED_FULL.search(text):
            return f"the memory that the data loader's processes share is full ({_state(shared)}). {_SHARED}"
    for text in texts:
        if found := _GONE.search(text):
            return (
                f"a process of the data loader (pid {found[1]}) ended without a word. If the RAM was full: "
                f"{_LESS[0].lower()}{_LESS[1:]} With num_workers 0 an error in the data shows itself."
            )
    return ""


def _ended(pid: str, signal: str, shared: str) -> str:
    if signal == "Bus error":
        return (
            f"a process of the data loader (pid {pid}) ended with a bus error: the memory that its processes share is "
            f"full ({_state(shared)}). {_SHARED}"
        )
    if signal == "Killed":
        return f"the system killed a process of the data loader (pid {pid}): most likely the RAM was full. {_LESS}"
    if signal == "Terminated":
        return f"a process of the data loader (pid {pid}) was ended from outside (SIGTERM). Start again, or --resume."
    return (
        f"a process of the data loader (pid {pid}) crashed ({signal}), in a library that reads or changes the data. "
        "With num_workers 0 it can be seen where."
    )


def _state(shared: str) -> str:
    try:
        space = os.statvfs(shared)
    except OSError:
        return shared
    return (
        f"{shared}: {size_text(space.f_bavail * space.f_frsize)} of {size_text(space.f_blocks * space.f_frsize)} free"
    )
