"""Observations at several budgets, as a sampler that knows of one budget is shown them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from medl.automl.defs import Observation

from .unseen import Key, key


def at_one_budget(observations: Sequence[Observation], enough: int) -> list[Observation]:
    """Return the observations at the largest budget that has ``enough``, in their order.

    Where no budget has, at the one that has most, the larger of two. Scores at different budgets are not comparable, so
    they are not mixed. Jobs that failed or broke a constraint are kept whatever their budget; of a configuration
    that is there several times the last one counts.

    Source: the choice of the budget is that of Falkner et al. 2018 (BOHB), section 3.2.
    """
    counts = Counter(o.budget for o in observations if o.objectives)
    ready = [budget for budget, count in counts.items() if count >= enough]
    chosen = max(ready) if ready else max(counts, key=lambda b: (counts[b], b), default=None)
    last: dict[Key, Observation] = {}
    for observation in observations:
        if not observation.objectives or observation.budget == chosen:
            last.pop(key(observation.values), None)
            last[key(observation.values)] = observation
    return list(last.values())
