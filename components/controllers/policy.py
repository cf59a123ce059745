"""Two small distributions that learn from rewards: one over choices, one over a range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from statistics import NormalDist

_NORMAL = NormalDist()


class Softmax:
    """A categorical distribution over ``count`` choices; ``p_i = exp(l_i) / sum_j exp(l_j)``.

    Args:
        count: of the choices.
        weights: the probabilities at first; uniform where they are not given.

    Source: Williams 1992 (REINFORCE), section 4, for a softmax unit.
    """

    def __init__(self, count: int, weights: Sequence[float] | None = None):
        self.logits = [0.0] * count if weights is None else [math.log(weight * count) for weight in weights]

    def probabilities(self) -> list[float]:
        """Return the probability of each choice."""
        top = max(self.logits)
        weights = [math.exp(logit - top) for logit in self.logits]
        total = sum(weights)
        return [weight / total for weight in weights]

    def draw(self, random: Random) -> int:
        """Return the index of a choice; one number is drawn."""
        share = random.random()
        for index, probability in enumerate(self.probabilities()):
            share -= probability
            if share < 0:
                return index
        return len(self.logits) - 1

    def log_gradient(self, index: int) -> list[float]:
        """Return d log p(index) / d logits: ``1[i = index] - p_i``."""
        return [(1.0 if i == index else 0.0) - p for i, p in enumerate(self.probabilities())]

    def entropy_gradient(self) -> list[float]:
        """Return d H / d logits: ``-p_i (log p_i + H)``."""
        probabilities = self.probabilities()
        logs = [math.log(max(p, 1e-300)) for p in probabilities]
        entropy = -sum(p * log for p, log in zip(probabilities, logs, strict=True))
        return [-p * (log + entropy) for p, log in zip(probabilities, logs, strict=True)]

    def learn(self, index: int, step: float, entropy_step: float) -> None:
        """Move the logits by ``step`` along the log probability's gradient and ``entropy_step`` along the entropy's."""
        moves = zip(self.log_gradient(index), self.entropy_gradient(), strict=True)
        self.logits = [
            min(max(logit + step * log_move + entropy_step * entropy_move, -20.0), 20.0)
            for logit, (log_move, entropy_move) in zip(self.logits, moves, strict=True)
        ]


class BoundedGaussian:
    """A Gaussian cut off at 0 and 1, with mean ``mean`` and width ``exp(log_width)`` before the cut.

    Its density is ``phi(z) / (width Z)`` with ``z = (x - mean) / width`` and ``Z`` the mass between 0 and 1.

    Args:
        width: the width at first.
        narrowest: the width never gets smaller; what is narrower no longer explores.

    Source: Williams 1992, section 6, for a Gaussian unit; its proposal to make the step of the mean and of the width
    proportional to the width squared keeps steps of useful size when the width shrinks. The cut adds the terms with Z.
    """

    widest = 0.5

    def __init__(self, width: float, narrowest: float):
        self.mean = 0.5
        self.narrowest = narrowest
        self.log_width = math.log(width)

    @property
    def width(self) -> float:
        """The width before the cut."""
        return math.exp(self.log_width)

    def draw(self, random: Random) -> float:
        """Return a value in [0, 1] by the inverse of the distribution function; one number is drawn."""
        low, high = _NORMAL.cdf(-self.mean / self.width), _NORMAL.cdf((1 - self.mean) / self.width)
        share = low + (high - low) * random.random()
        value = self.mean + self.width * _NORMAL.inv_cdf(min(max(share, 1e-12), 1 - 1e-12))
        return min(max(value, 0.0), 1.0)

    def log_gradient(self, value: float) -> tuple[float, float]:
        """Return d log p(value) / d mean and / d log_width."""
        width = self.width
        z, below, above = (value - self.mean) / width, -self.mean / width, (1 - self.mean) / width
        mass = _NORMAL.cdf(above) - _NORMAL.cdf(below)
        at_low, at_high = _NORMAL.pdf(below), _NORMAL.pdf(above)
        by_mean = z / width + (at_high - at_low) / (width * mass)
        by_log_width = z * z - 1 - (below * at_low - above * at_high) / mass
        return by_mean, by_log_width

    def learn(self, value: float, step: float, entropy_step: float) -> None:
        """Move mean and width by ``step`` along the log-probability's gradient; ``entropy_step`` widens.

        The mean's step is scaled by the width squared, the log width's by a half (the inverse Fisher information of an
        uncut Gaussian). The entropy's gradient is that of an uncut Gaussian as well: 1 for the log width.
        """
        by_mean, by_log_width = self.log_gradient(value)
        mean = self.mean + step * self.width**2 * by_mean
        log_width = self.log_width + step * by_log_width / 2 + entropy_step
        self.mean = min(max(mean, 0.0), 1.0)
        self.log_width = min(max(log_width, math.log(self.narrowest)), math.log(self.widest))
