"""Caches of prepared cases, kept to the RAM that is there: measured on their first cases before the rest is loaded."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import CacheDataset, SmartCacheDataset

from medl.memory import Room, size_text
from medl.train.unreadable_image import unreadable_image

SAMPLES = 4
"""Cases that are loaded first and measured; they stay in the cache."""
USABLE = 0.8
"""Part of a job's share of the RAM that caches may take; the rest is for batches, loaders and the network."""

WAIT_S = 30.0
"""Longest time that is waited for cases being loaded where another one failed."""


def capped(
    cls: Any,
    args: Mapping[str, Any],
    name: str,
    room: Callable[[], Room | None],
    say: Callable[[str], None],
    agree: Callable[[int], int] = int,
) -> Any:
    """Return a dataset whose cache holds no more cases than there is room for; others are loaded when they are needed.

    No case is loaded twice: the cache is filled with its first cases, these are measured, and then the number of the
    others is decided. A dataset that keeps no cache in memory is made as it is.

    Args:
        cls: the dataset's class.
        args: what it is made from.
        name: what the cache is called in the line that says its size.
        room: tells the RAM that is free.
        say: told the size of the cache in one line.
        agree: gives the smallest of all ranks' numbers, for datasets that are as long as their cache.
    """
    if not (isinstance(cls, type) and issubclass(cls, CacheDataset)):
        return cls(**args)

    measured = _Measured(cls, name, room, say, agree)
    ways = {
        "set_data": lambda dataset, data: measured.set_data(dataset, data),
        "_fill_cache": lambda dataset, indices=None: measured.fill(dataset, indices),
    }
    made: Any = type(cls.__name__, (cls,), ways)
    dataset = made(**args)
    dataset.__class__ = cls  # so that it can be pickled, and is what the config names
    return dataset


class _Measured:
    """What a CacheDataset does differently while it is made; the arguments are those of :func:`capped`."""

    def __init__(
        self,
        cls: Any,
        name: str,
        room: Callable[[], Room | None],
        say: Callable[[str], None],
        agree: Callable[[int], int],
    ):
        self.cls, self.name, self.room, self.say, self.agree = cls, name, room, say, agree

    def most(self, samples: Sequence[Any], loaded: int, wanted: int, *, is_all: bool) -> int:
        """Return how many of the wanted cases fit, and say it.

        Args:
            samples: the first cases of the cache.
            loaded: how many of them are in memory already, and so not in the RAM that is free.
            wanted: number of cases that the config caches.
            is_all: whether the dataset gives nothing but what it has cached.
        """
        each = sum(map(bytes_of, samples)) / max(1, len(samples))
        room = self.room()
        if room is None:
            return wanted
        fit = wanted if each == 0 else loaded + int(USABLE * room.share / each)
        many = min(wanted, max(1, fit)) if is_all else min(wanted, fit)
        if is_all:
            many = self.agree(many)
        others = "an epoch has no more" if is_all else "the others are loaded when needed"
        kept = "all cached" if many == wanted else f"capped to {many} of {wanted} items, {others}"
        whole = f"{wanted} items of {size_text(each)} = {size_text(each * wanted)}"
        self.say(f"{self.name}: {whole}; {room}: {kept}")
        return many

    def set_data(self, dataset: Any, data: Sequence[Any]) -> None:
        """Give a dataset its data; a cache that is filled while it trains is measured on one case."""
        wanted = min(int(dataset.set_num), int(len(data) * dataset.set_rate), len(data))
        if dataset.runtime_cache not in (False, None) and wanted > 0:
            dataset.data = data
            dataset.set_num = self.most([dataset._load_cache_item(0)], 0, wanted, is_all=False)
        self.cls.set_data(dataset, data)

    def fill(self, dataset: Any, indices: Sequence[int] | None = None) -> list[Any]:
        """Return the cached cases."""
        wanted = list(range(dataset.cache_num)) if indices is None else list(indices)
        if not wanted:
            return []
        progress, dataset.progress = dataset.progress, False
        first = self._loaded(dataset, wanted[:SAMPLES])
        dataset.progress = progress
        is_all = isinstance(dataset, SmartCacheDataset)
        many = self.most(first, len(first), len(wanted), is_all=is_all)
        if many < len(wanted):
            dataset.cache_num = dataset.set_num = many
            dataset._hash_keys = dataset._hash_keys[:many]
        rest = wanted[len(first) : many]
        return [*first[:many], *(self._loaded(dataset, rest) if rest else [])]

    def _loaded(self, dataset: Any, indices: Sequence[int]) -> list[Any]:
        """Return cases that MONAI loads in a pool of threads.

        The pool does not wait for its threads where one fails. A thread that is inside torch when Python ends would
        abort the process, and with that change its exit code.

        Raises:
            ConfigError: an image cannot be loaded.
        """
        before = set(threading.enumerate())
        try:
            return list(self.cls._fill_cache(dataset, indices))
        except BaseException as error:
            until = time.monotonic() + WAIT_S
            for thread in set(threading.enumerate()) - before:
                thread.join(max(0.0, until - time.monotonic()))
            chain = (error, error.__cause__, error.__context__)
            if unreadable := unreadable_image([one for one in chain if one is not None]):
                raise unreadable from error
            raise


def bytes_of(value: Any) -> int:
    """Return the RAM of the arrays in a prepared case; what lies on a GPU takes none."""
    if isinstance(value, Mapping):
        return sum(map(bytes_of, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(bytes_of, value))
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size() if value.device.type == "cpu" else 0
    return int(value.nbytes) if isinstance(value, np.ndarray) else 0
