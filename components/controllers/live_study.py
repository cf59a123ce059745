"""An Optuna study in memory that lives as long as its controller, for samplers that keep what they learnt in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

from medl.automl.defs import Context, ContextKey, Observation, SearchSpace
from medl.automl.goals import Goals

from ..suggesters.projection import FAILED, Projection, cut
from ..suggesters.unseen import Key, key, unseen
from .suggested import SuggestedController

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial

_ASKS = 16


class LiveStudy:
    """Suggests what a sampler says, and tells it every observation once. It remembers, so it is no Suggester.

    It is replayed with its controller, from the start.

    Args:
        sampler: makes it; Optuna's.
        seed: of the points that stand in where the sampler has no new one.
        constrained: whether failures and violations are told as broken constraints. Else a failure is told as the worst
            score so far, and before there is one as nothing.
        blind: whether the sampler is told nothing.
    """

    def __init__(
        self, sampler: Callable[[], BaseSampler], seed: int, *, constrained: bool = False, blind: bool = False
    ):
        self._sampler, self._seed = sampler, seed
        self._constrained, self._blind = constrained, blind

    def begin(self, space: SearchSpace, objectives: int) -> None:
        """Start an empty study with so many objectives."""
        self._projection = Projection(space, self._sampler(), objectives)
        self._objectives = objectives
        self._seen: set[Key] = set()
        self._trials: dict[Key, Trial] = {}
        self._told = 0
        self._worst: tuple[float, ...] | None = None

    def count(self, space: SearchSpace) -> float:
        """Return how many different points there are at most."""
        return space.size

    def suggest(
        self,
        space: SearchSpace,
        number: int,
        observations: Sequence[Observation],
        pending: Sequence[Mapping[str, int | float]],
    ) -> Mapping[str, int | float] | None:
        """Return a point that was not suggested before; ``None`` where there is none."""
        for observation in observations[self._told :]:
            trial = self._trials.pop(key(observation.values), None)
            if trial is not None and not self._blind:
                self._tell(trial, observation)
        self._told = len(observations)
        if len(self._seen) >= space.size:
            return None
        for _ in range(_ASKS):
            trial, point = self._projection.ask_trial()
            if key(point) not in self._seen:
                self._trials[key(point)] = trial
                break
            self._projection.drop(trial)
        else:
            point = unseen(space, self._seen, Random(f"{self._seed}/{number}")) or {}
        if not point:
            return None
        self._seen.add(key(point))
        return point

    def _tell(self, trial: Trial, observation: Observation) -> None:
        objectives = tuple(cut(number) for number in observation.objectives[: self._objectives])
        if scored := len(objectives) == self._objectives:
            worst = self._worst or objectives
            self._worst = tuple(min(pair) for pair in zip(worst, objectives, strict=True))
        broken = {name: by / (1 + abs(by)) for name, by in observation.violations.items()}  # of any unit, within 1
        if self._constrained:
            failed = not scored and not any(by > 0 for by in broken.values())
            for name, by in {**broken, FAILED: 1.0 if failed else -1.0}.items():
                trial.set_constraint(name, by)
        if scored and not any(by > 0 for by in broken.values()):
            self._projection.tell(trial, objectives)
        elif self._constrained:
            self._projection.tell(trial, objectives if scored else self._worst or (0.0,) * self._objectives)
        elif self._worst is not None:
            self._projection.tell(trial, self._worst)
        else:
            self._projection.drop(trial)


class LiveController(SuggestedController):
    """A controller around a :class:`LiveStudy`.

    Args:
        study: where its points come from.
        max_recommendations: at most this many.
        ahead: how many wait beyond the workers.
        several: whether the sampler knows of several objectives.
    """

    def __init__(self, study: LiveStudy, max_recommendations: int, ahead: int, several: bool = False):
        super().__init__(study, max_recommendations, ahead)
        self._study = study
        self._several = several

    def set_search_space(self, space: SearchSpace, ctx: Context) -> None:
        """Take the space.

        Raises:
            ValueError: the space is empty, or there are several objectives and the sampler knows of one only.
        """
        super().set_search_space(space, ctx)
        objectives = max(1, len((ctx.get_prop(ContextKey.GOALS) or Goals()).objectives))
        if objectives > 1 and not self._several:
            raise ValueError(
                f"{type(self).__name__} searches for one objective, but there are {objectives}; "
                "take Nsga2Controller, TpeController or BayesianController"
            )
        self._study.begin(space, objectives)
