"""Gaussian process with log expected improvement: Optuna's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from medl.automl.api import Suggester
from medl.automl.defs import Observation, SearchSpace

from .budget import at_one_budget
from .projection import Projection, judged, mixed, start, whole_seed
from .tpe import TpeSuggester, teach, whole_numbers
from .unseen import key, unseen

_ASKS = 3


class GpSuggester(Suggester):
    """Suggests where a Gaussian process expects most, by Optuna's GPSampler; the noise of the scores is learned.

    ========== ======= =============================================================================================
    arg        default meaning
    ========== ======= =============================================================================================
    n_startup  10      random points before it learns; a job that failed counts as one that was tried
    max_points 300     beyond so many observations TpeSuggester suggests: the cost grows with their number cubed
    seed       0       the same seed and the same observations bring the same point
    ========== ======= =============================================================================================

    The acquisition is log expected improvement, over the fantasies of what is pending; the expected growth of the
    hypervolume for several objectives; either times the probability that the constraints are kept, a failure being a
    broken one. A parameter that does not count stands at its midpoint. The weights of choices are not used. A point is
    never suggested twice.

    Raises:
        ValueError: an argument is no whole number, of at least 1 but for the seed.

    Source: Ament et al. 2023, arXiv 2310.20708 (log expected improvement); Gardner et al. 2014 (constraints); Daulton
    et al. 2020, arXiv 2006.05078 (hypervolume); Optuna 5.
    """

    def __init__(self, n_startup: int = 10, max_points: int = 300, seed: int = 0):
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
        shown = at_one_budget(observations, self.n_startup)
        if len(shown) > self.max_points:
            return TpeSuggester(self.n_startup, seed=self.seed).suggest(space, number, observations, pending)
        seen = {key(o.values) for o in observations} | {key(values) for values in pending}
        random = Random(f"{self.seed}/{number}")
        known = judged(shown)
        if len(known) < self.n_startup or not teach(shown):
            point = start(space, self.seed, number)
            return point if key(point) not in seen else unseen(space, seen, random)
        if len(seen) >= space.size:  # nothing is left: not worth a fit
            return unseen(space, seen, random)

        import optuna

        seed = mixed(self.seed, number)
        sampler = optuna.samplers.GPSampler(seed=seed, n_startup_trials=0, warn_independent_sampling=False)
        projection = Projection(space, sampler, len(known[0].objectives))
        projection.add(known, pending)
        for _ in range(_ASKS):
            if key(point := projection.ask()) not in seen:
                return point
        return unseen(space, seen, random)
