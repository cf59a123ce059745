"""Tree-structured Parzen estimator: Optuna's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from medl.automl.api import Suggester
from medl.automl.defs import Observation, SearchSpace

from .budget import at_one_budget
from .feasibility import Feasibility
from .projection import Judged, Projection, judged, mixed, start, whole_seed
from .quiet import without_warning
from .unseen import key, unseen

_ASKS = 16


class TpeSuggester(Suggester):
    """Suggests where good configurations are dense and bad ones are not, by Optuna's TPESampler.

    ========== ======= =============================================================================================
    arg        default meaning
    ========== ======= =============================================================================================
    n_startup  10      random points before it learns; a job that failed counts as one that was tried
    max_points 1000    at most this many observations are looked at: the better half of them the best, the rest the last
    seed       0       the same seed and the same observations bring the same point
    ========== ======= =============================================================================================

    Failures and violations are constraints, pending configurations running trials (constant liar). Optuna only keeps
    what broke a constraint from counting as good, which near a border lets three in ten fail; so where there were
    failures, of up to 16 of its points the one is taken with the fewest of them among its nearest neighbours. The
    weights of choices are not used. A point is never suggested twice.

    Raises:
        ValueError: an argument is no whole number, of at least 1 but for the seed.

    Source: Bergstra et al. 2011; Watanabe 2023, arXiv 2304.11127; Optuna 5, multivariate by default, with ``group``
    where the space has conditions.
    """

    def __init__(self, n_startup: int = 10, max_points: int = 1000, seed: int = 0):
        whole_numbers(n_startup=n_startup, max_points=max_points)
        whole_seed(seed)
        self.n_startup, self.max_points, self.seed = n_startup, max_points, seed

    def count(self, space: SearchSpace) -> float:
        """Return how many different points there are at most."""
        return space.size

    def suggest(
        self,
        space: SearchSpace,
        number: int,
        observations: Sequence[Observation],
        pending: Sequence[Mapping[str, int | float]],
    ) -> Mapping[str, int | float] | None:
        """Return a point that is neither known nor pending; ``None`` where all were tried."""
        seen = {key(o.values) for o in observations} | {key(values) for values in pending}
        random = Random(f"{self.seed}/{number}")
        known = judged(at_one_budget(observations, self.n_startup))
        if len(known) < self.n_startup or not teach(observations):
            point = start(space, self.seed, number)
            return point if key(point) not in seen else unseen(space, seen, random)
        known = shortened(known, self.max_points)
        projection, feasibility = self._projection(space, number, known, pending), Feasibility(space, known)
        best: tuple[int, dict[str, int | float]] | None = None
        for _ in range(_ASKS):
            if key(point := projection.ask()) in seen:
                continue
            broken = feasibility.broken_near(point) if feasibility.any else 0
            if best is None or broken < best[0]:
                best = broken, point
            if not broken:
                break
        return best[1] if best is not None else unseen(space, seen, random)

    def _projection(
        self, space: SearchSpace, number: int, known: Sequence[Judged], pending: Sequence[Mapping[str, int | float]]
    ) -> Projection:
        import optuna

        seed, conditional = mixed(self.seed, number), any(p.when for p in space.parameters)
        sampler = without_warning(
            lambda: optuna.samplers.TPESampler(
                n_startup_trials=0, seed=seed, multivariate=True if conditional else None, group=conditional
            )
        )
        projection = Projection(space, sampler, len(known[0].objectives), whole=not conditional)
        projection.add(known, pending)
        return projection


def teach(observations: Sequence[Observation]) -> bool:
    """Return whether there is anything to learn from: failures alone say nothing of where there are none."""
    return any(o.objectives or o.violations for o in observations)


def shortened(known: Sequence[Judged], most: int) -> list[Judged]:
    """Return at most ``most`` of them in their order: the best ones for one half, the last of the others for the rest.

    The best are those that keep the constraints, by the mean of their ranks in each objective.
    """
    if len(known) <= most:
        return list(known)
    ranks = [0] * len(known)
    for column in zip(*(one.objectives for one in known), strict=True):
        for rank, index in enumerate(sorted(range(len(known)), key=lambda i: -column[i])):
            ranks[index] += rank
    broken = [any(by > 0 for by in one.constraints.values()) for one in known]
    best = set(sorted(range(len(known)), key=lambda i: (broken[i], ranks[i]))[: most // 2])
    others = [index for index in range(len(known)) if index not in best]
    return [known[index] for index in sorted(best.union(others[len(others) - (most - len(best)) :]))]


def whole_numbers(**given: int) -> None:
    """Raise ``ValueError`` for the first that is no whole number of at least 1."""
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number of at least 1, but got {value!r}")
