"""Which data each rank takes: parted before anything is cached, so that each rank caches its own part only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch.utils.data import IterableDataset, Subset

from medl.conf.ranks import per_rank, too_few, uneven
from medl.errors import ConfigError, Problem
from medl.train.distributed import Ranks


def own_indices(count: int, ranks: Ranks, section: str) -> list[int]:
    """Return which of ``count`` items this rank takes: every ``size``-th one.

    So the ranks' batches together hold the items that the one batch of a single process would hold.

    Training: all ranks get as many, and so make as many steps; where ``count`` does not divide, the first items are
    taken once more. Validation: no item is taken twice, for each counts once in the score.

    Args:
        count: how many items there are; at least the number of ranks.
        ranks: this process.
        section: ``train`` or ``validate``.
    """
    indices = list(range(ranks.rank, count, ranks.size))
    over = count % ranks.size
    if section == "train" and over and ranks.rank >= over:
        indices.append(ranks.rank - over)
    return indices


def own_part(items: Sequence[Any], ranks: Ranks, section: str, *, file: str, path: str) -> list[Any]:
    """Return this rank's part of a data list.

    Raises:
        ConfigError: there are more ranks than items.
    """
    if len(items) < ranks.size:
        raise ConfigError(too_few(len(items), ranks.size, file=file, path=path))
    return [items[index] for index in own_indices(len(items), ranks, section)]


def own_dataset(dataset: Any, ranks: Ranks, section: str, *, file: str, path: str) -> Any:
    """Return this rank's part of a dataset that found its items itself.

    Raises:
        ConfigError: it cannot be parted, or has fewer items than there are ranks.
    """
    if isinstance(dataset, IterableDataset) or not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise ConfigError(
            Problem(
                rule="several ranks share a dataset that has a length and gives items by their place",
                file=file,
                path=path,
                value=type(dataset).__name__,
                remedy="Give the dataset a data list (data_list_key), or train in one process.",
            )
        )
    if len(dataset) < ranks.size:
        raise ConfigError(too_few(len(dataset), ranks.size, file=file, path=path))
    return Subset(dataset, own_indices(len(dataset), ranks, section))


def own_batch(batch_size: Any, ranks: Ranks, variables: Mapping[str, Any], *, file: str, path: str) -> Any:
    """Return this rank's share of the training's batch size.

    Args:
        batch_size: the config's; anything but a whole number is left as it is.
        ranks: this process.
        variables: the resolved first-level values.
        file: the config's name.
        path: the place of the batch size in it.

    Raises:
        ConfigError: the batch cannot be shared out evenly.
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or per_rank(variables):
        return batch_size
    if batch_size % ranks.size:
        raise ConfigError(uneven(batch_size, ranks.size, file=file, path=path))
    return batch_size // ranks.size
