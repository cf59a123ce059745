"""What a launcher (horovodrun, torchrun) told this process about its place. Imports nothing heavy."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Literal

from medl.horovod import HOST_GPUS


@dataclass(frozen=True)
class Launched:
    """This process's place among those that train together, all of them started by one launcher.

    Attributes:
        launcher: ``python`` where there is none, or where it started one process only.
        rank: this process, from 0.
        size: how many there are.
        local_rank: this process among those of its machine.
        local_size: how many are on its machine.
    """

    launcher: Literal["python", "horovodrun", "torchrun"] = "python"
    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1


def launched(environ: Mapping[str, str] = os.environ) -> Launched:
    """Return what the environment says; a single process needs no launcher, whoever started it."""
    if (size := _number(environ, "HOROVOD_SIZE", 1)) > 1 and "HOROVOD_RANK" in environ:
        return Launched(
            "horovodrun",
            _number(environ, "HOROVOD_RANK", 0),
            size,
            _number(environ, "HOROVOD_LOCAL_RANK", 0),
            _number(environ, "HOROVOD_LOCAL_SIZE", 1),
        )
    if (size := _number(environ, "WORLD_SIZE", 1)) > 1 and "MASTER_ADDR" in environ:
        return Launched(
            "torchrun",
            _number(environ, "RANK", 0),
            size,
            _number(environ, "LOCAL_RANK", 0),
            _number(environ, "LOCAL_WORLD_SIZE", 1),
        )
    return Launched()


def choose_host_gpus(environ: MutableMapping[str, str] = os.environ) -> None:
    """Set CUDA_VISIBLE_DEVICES to this host's share of :data:`HOST_GPUS`; call it before torch is imported."""
    for part in environ.get(HOST_GPUS, "").split("+"):
        host, _, ids = part.partition("/")
        if host and host == environ.get("HOROVOD_HOSTNAME"):
            environ["CUDA_VISIBLE_DEVICES"] = ids


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "")
    return int(text) if text.isdecimal() else default
