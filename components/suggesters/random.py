"""Points drawn at random."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from random import Random

from medl.automl.api import Suggester
from medl.automl.defs import Observation, SearchSpace
from medl.automl.unit_cube import draw_point

from .unseen import key, unseen


class RandomSuggester(Suggester):
    """Suggests points drawn evenly over every range and over the choices, these by their weights where they have some.

    ========== ======= =============================================
    arg        default meaning
    ========== ======= =============================================
    seed       0       the same seed draws the same points
    ========== ======= =============================================

    In a space without float ranges no point is suggested twice.
    """

    def __init__(self, seed: int = 0):
        self.seed = seed

    def count(self, space: SearchSpace) -> float:
        """Return how many different points there are."""
        return space.size

    def suggest(
        self,
        space: SearchSpace,
        number: int,
        observations: Sequence[Observation],
        pending: Sequence[Mapping[str, int | float]],
    ) -> Mapping[str, int | float] | None:
        """Return the point of that number; ``None`` where all of them are known or pending."""
        random = Random(f"{self.seed}/{number}")
        if space.size == math.inf:  # two draws are never equal
            return draw_point(space, random)
        seen = {key(o.values) for o in observations} | {key(values) for values in pending}
        return unseen(space, seen, random)
