"""A train config with a smaller batch, for a job that ran out of memory."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any


def halved_batch(
    config: Mapping[str, Any], resolved: Mapping[str, Any] | None, times: int
) -> tuple[dict[str, Any], int, int] | None:
    """Return a train config whose training batch is halved, the batch size that it had, and the one that it has.

    ``None`` where there is nothing to halve: no ``batch_size`` of the training's dataloader, or down to 1 before.

    Args:
        config: a job's train config, variables as text; not changed.
        resolved: the same with variables in, ``None`` where it breaks a rule.
        times: how often it is halved, rounded down.
    """
    size = _args(resolved).get("batch_size")
    if isinstance(size, bool) or not isinstance(size, int) or size < 2 or times < 1:
        return None
    less = size >> times
    args = _args(config)
    if less < 1 or not args:
        return None
    made = copy.deepcopy(dict(config))
    made["train"]["dataloader"]["args"]["batch_size"] = less
    return made, size, less


def _args(config: Mapping[str, Any] | None) -> Mapping[str, Any]:
    found: Any = config
    for key in ("train", "dataloader", "args"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
