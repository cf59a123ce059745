"""The processes that train one model together, and what they say to each other, whichever launcher started them.

Both kinds are reached through ``ignite.distributed``, which MONAI's own metrics and handlers use as well.
"""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch

from medl.errors import ConfigError, Problem
from medl.horovod import INSTALL, horovod_fault
from medl.train.launched import Launched, launched


@dataclass(frozen=True)
class Ranks:
    """This process's place among those that train together.

    Every method but :attr:`writes` is called by all ranks in the same order, or they wait for each other for ever.

    Attributes:
        rank: this process, from 0; rank 0 writes the files.
        size: how many there are.
        local_rank: this process among those of its machine; the index of its GPU.
        backend: how gradients are averaged: by Horovod's optimizer or by torch's DistributedDataParallel.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    backend: Literal["none", "horovod", "ddp"] = "none"

    @property
    def writes(self) -> bool:
        """Whether this process writes checkpoints, metrics and conclusions."""
        return self.rank == 0

    def barrier(self) -> None:
        """Return when every rank has come here; at once for one."""
        if self.size > 1:
            import ignite.distributed as idist

            idist.barrier()

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the mean over the ranks of each value, in one exchange; all give the same names in one order."""
        names = list(values)
        total = self.sum(torch.tensor([values[name] for name in names], dtype=torch.float64))
        return dict(zip(names, (total / self.size).tolist(), strict=True))

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the sum of the ranks' tensors, all of one shape and type, as a new tensor."""
        if self.size == 1:
            return tensor.clone()
        import ignite.distributed as idist

        total = idist.all_reduce(tensor.clone())
        assert isinstance(total, torch.Tensor)
        return total

    def gather(self, value: Any) -> list[Any]:
        """Return every rank's value, in the order of the ranks.

        Args:
            value: anything that can be pickled; tensors on the CPU.
        """
        if self.size == 1:
            return [value]
        if self.backend == "horovod":
            import horovod.torch as hvd

            return list(hvd.allgather_object(value, name="gather"))
        values: list[Any] = [None] * self.size
        torch.distributed.all_gather_object(values, value)
        return values

    def from_first(self, value: Any) -> Any:
        """Return rank 0's value on every rank.

        Args:
            value: anything that can be pickled; tensors on the CPU. Rank 0's alone counts.
        """
        if self.size == 1:
            return value
        if self.backend == "horovod":
            import horovod.torch as hvd

            # a name: Horovod would take the value's type for it, which differs between the ranks
            return hvd.broadcast_object(value, root_rank=0, name="from_first")
        values = [value if self.rank == 0 else None]
        torch.distributed.broadcast_object_list(values, src=0)
        return values[0]


def start_ranks(*, use_gpu: bool = True) -> Ranks:
    """Return the place of this process, from what its launcher says, connected with the others.

    Args:
        use_gpu: whether the ranks compute on GPUs where there are any.

    Raises:
        ConfigError: there is no Horovod, or not the one for this torch; or there are fewer GPUs than ranks.
    """
    place = launched()
    if place.size == 1:
        return Ranks()
    gpus = torch.cuda.device_count() if use_gpu and torch.cuda.is_available() else 0
    if 0 < gpus < place.local_size:
        raise ConfigError(
            Problem(
                rule="each rank has a GPU of its own",
                path="use_gpu",
                value=f"{place.local_size} ranks, {gpus} GPU{'s' * (gpus > 1)} visible",
                remedy="Start fewer ranks, show more GPUs through CUDA_VISIBLE_DEVICES, or set use_gpu=false.",
            )
        )
    if place.launcher == "horovodrun":
        _start_horovod(place)
    else:
        _start_ddp(gpus > 0)
    if gpus:
        torch.cuda.set_device(place.local_rank)
    backend: Literal["horovod", "ddp"] = "horovod" if place.launcher == "horovodrun" else "ddp"
    return Ranks(place.rank, place.size, place.local_rank, backend)


def _start_horovod(place: Launched) -> None:
    fault = horovod_fault()
    if fault is not None:
        raise ConfigError(
            Problem(
                rule="several ranks train through Horovod",
                file="environment",
                path="HOROVOD_SIZE",
                value=fault,
                remedy=f"Build it for this torch with {INSTALL}.",
            )
        )
    import horovod.torch as hvd
    import ignite.distributed as idist

    hvd.init()
    idist.sync()  # ignite takes the connection over: its metrics and MONAI's reduce through it
    assert hvd.size() == place.size


def _start_ddp(gpus: bool) -> None:
    import ignite.distributed as idist

    idist.initialize("nccl" if gpus else "gloo")
    atexit.register(_leave_ddp)


def _leave_ddp() -> None:
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
