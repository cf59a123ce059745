"""The metrics of all ranks' cases, gathered at once and in the order in which one process would have met them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.metrics.metric import Cumulative

from medl.train.distributed import Ranks


class GatheredMetrics:
    """Brings the values of all of an engine's MONAI metrics together, in one exchange per pass over the data.

    Left to themselves they need two exchanges per metric, and they line the ranks' values up one rank after the other:
    sums of floats would then depend on the number of ranks. Where MONAI changes inside, or a metric keeps something
    other than one value per case, that metric gathers as it always did. ignite's own metrics do as well.

    Args:
        ranks: this process.
        metrics: those of the engine, by name.
    """

    def __init__(self, ranks: Ranks, metrics: Iterable[Any]):
        self.ranks = ranks
        # vars: ignite's metrics make up any attribute that they are asked for
        inner = [vars(metric).get("metric_fn") for metric in metrics]
        self.kept = [
            metric
            for metric in inner
            if isinstance(metric, Cumulative) and {"_buffers", "_synced", "_synced_tensors"} <= vars(metric).keys()
        ]

    def attach(self, engine: Engine) -> None:
        """Listen to an engine, after its metrics."""
        if self.ranks.size > 1 and self.kept:
            engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Gather after the last iteration of a pass over the data."""
        length = engine.state.epoch_length
        if not length or engine.state.iteration % length:
            return
        own = [[_plain(buffer) for buffer in metric._buffers] if metric._buffers else None for metric in self.kept]
        everyones = self.ranks.gather(own)
        for index, metric in enumerate(self.kept):
            buffers = [of_rank[index] for of_rank in everyones]
            if any(buffer is None for buffer in buffers):
                continue
            device = metric._buffers[0][0].device
            metric._synced_tensors = [dealt([b.to(device) for b in part]) for part in zip(*buffers, strict=True)]
            metric._synced = True


def _plain(buffer: list[torch.Tensor]) -> torch.Tensor:
    """Return a metric's values as one tensor of torch's own class on the CPU."""
    return torch.stack(list(buffer)).detach().cpu().as_subclass(torch.Tensor)


def dealt(parts: list[torch.Tensor]) -> torch.Tensor:
    """Return the ranks' values in the order of the data list that was dealt out to them one by one.

    >>> dealt([torch.tensor([0, 2, 4]), torch.tensor([1, 3])]).tolist()
    [0, 1, 2, 3, 4]
    """
    order = sorted((place, rank) for rank, part in enumerate(parts) for place in range(len(part)))
    return torch.stack([parts[rank][place] for place, rank in order])
