"""Bayesian optimization, a whole batch at once."""

from __future__ import annotations

from collections.abc import Sequence

from medl.automl.defs import Context, Outcome, Recommendation

from ..suggesters.gp import GpSuggester
from ..suggesters.tpe import whole_numbers
from .suggested import SuggestedController


class BfboController(SuggestedController):
    """Recommends a whole batch of a Gaussian process's points, and the next one when all of it is judged.

    Each point of a batch is chosen given those before it, over fantasies of their scores. Nothing waits ahead: between
    two batches the workers stand still for as long as a batch takes to be found. A batch is smaller where fewer
    recommendations are left.

    =================== ======= ====================================================================================
    arg                 default meaning
    =================== ======= ====================================================================================
    max_recommendations 20      at most this many
    batch_size          null    points of a batch; null: as many as the run began with workers
    n_startup           10      random ones before it learns
    max_points          300     beyond so many outcomes the points are those of TpeController
    seed                0       the same seed and the same outcomes bring the same recommendations
    =================== ======= ====================================================================================

    Raises:
        ValueError: an argument is out of its bounds.

    Source: Ginsbourger et al. 2010 (a batch, one point after the other); Ament et al. 2023, arXiv 2310.20708; Optuna 5.
    """

    def __init__(
        self,
        max_recommendations: int = 20,
        batch_size: int | None = None,
        n_startup: int = 10,
        max_points: int = 300,
        seed: int = 0,
    ):
        super().__init__(GpSuggester(n_startup, max_points, seed), max_recommendations, ahead=0)
        if batch_size is not None:
            whole_numbers(batch_size=batch_size)
        self.batch_size = batch_size

    def batch(self, ctx: Context) -> int:
        """Return how many points a batch has."""
        return self.batch_size if self.batch_size is not None else super().batch(ctx)

    def refine_recommendation(self, outcome: Outcome, ctx: Context) -> Sequence[Recommendation]:
        """Learn from an awaited outcome and, where it was the last of its batch, return the next batch."""
        return self._next(self.batch(ctx)) if self.learn(outcome, ctx) and not self.waiting else []
