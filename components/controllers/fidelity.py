"""What a trial is given more of: epochs, or a first-level variable of the config such as a share of the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fidelity:
    """A first-level variable whose value is a trial's budget. A trial of another budget starts anew.

    Attributes:
        variable: its name.
        min: its least useful value, above 0.
        max: its value in a full training; whole numbers where both are.
    """

    variable: str
    min: int | float
    max: int | float

    def value(self, budget: float) -> int | float:
        """Return what the variable is set to for a budget."""
        whole = isinstance(self.min, int) and isinstance(self.max, int)
        return round(budget) if whole else min(float(budget), float(self.max))


def read_fidelity(given: Mapping[str, Any] | str | None) -> Fidelity | None:
    """Return the fidelity that an arg names; ``None`` for epochs.

    Raises:
        ValueError: it is none.

    >>> read_fidelity({"variable": "data_fraction", "min": 0.1, "max": 1.0}).value(0.3)
    0.3
    """
    if given is None or given == "epochs":
        return None
    form = '{"variable": "data_fraction", "min": 0.1, "max": 1.0}'
    if not isinstance(given, Mapping) or set(given) != {"variable", "min", "max"}:
        raise ValueError(f'fidelity must be "epochs" or an object such as {form}, but got {given!r}')
    name, low, high = given["variable"], given["min"], given["max"]
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"fidelity names the variable {name!r}, which is no name of a first-level variable")
    if name == "epochs":
        raise ValueError('fidelity names the variable epochs; write "fidelity": "epochs", so that trials are continued')
    for number in (low, high):
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise ValueError(f"fidelity goes from a number to a number, but got {number!r}")
    if not 0 < low < high:
        raise ValueError(f"fidelity needs 0 < min < max, but got {low} and {high}")
    return Fidelity(name, low, high)
