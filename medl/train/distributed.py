"""The processes that train one model together, and what they say to each other. One process today."""

from __future__ import annotations

import os
from dataclasses import dataclass

from medl.errors import ConfigError, Problem


@dataclass(frozen=True)
class Ranks:
    """This process's place among those that train together.

    Attributes:
        rank: this process, from 0; rank 0 writes the files.
        size: how many there are.
        local_rank: this process among those of its machine; the index of its GPU.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def writes(self) -> bool:
        """Whether this process writes checkpoints, metrics and conclusions."""
        return self.rank == 0

    def barrier(self) -> None:
        """Return when every rank has come here; at once for one."""

    def mean(self, value: float) -> float:
        """Return the mean of ``value`` over the ranks; for one rank the value itself."""
        return value


def start_ranks() -> Ranks:
    """Return the place of this process, from what its launcher says.

    Raises:
        ConfigError: a launcher started several processes; the spine of this version trains in one.
    """
    for name in ("HOROVOD_SIZE", "WORLD_SIZE"):
        size = os.environ.get(name, "")
        if size.isdecimal() and int(size) > 1:
            raise ConfigError(
                Problem(
                    rule="a training runs in one process",
                    file="environment",
                    path=name,
                    value=int(size),
                    remedy="Start it without a launcher, and give each worker one GPU (workers=0:1, not workers=0,1).",
                )
            )
    return Ranks()
