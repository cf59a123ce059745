"""Values drawn at random, each independent of the others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from random import Random

from medl.automl.defs import SearchSpace

from .fixed_order import FixedOrderController


class RandomController(FixedOrderController):
    """Recommends points drawn at random: uniform in every float range and over the choices of every enum.

    In a space of enums alone no point is drawn twice, so there are at most as many recommendations as points.

    ========== ======= ==========================================
    arg        default meaning
    ========== ======= ==========================================
    max_rounds 20      at most this many recommendations
    seed       0       the same seed draws the same points
    ========== ======= ==========================================

    Raises:
        ValueError: ``max_rounds`` is no whole number of at least 1, or ``seed`` no whole number.
    """

    def __init__(self, max_rounds: int = 20, seed: int = 0):
        if max_rounds is None:
            raise ValueError("max_rounds must be a whole number of at least 1, but got None")
        super().__init__(max_rounds)
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise ValueError(f"seed must be a whole number, but got {seed!r}")
        self.seed = seed

    def count(self, space: SearchSpace) -> float:
        """Return the number of distinct points; ``inf`` where a float range has more than one."""
        return space.size

    def points(self, space: SearchSpace) -> Iterator[Mapping[str, int | float]]:
        """Yield points; the generator is this call's own, so a second call yields the same ones."""
        random = Random(self.seed)
        if space.size != math.inf:  # not isinf: a product of enums may be too long for a float
            for number in self._distinct(int(space.size), random):
                yield _decode(space, number)
            return
        while True:
            yield {
                p.prl: random.randrange(len(p.targets))
                if p.kind == "enum"
                else _between(p.targets[0].min, p.targets[0].max, random.random())
                for p in space.parameters
            }

    def _distinct(self, size: int, random: Random) -> Iterator[int]:
        """Yield different numbers below ``size``: all of them shuffled, or a few drawn where there are very many."""
        rounds = min(self.max_rounds or size, size)
        if size <= 4 * rounds:
            yield from random.sample(range(size), rounds)
            return
        drawn: set[int] = set()
        while len(drawn) < rounds:
            number = random.randrange(size)
            if number not in drawn:
                drawn.add(number)
                yield number


def _decode(space: SearchSpace, number: int) -> dict[str, int | float]:
    """Return the point with that number; the first parameter is the lowest digit."""
    values: dict[str, int | float] = {}
    for parameter in space.parameters:
        if parameter.kind == "enum":
            number, values[parameter.prl] = divmod(number, len(parameter.targets))
        else:
            values[parameter.prl] = float(parameter.targets[0].min)
    return values


def _between(low: float, high: float, share: float) -> float:
    """Return the point that far into a range; also where ``high - low`` is too large for a float."""
    return float(min(max(low * (1 - share) + high * share, low), high))
