"""Covariance matrix adaptation evolution strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..suggesters.projection import sampler_seed, whole_seed
from .live_study import LiveController, LiveStudy

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class CmaesController(LiveController):
    """Recommends points of a normal distribution that moves and turns towards better scores, by Optuna's CmaEsSampler.

    Choices of enums are drawn at random, evenly: it knows of numbers only. One objective. A generation has
    ``4 + 3 ln d`` points in ``d`` dimensions, so it needs hundreds of recommendations.

    =================== ======= ====================================================================================
    arg                 default meaning
    =================== ======= ====================================================================================
    max_recommendations 20      at most this many
    ahead               1       recommendations that wait beyond the workers
    seed                0       the same seed and the same outcomes bring the same recommendations
    =================== ======= ====================================================================================

    A job that failed, or broke a constraint, counts as the worst score so far.

    Raises:
        ValueError: an argument is out of its bounds.

    Source: Hansen & Ostermeier 2001; Optuna 5 with the package cmaes.
    """

    def __init__(self, max_recommendations: int = 20, ahead: int = 1, seed: int = 0):
        whole_seed(seed)
        self.seed = seed
        super().__init__(LiveStudy(self._sampler, seed), max_recommendations, ahead)

    def _sampler(self) -> BaseSampler:
        import optuna

        return optuna.samplers.CmaEsSampler(seed=sampler_seed(self.seed), warn_independent_sampling=False)
