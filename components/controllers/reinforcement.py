"""Learns from scores which values to try next, by a policy gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from medl.automl.api import Controller
from medl.automl.defs import Context, JobStatus, Outcome, ParameterRange, Recommendation, SearchResult, SearchSpace
from medl.automl.points import count_points, grid_points
from medl.automl.unit_cube import from_unit, midpoint, to_unit

from .policy import BoundedGaussian, Softmax
from .redraws import Redraws

_CLIP = 3.0


class ReinforcementController(Controller):
    """Recommends values drawn from a policy that REINFORCE moves towards better scores, one job at a time.

    A space of enums alone is a plain grid: ``min(combinations, max_rounds)`` recommendations come at once, the first
    parameter varies fastest, and nothing is learnt. With a float range the search is sequential: first every
    combination of choices, in grid order, with every float at the mean of its range; then, until ``max_rounds`` in all,
    values drawn from the policy, a softmax for each enum and a bounded Gaussian for each float. After every score the
    parameters of the policy move along ``advantage * d log p(values)``; the advantage is the score less a moving
    average of the scores before it.

    ============== ======= =============================================================================================
    arg            default meaning
    ============== ======= =============================================================================================
    max_rounds     8       at most this many recommendations in all; it learns only from those beyond the combinations
    learning_rate  0.2     size of a step of the policy; larger learns faster and settles sooner, perhaps wrongly
    baseline_decay 0.9     share of the moving average that stays at each score, in [0, 1)
    reward_scale   null    factor of the advantage; null divides it by its own moving deviation, which fits any scale
    entropy        0.01    pull towards a wide policy; 0 lets it settle
    width          0.3     width of the Gaussian at first, as a share of the range, in [0.02, 0.5]
    seed           0       the same seed and the same scores bring the same values
    ============== ======= =============================================================================================

    A job that failed, or had no score, counts as the worst score seen so far (nothing is learnt before there is one);
    one that was interrupted or stopped teaches nothing. One that was rejected for a hard constraint counts as the worst
    too, but not as a round where the search is sequential. docs/reinforcement.md says what it can do in how many
    rounds.

    Raises:
        ValueError: an argument is out of its bounds.

    Source: Williams 1992, "Simple statistical gradient-following algorithms" (REINFORCE, the baseline, softmax and
    Gaussian units); Zoph & Le 2017, arXiv 1611.01578 (a controller trained so on validation accuracies, with a moving
    average as baseline); Yang et al. 2019, arXiv 2006.05847 (the same for 3D medical image segmentation). Those
    controllers are recurrent networks; this policy has independent parameters, which a few dozen scores can move.
    """

    def __init__(
        self,
        max_rounds: int = 8,
        learning_rate: float = 0.2,
        baseline_decay: float = 0.9,
        reward_scale: float | None = None,
        entropy: float = 0.01,
        width: float = 0.3,
        seed: int = 0,
    ):
        for name, whole, least in (("max_rounds", max_rounds, 1), ("seed", seed, None)):
            if isinstance(whole, bool) or not isinstance(whole, int) or (least is not None and whole < least):
                raise ValueError(f"{name} must be a whole number{' of at least 1' if least else ''}, but got {whole!r}")
        self.max_rounds = max_rounds
        self.learning_rate = _between("learning_rate", learning_rate, 0.0, 10.0)
        self.baseline_decay = _between("baseline_decay", baseline_decay, 0.0, math.nextafter(1.0, 0.0))
        self.reward_scale = None if reward_scale is None else _between("reward_scale", reward_scale, 0.0, 1e12)
        self.entropy = _between("entropy", entropy, 0.0, 10.0)
        self.width = _between("width", width, 0.02, BoundedGaussian.widest)
        self.seed = seed
        self._given = 0
        self._redraws = Redraws()
        self._awaited: Recommendation | None = None

    def set_search_space(self, space: SearchSpace, ctx: Context) -> None:
        """Take the space.

        Raises:
            ValueError: the space is empty.
        """
        if not space.parameters:
            raise ValueError("the search space must have at least one parameter, but it is empty")
        self._space = space
        self._random = Random(self.seed)
        self._softmax = {p.prl: Softmax(len(p.targets), p.weights) for p in space.parameters if p.kind == "enum"}
        self._gaussian = {p.prl: BoundedGaussian(self.width, 0.02) for p in space.parameters if _is_range(p)}
        self._combinations = _combinations(space)
        self._grid = grid_points(space, _start_values)
        self._starts: list[tuple[Recommendation, float | None]] = []
        self._worst: float | None = None
        self._baseline: float | None = None
        self._variance = 0.0

    def initial_recommendation(self, ctx: Context) -> Sequence[Recommendation]:
        """Return the whole grid of a space of enums, or the first combination at the range means."""
        if self._gaussian:
            return self._next()
        return [self._start() for _ in range(min(self._combinations, self.max_rounds))]

    def refine_recommendation(self, outcome: Outcome, ctx: Context) -> Sequence[Recommendation]:
        """Learn from the awaited outcome and return the next recommendation; nothing for any other outcome."""
        awaited = self._awaited
        if awaited is None or outcome.recommendation_id != awaited.id:
            return []
        self._awaited = None
        self._redraws.take(outcome, self, ctx)
        score = self._score(outcome)
        if len(self._starts) < self._combinations:
            self._starts.append((awaited, score))
            if len(self._starts) == self._combinations:
                self._learn_from_starts()
        elif score is not None:
            self._learn(awaited, self._advantage(score))
        return self._next()

    def count(self, space: SearchSpace) -> float:
        """Return how many recommendations there will be."""
        if any(map(_is_range, space.parameters)):
            return self.max_rounds
        return min(_combinations(space), self.max_rounds)

    def parallelism(self, space: SearchSpace) -> float:
        """Return 1 where the search is sequential, else the number of combinations that will run."""
        if any(map(_is_range, space.parameters)):
            return 1
        return min(_combinations(space), self.max_rounds)

    def _next(self) -> list[Recommendation]:
        """Return the next recommendation of a sequential search, or nothing where all rounds are given."""
        if self._given - self._redraws.count >= self.max_rounds:
            return []
        self._awaited = self._start() if self._given < self._combinations else self._recommend(self._draw())
        return [self._awaited]

    def _start(self) -> Recommendation:
        """Return the next combination in grid order, ranges at their means."""
        return self._recommend(next(self._grid))

    def _draw(self) -> dict[str, int | float]:
        """Return values drawn from the policy."""
        values: dict[str, int | float] = {}
        for parameter in self._space.parameters:
            prl = parameter.prl
            if parameter.kind == "enum":
                values[prl] = self._softmax[prl].draw(self._random)
            else:
                unit = self._gaussian[prl].draw(self._random) if prl in self._gaussian else 0.5
                values[prl] = from_unit(parameter, unit)
        return self._space.active(values)

    def _recommend(self, values: dict[str, int | float]) -> Recommendation:
        self._given += 1
        return Recommendation(f"T{self._given}", SearchResult(self._space, values))

    def _score(self, outcome: Outcome) -> float | None:
        """Return the score, the worst so far for a job that failed, or ``None`` where the outcome teaches nothing."""
        if outcome.status is JobStatus.OK and outcome.values and math.isfinite(outcome.score):
            # within bounds whose differences and squares are floats
            score = min(max(outcome.score, -1e150), 1e150)
            self._worst = score if self._worst is None else min(self._worst, score)
            return score
        return None if outcome.status in (JobStatus.INTERRUPTED, JobStatus.STOPPED) else self._worst

    def _advantage(self, score: float) -> float:
        """Return how much better than usual a score is, scaled and clipped; then take it into what is usual."""
        if self._baseline is None:
            self._baseline = score
            return 0.0
        keep = self.baseline_decay
        difference = score - self._baseline
        self._baseline += (1 - keep) * difference
        self._variance = keep * self._variance + (1 - keep) * difference * difference
        if self.reward_scale is not None:
            advantage = self.reward_scale * difference
        else:
            advantage = difference / math.sqrt(self._variance) if self._variance > 0 else 0.0
        return min(max(advantage, -_CLIP), _CLIP)

    def _learn(self, recommendation: Recommendation, advantage: float) -> None:
        """Move the policy: along the gradient for values that it drew."""
        for prl, value in recommendation.result.values.items():
            parameter = self._space[prl]
            step, entropy_step = self.learning_rate * advantage, self.learning_rate * self.entropy
            if parameter.kind == "enum":
                self._softmax[prl].learn(int(value), step, entropy_step)
            elif prl in self._gaussian:
                self._gaussian[prl].learn(to_unit(parameter, value), step, entropy_step)

    def _learn_from_starts(self) -> None:
        """Take the scores of the grid: their mean is the first baseline, and each moves the softmax of its choices.

        The floats were not drawn, so they teach nothing yet. The grid visits every choice equally often, which is what
        the policy at first, a uniform one, expects.
        """
        scored = [(recommendation, score) for recommendation, score in self._starts if score is not None]
        if not scored:
            return
        self._baseline = sum(score / len(scored) for _, score in scored)
        differences = [score - self._baseline for _, score in scored]
        self._variance = sum(d * d / len(scored) for d in differences)
        scale = self.reward_scale if self.reward_scale is not None else 1 / max(math.sqrt(self._variance), 1e-150)
        for (recommendation, _), difference in zip(scored, differences, strict=True):
            step = self.learning_rate * min(max(scale * difference, -_CLIP), _CLIP)
            for prl, value in recommendation.result.values.items():
                if prl in self._softmax:
                    self._softmax[prl].learn(int(value), step, 0.0)


def _between(name: str, value: float, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{name} must be a number between {low:g} and {high:g}, but got {value!r}")
    return float(value)


def _is_range(parameter: ParameterRange) -> bool:
    """Return whether a parameter is a range with more than one number: drawn from a Gaussian."""
    return parameter.kind != "enum" and parameter.size > 1


def _start_values(parameter: ParameterRange) -> Sequence[int | float]:
    """Return what the first combinations go through: every choice, of a range its mean."""
    return range(len(parameter.targets)) if parameter.kind == "enum" else (midpoint(parameter),)


def _combinations(space: SearchSpace) -> int:
    return int(count_points(space, _start_values))
