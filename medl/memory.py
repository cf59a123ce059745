"""The RAM that this machine leaves to one job. Imports nothing heavy."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

JOBS = "MEDL_JOBS"
"""The environment variable with the number of jobs that a search runs at the same time."""
_JOB = re.compile(rb"medl\.apps\.(?:train|evaluate)\0|/medl\0(?:train|evaluate)\0")
"""A training or an evaluation among the words that started a process."""
_UNITS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Room:
    """RAM and those who share it.

    Attributes:
        free: bytes that could be taken without swapping, those of files that Linux keeps at hand included.
        jobs: trainings and evaluations on this machine, this one included.
        ranks: processes of this job on this machine.
    """

    free: int
    jobs: int = 1
    ranks: int = 1

    @property
    def share(self) -> int:
        """Bytes for one process of one job."""
        return self.free // (max(1, self.jobs) * max(1, self.ranks))

    def __str__(self) -> str:
        over = [f"{self.jobs} jobs"] if self.jobs > 1 else []
        over += [f"{self.ranks} ranks"] if self.ranks > 1 else []
        return f"{size_text(self.free)} free" + (f" over {' of '.join(over)}" if over else "")


def room(ranks: int = 1, environ: Mapping[str, str] = os.environ, root: Path = Path("/")) -> Room | None:
    """Return the RAM that is free now; ``None`` where the system does not say.

    Args:
        ranks: processes of this job on this machine.
        environ: the environment.
        root: where /proc and /sys are looked for.
    """
    free = free_ram(root)
    return None if free is None else Room(free, jobs(environ, root), ranks)


def free_ram(root: Path = Path("/")) -> int | None:
    """Return the bytes that this process can still take: of the machine, and of every cgroup that it is in.

    A file cache counts as free, since Linux gives it up. ``None`` where there is no /proc.
    """
    try:
        text = (root / "proc/meminfo").read_text()
    except OSError:
        return None
    found = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    if found is None:
        return None
    return max(0, min([int(found[1]) * 1024, *_cgroups_free(root)]))


def _cgroups_free(root: Path) -> Iterator[int]:
    """Give what the memory limit of each cgroup above this process leaves, version 2 and 1."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            top = root / "sys/fs/cgroup" / controllers
            limit, used, cache = (
                ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
                if controllers
                else ("memory.max", "memory.current", "inactive_file")
            )
            names = [name for name in path.split("/") if name]
            # in a container its own cgroup is often mounted at the top, whatever its path outside
            for depth in range(len(names) + 1):
                folder = top.joinpath(*names[:depth])
                try:
                    most, now = int((folder / limit).read_text()), int((folder / used).read_text())
                    stat = (folder / "memory.stat").read_text()
                except (OSError, ValueError):  # no such folder, or no limit ("max")
                    continue
                given_up = re.search(rf"^{cache} (\d+)", stat, re.MULTILINE)
                yield most - now + (int(given_up[1]) if given_up else 0)


def jobs(environ: Mapping[str, str] = os.environ, root: Path = Path("/")) -> int:
    """Return how many jobs share this machine: what the search says that runs this one, else what is running.

    A launcher, its ranks and the processes of a data loader are one job.
    """
    text = environ.get(JOBS, "")
    if text.isdecimal() and int(text) > 0:
        return int(text)
    parents: dict[int, int] = {}
    for folder in (root / "proc").glob("[0-9]*"):
        try:
            if _JOB.search((folder / "cmdline").read_bytes()):
                # the name, in brackets, may hold anything
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):  # it has ended
            continue
    return max(1, sum(parent not in parents for parent in parents.values()))


def size_text(size: float) -> str:
    """Return bytes in the unit that fits, in powers of 1000.

    >>> size_text(1_234_567), size_text(77e6), size_text(12)
    ('1.2 MB', '77 MB', '12 B')
    """
    unit = 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if size < 9.95 and unit else f"{size:.0f} {_UNITS[unit]}"
