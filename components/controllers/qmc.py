"""Quasi-Monte Carlo: points that fill the space evenly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..suggesters.projection import sampler_seed, whole_seed
from ..suggesters.quiet import without_warning
from .live_study import LiveController, LiveStudy

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


class QmcController(LiveController):
    """Recommends the points of a scrambled Sobol' sequence, by Optuna's QMCSampler; nothing is learnt from outcomes.

    They fill the space more evenly than random ones, most so where their number is a power of two.

    =================== ======= ====================================================================================
    arg                 default meaning
    =================== ======= ====================================================================================
    max_recommendations 20      at most this many
    ahead               1       recommendations that wait beyond the workers
    seed                0       of the scrambling; the same seed brings the same points
    =================== ======= ====================================================================================

    Raises:
        ValueError: an argument is out of its bounds.

    Source: Sobol' 1967, Owen 1998 (scrambling); Optuna 5 with SciPy.
    """

    def __init__(self, max_recommendations: int = 20, ahead: int = 1, seed: int = 0):
        whole_seed(seed)
        self.seed = seed
        super().__init__(LiveStudy(self._sampler, seed, blind=True), max_recommendations, ahead, several=True)

    def _sampler(self) -> BaseSampler:
        import optuna

        seed = sampler_seed(self.seed)
        return without_warning(
            lambda: optuna.samplers.QMCSampler(scramble=True, seed=seed, warn_independent_sampling=False)
        )
