"""Values drawn at random, each independent of the others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from random import Random

from medl.automl.defs import SearchSpace
from medl.automl.points import all_values, count_points
from medl.automl.unit_cube import draw_point

from ..suggesters.unseen import Key, key, unseen
from .fixed_order import FixedOrderController


class RandomController(FixedOrderController):
    """Recommends points drawn at random: evenly over every range on its scale, choices by their weights or evenly.

    In a space without float ranges no point is drawn twice, so there are at most as many recommendations as points.

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
        """Return the number of distinct points; ``inf`` where a range of floats has more than one."""
        return count_points(space)

    def points(self, space: SearchSpace) -> Iterator[Mapping[str, int | float]]:
        """Yield points; the generator is this call's own, so a second call yields the same ones."""
        random = Random(self.seed)
        if space.size == math.inf:  # not isinf: a product of enums may be too long for a float
            while True:
                yield draw_point(space, random)
        elif any(p.when or p.weights for p in space.parameters):
            seen: set[Key] = set()
            while (point := unseen(space, seen, random)) is not None:
                seen.add(key(point))
                yield point
        else:
            for number in self._distinct(int(space.size), random):
                yield _decode(space, number)

    def _distinct(self, size: int, random: Random) -> Iterator[int]:
        """Yield all numbers below ``size`` in random order; drawn one by one where there are very many."""
        rounds = min(self.max_rounds or size, size)
        if size <= 4 * rounds:
            first = random.sample(range(size), rounds)
            yield from first
            rest = sorted(set(range(size)).difference(first))  # where some of the first were rejected
            random.shuffle(rest)
            yield from rest
            return
        drawn: set[int] = set()
        while len(drawn) < size:
            number = random.randrange(size)
            if number not in drawn:
                drawn.add(number)
                yield number


def _decode(space: SearchSpace, number: int) -> dict[str, int | float]:
    """Return the point with that number; the first parameter is the lowest digit."""
    values: dict[str, int | float] = {}
    for parameter in space.parameters:
        choices = all_values(parameter)
        number, index = divmod(number, len(choices))
        values[parameter.prl] = choices[index]
    return values
