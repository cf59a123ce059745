"""One configuration after another, each trained to the end: a controller around a source of points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from medl.automl.api import Controller
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

from .redraws import Redraws

_UNKNOWN = (JobStatus.INTERRUPTED, JobStatus.STOPPED)


class Source(Protocol):
    """Where points come from: every :class:`~medl.automl.api.Suggester` is one."""

    def suggest(
        self,
        space: SearchSpace,
        number: int,
        observations: Sequence[Observation],
        pending: Sequence[Mapping[str, int | float]],
    ) -> Mapping[str, int | float] | None:
        """Return a point, or ``None`` where there is no further one."""

    def count(self, space: SearchSpace) -> float:
        """Return how many there are; ``inf`` where they never end."""


class SuggestedController(Controller):
    """Recommends what a source of points suggests, one more for every outcome.

    ``ahead`` more are out than the run began with workers, so that the next one is there when a job ends. A job that
    failed or had no score is an observation without objectives; of one that was interrupted or stopped nothing is
    known. One that was rejected for a hard constraint does not count: another is drawn in its place.

    Args:
        source: suggests the points.
        max_recommendations: at most this many, rejected ones aside.
        ahead: how many wait beyond the workers.

    Raises:
        ValueError: ``max_recommendations`` is no whole number of at least 1, ``ahead`` none of at least 0.
    """

    uses_weights = False
    """Whether the source draws choices by their weights."""

    def __init__(self, source: Source, max_recommendations: int, ahead: int = 1):
        for name, value, least in (("max_recommendations", max_recommendations, 1), ("ahead", ahead, 0)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be a whole number of at least {least}, but got {value!r}")
        self.source = source
        self.max_recommendations = max_recommendations
        self.ahead = ahead
        self._space: SearchSpace | None = None
        self._open: dict[str, Mapping[str, int | float]] = {}
        self._observations: list[Observation] = []
        self._given = 0
        self._redraws = Redraws()
        self._hard: frozenset[str] | None = None

    def set_search_space(self, space: SearchSpace, ctx: Context) -> None:
        """Take the space.

        Raises:
            ValueError: the space is empty.
        """
        if not space.parameters:
            raise ValueError("the search space must have at least one parameter, but it is empty")
        self._space = space
        goals = ctx.get_prop(ContextKey.GOALS) or Goals()
        self._hard = frozenset(c.name for c in goals.constraints if c.penalty is None)
        if not self.uses_weights and (note := weights_note(space)):
            ctx.trace(self, note)

    def initial_recommendation(self, ctx: Context) -> Sequence[Recommendation]:
        """Return one for each worker that the run begins with, and those ahead."""
        return self._next(self.batch(ctx) + self.ahead)

    def refine_recommendation(self, outcome: Outcome, ctx: Context) -> Sequence[Recommendation]:
        """Learn from an awaited outcome and return one more recommendation; nothing for any other outcome."""
        return self._next(1) if self.learn(outcome, ctx) else []

    def batch(self, ctx: Context) -> int:
        """Return how many workers the run began with."""
        return max(1, int(ctx.get_prop(ContextKey.RUN_WORKERS) or 1))

    def learn(self, outcome: Outcome, ctx: Context) -> bool:
        """Take in an outcome; return whether it was awaited."""
        values = self._open.pop(outcome.recommendation_id, None)
        if values is None:
            return False
        self._redraws.take(outcome, self, ctx)
        if outcome.status not in _UNKNOWN:
            hard = {name: by for name, by in outcome.violations.items() if self._hard is None or name in self._hard}
            self._observations.append(Observation(values, outcome.objectives, violations=hard))
        return True

    @property
    def waiting(self) -> bool:
        """Whether a recommendation is without its outcome."""
        return bool(self._open)

    def count(self, space: SearchSpace) -> float:
        """Return how many recommendations there will be, at most."""
        return min(self.source.count(space), self.max_recommendations)

    def parallelism(self, space: SearchSpace) -> float:
        """Return how many jobs can run at once: none waits for another, and a run begins with one for each worker."""
        return self.count(space)

    def _next(self, count: int) -> list[Recommendation]:
        assert self._space is not None, "set_search_space comes first"
        found: list[Recommendation] = []
        while len(found) < count and self._given - self._redraws.count < self.max_recommendations:
            values = self.source.suggest(self._space, self._given, self._observations, tuple(self._open.values()))
            if values is None:
                break
            self._given += 1
            found.append(Recommendation(f"T{self._given}", SearchResult(self._space, values)))
            self._open[found[-1].id] = values
        return found
