"""Differential evolution over the budgets of hyperband."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from medl.automl.defs import SearchSpace
from medl.automl.unit_cube import draw, from_unit, to_unit

from ..suggesters.unseen import Key, key
from . import brackets as arithmetic
from .scheduler import Scheduler, Trial, whole_number

_TRIES = 20
"""How often another mutant is made where one was tried at this budget before; then it is run again."""

_WORST = float("-inf")

Vector = tuple[float, ...]


@dataclass
class Member:
    """One place of a subpopulation: a point of the unit cube and its score; unscored ones count as the worst."""

    vector: Vector
    score: float = _WORST


@dataclass
class Passage:
    """A bracket on its way.

    Attributes:
        plan: trials and budgets.
        level: of its first rung among all budgets.
        halves: whether it is plain successive halving, the very first bracket, from whose trials the others descend.
        rung: the present one.
        size: how many trials it has.
        started: how many of them began.
        ended: how many of them were judged.
        judged: those with a score, where it halves.
        promoted: those that did not begin the present rung yet, where it halves.
    """

    plan: arithmetic.Bracket
    level: int
    halves: bool
    rung: int = 0
    size: int = 0
    started: int = 0
    ended: int = 0
    judged: list[tuple[float, Trial]] = field(default_factory=list)
    promoted: deque[Trial] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.size = self.plan[0].trials

    @property
    def over(self) -> bool:
        """Whether its last rung was judged."""
        return self.rung >= len(self.plan)

    def end(self, trial: Trial, score: float | None) -> None:
        """Take in how a trial of the present rung did; the last one begins the next rung."""
        self.ended += 1
        if score is not None:
            self.judged.append((score, trial))
        if self.ended < self.size:
            return
        self.rung += 1
        if self.halves:
            self.promoted = deque(self.best() if not self.over else ())
            self.size = len(self.promoted)
            if not self.size:
                self.rung = len(self.plan)
        elif not self.over:
            self.size = self.plan[self.rung].trials
        self.started, self.ended, self.judged = 0, 0, []

    def best(self) -> list[Trial]:
        """Return the trials that go on where it halves, best first."""
        places = self.plan[self.rung].trials
        ranking = sorted(self.judged, key=lambda one: (-one[0], one[1].number))
        return [trial for _, trial in ranking[:places]]


@dataclass(frozen=True)
class Place:
    """What a trial's score is for: a place of a subpopulation, and the bracket that waits for it."""

    passage: Passage
    level: int
    index: int
    vector: Vector


