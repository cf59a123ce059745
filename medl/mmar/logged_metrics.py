"""What a training logged, in short: each metric's last, smallest and largest value, and a hash of all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def metrics_table(lines: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return, for each metric by name, its last, smallest and largest value, and the epoch (1-based) of each.

    Of equal values the first one counts. A name that stands for several things of an epoch is the validation's metric
    before the training's loss and metric.

    Args:
        lines: of ``metrics.jsonl``, the oldest first.
    """
    table: dict[str, dict[str, Any]] = {}
    for epoch, values in _values(lines):
        for name, value in values.items():
            row = table.setdefault(name, {})
            row |= {"last": value, "last_epoch": epoch}
            if "min" not in row or value < row["min"]:
                row |= {"min": value, "min_epoch": epoch}
            if "max" not in row or value > row["max"]:
                row |= {"max": value, "max_epoch": epoch}
    return table


def metrics_hash(lines: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the SHA-256 of every value of every epoch, without times; ``None`` where no epoch was logged."""
    rows = [[epoch, sorted(values.items())] for epoch, values in _values(lines)]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest() if rows else None


def _values(lines: Iterable[Mapping[str, Any]]) -> list[tuple[int, dict[str, float]]]:
    found = []
    for line in lines:
        kinds = (line.get(kind) for kind in ("train_metrics", "losses", "metrics"))
        values = {name: value for kind in kinds if isinstance(kind, dict) for name, value in kind.items()}
        if isinstance(epoch := line.get("epoch"), int):
            found.append((epoch, values))
    return found
