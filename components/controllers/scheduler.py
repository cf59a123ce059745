"""The base of schedulers: they say how much each trial gets; a suggester says where a new configuration comes from."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from medl.automl.api import Controller, Suggester
from medl.automl.defs import (
    Context,
    ContextKey,
    JobStatus,
    Observation,
    Outcome,
    Recommendation,
    SearchResult,
    SearchSpace,
)
from medl.automl.goals import Goals
from medl.automl.weights_note import weights_note

from ..suggesters.choice import Choice
from ..suggesters.choice import Spec as SuggesterSpec
from ..suggesters.unseen import Key, key
from .fidelity import read_fidelity

_NO_WEIGHTS = ("bayesian", "grid", "tpe")
"""Suggesters that do not use the weights of choices."""
_ASKS = 20
"""How often a suggester is asked for another configuration than one that is known."""


@dataclass
class Trial:
    """A configuration on its way.

    Attributes:
        number: from 1, in the order in which they were suggested.
        values: PRL to value.
        group: the number of its bracket.
        rung: where it is, from 0.
        budget: what it has in all at the end of its present job.
        jobs: how many jobs it had so far.
        job: name of the last one; ``None`` where nobody said it.
    """

    number: int
    values: Mapping[str, int | float]
    group: int = 0
    rung: int = 0
    budget: int | float = 0
    jobs: int = 0
    job: str | None = None


class Scheduler(Controller):
    """Keeps a number of jobs out and learns of each outcome; what comes next is its subclass's affair.

    Under epochs a trial's next job goes on from its last one, so no epoch is trained twice; under another fidelity it
    starts anew. A job is judged by its first objective. One that failed, or that was stopped before its budget was used
    up, is the worst of its rung and goes no further. A configuration that was rejected, for it breaks a constraint, is
    replaced by another one.

    Args:
        suggester: see :class:`~medl.components.suggesters.choice.Choice`.
        seed: of the suggester.
        fidelity: ``"epochs"``, or a variable with its bounds.
        horizon: where the schedule of the learning rate ends: ``"full"``, after a full training, or ``"rung"``.
        max_recommendations: at most this many jobs; ``None`` for as many as the schedule has.
        max_redraws: at most this many rejected configurations are replaced.

    Raises:
        ValueError: an argument is not what it has to be.
    """

    multi_fidelity = True

    def __init__(
        self,
        *,
        suggester: SuggesterSpec,
        seed: int,
        fidelity: Mapping[str, Any] | str | None,
        horizon: str,
        max_recommendations: int | None,
        max_redraws: int,
    ):
        whole_number("seed", seed, least=None)
        if max_recommendations is not None:
            whole_number("max_recommendations", max_recommendations)
        whole_number("max_redraws", max_redraws, least=0)
        if horizon not in ("full", "rung"):
            raise ValueError(f'horizon must be "full" or "rung", but got {horizon!r}')
        self.fidelity = read_fidelity(fidelity)
        self.horizon: Literal["full", "rung"] = "full" if horizon == "full" else "rung"
        self.max_recommendations, self.max_redraws = max_recommendations, max_redraws
        self._choice = Choice(suggester, seed, type(self).__name__.removesuffix("Controller").lower())
        self._fallback = Choice("random", seed, "any")
        self._space = SearchSpace(())

    # What a subclass says ---------------------------------------------------------------------------------------------

    @abstractmethod
    def _begin(self, epochs: int | None, workers: int) -> int:
        """Work out the budgets and forget earlier trials; return how many jobs shall be out at one time.

        Args:
            epochs: of a full training, where it is known.
            workers: that the run began with.

        Raises:
            ValueError: the schedule is impossible.
        """

    @abstractmethod
    def _next(self) -> Trial | None:
        """Return a trial with its next budget, new ones by :meth:`_new`; ``None`` where all wait for outcomes."""

    @abstractmethod
    def _judged(self, trial: Trial, score: float | None) -> None:
        """Take in how a trial did on its rung; ``None``: it is the worst and goes no further."""

    @abstractmethod
    def _waiting(self) -> Iterable[Trial]:
        """Return the trials that were judged and may still be promoted."""

    @abstractmethod
    def _full(self) -> int | float:
        """Return the largest budget."""

    # The contract -----------------------------------------------------------------------------------------------------

    def set_search_space(self, space: SearchSpace, ctx: Context) -> None:
        """Take the space, and trace what of space and goals is not used.

        Raises:
            ValueError: the space is empty, or the schedule is impossible with the config's epochs.
        """
        if not space.parameters:
            raise ValueError("the search space must have at least one parameter, but it is empty")
        self._space = space
        self._epochs: int | None = ctx.get_prop(ContextKey.EPOCHS)
        if self._choice.name in _NO_WEIGHTS and (note := weights_note(space)):
            ctx.trace(self, note)
        goals: Goals = ctx.get_prop(ContextKey.GOALS) or Goals()
        if len(goals.objectives) > 1:
            ctx.trace(self, f"{goals.objectives[0].metric}, the first objective, decides alone who goes on")
        self._suggester: Suggester = self._choice.build(ctx)
        self._random: Suggester = self._fallback.build(ctx)
        self._open: dict[str, Trial] = {}
        self._observations: list[Observation] = []
        self._rejected: deque[Trial] = deque()
        self._seen: set[Key] = set()
        self._asked = self._trials = self._given = self._redraws = 0
        self._exhausted = False
        self._limit = self._begin(self._epochs, int(ctx.get_prop(ContextKey.RUN_WORKERS) or 1))

    def initial_recommendation(self, ctx: Context) -> Sequence[Recommendation]:
        """Return the first jobs: one more than there are workers, so that one is always ready."""
        return self._fill()

    def refine_recommendation(self, outcome: Outcome, ctx: Context) -> Sequence[Recommendation]:
        """Return what this outcome lets begin; nothing for one that was not awaited."""
        trial = self._open.pop(outcome.recommendation_id, None)
        if trial is None:
            return []
        trial.job = ctx.get_prop(ContextKey.REFINED_JOB)
        budget = float(trial.budget)
        self._observations.append(Observation(trial.values, outcome.objectives, budget, outcome.violations))
        if outcome.status is JobStatus.REJECTED and trial.rung == 0:
            self._given -= 1  # it was not trained
            if self._redraws < self.max_redraws:
                self._redraws += 1
                self._rejected.append(trial)
                return self._fill()
            if self._redraws == self.max_redraws:
                self._redraws += 1
                ctx.trace(self, f"{self.max_redraws} configurations were rejected: no further ones are replaced")
        score = outcome.objectives[0] if outcome.objectives else None
        self._judged(trial, None if self._ended_early(trial, outcome) else score)
        return self._fill()

    def _ended_early(self, trial: Trial, outcome: Outcome) -> bool:
        return self.fidelity is None and outcome.epoch is not None and outcome.epoch < trial.budget

    def needs(self) -> Iterable[str]:
        """Return the last jobs of the trials that may still be promoted."""
        if self.fidelity is not None:
            return ()
        return {trial.job for trial in self._waiting() if trial.job is not None}

    # What a subclass asks for -----------------------------------------------------------------------------------------

    def _new(self, group: int = 0) -> Trial | None:
        """Return a trial of a configuration that is not known yet; ``None`` where there is none."""
        if self._exhausted:
            return None
        pending = [trial.values for trial in self._open.values() if trial.rung == 0]
        for suggester in (*[self._suggester] * _ASKS, self._random):
            values = suggester.suggest(self._space, self._asked, self._observations, pending)
            self._asked += 1
            if values is None:
                break
            if key(values) not in self._seen:
                self._seen.add(key(values))
                self._trials += 1
                return Trial(self._trials, values, group)
        self._exhausted = True
        return None

    def _fill(self) -> list[Recommendation]:
        given: list[Recommendation] = []
        while len(self._open) < self._limit and not self._used_up():
            if self._rejected:
                rejected = self._rejected.popleft()
                trial = self._new(rejected.group)
                if trial is None:
                    self._judged(rejected, None)
                    continue
                trial.budget = rejected.budget
            else:
                found = self._next()
                if found is None:
                    break
                trial = found
            given.append(self._job(trial))
        return given

    def _used_up(self) -> bool:
        return self.max_recommendations is not None and self._given >= self.max_recommendations

    def _job(self, trial: Trial) -> Recommendation:
        """Return the trial's next job."""
        id = f"T{trial.number}" if trial.jobs == 0 else f"T{trial.number}.{trial.jobs}"
        trial.jobs += 1
        self._given += 1
        self._open[id] = trial
        result = SearchResult(self._space, trial.values)
        if self.fidelity is not None:
            return Recommendation(id, result, variables={self.fidelity.variable: self.fidelity.value(trial.budget)})
        until, full = int(trial.budget), int(self._full())
        longer = self._epochs is None or full > self._epochs
        horizon = until if self.horizon == "rung" else full if longer else None
        return Recommendation(id, result, until_epoch=until, resume_from=trial.job, horizon=horizon)


def whole_number(name: str, value: Any, least: int | None = 1) -> None:
    """Raise ValueError where a value is no whole number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or (least is not None and value < least):
        bound = "" if least is None else f" of at least {least}"
        raise ValueError(f"{name} must be a whole number{bound}, but got {value!r}")
