"""Successive halving without a barrier."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from medl.automl.defs import SearchSpace

from ..suggesters.choice import Spec as SuggesterSpec
from .brackets import ladder, rungs_between
from .scheduler import Scheduler, Trial, whole_number

_WORST = float("inf")


class AshaRung:
    """The trials that were judged on one rung, kept sorted, so that the best one of the best is found at once."""

    def __init__(self, nu: int):
        self.nu = nu
        self._ranking: list[tuple[float, int]] = []  # minus score and number, of all
        self._waiting: list[tuple[float, int]] = []  # of those that were not promoted and can be
        self._trials: dict[int, Trial] = {}
        self.promoted = 0

    def __len__(self) -> int:
        return len(self._ranking)

    def add(self, trial: Trial, score: float | None) -> None:
        """Take in a trial's score; ``None``: it is the worst and never promoted."""
        place = (_WORST if score is None else -score, trial.number)
        insort(self._ranking, place)
        if score is not None:
            insort(self._waiting, place)
            self._trials[trial.number] = trial

    def promotable(self) -> Trial | None:
        """Return the best trial that was not promoted, where it is among the best of all: one in ``nu``."""
        if not self._waiting or bisect_left(self._ranking, self._waiting[0]) >= len(self._ranking) // self.nu:
            return None
        return self._trials[self._waiting[0][1]]

    def promote(self) -> Trial:
        """Return the best trial that was not promoted, which now is."""
        self.promoted += 1
        return self._trials.pop(self._waiting.pop(0)[1])

    def candidates(self, most: int) -> list[Trial]:
        """Return the trials that could still be promoted if ``most`` trials came to this rung in all."""
        places = most // self.nu
        if places >= len(self._ranking):
            return [self._trials[number] for _, number in self._waiting]
        last = self._ranking[places] if places else (-_WORST, 0)
        return [self._trials[number] for _, number in self._waiting[: bisect_left(self._waiting, last)]]


