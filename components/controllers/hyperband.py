"""Successive halving at several starting budgets."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from medl.automl.defs import SearchSpace

from ..suggesters.choice import Spec as SuggesterSpec
from . import brackets as arithmetic
from .scheduler import Scheduler, Trial, whole_number


@dataclass
class Halving:
    """A bracket on its way: one rung after the other, each of which waits for all of its trials.

    Attributes:
        plan: trials and budgets as they should be.
        nu: the share that goes on is one in ``nu``.
        rung: the present one.
        size: how many trials it has; fewer than planned where some failed or nothing is left to suggest.
        started: how many of them began.
        promoted: those that did not begin yet, best first.
        judged: the trials of the present rung and their scores.
        lost: how many of it go no further, whatever the others do.
    """

    plan: arithmetic.Bracket
    nu: int
    rung: int = 0
    size: int = 0
    started: int = 0
    promoted: deque[Trial] = field(default_factory=deque)
    judged: list[tuple[float, Trial]] = field(default_factory=list)
    lost: int = 0

    def __post_init__(self) -> None:
        self.size = self.plan[0].trials

    @property
    def wants_new(self) -> bool:
        """Whether another configuration may begin."""
        return self.rung == 0 and self.started < self.size

    @property
    def places(self) -> int:
        """How many trials of the present rung go on."""
        if self.rung + 1 >= len(self.plan):
            return 0
        return min(self.plan[self.rung + 1].trials, -(-self.size // self.nu))

    @property
    def ranking(self) -> list[Trial]:
        """The judged trials that can go on, best first, the earlier one of two equal ones."""
        return [trial for _, trial in sorted(self.judged, key=lambda one: (-one[0], one[1].number))]

    def judge(self, trial: Trial, score: float | None) -> None:
        """Take in a score of the present rung; the last one of a rung promotes the best."""
        if score is None:
            self.lost += 1
        else:
            self.judged.append((score, trial))
        self.close()

    def close(self) -> None:
        """Go on to the next rung where all of this one are judged."""
        if not self.size or len(self.judged) + self.lost < self.size:
            return
        self.promoted = deque(self.ranking[: self.places])
        self.size, self.started, self.judged, self.lost = len(self.promoted), 0, [], 0
        self.rung += 1

    def shorten(self) -> None:
        """No further configuration begins: the first rung is what began."""
        self.size = self.started
        self.close()

    def waiting(self) -> list[Trial]:
        """Return the trials that go on, or may do so."""
        return [*self.promoted, *self.ranking[: self.places]]


class HyperbandController(Scheduler):
    """Brackets of successive halving: many trials at a small budget, of which the best get ``nu`` times as much.

    ===================  ============ ==================================================================================
    arg                  default      meaning
    ===================  ============ ==================================================================================
    R                    27           the largest resource of a trial: with nu how many rungs there are
    nu                   3            of nu trials one goes on, with nu times the budget
    epoch_multiplier     null         epochs of one resource; null or "fit": the top rung is ``epochs``; "tao": as TAO
    brackets             "tao"        "tao": as NVIDIA TAO's tables; "paper": as Li et al., the last one of full budgets
    iterations           1            how often all brackets are run
    suggester            "random"     where new configurations come from
    fidelity             "epochs"     or a first-level variable, {"variable": "data_fraction", "min": 0.1, "max": 1.0}
    horizon              "full"       the learning rate's schedule ends after a full training; "rung": at each job's end
    max_recommendations  null         at most this many jobs
    max_redraws          100          rejected configurations that are replaced
    seed                 0            the same seed and the same order of outcomes bring the same recommendations
    ===================  ============ ==================================================================================

    A rung is a barrier of its bracket. Brackets run in their order, the widest first; while one waits at its barrier,
    workers without a job begin the first rung of the next one. So nobody waits before the last bracket, and what is
    promoted depends on the order of outcomes alone.

    Raises:
        ValueError: an argument is not what it has to be.

    Source: Li et al. 2018, algorithm 1; TAO's brackets and multiplier: NVIDIA TAO's user guide.
    """

    def __init__(
        self,
        R: int = 27,
        nu: int = 3,
        epoch_multiplier: float | str | None = None,
        brackets: Literal["tao", "paper"] = "tao",
        iterations: int = 1,
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
        whole_number("nu", nu, least=2)
        whole_number("R", R, least=nu)
        whole_number("iterations", iterations)
        if brackets not in ("tao", "paper"):
            raise ValueError(f'brackets must be "tao" or "paper", but got {brackets!r}')
        if not _is_multiplier(epoch_multiplier):
            raise ValueError(f'epoch_multiplier must be a number above 0, "fit" or "tao", but got {epoch_multiplier!r}')
        if self.fidelity is not None and epoch_multiplier not in (None, "fit"):
            raise ValueError("epoch_multiplier is of epochs, but the fidelity is another; leave one of them out")
        self.R, self.nu, self.iterations, self.epoch_multiplier = R, nu, iterations, epoch_multiplier or "fit"
        self.kind: arithmetic.Kind = brackets
        self._plan: tuple[arithmetic.Bracket, ...] = ()
        self._halvings: list[Halving] = []
        self._first = 0

    def plan(self, epochs: int | None) -> tuple[arithmetic.Bracket, ...]:
        """Return the brackets of one iteration.

        Args:
            epochs: of a full training, where it is known.

        Raises:
            ValueError: a rung is below one epoch, or ``epochs`` has to be known and is not.
        """
        if self.fidelity is not None:
            return arithmetic.shared(self.R, self.nu, self.kind, self.fidelity.min, self.fidelity.max)
        if not isinstance(self.epoch_multiplier, str):
            return arithmetic.multiplied(self.R, self.nu, self.kind, self.epoch_multiplier)
        if epochs is None:
            raise ValueError("it is not known how many epochs a full training has: give epoch_multiplier a number")
        if self.epoch_multiplier == "fit":
            return arithmetic.fitted(self.R, self.nu, self.kind, epochs)
        multiplier, lowered = arithmetic.tao_multiplier(epochs, self.R, self.nu)
        return arithmetic.multiplied(lowered, self.nu, self.kind, multiplier)

    def _begin(self, epochs: int | None, workers: int) -> int:
        self._plan = self.plan(epochs)
        self._halvings = [Halving(bracket, self.nu) for _ in range(self.iterations) for bracket in self._plan]
        self._first = 0
        return workers + 1

    def _next(self) -> Trial | None:
        while self._first < len(self._halvings) and not self._halvings[self._first].size:
            self._first += 1  # it is over
        for group in range(self._first, len(self._halvings)):
            halving = self._halvings[group]
            new = self._new(group) if halving.wants_new else None
            if halving.wants_new and new is None:
                halving.shorten()
            if new is None and not halving.promoted:
                continue
            trial = new or halving.promoted.popleft()
            halving.started += 1
            trial.rung, trial.budget = halving.rung, halving.plan[halving.rung].budget
            return trial
        return None

    def _judged(self, trial: Trial, score: float | None) -> None:
        self._halvings[trial.group].judge(trial, score)

    def _waiting(self) -> Iterable[Trial]:
        return (trial for halving in self._halvings for trial in halving.waiting())

    def _full(self) -> int | float:
        return max(rung.budget for bracket in self._plan for rung in bracket)

    # For the forecast -------------------------------------------------------------------------------------------------

    def _sizes(self) -> Sequence[Sequence[int]]:
        if self._plan:
            return [[rung.trials for rung in bracket] for bracket in self._plan]
        return [[n for n, _ in bracket] for bracket in arithmetic.resources(self.R, self.nu, self.kind)]

    def count(self, space: SearchSpace) -> float:
        """Return how many jobs there are at most."""
        sizes = self._sizes()
        jobs = float(self.iterations * sum(map(sum, sizes)))
        points = self._choice.count(space) * max(map(len, sizes))
        return min(jobs, points, self.max_recommendations or jobs)

    def parallelism(self, space: SearchSpace) -> float:
        """Return how many jobs can run at once: the first rungs of all brackets."""
        return min(self.iterations * sum(bracket[0] for bracket in self._sizes()), self.count(space))

    def epochs(self, space: SearchSpace) -> float | None:
        """Return how many epochs all jobs train at most, once the space is set; ``None`` where that is not known."""
        if self.fidelity is not None or not self._plan:
            return None
        return self.iterations * arithmetic.total_epochs(self._plan)


def _is_multiplier(given: Any) -> bool:
    if given is None or given in ("fit", "tao"):
        return True
    return not isinstance(given, bool) and isinstance(given, int | float) and 0 < given < float("inf")
