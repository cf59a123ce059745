"""A point of the search space as coordinates in [0, 1] and back, and points drawn at random.

Equal steps of a coordinate are equal steps of the value, on a logarithmic scale equal ratios. Each whole number and
each choice has a bin of its own: of the same width, but on a logarithmic scale as wide as its share of the range.
"""

from __future__ import annotations

import math
from random import Random

from medl.automl.defs import IntRange, ParameterRange, SearchSpace


def to_unit(parameter: ParameterRange, value: int | float) -> float:
    """Return where a value lies in its range, in [0, 1]: for a whole number or a choice inside its bin.

    A float range of one point gives 0.5. On a linear scale, and for choices, it is the middle of the bin.
    """
    if parameter.kind == "enum":
        return (int(value) + 0.5) / len(parameter.targets)
    span = parameter.targets[0]
    if parameter.kind == "int":
        if parameter.scale == "log":
            low, high = _log_edges(span)
            return _clipped((math.log(value) - low) / (high - low))
        return ((int(value) - span.min) // span.step + 0.5) / span.size
    low, high = float(span.min), float(span.max)
    if low == high:
        return 0.5
    if parameter.scale == "log":
        return _clipped((math.log(value) - math.log(low)) / (math.log(high) - math.log(low)))
    if math.isinf(high - low):
        return _clipped((value / 2 - low / 2) / (high / 2 - low / 2))
    return _clipped((value - low) / (high - low))


def from_unit(parameter: ParameterRange, unit: float) -> int | float:
    """Return the value at a coordinate; what lies outside of [0, 1] counts as the nearer end. Weights are not used."""
    unit = _clipped(unit)
    if parameter.kind == "enum":
        return min(int(unit * len(parameter.targets)), len(parameter.targets) - 1)
    span = parameter.targets[0]
    if parameter.kind == "int":
        if parameter.scale == "log":
            low, high = _log_edges(span)
            place = round((math.exp(low + unit * (high - low)) - span.min) / span.step)
        else:
            place = int(unit * span.size)
        return int(span.min + min(max(place, 0), span.size - 1) * span.step)
    low, high = float(span.min), float(span.max)
    if unit in (0.0, 1.0):  # exactly, not but for a rounding
        return high if unit else low
    if parameter.scale == "log":
        value = math.exp(math.log(low) * (1 - unit) + math.log(high) * unit)
    else:
        value = low * (1 - unit) + high * unit  # not low + unit * (high - low), which may be too large for a float
    return min(max(value, low), high)


def midpoint(parameter: ParameterRange) -> int | float:
    """Return the value at 0.5: the mean of a range (the geometric one on a logarithmic scale), the middle choice."""
    return from_unit(parameter, 0.5)


def draw(parameter: ParameterRange, random: Random) -> int | float:
    """Return a value drawn evenly over the coordinate; choices by their weights where they have some."""
    if parameter.kind == "enum":
        choices = range(len(parameter.targets))
        if parameter.weights is not None:
            return random.choices(choices, parameter.weights)[0]
        return random.randrange(len(choices))
    return from_unit(parameter, random.random())


def draw_point(space: SearchSpace, random: Random) -> dict[str, int | float]:
    """Return a point drawn parameter by parameter, in the order of the space; only those that count have a value."""
    return space.active({parameter.prl: draw(parameter, random) for parameter in space.parameters})


def _log_edges(span: IntRange) -> tuple[float, float]:
    """Return the logarithms between which the bins of a range of whole numbers lie, half a step beyond both ends."""
    half = span.step / 2
    return math.log(max(span.min - half, span.min / 2)), math.log(span.max + half)


def _clipped(unit: float) -> float:
    return min(max(float(unit), 0.0), 1.0)