class AshaController(Scheduler):
    """Asynchronous successive halving: a trial goes on as soon as it is among the best of its rung, one in ``nu``.

    ===================  ============ ==================================================================================
    arg                  default      meaning
    ===================  ============ ==================================================================================
    max_trials           30           configurations in all
    max_concurrent       null         jobs that are out at one time; null: the workers, and one that is ready
    nu                   3            of nu trials one goes on, with nu times the budget
    min_epochs           1            no rung has fewer
    max_epochs           null         the top rung; null: ``epochs``
    brackets             1            ladders: the first begins at the lowest rung, the second at the one above it, …
    suggester            "random"     where new configurations come from
    fidelity             "epochs"     or a first-level variable, {"variable": "data_fraction", "min": 0.1, "max": 1.0}
    horizon              "full"       the learning rate's schedule ends after a full training; "rung": at each job's end
    max_recommendations  null         at most this many jobs
    max_redraws          100          rejected configurations that are replaced
    seed                 0            the same seed and the same order of outcomes bring the same recommendations
    ===================  ============ ==================================================================================

    Rungs are ``max_epochs``, and below it ``max_epochs / nu ** k`` to the nearest epoch. Whenever a job may begin, the
    highest rung with a trial to promote gives it; where none has, a new configuration begins. The promotion variant:
    nothing runs on beyond its rung, and no trial is stopped for the sake of others.

    Raises:
        ValueError: an argument is not what it has to be.

    Source: Li et al. 2020, "A system for massively parallel hyperparameter tuning", algorithm 2.
    """

    def __init__(
        self,
        max_trials: int = 30,
        max_concurrent: int | None = None,
        nu: int = 3,
        min_epochs: int = 1,
        max_epochs: int | None = None,
        brackets: int = 1,
        suggester: SuggesterSpec = "random",
        fidelity: Mapping[str, Any] | str | None = "epochs",
        horizon: str = "full",
        max_recommendations: int | None = None,
        max_redraws: int = 100,
        seed: int = 0,
    ):
        super().__init__(
            suggester=suggester,
            seed=seed,
            fidelity=fidelity,
            horizon=horizon,
            max_recommendations=max_recommendations,
            max_redraws=max_redraws,
        )
        whole_number("max_trials", max_trials)
        whole_number("nu", nu, least=2)
        whole_number("min_epochs", min_epochs)
        whole_number("brackets", brackets)
        for name, given in (("max_concurrent", max_concurrent), ("max_epochs", max_epochs)):
            if given is not None:
                whole_number(name, given)
        if max_epochs is not None and max_epochs < min_epochs:
            raise ValueError(f"max_epochs must be at least min_epochs, but {max_epochs} is less than {min_epochs}")
        self.max_trials, self.max_concurrent, self.nu = max_trials, max_concurrent, nu
        self.min_epochs, self.max_epochs, self.brackets = min_epochs, max_epochs, brackets
        self._budgets: tuple[int | float, ...] = ()
        self._ladders: list[list[AshaRung]] = []
        self._started: list[int] = []  # configurations that began on each ladder
        self._planned: list[int] = []  # that will, of max_trials

    def budgets(self, epochs: int | None) -> tuple[int | float, ...]:
        """Return the rungs, ascending.

        Args:
            epochs: of a full training, where it is known.

        Raises:
            ValueError: the top rung is below the lowest, or not known.
        """
        if self.fidelity is not None:
            low, high = self.fidelity.min, self.fidelity.max
            count = rungs_between(low, high, self.nu)
            return tuple(high / self.nu**k for k in range(count - 1, -1, -1))
        top = self.max_epochs or epochs
        if top is None:
            raise ValueError("it is not known how many epochs a full training has: give max_epochs")
        if top < self.min_epochs:
            raise ValueError(
                f"min_epochs is {self.min_epochs}, but a full training has only {top}. Take a smaller min_epochs."
            )
        return ladder(self.nu, rungs_between(self.min_epochs, top, self.nu), top)

    def _begin(self, epochs: int | None, workers: int) -> int:
        self._budgets = self.budgets(epochs)
        count = min(self.brackets, len(self._budgets))
        self._ladders = [[AshaRung(self.nu) for _ in self._budgets[first:]] for first in range(count)]
        self._started, self._planned = [0] * count, [0] * count
        for _ in range(self.max_trials):
            self._planned[self._turn(self._planned)] += 1
        return self.max_concurrent or workers + 1

    def _next(self) -> Trial | None:
        for top in range(len(self._budgets) - 1, 0, -1):
            for bracket, ladder_ in enumerate(self._ladders):
                rung = top - bracket
                if rung >= 1 and ladder_[rung - 1].promotable() is not None:
                    trial = ladder_[rung - 1].promote()
                    trial.rung, trial.budget = rung, self._budgets[top]
                    return trial
        if sum(self._started) >= self.max_trials:
            return None
        bracket = self._turn(self._started)
        new = self._new(bracket)
        if new is not None:
            self._started[bracket] += 1
            new.budget = self._budgets[bracket]
        return new

    def _turn(self, started: Sequence[int]) -> int:
        """Return the ladder on which the next configuration begins: all of them shall train as many epochs."""
        return min(range(len(started)), key=lambda bracket: (started[bracket] + 1) * self._cost(bracket))

    def _cost(self, bracket: int) -> float:
        """Return about what a configuration of a ladder costs: each rung beyond the first as much, less what it had."""
        rungs = len(self._budgets) - bracket
        return float(self._budgets[bracket]) * (1 + (rungs - 1) * (1 - 1 / self.nu))

    def _judged(self, trial: Trial, score: float | None) -> None:
        self._ladders[trial.group][trial.rung].add(trial, score)

    def _waiting(self) -> Iterable[Trial]:
        """Return the trials that can be promoted even if all that may come to their rung is worse."""
        for ladder_, most in zip(self._ladders, self._planned, strict=True):
            for rung in ladder_[:-1]:
                candidates = rung.candidates(most)
                yield from candidates
                # what comes to the next rung at most: what was promoted, can be, and is still to come here
                most -= len(rung) - rung.promoted - len(candidates)

    def _full(self) -> int | float:
        return self._budgets[-1]

    # For the forecast -------------------------------------------------------------------------------------------------

    def count(self, space: SearchSpace) -> float:
        """Return how many jobs there are at most: every trial but the worst may come to be promoted."""
        trials = min(self.max_trials, self._choice.count(space))
        jobs = sum(max(0.0, trials - k * (self.nu - 1)) for k in range(max(len(self._budgets), 1)))
        return min(jobs, self.max_recommendations or jobs)

    def parallelism(self, space: SearchSpace) -> float:
        """Return how many jobs can run at once."""
        return min(self.max_concurrent or self.max_trials, self.count(space))

    def epochs(self, space: SearchSpace) -> float | None:
        """Return about how many epochs all jobs train, once the space is set; ``None`` where that is not known.

        That is where one trial in ``nu`` goes on; somewhat more do, for the first ones are promoted with little to
        compare them with.
        """
        if self.fidelity is not None or not self._budgets:
            return None
        before = (0, *self._budgets)
        steps = enumerate(zip(before, self._budgets, strict=False))
        return sum(self.max_trials // self.nu**k * (top - low) for k, (low, top) in steps)
