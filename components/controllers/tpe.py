"""Tree-structured Parzen estimator, one configuration after another."""

from __future__ import annotations

from ..suggesters.tpe import TpeSuggester
from .suggested import SuggestedController


class TpeController(SuggestedController):
    """Recommends points where good ones were dense and bad ones were not, by Optuna's TPESampler.

    =================== ======= ====================================================================================
    arg                 default meaning
    =================== ======= ====================================================================================
    max_recommendations 20      at most this many
    n_startup           10      random ones before it learns
    max_points          1000    at most this many outcomes are looked at
    ahead               1       recommendations that wait beyond the workers; 0 is a little better and lets workers wait
    seed                0       the same seed and the same outcomes bring the same recommendations
    =================== ======= ====================================================================================

    See :class:`medl.components.suggesters.tpe.TpeSuggester` for failures, constraints and conditions.

    Raises:
        ValueError: an argument is out of its bounds.
    """

    def __init__(
        self,
        max_recommendations: int = 20,
        n_startup: int = 10,
        max_points: int = 1000,
        ahead: int = 1,
        seed: int = 0,
    ):
        super().__init__(TpeSuggester(n_startup, max_points, seed), max_recommendations, ahead)
