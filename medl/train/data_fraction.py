"""A share of the training data: the smaller is part of the larger, whoever draws them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

from medl.errors import ConfigError, Problem

NAME = "data_fraction"
"""The first-level value: the share of the training list, above 0 and at most 1. The validation list stays whole."""


def fraction_of(variables: Mapping[str, Any], file: str = "") -> float | None:
    """Return the share that the training data are cut to, or ``None`` for all of them.

    Raises:
        ConfigError: the value is no number above 0 and at most 1.
    """
    value = variables.get(NAME)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
        rule = f"{NAME} is a number above 0 and at most 1"
        raise ConfigError(Problem(rule, file, NAME, value, "Leave it out for all of the training data."))
    return float(value)


def share(count: int, fraction: float, seed: int, least: int = 1) -> list[int]:
    """Return which of ``count`` items a share of them has, ascending.

    A larger share of the same list with the same seed has all items of a smaller one.

    Args:
        count: how many items there are.
        fraction: above 0, at most 1; the number of items is rounded up.
        seed: draws the order in which items are taken.
        least: at least as many, where there are.
    """
    many = min(count, max(least, math.ceil(round(fraction * count, 9))))
    order = sorted(range(count), key=lambda index: hashlib.sha256(f"{seed}/{NAME}/{index}".encode()).digest())
    return sorted(order[:many])
