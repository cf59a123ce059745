"""BOHB's model: kernel densities of the good and of the bad configurations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias

from medl.automl.api import Suggester
from medl.automl.defs import Observation, ParameterRange, SearchSpace
from medl.automl.unit_cube import draw_point, from_unit, to_unit

from .unseen import Key, key, unseen

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

Values = Mapping[str, int | float]

NARROWEST = 1e-3
"""No kernel is narrower than this share of a range."""
EVEN = 0.01
"""Weight of the evenly spread kernel of a density."""
_FAILURES = 3
"""From so many failures on, configurations that look like them are avoided."""
_DRAWS = 64


class KdeSuggester(Suggester):
    """Suggests what is dense among the good configurations and not among the others, at the largest budget it can.

    ====================  ======== ====================================================================================
    arg                   default  meaning
    ====================  ======== ====================================================================================
    kde_samples           500      at most this many completed trials are fitted, the last ones
    num_candidates        64       candidates per suggestion, of which the best is taken
    top_n_percent         15       share of the trials that is good, in percent
    min_points_in_model   null     trials that each of the two densities has at least; null: parameters + 1
    random_fraction       0.3333   share of the suggestions that is drawn at random
    bandwidth_factor      3        candidates are drawn with kernels so many times as wide
    seed                  0        the same seed and the same observations bring the same point
    ====================  ======== ====================================================================================

    The model is fitted on the largest budget with at least ``min_points_in_model + 2`` trials; before there is one,
    points are drawn at random. Failed trials are bad ones. From the third failure on a random draw, and a candidate,
    is also weighed by how dense trials that went well are there against trials that failed. Choices are drawn by their
    weights where they are drawn at random. No point of a space without float ranges is suggested twice.

    Raises:
        ValueError: an argument is out of its range.

    Source: Falkner et al. 2018, "BOHB: robust and efficient hyperparameter optimization at scale", algorithm 2 and
    equations 2 and 3; Aitchison and Aitken 1976 for the kernel of choices. Not from there: kernels are cut at the ends
    of a range, each density is a little above 0 everywhere, what does not count in a configuration is evenly spread,
    and failures are weighed.
    """

    def __init__(
        self,
        kde_samples: int = 500,
        num_candidates: int = 64,
        top_n_percent: float = 15,
        min_points_in_model: int | None = None,
        random_fraction: float = 1 / 3,
        bandwidth_factor: float = 3.0,
        seed: int = 0,
    ):
        wholes = {"kde_samples": kde_samples, "num_candidates": num_candidates}
        if min_points_in_model is not None:
            wholes["min_points_in_model"] = min_points_in_model
        for name, number in wholes.items():
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, but got {number!r}")
        _between("top_n_percent", top_n_percent, 0, 100, open_low=True)
        _between("random_fraction", random_fraction, 0, 1)
        _between("bandwidth_factor", bandwidth_factor, 0, float("inf"), open_low=True)
        self.kde_samples, self.num_candidates, self.top_n_percent = kde_samples, num_candidates, top_n_percent
        self.min_points_in_model, self.random_fraction = min_points_in_model, random_fraction
        self.bandwidth_factor, self.seed = bandwidth_factor, seed

    def count(self, space: SearchSpace) -> float:
        """Return how many different points there are at most."""
        return space.size

    def suggest(
        self,
        space: SearchSpace,
        number: int,
        observations: Sequence[Observation],
        pending: Sequence[Values],
    ) -> Values | None:
        """Return a point; ``None`` where all of them are known or pending."""
        random = Random(f"{self.seed}/{number}")
        cube = Cube(space)
        seen: set[Key] = set()
        if cube.finite:
            seen = {key(o.values) for o in observations} | {key(values) for values in pending}
        failures = self._failures(cube, observations)
        model = self._model(cube, observations)
        if model is None or random.random() < self.random_fraction:
            return self._drawn(cube, failures, seen, random)
        found = model.candidates(self.num_candidates, self.bandwidth_factor, random)
        points = cube.coordinates(found)
        worth = model.good.log_density(points) - model.bad.log_density(points)
        if failures is not None:
            worth = worth + failures.log_success(points)
        best = sorted(range(len(found)), key=lambda i: -worth[i])
        fresh = (found[i] for i in best if not seen or key(found[i]) not in seen)
        return next(fresh, None) or unseen(space, seen, random)

    def _model(self, cube: Cube, observations: Sequence[Observation]) -> Model | None:
        """Return the model of the largest budget with enough points, or ``None`` where none has."""
        least = self.min_points_in_model or len(cube.space.parameters) + 1
        tried = Counter(o.budget for o in observations)
        scored = Counter(o.budget for o in observations if o.objectives)
        ready = [budget for budget, count in tried.items() if count >= least + 2 and scored[budget] >= least]
        if not ready:
            return None
        shown = _last([o for o in observations if o.budget == max(ready)], self.kde_samples)
        # a failure is the worst of all; of equal ones the earlier is the better
        ranked = sorted(shown, key=lambda o: -o.objectives[0] if o.objectives else float("inf"))
        good = max(least, int(self.top_n_percent * len(ranked) / 100))
        good = min(good, sum(1 for o in ranked if o.objectives))
        bad = max(least, len(ranked) - good)
        densities = (Density(cube, [o.values for o in some]) for some in (ranked[:good], ranked[-bad:]))
        return Model(*densities)

    def _failures(self, cube: Cube, observations: Sequence[Observation]) -> Failures | None:
        latest = {key(o.values): o for o in _last(observations, self.kde_samples)}
        failed = [o.values for o in latest.values() if not o.objectives]
        if len(failed) < _FAILURES:
            return None
        return Failures(cube, [o.values for o in latest.values() if o.objectives], failed)

    def _drawn(self, cube: Cube, failures: Failures | None, seen: set[Key], random: Random) -> Values | None:
        if failures is None:
            return unseen(cube.space, seen, random)
        drawn = [draw_point(cube.space, random) for _ in range(_DRAWS)]
        drawn = [point for point in drawn if not seen or key(point) not in seen]
        if not drawn:
            return unseen(cube.space, seen, random)
        success = failures.log_success(cube.coordinates(drawn))
        np = cube.np
        kept = (i for i in range(len(drawn)) if random.random() < np.exp(success[i]))
        return drawn[next(kept, int(np.argmax(success)))]


class Cube:
    """Points of a space as rows of numbers: coordinates in [0, 1], indices of choices, NaN for what does not count."""

    def __init__(self, space: SearchSpace):
        import numpy

        self.np: Any = numpy
        self.space = space
        self.finite = space.size != float("inf")
        self.choices = [len(p.targets) if p.kind == "enum" else 0 for p in space.parameters]

    def coordinates(self, points: Sequence[Values]) -> Array:
        """Return an array of a row per point and a column per parameter."""
        rows = [[_coordinate(p, values) for p in self.space.parameters] for values in points]
        array: Array = self.np.array(rows, dtype=float).reshape(len(points), len(self.space.parameters))
        return array


def _coordinate(parameter: ParameterRange, values: Values) -> float:
    if parameter.prl not in values:
        return float("nan")
    value = values[parameter.prl]
    return float(value) if parameter.kind == "enum" else to_unit(parameter, value)


class Density:
    """A kernel density: the mean over points of the product over parameters of a kernel, and a little everywhere.

    The kernel of a number is a Gaussian, cut off at 0 and 1; of a choice Aitchison and Aitken's: ``1 - width`` for the
    point's own choice, the rest in equal parts for the others. Widths are of the normal reference rule,
    ``1.06 * spread * n ** (-1 / (4 + d))``. What is everywhere, :data:`EVEN`, keeps the quotient of two densities
    within bounds where neither has a point: narrow kernels would make it a matter of which tail is the thinner one.

    Args:
        cube: the space.
        points: at least one.
    """

    def __init__(self, cube: Cube, points: Sequence[Values]):
        self.cube = cube
        self.points = cube.coordinates(points)
        nothing = cube.np.full((1, len(cube.choices)), cube.np.nan)
        self.rows = cube.np.concatenate([self.points, nothing])
        self.log_weights = cube.np.log([(1 - EVEN) / len(points)] * len(points) + [EVEN])
        rate = 1.06 * len(points) ** (-1 / (4 + len(cube.choices)))
        self.widths = [self._width(column, rate) for column in range(len(cube.choices))]

    def _width(self, column: int, rate: float) -> float:
        np, known, choices = self.cube.np, self.points[:, column], self.cube.choices[column]
        known = known[~np.isnan(known)]
        if choices == 1 or not len(known):
            return NARROWEST
        if not choices:
            return max(float(known.std()) * rate, NARROWEST)
        # a choice has no place on a line: its spread is how likely two of the points differ, 1 where all are as likely
        shares = np.bincount(known.astype(int), minlength=choices) / len(known)
        even = 1 - 1 / choices
        spread = float((1 - (shares**2).sum()) / even)
        return min(max(even * spread * rate, NARROWEST), even)

    def log_density(self, points: Array) -> Array:
        """Return the logarithm of the density at each row."""
        from scipy.special import logsumexp

        np = self.cube.np
        total = np.zeros((len(points), len(self.rows)))
        for column, (choices, width) in enumerate(zip(self.cube.choices, self.widths, strict=True)):
            x, at = points[:, column, None], self.rows[None, :, column]
            log = self._choice(x, at, choices, width) if choices else self._number(x, at, width)
            # a point that has no such value counts as evenly spread; so does one that is asked for without it
            log = np.where(np.isnan(at), -np.log(choices) if choices else 0.0, log)
            total += np.where(np.isnan(x), 0.0, log)
        density: Array = logsumexp(total + self.log_weights, axis=1)
        return density

    def _number(self, x: Array, at: Array, width: float) -> Array:
        from scipy.special import ndtr

        np = self.cube.np
        mass = ndtr((1 - at) / width) - ndtr(-at / width)
        log: Array = -0.5 * ((x - at) / width) ** 2 - np.log(width * np.sqrt(2 * np.pi) * mass)
        return log

    def _choice(self, x: Array, at: Array, choices: int, width: float) -> Array:
        np = self.cube.np
        other = width / (choices - 1) if choices > 1 else 1.0
        log: Array = np.where(x == at, np.log(1 - width if choices > 1 else 1.0), np.log(other))
        return log


@dataclass(frozen=True)
class Model:
    """The densities of the good and of the bad configurations."""

    good: Density
    bad: Density

    def candidates(self, count: int, factor: float, random: Random) -> list[dict[str, int | float]]:
        """Return points drawn from the good density with kernels ``factor`` times as wide."""
        cube = self.good.cube
        found = []
        for _ in range(count):
            row = self.good.points[random.randrange(len(self.good.points))]
            values = {
                parameter.prl: _moved(parameter, float(at), width * factor, random)
                for parameter, at, width in zip(cube.space.parameters, row, self.good.widths, strict=True)
            }
            found.append(cube.space.active(values))
        return found


def _moved(parameter: ParameterRange, at: float, width: float, random: Random) -> int | float:
    """Return a value drawn from the kernel at a coordinate; evenly where the point has no such value."""
    if parameter.kind == "enum":
        count = len(parameter.targets)
        if at != at or count == 1:
            return random.randrange(count)
        if random.random() >= min(width, 1 - 1 / count):
            return int(at)
        other = random.randrange(count - 1)
        return other + (other >= at)
    if at != at:
        return from_unit(parameter, random.random())
    from scipy.special import ndtr, ndtri

    low, high = ndtr(-at / width), ndtr((1 - at) / width)
    return from_unit(parameter, at + width * float(ndtri(low + (high - low) * random.random())))


class Failures:
    """Where trials fail: the share of those that went well, by the two densities and their numbers.

    One success and one failure are added to the numbers: a share is never 0 or 1.
    """

    def __init__(self, cube: Cube, succeeded: Sequence[Values], failed: Sequence[Values]):
        self.cube = cube
        self.succeeded = Density(cube, succeeded) if succeeded else None
        self.failed = Density(cube, failed)
        self.numbers = len(succeeded) + 1, len(failed) + 1

    def log_success(self, points: Array) -> Array:
        """Return the logarithm of the share at each row."""
        np = self.cube.np
        succeeded = np.zeros(len(points)) if self.succeeded is None else self.succeeded.log_density(points)
        odds = succeeded + np.log(self.numbers[0]) - self.failed.log_density(points) - np.log(self.numbers[1])
        log: Array = -np.logaddexp(0.0, -odds)
        return log


def _last(observations: Sequence[Observation], most: int) -> Sequence[Observation]:
    return observations[-most:]


def _between(name: str, value: Any, low: float, high: float, open_low: bool = False) -> None:
    wrong = isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high
    if wrong or (open_low and value == low):
        what = f"above {low:g}" if open_low else f"from {low:g}"
        most = "" if high == float("inf") else f" and at most {high:g}"
        raise ValueError(f"{name} must be a number {what}{most}, but got {value!r}")
