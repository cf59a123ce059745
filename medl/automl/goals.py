"""What a search is after: objectives with their directions, and constraints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Objective:
    """A metric by the name under which trainings log it, and whether it is to be large or small.

    Attributes:
        metric: its name.
        mode: ``max`` or ``min``.
        reference: from which value on it counts for the hypervolume; ``None``: the worst of the run.
    """

    metric: str
    mode: Literal["max", "min"] = "max"
    reference: float | None = None


@dataclass(frozen=True)
class Constraint:
    """Bounds of something that is measured before or in a training, such as ``params_m``.

    Attributes:
        name: of what is measured.
        max: it must not be larger; ``None`` for no such bound.
        min: it must not be smaller.
        penalty: taken off the first objective for each unit beyond a bound; ``None`` makes the bound hard: a
            configuration that breaks it is not trained.
    """

    name: str
    max: float | None = None
    min: float | None = None
    penalty: float | None = None

    def violation(self, measured: float) -> float:
        """Return by how much a measured value breaks the bounds, in its own unit; 0 or less where it keeps them."""
        over = [] if self.max is None else [measured - self.max]
        under = [] if self.min is None else [self.min - measured]
        return max(over + under, default=0.0)


@dataclass(frozen=True)
class Goals:
    """All of it. Without objectives the config's key metric is the only one, to be large."""

    objectives: tuple[Objective, ...] = ()
    constraints: tuple[Constraint, ...] = ()

    @property
    def minimize(self) -> frozenset[str]:
        """The metrics that are to be small."""
        return frozenset(objective.metric for objective in self.objectives if objective.mode == "min")

    def violations(self, measured: Mapping[str, float]) -> dict[str, float]:
        """Return constraint name to by how much it is broken, for what was measured."""
        return {c.name: c.violation(measured[c.name]) for c in self.constraints if c.name in measured}

    def penalty(self, violations: Mapping[str, float]) -> float:
        """Return what broken soft constraints take off the first objective."""
        soft = (c for c in self.constraints if c.penalty is not None)
        return sum((c.penalty or 0.0) * max(0.0, violations.get(c.name, 0.0)) for c in soft)

    def breaks(self, measured: Mapping[str, float]) -> tuple[str, ...]:
        """Return the hard constraints that what was measured breaks."""
        hard = (c for c in self.constraints if c.penalty is None and c.name in measured)
        return tuple(c.name for c in hard if c.violation(measured[c.name]) > 0)
