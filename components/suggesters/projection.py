"""What is known of a search as an Optuna study in memory, on which a sampler is asked.

A whole study has a value of every parameter in every trial, that of one that does not count being its midpoint: for
samplers that need the same parameters everywhere. A study that is not whole has only those that count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any

from medl.automl.defs import Observation, ParameterRange, SearchSpace
from medl.automl.unit_cube import midpoint

from .quiet import silent

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial, TrialState

Values = Mapping[str, int | float]

FAILED = "failed"
_LARGEST = 1e100
"""Objectives beyond it are cut off: their squares and volumes must be floats."""


@dataclass(frozen=True)
class Judged:
    """An observation as a sampler takes it.

    Attributes:
        values: PRL to value, those that count.
        objectives: one number each, larger better; a stand-in where there was none.
        constraints: name to by how much it is broken; above 0 it is. Every observation has the same names.
    """

    values: Values
    objectives: tuple[float, ...]
    constraints: Mapping[str, float]


def judged(observations: Sequence[Observation]) -> list[Judged]:
    """Return the observations with objectives and constraints for all of them, in their order.

    A job that failed is a broken constraint of its own, ``failed``, 1 where it did and -1 where it did not; so a
    sampler learns where failures lie, and not from a made-up score alone. Each violation is divided by the largest one
    of its name, so that constraints in different units weigh the same. A constraint that none of them breaks is left
    out, and with it everything that a sampler does for constraints. The stand-in for a missing objective is the worst
    one seen, 0 where there is none.
    """
    count = max((len(o.objectives) for o in observations), default=0) or 1
    known = [o.objectives for o in observations if len(o.objectives) == count]
    worst = tuple(min(column) for column in zip(*known, strict=True)) if known else (0.0,) * count
    names = sorted({name for o in observations for name, by in o.violations.items() if by > 0})
    largest = {name: max(abs(o.violations.get(name, 0.0)) for o in observations) for name in names}
    failed = [not o.objectives and not _broken(o) for o in observations]
    some_failed = any(failed) and not all(failed)

    def constraints(observation: Observation, fails: bool) -> dict[str, float]:
        found = {name: observation.violations.get(name, 0.0) / largest[name] for name in names}
        return {**found, FAILED: 1.0 if fails else -1.0} if some_failed else found

    return [
        Judged(
            o.values,
            tuple(cut(x) for x in (o.objectives if len(o.objectives) == count else worst)),
            constraints(o, fails),
        )
        for o, fails in zip(observations, failed, strict=True)
    ]


def _broken(observation: Observation) -> bool:
    return any(by > 0 for by in observation.violations.values())


def cut(number: float) -> float:
    """Return an objective within what a sampler can square."""
    return min(max(number, -_LARGEST), _LARGEST)


def distribution(parameter: ParameterRange) -> BaseDistribution:
    """Return Optuna's distribution of a parameter; that of an enum is over the indices of its choices."""
    import optuna

    made = optuna.distributions
    if parameter.kind == "enum":
        return made.CategoricalDistribution(tuple(range(len(parameter.targets))))
    span, log = parameter.targets[0], parameter.scale == "log"
    if parameter.kind == "int":
        last = span.min + (span.size - 1) * span.step  # Optuna warns of an end off the steps
        return made.IntDistribution(span.min, last, log=log, step=1 if log else span.step)
    return made.FloatDistribution(float(span.min), float(span.max), log=log and span.min < span.max)


def _value(parameter: ParameterRange, value: int | float) -> int | float:
    """Return a number of the parameter: on a logarithmic scale Optuna knows no steps, so the nearest one is taken."""
    if parameter.kind == "int" and parameter.targets[0].step > 1:
        span = parameter.targets[0]
        return int(span.min + min(round((value - span.min) / span.step), span.size - 1) * span.step)
    return float(value) if parameter.kind == "float" else int(value)


def _parents_first(space: SearchSpace) -> list[ParameterRange]:
    """Return the parameters, each after those that its conditions name."""
    ordered: dict[str, ParameterRange] = {}

    def place(parameter: ParameterRange) -> None:
        for condition in parameter.when:
            if condition.prl not in ordered:
                place(space[condition.prl])
        ordered.setdefault(parameter.prl, parameter)

    for parameter in space.parameters:
        place(parameter)
    return list(ordered.values())


