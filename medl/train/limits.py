"""Limits of a network's size: measured before any training; one that is broken keeps the network from being trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medl.conf.graph import ObjectGraph
from medl.conf.sections import args_of, enabled
from medl.mmar.stats import SIZES
from medl.train.implicit import Parts, listed_items
from medl.train.network_size import network_size, patch_of

CONSTRAINTS = "constraints"
"""The first-level value: name of a size to its ``max`` and ``min``; with a ``penalty`` it is measured and no more."""


class NotTrained(Exception):
    """The network breaks a limit. No error: it was asked for.

    Attributes:
        measured: name of a size to its value.
    """

    def __init__(self, measured: Mapping[str, float], reason: str):
        super().__init__(reason)
        self.measured = dict(measured)


@dataclass(frozen=True)
class Limit:
    """One of them; the attributes are those of the config."""

    name: str
    max: float | None = None
    min: float | None = None
    hard: bool = True

    def broken(self, measured: float) -> str:
        """Return how a value breaks it, or an empty text."""
        if self.max is not None and measured > self.max:
            return f"{self.name} is {measured:g}, and at most {self.max:g} is allowed"
        if self.min is not None and measured < self.min:
            return f"{self.name} is {measured:g}, and at least {self.min:g} is asked for"
        return ""


def limits_of(parts: Parts) -> list[Limit]:
    """Return the limits of sizes that the config, or environment.json, has; other constraints are for others."""
    given = parts.variables.get(CONSTRAINTS) or parts.config.get(CONSTRAINTS)
    found = given if isinstance(given, Mapping) else {}
    return [
        Limit(name, one.get("max"), one.get("min"), one.get("penalty") is None)
        for name, one in found.items()
        if name in SIZES and isinstance(one, Mapping)
    ]


def measure(parts: Parts, graph: ObjectGraph) -> dict[str, float]:
    """Return the sizes that limits ask for, the same on all ranks; an empty dict where there are none.

    Only the network and the optimizer are built for it, and for a forward pass one case is prepared.

    Args:
        parts: what the objects have in common.
        graph: the config's objects.

    Raises:
        NotTrained: a hard limit is broken.
    """
    limits = limits_of(parts)
    if not limits:
        return {}
    network, optimizer = graph.get("train", "model"), graph.get("train", "optimizer")
    found: dict[str, float] = {}
    if parts.ranks.writes:
        found = network_size([one.name for one in limits], network, optimizer, lambda: _sample(parts, graph))
    found = parts.ranks.from_first(found)
    broken = [words for one in limits if one.hard and (words := one.broken(found[one.name]))]
    if broken:
        raise NotTrained(found, "; ".join(broken))
    return found


def words(measured: Mapping[str, float]) -> str:
    """Return the sizes in one line."""
    return ", ".join(f"{name} {value:g}" for name, value in measured.items())


def _sample(parts: Parts, graph: ObjectGraph) -> tuple[Any, int]:
    """Return one patch of the training data, and the number of them in a batch of this process."""
    spec = enabled(parts.config["train"].get("dataset"))
    items = listed_items(parts, spec) if spec and "data_list_key" in spec else None
    if items:
        prepare = graph.get("train", "pre_transforms")
        item = items[0] if prepare is None else prepare(items[0])
    else:  # the dataset finds its items itself
        item = graph.get("train", "dataset")[0]
    patch, many = patch_of(item)
    loader = enabled(parts.config["train"].get("dataloader")) or {}
    args = args_of(loader)[1]
    batch = args.get("batch_size", 1) if isinstance(args, Mapping) else 1
    whole = batch if isinstance(batch, int) else 1
    return patch, many * max(1, whole // parts.ranks.size)
