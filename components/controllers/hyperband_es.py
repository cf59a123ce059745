"""Hyperband whose hopeless jobs are stopped before their rung is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from medl.automl.defs import Context, ContextKey
from medl.automl.goals import Goals

from ..suggesters.choice import Spec as SuggesterSpec
from .hyperband import HyperbandController
from .scheduler import whole_number


class HyperbandEsController(HyperbandController):
    """HyperbandController that stops a job as soon as a validation is worse than a threshold.

    ======================  ============ ===============================================================================
    arg                     default      meaning
    ======================  ============ ===============================================================================
    early_stop_threshold    null         a job whose validation is worse is stopped; null: none is
    min_early_stop_epochs   1            never before the trial has so many epochs
    ======================  ============ ===============================================================================

    The other args are HyperbandController's. The threshold is in the unit of the first objective: below it is worse, or
    above it where the objective is to be small. A trial that was stopped is the worst of its rung.

    Raises:
        ValueError: an argument is not what it has to be.
    """

    def __init__(
        self,
        R: int = 27,
        nu: int = 3,
        epoch_multiplier: float | str | None = None,
        brackets: Literal["tao", "paper"] = "tao",
        iterations: int = 1,
        suggester: SuggesterSpec = "random",
        fidelity: Mapping[str, Any] | str | None = "epochs",
        horizon: str = "full",
        max_recommendations: int | None = None,
        max_redraws: int = 100,
        seed: int = 0,
        early_stop_threshold: float | None = None,
        min_early_stop_epochs: int = 1,
    ):
        super().__init__(
            R=R,
            nu=nu,
            epoch_multiplier=epoch_multiplier,
            brackets=brackets,
            iterations=iterations,
            suggester=suggester,
            fidelity=fidelity,
            horizon=horizon,
            max_recommendations=max_recommendations,
            max_redraws=max_redraws,
            seed=seed,
        )
        threshold = early_stop_threshold
        if threshold is not None and (isinstance(threshold, bool) or not isinstance(threshold, int | float)):
            raise ValueError(f"early_stop_threshold must be a number, but got {threshold!r}")
        whole_number("min_early_stop_epochs", min_early_stop_epochs)
        self.early_stop_threshold, self.min_early_stop_epochs = threshold, min_early_stop_epochs

    def report(self, job: str, epoch: int, values: Mapping[str, float], ctx: Context) -> Literal["continue", "stop"]:
        """Return ``stop`` where the first objective is worse than the threshold."""
        if self.early_stop_threshold is None or epoch < self.min_early_stop_epochs or not values:
            return "continue"
        goals = ctx.get_prop(ContextKey.GOALS) or Goals()
        metric = goals.objectives[0].metric if goals.objectives else next(iter(values))
        if metric not in values:
            return "continue"
        sign = -1.0 if metric in goals.minimize else 1.0
        return "stop" if sign * values[metric] < sign * self.early_stop_threshold else "continue"
