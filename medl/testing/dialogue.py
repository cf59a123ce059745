"""A pretended run: talks with a controller as the engine does, without jobs, threads or time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from medl.automl.api import Controller
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, Recommendation, SearchSpace

Answer = Callable[[Recommendation], Outcome]

EPOCHS = 27
"""What a full training has in a pretended run."""


def run_context(workers: int = 1) -> Context:
    """Return the context of a pretended run that was given so many workers."""
    ctx = Context()
    ctx.set_prop(ContextKey.NUM_WORKERS, workers)
    ctx.set_prop(ContextKey.EPOCHS, EPOCHS)
    return ctx


def told(controller: Controller, outcome: Outcome, ctx: Context) -> Iterable[Recommendation]:
    """Give a controller an outcome as the engine does: the context says which job's it is."""
    ctx.set_prop(ContextKey.REFINED_JOB, f"job of {outcome.recommendation_id}")
    return controller.refine_recommendation(outcome, ctx)


@dataclass
class Dialogue:
    """What was said in a pretended run.

    Attributes:
        turns: pairs of an outcome and the recommendations that answered it; the outcome before the first is ``None``.
        jobs: the recommendations that were run to an outcome, in that order.
        most_open: the most recommendations that waited or ran at one time.
        refused: why the controller does not search this space, or an empty text.
        stop_message: who asked to stop and why, or ``None``.
    """

    turns: list[tuple[Outcome | None, tuple[Recommendation, ...]]] = field(default_factory=list)
    jobs: list[Recommendation] = field(default_factory=list)
    most_open: int = 0
    refused: str = ""
    stop_message: str | None = None

    @property
    def recommendations(self) -> list[Recommendation]:
        """All recommendations, in the order in which the controller gave them."""
        return [recommendation for _, given in self.turns for recommendation in given]

    @property
    def outcomes(self) -> list[Outcome]:
        """All outcomes, in the order in which the controller got them."""
        return [outcome for outcome, _ in self.turns if outcome is not None]


def smooth_score(recommendation: Recommendation) -> float:
    """Return a score in [0, 1]: best where every number is at 30 % of its range and every enum is its last choice."""
    space, values = recommendation.result.space, recommendation.result.values
    lost = []
    for prl, value in values.items():  # a parameter that does not count has none
        parameter = space[prl]
        if parameter.kind == "enum":
            lost.append(0.0 if value == len(parameter.targets) - 1 else 0.5)
        else:
            low, high = parameter.targets[0].min, parameter.targets[0].max
            lost.append((((value - low) / (high - low) if high > low else 0.3) - 0.3) ** 2)
    return 1.0 - sum(lost) / max(len(lost), 1)


def scored(recommendation: Recommendation) -> Outcome:
    """Return the outcome of a job that went well, with :func:`smooth_score`."""
    values = {"score": smooth_score(recommendation)}
    return Outcome(recommendation.id, JobStatus.OK, values, epoch=recommendation.until_epoch or 1)


def play(
    controller: Controller,
    space: SearchSpace,
    answer: Answer = scored,
    *,
    workers: int = 1,
    order: Random | None = None,
    repeats: Iterable[str] = (),
    limit: int = 5000,
) -> Dialogue:
    """Run a whole pretended run and return what was said.

    Args:
        controller: a new one.
        space: what it shall search.
        answer: gives the outcome of a recommendation; :func:`scored` where all goes well.
        workers: how many jobs run at one time; the queue is served in its order.
        order: chooses which of the running jobs ends next; ``None`` ends the oldest.
        repeats: statuses (``ok``, ``failed``, …) whose outcomes are told a second time at once.
        limit: the most jobs; a run that goes on after them is an error.

    Raises:
        AssertionError: the run does not end within ``limit`` jobs.
    """
    repeated = set(repeats)
    ctx = run_context(workers)
    ctx.set_prop(ContextKey.SEARCH_SPACE, space)
    said = Dialogue()
    try:
        controller.set_search_space(space, ctx)
    except ValueError as refusal:
        said.refused = str(refusal) or "ValueError"
        return said
    if ctx.stop_work_asked():
        said.refused = ctx.get_stop_message() or "stopped"
        return said
    queue: deque[Recommendation] = deque()
    running: list[Recommendation] = []

    def hear(outcome: Outcome | None, given: Iterable[Recommendation]) -> None:
        said.turns.append((outcome, tuple(given)))
        queue.extend(said.turns[-1][1])
        if ctx.stop_work_asked():
            queue.clear()
        said.most_open = max(said.most_open, len(queue) + len(running))
        while queue and len(running) < workers:
            running.append(queue.popleft())

    hear(None, controller.initial_recommendation(ctx))
    while running:
        if len(said.jobs) >= limit:
            raise AssertionError(f"the run should have ended, but after {limit} jobs the controller still wants more")
        ended = running.pop(order.randrange(len(running)) if order is not None else 0)
        said.jobs.append(ended)
        outcome = answer(ended)
        hear(outcome, told(controller, outcome, ctx))
        if str(outcome.status) in repeated:
            hear(outcome, told(controller, outcome, ctx))
    controller.shutdown(ctx)
    said.stop_message = ctx.get_stop_message()
    return said
