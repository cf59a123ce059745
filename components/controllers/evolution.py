"""Regularized evolution: children of good parents, in a population whose oldest members go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from medl.automl.defs import Observation, ParameterRange, SearchSpace
from medl.automl.unit_cube import draw, draw_point, from_unit, to_unit

from ..suggesters.unseen import key
from .suggested import SuggestedController

_TRIES = 100
"""How often another child is made where one is known already; then it is run again."""

_STEP = 0.1
"""Standard deviation of a mutation of a range, as a share of the range."""


class RegularizedEvolution:
    """Gives children of the best of a random sample of the population, which are the last configurations judged.

    A suggestion is a function of the seed, its number and what is known. One that failed ages like any other, but is a
    parent only where the whole sample failed.

    Args:
        population_size: configurations drawn at random at first, and how many of the last ones may be parents.
        sample_size: how many are drawn, each member as often as not, of which the best is the parent.
        seed: the same seed and the same observations bring the same children.
    """

    def __init__(self, population_size: int, sample_size: int, seed: int):
        self.population_size, self.sample_size, self.seed = population_size, sample_size, seed

    def suggest(
        self,
        space: SearchSpace,
        number: int,
        observations: Sequence[Observation],
        pending: Sequence[Mapping[str, int | float]],
    ) -> Mapping[str, int | float] | None:
        """Return a point drawn at random until the population is full, then a mutated parent."""
        random = Random(f"{self.seed}/{number}")
        known = {key(one.values) for one in observations} | {key(values) for values in pending}
        population = [one for one in observations[-self.population_size :] if one.values]
        child: dict[str, int | float] = {}
        for _ in range(_TRIES):
            if number < self.population_size or not population:
                child = draw_point(space, random)
            else:
                sample = random.choices(population, k=self.sample_size)
                child = mutated(space, max(sample, key=_fitness).values, random)
            if key(child) not in known:
                break
        return child

    def count(self, space: SearchSpace) -> float:
        """Return infinity: a child may be one that was tried before."""
        return float("inf")


def mutated(space: SearchSpace, parent: Mapping[str, int | float], random: Random) -> dict[str, int | float]:
    """Return the parent with one of its values changed: another choice, or a step within the range.

    Values that count only through the change are drawn at random.
    """
    changeable = [p for p in space.parameters if p.prl in parent and p.size > 1]
    if not changeable:
        return dict(parent)
    chosen = random.choice(changeable)
    full = {p.prl: parent.get(p.prl, draw(p, random)) for p in space.parameters}
    return space.active(full | {chosen.prl: _other(chosen, parent[chosen.prl], random)})


def _other(parameter: ParameterRange, value: int | float, random: Random) -> int | float:
    if parameter.kind == "enum":
        others = [index for index in range(len(parameter.targets)) if index != value]
        weights = [parameter.weights[index] for index in others] if parameter.weights is not None else None
        return random.choices(others, weights)[0]
    for _ in range(_TRIES):
        unit = to_unit(parameter, value) + random.gauss(0.0, _STEP)
        unit = abs(unit) if unit < 1 else 2 - unit  # what passes an end comes back: the ends are as likely as the rest
        other = from_unit(parameter, unit)
        if other != value:
            return other
    return draw(parameter, random)


def _fitness(one: Observation) -> float:
    return one.objectives[0] if one.objectives else float("-inf")


class EvolutionController(SuggestedController):
    """Recommends children of good configurations; the population is what was judged last, whatever its score.

    ===================  ========================  =====================================================================
    arg                  default                   meaning
    ===================  ========================  =====================================================================
    max_recommendations  20                        configurations in all, rejected ones aside
    population_size      10                        drawn at random at first; later only the last so many are parents
    sample_size          min(5, population_size)   members drawn, with repeats, of which the best becomes the parent
    seed                 0                         the same seed and order of outcomes bring the same recommendations
    ===================  ========================  =====================================================================

    A child differs from its parent in one value: another choice, by the weights where there are some, or a Gaussian
    step of a tenth of the range. It learns from the first objective. Ageing out, not the worst going, is what makes it
    "regularized": a lucky score does not breed for ever.

    Raises:
        ValueError: an argument is out of its bounds.

    Source: Real et al. 2019, "Regularized evolution for image classifier architecture search", algorithm 1. The step
    of ranges is ours; the paper's values are choices.
    """

    uses_weights = True

    def __init__(
        self,
        max_recommendations: int = 20,
        population_size: int = 10,
        sample_size: int | None = None,
        seed: int = 0,
    ):
        for name, value in (("population_size", population_size), ("sample_size", sample_size)):
            if name == "sample_size" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, but got {value!r}")
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise ValueError(f"seed must be a whole number, but got {seed!r}")
        if sample_size is not None and sample_size > population_size:
            raise ValueError(f"sample_size must be at most population_size {population_size}, but got {sample_size}")
        drawn = min(5, population_size) if sample_size is None else sample_size
        super().__init__(RegularizedEvolution(population_size, drawn, seed), max_recommendations)
