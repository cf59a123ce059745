"""Population based training: the worst take over the weights and values of the best, while all of them train."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from medl.automl.api import Controller
from medl.automl.defs import (
    Context,
    ContextKey,
    JobStatus,
    Outcome,
    ParameterRange,
    Recommendation,
    SearchResult,
    SearchSpace,
)
from medl.automl.prl import parse
from medl.automl.unit_cube import draw, draw_point

from .scheduler import whole_number

_MUTABLE = ("train.loss", "train.optimizer", "train.lr_scheduler", "train.pre_transforms")
"""Where values can change in mid-training whatever their domain is called."""


@dataclass
class Member:
    """One of the population.

    Attributes:
        number: from 1.
        values: it trains with, PRL to value.
        job: its last job, whose weights it has; ``None`` before the first, or where it failed.
        score: of that job, larger better; ``None`` where it has none.
    """

    number: int
    values: Mapping[str, int | float]
    job: str | None = None
    score: float | None = None


class PbtController(Controller):
    """A population trains together; after every interval the worst go on from the best, with their values changed.

    ===================  ============ ==================================================================================
    arg                  default      meaning
    ===================  ============ ==================================================================================
    population_size      10           members; where there are fewer workers, they train in waves
    eval_interval        null         epochs between two exchanges; null: a tenth of ``epochs``, one at least
    quantile             0.25         share of the population that is replaced, and from which they are, in (0, 0.5]
    perturbation         [0.8, 1.2]   factors, one of which a value that is taken over is multiplied by
    resample_prob        0.25         how often a value is drawn anew instead; the only way in which choices change
    keep                 []           args or PRLs that stay with the member, besides those of the network
    max_recommendations  null         at most this many jobs; null: every member's intervals
    max_redraws          100          rejected configurations that are replaced
    seed                 0            the same seed and the same order of outcomes bring the same recommendations
    ===================  ============ ==================================================================================

    All members reach the end of an interval before the exchange, so that scores of the same epoch are compared however
    many workers there are. The end is the config's ``epochs``. Only what can change in mid-training does: values of the
    domains ``lr`` and ``transform``, and those of the loss, the optimizer, its schedule and the transforms. All others
    belong to the network and go with its weights: a member takes over from one with the same network where it can, else
    the network as well, and none of them is ever changed.

    Raises:
        ValueError: an argument is out of its bounds.

    Source: Jaderberg et al. 2017, "Population based training of neural networks", algorithm 1 with truncation selection
    and perturbation (section 4.1.1); that one has no barrier.
    """

    multi_fidelity = True

    def __init__(
        self,
        population_size: int = 10,
        eval_interval: int | None = None,
        quantile: float = 0.25,
        perturbation: Sequence[float] = (0.8, 1.2),
        resample_prob: float = 0.25,
        keep: Sequence[str] = (),
        max_recommendations: int | None = None,
        max_redraws: int = 100,
        seed: int = 0,
    ):
        whole_number("population_size", population_size, least=2)
        for name, given in (("eval_interval", eval_interval), ("max_recommendations", max_recommendations)):
            if given is not None:
                whole_number(name, given)
        whole_number("max_redraws", max_redraws, least=0)
        whole_number("seed", seed, least=None)
        self.quantile = _number("quantile", quantile, 0.5)
        if not self.quantile:
            raise ValueError("quantile must be above 0, or nobody ever learns from anybody")
        self.resample_prob = _number("resample_prob", resample_prob, 1.0)
        factors = list(perturbation) if isinstance(perturbation, list | tuple) else []
        if not factors or not all(_is_number(factor) and 0 < factor < math.inf for factor in factors):
            raise ValueError(f"perturbation must be a list of factors above 0, but got {perturbation!r}")
        if isinstance(keep, str) or not all(isinstance(name, str) for name in keep):
            raise ValueError(f"keep must be a list of names, but got {keep!r}")
        self.population_size, self.eval_interval = population_size, eval_interval
        self.trains_together = population_size
        self.max_recommendations, self.max_redraws = max_recommendations, max_redraws
        self.perturbation, self.keep, self.seed = tuple(map(float, factors)), tuple(keep), seed
        self._epochs = 0

    def set_search_space(self, space: SearchSpace, ctx: Context) -> None:
        """Take the space.

        Raises:
            ValueError: the space is empty or has nothing that can change in mid-training, a kept name is unknown, or
                the number of epochs is not known or less than one interval.
        """
        if not space.parameters:
            raise ValueError("the search space must have at least one parameter, but it is empty")
        epochs = ctx.get_prop(ContextKey.EPOCHS)
        if epochs is None:
            raise ValueError("it is not known how many epochs a full training has: give the config epochs")
        interval = self.eval_interval or max(1, int(epochs) // 10)
        if interval > epochs:
            raise ValueError(f"eval_interval is {interval}, but a full training has only {epochs} epochs")
        names = {p.prl for p in space.parameters} | {arg for p in space.parameters for arg in p.args}
        if unknown := [name for name in self.keep if name not in names]:
            raise ValueError(f"keep names {', '.join(unknown)}, which the search space does not have")
        self._mutable = [p for p in space.parameters if _changes(p) and not {p.prl, *p.args} & set(self.keep)]
        if not self._mutable:
            raise ValueError("nothing of the search space can change in mid-training, so there is nothing to exchange")
        self._space, self._epochs, self._interval = space, int(epochs), interval
        self._members = [Member(number, {}) for number in range(1, self.population_size + 1)]
        self._open: dict[str, tuple[Member, int]] = {}
        self._generation = self._drawn = self._redraws = self._given = 0
        workers = int(ctx.get_prop(ContextKey.RUN_WORKERS) or 1)
        if workers < self.population_size:
            waves = -(-self.population_size // workers)
            ctx.trace(self, f"{self.population_size} members on {workers} workers: each interval takes {waves} waves")

    def initial_recommendation(self, ctx: Context) -> Sequence[Recommendation]:
        """Return every member's first interval."""
        for member in self._members:
            member.values = self._draw()
        self._generation = 1
        return self._capped([self._job(member) for member in self._members])

    def refine_recommendation(self, outcome: Outcome, ctx: Context) -> Sequence[Recommendation]:
        """Return the next interval of all members once the last one of them is through; else nothing."""
        member, generation = self._open.pop(outcome.recommendation_id, (None, 0))
        if member is None:
            return []
        if outcome.status is JobStatus.REJECTED:
            if self._redraws < self.max_redraws:
                self._redraws += 1
                member.values = self._draw()
                return [self._job(member, f".{self._redraws}r")]
            ctx.trace(self, f"{self.max_redraws} configurations were rejected: no further ones are replaced")
        reached = outcome.epoch is None or outcome.epoch >= self._until(generation)
        member.score = outcome.objectives[0] if outcome.objectives and reached else None
        member.job = ctx.get_prop(ContextKey.REFINED_JOB) if member.score is not None else None
        if self._open or self._until(generation) >= self._epochs:
            return []
        self._generation += 1
        return self._exchange()

    def needs(self) -> Iterable[str]:
        """Return the last jobs of all members: any of them may be gone on from, and the best one is the result."""
        return {member.job for member in self._members if member.job is not None}

    def count(self, space: SearchSpace) -> float:
        """Return how many jobs there are: a member's intervals, times the members."""
        jobs = self.population_size * (-(-self._epochs // self._interval) if self._epochs else 10)
        return min(jobs, self.max_recommendations or jobs)

    def parallelism(self, space: SearchSpace) -> float:
        """Return how many jobs can run at once: one for each member."""
        return min(self.population_size, self.max_recommendations or self.population_size)

    def epochs(self, space: SearchSpace) -> float | None:
        """Return how many epochs all jobs train, once the space is set."""
        return self.population_size * self._epochs if self._epochs else None

    # The exchange -----------------------------------------------------------------------------------------------------

    def _until(self, generation: int) -> int:
        return min(generation * self._interval, self._epochs)

    def _random(self) -> Random:
        self._drawn += 1
        return Random(f"{self.seed}/{self._drawn}")

    def _draw(self) -> dict[str, int | float]:
        return draw_point(self._space, self._random())

    def _job(self, member: Member, note: str = "", source: str | None = None) -> Recommendation:
        """Return a member's next interval; from another member's weights where there is a source."""
        id = f"P{member.number}.{self._generation}{note}"
        self._open[id] = (member, self._generation)
        until = self._until(self._generation)
        result = SearchResult(self._space, member.values)
        resume = member.job if source is None else None
        return Recommendation(id, result, until_epoch=until, resume_from=resume, inherit_from=source)

    def _exchange(self) -> list[Recommendation]:
        """Return the next interval of every member: of the worst with what the best have."""
        ranking = sorted(self._members, key=lambda m: (m.score is None, -(m.score or 0.0), m.number))
        count = max(1, int(self.quantile * len(ranking)))
        best = [member for member in ranking[:count] if member.job is not None]
        worst = {member.number for member in ranking[-count:]} | {m.number for m in ranking if m.job is None}
        worst -= {member.number for member in best}
        found = []
        # what is taken over is what the best ended the interval with, whoever comes first here
        before = {member.number: (dict(member.values), member.job) for member in best}
        for member in self._members:
            source = None
            if member.number in worst:
                random = self._random()
                # rather one with the same network; else the network is taken over with its weights
                if partners := [one for one in best if self._same_network(one, member)] or best:
                    values, source = before[random.choice(partners).number]
                    member.values = self._explored(values, random)
            found.append(self._job(member, source=source))
        return self._capped(found)

    def _capped(self, jobs: list[Recommendation]) -> list[Recommendation]:
        """Return as many of the jobs as may still run; the others are not waited for."""
        room = len(jobs) if self.max_recommendations is None else self.max_recommendations - self._given
        for job in jobs[max(room, 0) :]:
            del self._open[job.id]
        self._given += min(len(jobs), max(room, 0))
        return jobs[: max(room, 0)]

    def _same_network(self, one: Member, other: Member) -> bool:
        mutable = {p.prl for p in self._mutable}
        fixed = (p.prl for p in self._space.parameters if p.prl not in mutable)
        return all(one.values.get(prl) == other.values.get(prl) for prl in fixed)

    def _explored(self, values: Mapping[str, int | float], random: Random) -> dict[str, int | float]:
        """Return values of one of the best, each that can change in mid-training multiplied or drawn anew."""
        full = {p.prl: values.get(p.prl, draw(p, random)) for p in self._space.parameters}
        for parameter in self._mutable:
            if random.random() < self.resample_prob:
                full[parameter.prl] = draw(parameter, random)
            elif parameter.kind != "enum":
                full[parameter.prl] = _scaled(parameter, full[parameter.prl], random.choice(self.perturbation))
        return self._space.active(full)


def _changes(parameter: ParameterRange) -> bool:
    """Return whether a parameter can change in mid-training."""
    path = parse(parameter.prl).path
    return parameter.domain in ("lr", "transform") or path.startswith(_MUTABLE)


def _scaled(parameter: ParameterRange, value: int | float, factor: float) -> int | float:
    """Return a value times a factor, within the range; a whole number moves by a step at least."""
    span = parameter.targets[0]
    scaled = min(max(value * factor, span.min), span.max)
    if parameter.kind == "float":
        return float(scaled)
    steps = round((scaled - span.min) / span.step)
    now = (int(value) - span.min) // span.step
    if steps == now and factor != 1.0:
        steps += 1 if factor > 1 else -1
    return int(span.min + min(max(steps, 0), span.size - 1) * span.step)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(name: str, value: float, high: float) -> float:
    if not _is_number(value) or not 0 <= value <= high:
        raise ValueError(f"{name} must be a number between 0 and {high:g}, but got {value!r}")
    return float(value)
