"""All ranks hold the same network: at the start, and in what its normalization layers remember of their data."""

from __future__ import annotations

from typing import Any

import torch
from ignite.engine import Engine, Events
from torch.nn.modules.batchnorm import _NormBase

from medl.train.distributed import Ranks


class SameWeights:
    """Gives rank 0's weights and optimizer state to all ranks, and every rank the mean of all running statistics.

    The weights when the training is built, and both once more after the handlers that load checkpoints at its start,
    because such a handler may belong to one rank only. The statistics before each validation and at the end of each
    epoch: each rank sees its own data only, and neither the score nor the checkpoint may depend on which.

    Args:
        ranks: this process.
        network: the network.
        optimizer: its optimizer, or ``None``.
    """

    def __init__(self, ranks: Ranks, network: torch.nn.Module, optimizer: Any):
        self.ranks = ranks
        self.network = network
        self.optimizer = optimizer

    def attach(self, trainer: Engine, evaluator: Engine | None) -> None:
        """Listen to a trainer, after the config's handlers, and to the evaluator."""
        share_weights(self.ranks, self.network)
        trainer.add_event_handler(Events.STARTED, self._start)
        if _statistics(self.network):
            trainer.add_event_handler(Events.ITERATION_COMPLETED(every=1), self._end_of_epoch)
            if evaluator is not None:
                evaluator.add_event_handler(Events.STARTED, self._mean)

    def _start(self, engine: Engine) -> None:
        share_weights(self.ranks, self.network)
        if self.optimizer is not None:
            share_optimizer(self.ranks, self.optimizer)

    def _end_of_epoch(self, engine: Engine) -> None:
        length = engine.state.epoch_length
        if length and engine.state.iteration % length == 0:  # before any handler of the epoch's end
            self._mean(engine)

    def _mean(self, engine: Engine) -> None:
        mean_statistics(self.ranks, self.network)


def share_weights(ranks: Ranks, network: torch.nn.Module) -> None:
    """Give rank 0's parameters and buffers to all ranks, bit for bit."""
    if ranks.size == 1:
        return
    tensors = [value for value in network.state_dict().values() if isinstance(value, torch.Tensor)]
    state = ranks.from_first([tensor.detach().cpu() for tensor in tensors] if ranks.rank == 0 else None)
    with torch.no_grad():
        for mine, first in zip(tensors, state, strict=True):
            mine.copy_(first)


def share_optimizer(ranks: Ranks, optimizer: torch.optim.Optimizer) -> None:
    """Give rank 0's optimizer state, such as moments that were loaded, to all ranks.

    Horovod's own function takes a step to make moments that are not there yet, which changes weights and step counts.
    """
    state = optimizer.state_dict() if ranks.rank == 0 and optimizer.state else None
    state = ranks.from_first(_on_cpu(state))
    if state is not None and ranks.rank != 0:
        optimizer.load_state_dict(state)


def mean_statistics(ranks: Ranks, network: torch.nn.Module) -> None:
    """Set what normalization layers keep of their data (running mean and variance) to its mean over the ranks."""
    kept = _statistics(network)
    if ranks.size == 1 or not kept:
        return
    values = torch.cat([tensor.detach().double().reshape(-1).cpu() for tensor in kept])
    parts = ranks.sum(values).div_(ranks.size).split([tensor.numel() for tensor in kept])
    with torch.no_grad():
        for tensor, part in zip(kept, parts, strict=True):
            tensor.copy_(part.reshape(tensor.shape))


def _statistics(network: torch.nn.Module) -> list[torch.Tensor]:
    return [
        tensor
        for module in network.modules()
        if isinstance(module, _NormBase)
        for tensor in (module.running_mean, module.running_var)
        if tensor is not None
    ]


def _on_cpu(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, dict):
        return {key: _on_cpu(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_on_cpu(item) for item in value)
    return value