class Projection:
    """A study of what is known; ask it for points.

    Args:
        space: the search space.
        sampler: Optuna's; of this projection alone.
        objectives: how many there are.
        whole: see the module.
    """

    def __init__(self, space: SearchSpace, sampler: BaseSampler, objectives: int, whole: bool = True):
        import optuna

        self.space = space
        self.distributions = {p.prl: distribution(p) for p in space.parameters}
        self._whole = whole
        self._midpoints = {p.prl: midpoint(p) for p in space.parameters} if whole else {}
        with silent():
            self.study: Study = optuna.create_study(directions=["maximize"] * objectives, sampler=sampler)

    def add(self, judged: Sequence[Judged], pending: Sequence[Values]) -> None:
        """Add what is known, then the configurations that are not judged yet, as running trials."""
        import optuna

        states = optuna.trial.TrialState
        self.study.add_trials(
            [self._trial(states.COMPLETE, one.values, one) for one in judged]
            + [self._trial(states.RUNNING, values) for values in pending]
        )

    def _trial(self, state: TrialState, values: Values, one: Judged | None = None) -> FrozenTrial:
        from .given_trial import GivenTrial

        params = {**self._midpoints, **values}
        now = datetime.now()  # Optuna's times have no zone
        trial = GivenTrial(
            number=-1,
            trial_id=-1,
            state=state,
            value=None,
            values=one.objectives if one is not None else None,
            datetime_start=now,
            datetime_complete=now if one is not None else None,
            params=params,
            distributions={prl: self.distributions[prl] for prl in params},
            user_attrs={},
            system_attrs={},
            intermediate_values={},
        )
        for name, by in (one.constraints if one is not None else {}).items():
            trial.set_constraint(name, by)
        return trial

    def ask(self) -> dict[str, int | float]:
        """Return a point of the space; what was asked before is a running trial from then on."""
        return self.ask_trial()[1]

    def ask_trial(self) -> tuple[Trial, dict[str, int | float]]:
        """Return a running trial and its point."""
        with silent():
            trial = self.study.ask(self.distributions if self._whole else None)
            if self._whole:
                values = dict(trial.params)
            else:
                values = {}
                for parameter in _parents_first(self.space):
                    if all(values.get(c.prl) in c.values for c in parameter.when):
                        values[parameter.prl] = _suggest(trial, parameter, self.distributions[parameter.prl])
        return trial, self.space.active(
            {p.prl: _value(p, values[p.prl]) for p in self.space.parameters if p.prl in values}
        )

    def tell(self, trial: Trial, objectives: Sequence[float]) -> None:
        """End a running trial with its objectives."""
        with silent():
            self.study.tell(trial, list(objectives))

    def drop(self, trial: Trial) -> None:
        """End a running trial as failed, which samplers take for one that never was."""
        import optuna

        with silent():
            self.study.tell(trial, state=optuna.trial.TrialState.FAIL)


def _suggest(trial: Trial, parameter: ParameterRange, range_: Any) -> int | float:
    if parameter.kind == "enum":
        return int(trial.suggest_categorical(parameter.prl, range_.choices))
    if parameter.kind == "int":
        return int(trial.suggest_int(parameter.prl, range_.low, range_.high, step=range_.step, log=range_.log))
    return float(trial.suggest_float(parameter.prl, range_.low, range_.high, log=range_.log))


def start(space: SearchSpace, seed: int, number: int) -> dict[str, int | float]:
    """Return the point of that number (from 0) that Optuna's samplers with this seed try before they know anything."""
    import optuna

    sampler = optuna.samplers.RandomSampler(seed=sampler_seed(seed))
    varying = [(p, d) for p in space.parameters if not (d := distribution(p)).single()]
    values: dict[str, int | float] = {p.prl: midpoint(p) for p in space.parameters}
    for _ in range(number + 1):
        for parameter, range_ in varying:
            values[parameter.prl] = sampler.sample_independent(None, None, parameter.prl, range_)
    return space.active({p.prl: _value(p, values[p.prl]) for p in space.parameters})


def mixed(seed: int, number: int) -> int:
    """Return a seed of its own for each number, in [0, 2**32)."""
    return Random(f"{seed}/{number}").getrandbits(32)


def sampler_seed(seed: int) -> int:
    """Return the seed itself where a sampler takes it, another one made of it else."""
    return seed if 0 <= seed < 2**32 else mixed(seed, 0)


def whole_seed(seed: int) -> None:
    """Raise ``ValueError`` where a seed is no whole number."""
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValueError(f"seed must be a whole number, but got {seed!r}")
