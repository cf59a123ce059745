"""Medians and means with bootstrap intervals."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from random import Random

RESAMPLES = 2000


def interval(
    numbers: Sequence[float],
    of: Callable[[Sequence[float]], float] = statistics.median,
    share: float = 0.95,
) -> tuple[float, float, float]:
    """Return a statistic of the numbers and the ends of its percentile bootstrap interval; infinities are allowed."""
    if len(set(numbers)) == 1:
        return numbers[0], numbers[0], numbers[0]
    random = Random(0)
    found = sorted(of(random.choices(numbers, k=len(numbers))) for _ in range(RESAMPLES))
    low = found[math.floor((1 - share) / 2 * (len(found) - 1))]
    high = found[math.ceil((1 + share) / 2 * (len(found) - 1))]
    return of(numbers), low, high


def upper_median(numbers: Sequence[float]) -> float:
    """Return the median, of two middle ones the larger: for numbers some of which are infinite."""
    return sorted(numbers)[len(numbers) // 2]


def shown(numbers: Sequence[float], form: str = ".3g") -> str:
    """Return a median and its interval for a table; a dash where there is none."""
    if not numbers:
        return "-"
    middle, low, high = interval(numbers)
    return f"{middle:{form}} [{low:{form}}, {high:{form}}]" if len(numbers) > 1 else f"{middle:{form}}"
