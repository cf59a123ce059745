"""Jobs whose result is computed: a curve from values and epoch to what a validation there would give.

Simulated searches, FunctionExecutor and the benchmarks run them as trainings: a job that goes on from another one's
checkpoint starts at the epoch after it, and what was lived before can shape the rest of the curve.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from medl.automl.defs import JobStatus, Outcome, Recommendation
from medl.automl.goals import Goals
from medl.errors import RunError

Values: TypeAlias = Mapping[str, Any]
Segment: TypeAlias = tuple[Values, int, int]
"""Values, and the first and the last epoch (1-based, inclusive) that were lived with them."""

SCORE = "score"
"""What a bare number of a curve is called where no objective gives it a name."""


@dataclass(frozen=True)
class Validation:
    """What a job comes to after some more of its epochs.

    Attributes:
        epoch: that was validated (1-based).
        values: metric name to value, objectives first; empty where an objective is no finite number: the job failed.
        seconds: that its epochs took since the validation before.
    """

    epoch: int
    values: Mapping[str, float]
    seconds: float


class CurveRun:
    """One job of :class:`CurveJobs`: it trains when it is asked to, from one validation to the next.

    Attributes:
        first: its first epoch.
        last: the epoch at which it ends by itself.
        past: what was lived before it.
        rejected: why it is not trained at all, or an empty text.
    """

    def __init__(self, jobs: CurveJobs, job: str, recommendation: Recommendation, curve: Callable[..., Any]):
        source = recommendation.resume_from or recommendation.inherit_from
        self.past: tuple[Segment, ...] = jobs.pasts[source] if source else ()
        self.first = self.past[-1][2] + 1 if self.past else 1
        self.last = max(recommendation.until_epoch or jobs.epochs, self.first)
        self.measured = dict(jobs.measure(recommendation.result.values)) if jobs.measure is not None else {}
        broken = jobs.goals.breaks(self.measured)
        self.rejected = f"it breaks the constraint of {' and '.join(broken)}" if broken else ""
        self._jobs, self._job, self._recommendation, self._curve = jobs, job, recommendation, curve
        self._takes_past = curve_takes_past(curve)
        self._validations: list[Validation] = []

    @property
    def epoch(self) -> int:
        """The last epoch that was trained; the one before its first where none was."""
        return self._validations[-1].epoch if self._validations else self.first - 1

    def advance(self) -> Validation | None:
        """Train up to the next validation, or to the end, and return it; ``None`` where the job is at its end."""
        if self.rejected or self.epoch >= self.last or (self._validations and not self._validations[-1].values):
            return None
        every = self._jobs.validate_every
        reached = self.last if every is None else min(self.last, (self.epoch // every + 1) * every)
        values = self._recommendation.result.values
        seconds = math.fsum(self._jobs.seconds(values, epoch) for epoch in range(self.epoch + 1, reached + 1))
        given = self._curve(values, reached, self.past) if self._takes_past else self._curve(values, reached)
        self._jobs.trained += reached - self.epoch
        validation = Validation(reached, self._jobs.named(given), seconds)
        self._validations.append(validation)
        self._jobs.pasts[self._job] = (*self.past, (values, self.first, reached))
        return validation

    def outcome(self) -> Outcome:
        """Return what the job came to so far: its last validation, or its best where it runs a whole training.

        Of a whole training without an ``until_epoch`` the best one counts, as the checkpoint of it would be kept.
        """
        id, goals = self._recommendation.id, self._jobs.goals
        found: dict[str, Any] = {"constraints": self.measured, "violations": goals.violations(self.measured)}
        if self.rejected:
            return Outcome(id, JobStatus.REJECTED, reason=self.rejected, **found)
        if not self._validations:
            return Outcome(id, JobStatus.NO_SCORE, reason="no epoch was trained", **found)
        last = self._validations[-1]
        measured = {c.name: last.values[c.name] for c in goals.constraints if c.name in last.values} | self.measured
        found = {"constraints": measured, "violations": goals.violations(measured)}
        found |= {"epoch": self.epoch, "info": {"epochs": [self.first, self.epoch]}}
        if not last.values:
            return Outcome(id, JobStatus.FAILED, reason=f"no finite value in epoch {self.epoch}", **found)
        judged = last
        if self._recommendation.until_epoch is None:
            judged = max(self._validations, key=lambda one: self._larger_better(one.values))
        names = [objective.metric for objective in goals.objectives] or list(judged.values)[:1]
        values = {name: judged.values[name] for name in names}
        if penalty := goals.penalty(goals.violations(measured)):
            values[names[0]] -= penalty if names[0] not in goals.minimize else -penalty
        return Outcome(id, values=values, minimize=goals.minimize & set(values), **found)

    def _larger_better(self, values: Mapping[str, float]) -> float:
        name, value = next(iter(values.items()))
        return -value if name in self._jobs.goals.minimize else value


def curve_takes_past(curve: Callable[..., Any]) -> bool:
    """Return whether a curve has a third parameter, for what its job has lived before."""
    try:
        parameters = inspect.signature(curve).parameters.values()
    except (TypeError, ValueError):  # a callable without a readable signature
        return False
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters) >= 3


class CurveJobs:
    """Runs recommendations as points on curves; give it to :func:`medl.automl.simulate.simulate`.

    Args:
        curve: ``curve(values, epoch) -> float | Mapping[str, float]``, values by PRL as recommended, epoch 1-based;
            or ``curve(values, epoch, past)``, past being the segments that the job's weights lived through before it.
            It is called for the epochs that are validated. NaN fails the job. A bare number is the first objective.
        epochs: of a training whose recommendation has no ``until_epoch``.
        seconds: virtual seconds that an epoch takes.
        goals: names, order and directions of the objectives; constraints.
        validate_every: epochs between two validations; ``None`` for one at the end only. The last epoch always is.
        measure: what is known of a configuration before it is trained, such as ``{"params_m": 3.1}``; one that breaks
            a hard constraint is rejected.

    Attributes:
        trained: epochs trained in all jobs.
        pasts: job name to the segments that its last checkpoint has lived.
    """

    def __init__(
        self,
        curve: Callable[..., float | Mapping[str, float]],
        *,
        epochs: int,
        seconds: Callable[[Values, int], float] = lambda values, epoch: 1.0,
        goals: Goals | None = None,
        validate_every: int | None = None,
        measure: Callable[[Values], Mapping[str, float]] | None = None,
    ):
        self.curve, self.epochs, self.seconds = curve, epochs, seconds
        self.goals = goals if goals is not None else Goals()
        self.validate_every, self.measure = validate_every, measure
        self.trained = 0
        self.pasts: dict[str, tuple[Segment, ...]] = {}

    def begin(self, job: str, recommendation: Recommendation, curve: Callable[..., Any] | None = None) -> CurveRun:
        """Return a job that has not trained yet.

        Args:
            job: its name, for those that go on from it.
            recommendation: what is run.
            curve: of this job alone, in place of the one of all.

        Raises:
            KeyError: it goes on from a job that trained nothing here.
        """
        return CurveRun(self, job, recommendation, curve if curve is not None else self.curve)

    def __call__(self, recommendation: Recommendation, job: str = "") -> tuple[Outcome, float]:
        """Run a job to its end and return its outcome and its virtual seconds."""
        run, seconds = self.begin(job, recommendation), 0.0
        while (validation := run.advance()) is not None:
            seconds += validation.seconds
        return run.outcome(), seconds

    def named(self, given: Any) -> dict[str, float]:
        """Return what a curve gave as metric name to value, objectives first; empty where an objective is not finite.

        Raises:
            RunError: an objective is not among them.
        """
        objectives: Sequence[str] = [objective.metric for objective in self.goals.objectives]
        if not isinstance(given, Mapping):
            given = {objectives[0] if objectives else SCORE: given}
        if missing := [name for name in objectives if name not in given]:
            raise RunError(f"the function gives {', '.join(map(str, given))}, but not the objective {missing[0]}")
        ordered = [*objectives, *(name for name in given if name not in objectives)]
        values = {str(name): float(given[name]) for name in ordered}
        if not all(math.isfinite(values[name]) for name in objectives or ordered[:1]):
            return {}
        return {name: value for name, value in values.items() if math.isfinite(value)}
