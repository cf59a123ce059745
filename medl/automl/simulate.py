"""A run without jobs: the core driven by a virtual clock, thousands of jobs in a second."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from medl.automl.api import Controller
from medl.automl.core import AskInitial, Core, DropQueue, EndRun, Refine, StartJob
from medl.automl.defs import Context, Outcome, Recommendation, SearchSpace
from medl.automl.events import (
    Event,
    outcome_from_json,
    outcome_to_json,
    recommendation_from_json,
    recommendation_to_json,
)
from medl.errors import RunError


@dataclass(frozen=True)
class Simulated:
    """What a simulated run came to.

    Attributes:
        core: its last state.
        events: all its events; ``time`` is virtual seconds.
        makespan_s: virtual seconds from start to end.
        busy_s: virtual seconds that each worker was busy, by name.
    """

    core: Core
    events: list[Event]
    makespan_s: float
    busy_s: dict[str, float]


def simulate(
    controller: Controller,
    space: SearchSpace,
    run_job: Callable[[Recommendation], tuple[Outcome, float]],
    *,
    workers: int = 2,
    max_rounds: int | None = None,
    max_jobs: int = 100_000,
    ctx: Context | None = None,
) -> Simulated:
    """Run a controller against made-up jobs.

    Args:
        controller: a new one; its space is set here.
        space: the search space.
        run_job: recommendation to its outcome and how many virtual seconds it takes.
        workers: how many there are.
        max_rounds: the cap of the run, if any.
        max_jobs: where to stop a controller that never ends.
        ctx: the run's context.

    Raises:
        RunError: the controller recommends what a run refuses.
    """
    ctx = ctx or Context()
    core = Core()
    events: list[Event] = []
    clock = 0.0
    busy = {f"W{number}": 0.0 for number in range(1, workers + 1)}
    ending: list[tuple[float, int, str, Outcome]] = []
    tie = itertools.count()

    def record(event: Event) -> None:
        event["time"] = clock
        events.append(event)
        core.replay(event)

    def recommended(after: str | None, recommendations: Sequence[Recommendation]) -> None:
        items = [recommendation_to_json(item, space) for item in recommendations][: core.room()]
        if faults := core.faults(items, space):
            raise RunError(f"{type(controller).__name__}: {faults[0]}")
        record({"type": "recommended", "after": after, "recommendations": items})

    controller.set_search_space(space, ctx)
    record({"type": "run_started", "workers": list(busy), "max_rounds": max_rounds})
    while True:
        if core.stopping is None and not core.status and (ctx.stop_work_asked() or len(core.jobs) >= max_jobs):
            record({"type": "stop_asked", "reason": ctx.get_stop_message() or f"{max_jobs} jobs"})
        actions = core.due()
        if not actions:
            if not ending:
                break
            clock, _, job, outcome = heapq.heappop(ending)
            data = outcome_to_json(outcome)
            record({"type": "job_ended", "job": job, "attempt": 1, "outcome": data})
            continue
        action = actions[0]
        if isinstance(action, AskInitial):
            recommended(None, controller.initial_recommendation(ctx))
        elif isinstance(action, Refine):
            recommended(action.job, controller.refine_recommendation(outcome_from_json(action.outcome), ctx))
        elif isinstance(action, StartJob):
            recommendation = recommendation_from_json(action.recommendation, space)
            started = {
                "job": action.job,
                "trial": recommendation.id,
                "worker": action.worker,
                "attempt": action.attempt,
            }
            record({"type": "job_started", **started, "values": recommendation.result.concrete()})
            outcome, seconds = run_job(recommendation)
            busy[action.worker] += seconds
            heapq.heappush(ending, (clock + seconds, next(tie), action.job, outcome))
        elif isinstance(action, DropQueue):
            record({"type": "queue_dropped", "trials": list(action.trials), "reason": core.stopping})
        elif isinstance(action, EndRun):
            record({"type": "run_ended", "status": action.status, "reason": core.stopping})
    controller.shutdown(ctx)
    return Simulated(core, events, clock, busy)
