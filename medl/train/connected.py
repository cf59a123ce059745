"""The objects of a training that several ranks run together, connected with the other ranks' objects."""

from __future__ import annotations

from typing import Any

import torch
from ignite.metrics import Metric

from medl.errors import ConfigError, Problem
from medl.train.distributed import Ranks
from medl.train.gathered_metrics import GatheredMetrics
from medl.train.same_weights import SameWeights


def connect(ranks: Ranks, trainer: Any, evaluator: Any, network: torch.nn.Module, optimizer: Any, *, file: str) -> None:
    """Have all ranks make the same steps from the same weights, with averaged gradients and common metrics.

    Every rank calls it once its objects are built, and waits here for the others.

    Args:
        ranks: this process.
        trainer: MONAI's.
        evaluator: MONAI's, or ``None``.
        network: the network of the config.
        optimizer: the trainer's, as the ranks' backend needs it.
        file: the config's name.

    Raises:
        ConfigError: the ranks cannot make the same number of steps, or what is asked for cannot be had together.
    """
    _same_steps(ranks, trainer, file)
    passes = int(getattr(trainer, "accumulation_steps", 1))
    if ranks.backend == "horovod" and optimizer is not None:
        from medl.train.horovod_optimizer import average_before_scaler

        if passes > 1 and getattr(trainer, "amp", False):
            raise ConfigError(
                Problem(
                    rule="Horovod averages the gradients of mixed precision after each iteration, not after several",
                    file=file,
                    path="train.trainer.args.accumulation_steps",
                    value=passes,
                    remedy="Set accumulation_steps to 1 or amp to false, or choose the launcher torchrun.",
                )
            )
        optimizer.set_backward_passes_per_step(passes)
        average_before_scaler(trainer, optimizer)
    for engine in filter(None, (trainer, evaluator)):
        GatheredMetrics(ranks, metrics_of(engine)).attach(engine)
    SameWeights(ranks, network, optimizer).attach(trainer, evaluator)


def metrics_of(engine: Any) -> list[Any]:
    """Return the metrics that are attached to an engine."""
    found: dict[int, Any] = {}
    for handlers in engine._event_handlers.values():
        for handler, *_ in handlers:
            owner = getattr(handler, "__self__", None)
            if isinstance(owner, Metric):
                found.setdefault(id(owner), owner)
    return list(found.values())


def _same_steps(ranks: Ranks, trainer: Any, file: str) -> None:
    """Set the steps of an epoch to the fewest that a rank can make; ranks that went on alone would wait for ever."""
    lengths = ranks.gather(trainer.state.epoch_length)
    if None in lengths:
        raise ConfigError(
            Problem(
                rule="several ranks need to know how many steps an epoch has",
                file=file,
                path="train.dataloader",
                value="a loader without a length",
                remedy="Use a dataset with a length, give the trainer an epoch_length, or train in one process.",
            )
        )
    trainer.state.epoch_length = min(lengths)
