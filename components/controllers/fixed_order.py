"""The base of controllers whose points do not depend on outcomes: they are listed, a few ahead of the workers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from medl.automl.api import Controller
from medl.automl.defs import Context, Outcome, Recommendation, SearchResult, SearchSpace

from .redraws import Redraws

AHEAD = 64
"""Recommendations that are out before any outcome, and so the most jobs at one time. Whatever the number of workers: a
run that goes on with other workers must see the same recommendations after the same outcomes."""


class FixedOrderController(Controller):
    """Recommends the points of :meth:`points` in their order, one more for every outcome.

    One that was rejected for a hard constraint does not count: the next point comes in its place.

    Args:
        max_rounds: at most this many recommendations, rejected ones aside; ``None`` for all points.

    Raises:
        ValueError: ``max_rounds`` is no whole number of at least 1.
    """

    def __init__(self, max_rounds: int | None):
        rounds = max_rounds
        if rounds is not None and (isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1):
            raise ValueError(f"max_rounds must be a whole number of at least 1, but got {rounds!r}")
        self.max_rounds = max_rounds
        self._space: SearchSpace | None = None
        self._remaining: Iterator[Mapping[str, int | float]] = iter(())
        self._open: set[str] = set()
        self._given = 0
        self._redraws = Redraws()

    @abstractmethod
    def points(self, space: SearchSpace) -> Iterator[Mapping[str, int | float]]:
        """Yield the points of the space (PRL to value), lazily, each once."""

    @abstractmethod
    def count(self, space: SearchSpace) -> float:
        """Return how many points there are; ``inf`` where they never end."""

    def set_search_space(self, space: SearchSpace, ctx: Context) -> None:
        """Take the space.

        Raises:
            ValueError: the space is empty.
        """
        if not space.parameters:
            raise ValueError("the search space must have at least one parameter, but it is empty")
        self._space = space
        self._remaining = self.points(space)
        self._open = set()
        self._given = 0
        self._redraws = Redraws()

    def initial_recommendation(self, ctx: Context) -> Sequence[Recommendation]:
        """Return the first points: never all of a long list at once, and the same for any number of workers."""
        return self._next(AHEAD)

    def refine_recommendation(self, outcome: Outcome, ctx: Context) -> Sequence[Recommendation]:
        """Return one more point for an outcome that was awaited, whatever it says; nothing for any other."""
        if outcome.recommendation_id not in self._open:
            return []
        self._open.discard(outcome.recommendation_id)
        self._redraws.take(outcome, self, ctx)
        return self._next(1)

    def parallelism(self, space: SearchSpace) -> float:
        """Return how many jobs can run at once: as many as are out, for no point waits for another."""
        return min(AHEAD, self.count(space), self.max_rounds if self.max_rounds is not None else float("inf"))

    def _next(self, count: int) -> list[Recommendation]:
        assert self._space is not None, "set_search_space comes first"
        room = count if self.max_rounds is None else min(count, self.max_rounds + self._redraws.count - self._given)
        found = [
            Recommendation(f"T{number}", SearchResult(self._space, values))
            for number, values in enumerate(islice(self._remaining, max(room, 0)), start=self._given + 1)
        ]
        self._given += len(found)
        self._open.update(recommendation.id for recommendation in found)
        return found
