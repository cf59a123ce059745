"""Pretended trainings: a Dice-like score of a few hyper-parameters, to compare controllers in milliseconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random
from typing import Literal

from medl.automl.defs import JobStatus, Outcome, ParameterRange, Recommendation, SearchSpace
from medl.testing.spaces import enum_range, float_range

Shape = Literal["hill", "two_hills", "edge"]

SPACE = SearchSpace(
    (
        float_range("learning_rate", 0.0, 0.01, "lr"),
        enum_range("act", "relu", "prelu", "elu"),
        float_range("prob", 0.0, 1.0),
        float_range("sigma", 0.0, 2.0),
        float_range("dropout", 0.0, 0.5, "net"),
        enum_range("norm", "batch", "instance"),
    )
)
"""Four floats and six enum combinations."""


class SimulatedTraining:
    """A score as a function of the values in :data:`SPACE`, with its own optimum for every seed.

    ========= =========================================================================================================
    shape     where the best scores are
    ========= =========================================================================================================
    hill      on one broad hill somewhere in the middle 80 % of every float
    two_hills on a narrow hill; a broad and lower one lies elsewhere
    edge      within 3 % of one end of two floats, as a learning rate's that was given a range over many decades
    ========= =========================================================================================================

    Args:
        seed: places the optimum and draws the noise.
        shape: see above.
        noise: standard deviation of the noise on an observed score, as between two trainings that differ in their seed.
    """

    def __init__(self, seed: int, shape: Shape = "hill", noise: float = 0.01):
        dice = Random(f"{shape} {seed}")
        self.shape, self.noise, self._noise = shape, noise, Random(f"noise {seed}")
        self.best = {p.prl: self._place(p, number, dice) for number, p in enumerate(SPACE.parameters)}
        self.decoy = {p.prl: dice.uniform(0.1, 0.9) for p in SPACE.parameters}
        self.penalty = {
            p.prl: [0.0 if n == self.best[p.prl] else dice.uniform(0.02, 0.06) for n in range(len(p.targets))]
            for p in SPACE.parameters
            if p.kind == "enum"
        }

    def _place(self, parameter: ParameterRange, number: int, dice: Random) -> float:
        if parameter.kind == "enum":
            return dice.randrange(len(parameter.targets))
        return dice.uniform(0.0, 0.03) if self.shape == "edge" and number in (0, 3) else dice.uniform(0.1, 0.9)

    def truth(self, values: Mapping[str, int | float]) -> float:
        """Return the score without noise; 0.9 at the optimum."""
        far = far_from_decoy = lost = 0.0
        for parameter in SPACE.parameters:
            prl, value = parameter.prl, values[parameter.prl]
            if parameter.kind == "enum":
                lost += self.penalty[prl][int(value)]
            else:
                share = (value - parameter.targets[0].min) / (parameter.targets[0].max - parameter.targets[0].min)
                far += (share - self.best[prl]) ** 2
                far_from_decoy += (share - self.decoy[prl]) ** 2
        if self.shape == "two_hills":
            return 0.5 + max(0.4 * math.exp(-far / 0.08), 0.25 * math.exp(-far_from_decoy / 0.5)) - lost
        return 0.9 - 0.25 * far - lost

    def answer(self, recommendation: Recommendation) -> Outcome:
        """Return the outcome of a job with these values: the score with noise."""
        score = self.truth(recommendation.result.values) + self._noise.gauss(0.0, self.noise)
        return Outcome(recommendation.id, JobStatus.OK, {"val_mean_dice": score}, epoch=1)
