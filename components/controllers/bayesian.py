"""Bayesian optimization with a Gaussian process, one configuration after another."""

from __future__ import annotations

from ..suggesters.gp import GpSuggester
from .suggested import SuggestedController


class BayesianController(SuggestedController):
    """Recommends points where a Gaussian process expects most (log expected improvement), by Optuna's GPSampler.

    =================== ======= ====================================================================================
    arg                 default meaning
    =================== ======= ====================================================================================
    max_recommendations 20      at most this many
    n_startup           10      random ones before it learns
    max_points          300     beyond so many outcomes it goes on as TpeController: the cost grows with their cube
    ahead               1       recommendations that wait beyond the workers; 0 is a little better and lets workers wait
    seed                0       the same seed and the same outcomes bring the same recommendations
    =================== ======= ====================================================================================

    See :class:`medl.components.suggesters.gp.GpSuggester` for noise, failures, constraints, conditions and several
    objectives.

    Raises:
        ValueError: an argument is out of its bounds.
    """

    def __init__(
        self,
        max_recommendations: int = 20,
        n_startup: int = 10,
        max_points: int = 300,
        ahead: int = 1,
        seed: int = 0,
    ):
        super().__init__(GpSuggester(n_startup, max_points, seed), max_recommendations, ahead)