class DehbController(Scheduler):
    """Differential evolution whose populations, one for each budget, learn from the next smaller budget's best.

    ===================  ============ ==================================================================================
    arg                  default      meaning
    ===================  ============ ==================================================================================
    mutation_factor      0.5          how far a mutant goes along the difference of two members, in [0, 2]
    crossover_prob       0.5          share of a mutant's coordinates that its child takes, in [0, 1]
    R                    27           the largest resource of a trial: with nu how many budgets there are
    nu                   3            the factor between two budgets
    max_epochs_total     null         epochs in all; null: twice what all brackets of hyperband train
    horizon              "full"       the learning rate's schedule ends after a full training; "rung": at each job's end
    max_recommendations  null         at most this many jobs
    max_redraws          100          rejected configurations that are replaced
    seed                 0            the same seed and the same order of outcomes bring the same recommendations
    ===================  ============ ==================================================================================

    The very first bracket is plain successive halving: its trials are drawn at random, and the best go on from their
    own checkpoints. After it the brackets run again and again, and every trial is a new one, a mutant that is trained
    from the start: mutation ``rand/1`` among the members of its own budget in a bracket's first rung, among the best of
    the next smaller budget in later ones; binomial crossover with the member whose place it competes for; the better of
    the two keeps the place. A rung is a barrier of its bracket; workers without a job begin the next bracket.

    Raises:
        ValueError: an argument is not what it has to be.

    Source: Awad, Mallik & Hutter 2021, "DEHB: evolutionary hyperband for scalable, robust and efficient hyperparameter
    optimization", sections 4.1 to 4.3, with "paper" brackets of Li et al. 2018.
    """

    def __init__(
        self,
        mutation_factor: float = 0.5,
        crossover_prob: float = 0.5,
        R: int = 27,
        nu: int = 3,
        max_epochs_total: int | None = None,
        horizon: str = "full",
        max_recommendations: int | None = None,
        max_redraws: int = 100,
        seed: int = 0,
    ):
        super().__init__(
            suggester="random",
            seed=seed,
            fidelity="epochs",
            horizon=horizon,
            max_recommendations=max_recommendations,
            max_redraws=max_redraws,
        )
        whole_number("nu", nu, least=2)
        whole_number("R", R, least=nu)
        if max_epochs_total is not None:
            whole_number("max_epochs_total", max_epochs_total)
        self.mutation_factor = _between("mutation_factor", mutation_factor, 2.0)
        self.crossover_prob = _between("crossover_prob", crossover_prob, 1.0)
        self.R, self.nu, self.max_epochs_total, self.seed = R, nu, max_epochs_total, seed
        self._plan: tuple[arithmetic.Bracket, ...] = ()

    def plan(self, epochs: int | None) -> tuple[arithmetic.Bracket, ...]:
        """Return the brackets of one iteration.

        Args:
            epochs: of a full training.

        Raises:
            ValueError: a rung is below one epoch, or ``epochs`` is not known.
        """
        if epochs is None:
            raise ValueError("it is not known how many epochs a full training has: give the config epochs")
        return arithmetic.fitted(self.R, self.nu, "paper", epochs)

    def _begin(self, epochs: int | None, workers: int) -> int:
        self._plan = self.plan(epochs)
        widest = self._plan[0]
        sizes = [0] * len(widest)
        for bracket in self._plan:
            for offset, rung in enumerate(bracket, start=len(widest) - len(bracket)):
                sizes[offset] = max(sizes[offset], rung.trials)
        random = Random(f"{self.seed}/population")
        self._population = [[Member(self._drawn(random)) for _ in range(size)] for size in sizes]
        self._turn = [0] * len(sizes)  # the place of each level for which a mutant competes next
        self._passages: list[Passage] = []
        self._places: list[Place] = []
        self._tried: set[tuple[int, Key]] = set()
        self._opened = self._mutants = self._spent = 0
        return workers + 1

    def _drawn(self, random: Random) -> Vector:
        """Return a random point of the unit cube; choices by their weights."""
        return tuple(to_unit(p, draw(p, random)) for p in self._space.parameters)

    def _next(self) -> Trial | None:
        self._passages = [passage for passage in self._passages if not passage.over]
        for passage in self._passages:
            if passage.started < passage.size:
                return self._start(passage)
        number = self._opened % len(self._plan)
        passage = Passage(self._plan[number], number, halves=self._opened == 0)
        if self._spent + passage.plan[0].budget > self._epochs_in_all():
            return None
        self._opened += 1
        self._passages.append(passage)
        return self._start(passage)

    def _start(self, passage: Passage) -> Trial | None:
        level, budget = passage.level + passage.rung, int(passage.plan[passage.rung].budget)
        if passage.halves and passage.rung:
            trial = passage.promoted[0]
            cost, vector = budget - int(trial.budget), self._places[trial.group].vector
        else:
            cost = budget
        if self._spent + cost > self._epochs_in_all():
            return None
        self._spent += cost
        index = self._turn[level] % len(self._population[level])
        self._turn[level] += 1
        if passage.halves and passage.rung:
            passage.promoted.popleft()
        else:
            vector = self._population[level][index].vector if passage.halves else self._child(passage, level, index)
            trial = self._trial(vector)
        self._tried.add((level, key(trial.values)))
        passage.started += 1
        trial.group, trial.budget, trial.rung = len(self._places), budget, passage.rung if passage.halves else 0
        self._places.append(Place(passage, level, index, vector))
        return trial

    def _trial(self, vector: Vector) -> Trial:
        self._trials += 1
        return Trial(self._trials, self._point(vector))

    def _point(self, vector: Vector) -> dict[str, int | float]:
        units = zip(self._space.parameters, vector, strict=True)
        return self._space.active({p.prl: from_unit(p, unit) for p, unit in units})

    def _child(self, passage: Passage, level: int, index: int) -> Vector:
        """Return the child of a mutant and the member whose place it competes for."""
        random = Random(f"{self.seed}/{self._mutants}")
        self._mutants += 1
        target = self._population[level][index].vector
        parents = self._parents(passage, level)
        child = target
        for _ in range(_TRIES):
            base, one, other = (member.vector for member in self._three(parents, random))
            taken = random.randrange(len(target))  # one coordinate at least
            child = tuple(
                _mutant(b + self.mutation_factor * (x - y), random)
                if position == taken or random.random() < self.crossover_prob
                else t
                for position, (t, b, x, y) in enumerate(zip(target, base, one, other, strict=True))
            )
            if (level, key(self._point(child))) not in self._tried:
                break
        return child

    def _parents(self, passage: Passage, level: int) -> list[Member]:
        """Return the pool of a mutant's parents: its own level in a first rung, else the best of the level below."""
        if passage.rung == 0:
            return [member for member in self._population[level] if member.score > _WORST]
        below = sorted(self._population[level - 1], key=lambda member: -member.score)
        return [member for member in below[: passage.plan[passage.rung].trials] if member.score > _WORST]

    def _three(self, parents: Sequence[Member], random: Random) -> list[Member]:
        """Return three different members; where the pool has fewer, the rest come from all levels, then at random."""
        pool = list(parents)
        if len(pool) < 3:
            others = [m for level in self._population for m in level if m.score > _WORST and m not in pool]
            pool += random.sample(others, min(3 - len(pool), len(others)))
        while len(pool) < 3:
            pool.append(Member(self._drawn(random)))
        return random.sample(pool, 3)

    def _judged(self, trial: Trial, score: float | None) -> None:
        place = self._places[trial.group]
        member = self._population[place.level][place.index]
        if score is not None and score >= member.score:
            vector = tuple(
                to_unit(p, trial.values[p.prl]) if p.prl in trial.values and p.kind == "enum" else unit
                for p, unit in zip(self._space.parameters, self._vector(trial, place), strict=True)
            )
            self._population[place.level][place.index] = Member(vector, score)
        place.passage.end(trial, score)

    def _vector(self, trial: Trial, place: Place) -> Vector:
        """Return a trial's vector; one that replaced a rejected configuration has its own."""
        if self._point(place.vector) == trial.values:
            return place.vector
        units = zip(self._space.parameters, place.vector, strict=True)
        return tuple(to_unit(p, trial.values[p.prl]) if p.prl in trial.values else unit for p, unit in units)

    def _waiting(self) -> Iterable[Trial]:
        for passage in self._passages:
            if passage.halves and not passage.over:
                yield from passage.promoted
                yield from (trial for _, trial in passage.judged)

    def _full(self) -> int | float:
        return self._plan[0][-1].budget

    def _epochs_in_all(self) -> int | float:
        return self.max_epochs_total or 2 * arithmetic.total_epochs(self._plan)

    # For the forecast -------------------------------------------------------------------------------------------------

    def count(self, space: SearchSpace) -> float:
        """Return about how many jobs there are: as often as all brackets are run."""
        sizes = [[n for n, _ in bracket] for bracket in arithmetic.resources(self.R, self.nu, "paper")]
        rounds = 2.0
        if self._plan and self.max_epochs_total is not None:
            rounds = self.max_epochs_total / arithmetic.total_epochs(self._plan)
        jobs = float(max(1, round(rounds * sum(map(sum, sizes)))))
        return min(jobs, self.max_recommendations or jobs)

    def parallelism(self, space: SearchSpace) -> float:
        """Return how many jobs can run at once: no bracket waits for another."""
        return self.count(space)

    def epochs(self, space: SearchSpace) -> float | None:
        """Return how many epochs all jobs train at most, once the space is set; ``None`` where that is not known."""
        return self._epochs_in_all() if self._plan else None


def _mutant(unit: float, random: Random) -> float:
    """Return a coordinate of a mutant; one outside of the cube is drawn anew (Awad et al. 2021, section 4.1)."""
    return unit if 0.0 <= unit <= 1.0 else random.random()


def _between(name: str, value: Any, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= high:
        raise ValueError(f"{name} must be a number between 0 and {high:g}, but got {value!r}")
    return float(value)
