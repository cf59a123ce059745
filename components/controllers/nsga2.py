"""Non-dominated sorting genetic algorithm II, for several objectives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..suggesters.projection import sampler_seed, whole_seed
from .live_study import LiveController, LiveStudy

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class Nsga2Controller(LiveController):
    """Recommends children of the configurations that no other one beats in every objective, by Optuna's NSGAIISampler.

    =================== ======= ====================================================================================
    arg                 default meaning
    =================== ======= ====================================================================================
    max_recommendations 20      at most this many
    population_size     null    of a generation, at least 2; null: a quarter of max_recommendations, from 4 to 50
    ahead               1       recommendations that wait beyond the workers
    seed                0       the same seed and the same outcomes bring the same recommendations
    =================== ======= ====================================================================================

    The first generation is drawn at random. A configuration that failed or broke a constraint is beaten by every one
    that did not.

    Raises:
        ValueError: an argument is out of its bounds.

    Source: Deb et al. 2002; Optuna 5.
    """

    def __init__(
        self, max_recommendations: int = 20, population_size: int | None = None, ahead: int = 1, seed: int = 0
    ):
        whole_seed(seed)
        self.seed = seed
        if population_size is not None and (
            isinstance(population_size, bool) or not isinstance(population_size, int) or population_size < 2
        ):
            raise ValueError(f"population_size must be a whole number of at least 2, but got {population_size!r}")
        super().__init__(LiveStudy(self._sampler, seed, constrained=True), max_recommendations, ahead, several=True)
        self.population_size = population_size or min(max(max_recommendations // 4, 4), 50)

    def _sampler(self) -> BaseSampler:
        import optuna

        return optuna.samplers.NSGAIISampler(population_size=self.population_size, seed=sampler_seed(self.seed))
