"""Hyperband's brackets with configurations from a density model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from .hyperband import HyperbandController


class BohbController(HyperbandController):
    """HyperbandController whose configurations come from KdeSuggester: kernel densities of good and bad ones.

    ====================  ======== ====================================================================================
    arg                   default  meaning
    ====================  ======== ====================================================================================
    kde_samples           500      at most this many completed trials are fitted, the last ones of that budget
    num_candidates        64       candidates per configuration, of which the best is taken
    top_n_percent         15       share of the trials that is good, in percent
    min_points_in_model   null     trials that each density has at least; null: parameters + 1
    random_fraction       0.3333   share of the configurations that is drawn at random
    bandwidth_factor      3        candidates are drawn with kernels so many times as wide
    ====================  ======== ====================================================================================

    The other args are HyperbandController's, but for ``suggester``.

    Raises:
        ValueError: an argument is not what it has to be.

    Source: Falkner et al. 2018, algorithm 2.
    """

    def __init__(
        self,
        R: int = 27,
        nu: int = 3,
        epoch_multiplier: float | str | None = None,
        brackets: Literal["tao", "paper"] = "tao",
        iterations: int = 1,
        kde_samples: int = 500,
        num_candidates: int = 64,
        top_n_percent: float = 15,
        min_points_in_model: int | None = None,
        random_fraction: float = 1 / 3,
        bandwidth_factor: float = 3.0,
        fidelity: Mapping[str, Any] | str | None = "epochs",
        horizon: str = "full",
        max_recommendations: int | None = None,
        max_redraws: int = 100,
        seed: int = 0,
    ):
        model = {
            "kde_samples": kde_samples,
            "num_candidates": num_candidates,
            "top_n_percent": top_n_percent,
            "min_points_in_model": min_points_in_model,
            "random_fraction": random_fraction,
            "bandwidth_factor": bandwidth_factor,
        }
        super().__init__(
            R=R,
            nu=nu,
            epoch_multiplier=epoch_multiplier,
            brackets=brackets,
            iterations=iterations,
            suggester={"name": "kde", "args": model},
            fidelity=fidelity,
            horizon=horizon,
            max_recommendations=max_recommendations,
            max_redraws=max_redraws,
            seed=seed,
        )
