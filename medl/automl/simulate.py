"""A run without processes: the core driven by a virtual clock, thousands of jobs in a second."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from medl.automl.api import Controller
from medl.automl.core import AskInitial, Core, DropQueue, EndRun, Refine, StartJob
from medl.automl.curves import CurveJobs, CurveRun, Validation
from medl.automl.defs import Context, ContextKey, Outcome, Recommendation, SearchSpace
from medl.automl.events import (
    Event,
    outcome_from_json,
    outcome_to_json,
    recommendation_from_json,
    recommendation_to_json,
    space_to_json,
)
from medl.automl.stopping_rule import StoppingRule
from medl.errors import RunError

if TYPE_CHECKING:
    from medl.automl.study import Mirror

Jobs: TypeAlias = CurveJobs | Callable[[Recommendation], tuple[Outcome, float]]


@dataclass(frozen=True)
class Simulated:
    """What a simulated run came to.

    Attributes:
        core: its last state.
        events: all its events; ``time`` is virtual seconds.
        makespan_s: virtual seconds from start to end.
        busy_s: virtual seconds that each worker was busy, by name.
        epochs: trained in all jobs; 0 where the jobs are no curves.
        mirror: the Optuna mirror in memory, where one was wanted.
    """

    core: Core
    events: list[Event]
    makespan_s: float
    busy_s: dict[str, float]
    epochs: int = 0
    mirror: Mirror | None = field(default=None, compare=False)

    @property
    def last_new_trial_s(self) -> float:
        """The virtual second at which the last job started that goes on from no other one; 0 without jobs."""
        new = (e for e in self.events if e["type"] == "job_started" and not self._source(e["trial"]))
        return max((float(event["time"]) for event in new), default=0.0)

    def _source(self, trial: Any) -> Any:
        return self.core.trials[trial].get("resume_from")

    def utilisation(self, until_s: float | None = None) -> float:
        """Return the share of the workers' time that was busy, from the start to ``until_s`` (else the end), 0 to 1."""
        until = self.makespan_s if until_s is None else until_s
        if until <= 0:
            return 0.0
        started: dict[str, float] = {}
        busy = 0.0
        for event in self.events:
            if event["type"] == "job_started":
                started[event["job"]] = event["time"]
            elif event["type"] == "job_ended":
                busy += max(0.0, min(until, event["time"]) - started[event["job"]])
        return busy / (until * len(self.busy_s))


class _Once:
    """A job that is known only by its end, to be run as a :class:`CurveRun` is."""

    def __init__(self, result: tuple[Outcome, float]):
        self._outcome, self._seconds = result
        self.rejected = ""
        self._ended = False

    def advance(self) -> Validation | None:
        ended, self._ended = self._ended, True
        return None if ended else Validation(0, {}, self._seconds)

    def outcome(self) -> Outcome:
        return self._outcome


@dataclass(frozen=True)
class _Running:
    """A job on its way: ``step`` is what it comes to next; ``ctx`` is its own context."""

    job: str
    worker: str
    run: CurveRun | _Once
    ctx: Context
    step: Validation | None


def simulate(
    controller: Controller,
    space: SearchSpace,
    run_job: Jobs,
    *,
    workers: int = 2,
    max_rounds: int | None = None,
    max_jobs: int = 100_000,
    ctx: Context | None = None,
    mirror: bool = False,
    stopping: StoppingRule | None = None,
) -> Simulated:
    """Run a controller against computed jobs.

    Args:
        controller: a new one; its space is set here.
        space: the search space.
        run_job: curves; or recommendation to its outcome and how many virtual seconds it takes. The validations of
            curves (``validate_every``) are given to ``controller.report``, and its "stop" ends the job there.
        workers: how many there are.
        max_rounds: the cap of the run, if any.
        max_jobs: where to stop a controller that never ends.
        ctx: the run's context; the number of workers, the goals and the epochs are set where it has none.
        mirror: whether an Optuna mirror is kept in memory, as a run keeps one on disk.
        stopping: judges every validation before the controller does; a new one.

    Raises:
        RunError: the controller recommends what a run refuses.
    """
    return _Simulation(controller, space, run_job, workers, max_jobs, ctx or Context(), mirror, stopping).run(
        max_rounds
    )


class _Simulation:
    def __init__(
        self,
        controller: Controller,
        space: SearchSpace,
        jobs: Jobs,
        workers: int,
        max_jobs: int,
        ctx: Context,
        mirror: bool,
        stopping: StoppingRule | None,
    ):
        self.stopping = stopping
        self.controller, self.space, self.jobs, self.max_jobs, self.ctx = controller, space, jobs, max_jobs, ctx
        self.core = Core()
        self.events: list[Event] = []
        self.clock = 0.0
        self.busy = {f"W{number}": 0.0 for number in range(1, workers + 1)}
        self.coming: list[tuple[float, int, _Running]] = []  # when each running job comes to its next step
        self.tie = itertools.count()
        self.mirror: Mirror | None = None
        for key, value in {
            ContextKey.SEARCH_SPACE: space,
            ContextKey.NUM_WORKERS: workers,
            ContextKey.RUN_WORKERS: workers,
            ContextKey.GOALS: jobs.goals if isinstance(jobs, CurveJobs) else None,
            ContextKey.EPOCHS: jobs.epochs if isinstance(jobs, CurveJobs) else None,
        }.items():
            if value is not None and ctx.get_prop(key) is None:
                ctx.set_prop(key, value)
        if mirror:
            from medl.automl.study import in_memory

            self.mirror = in_memory("simulated")

    def record(self, event: Event) -> None:
        event["time"] = self.clock
        self.events.append(event)
        self.core.replay(event)
        if self.mirror is not None:
            self.mirror.take(event)

    def run(self, max_rounds: int | None) -> Simulated:
        core, ctx = self.core, self.ctx
        self.controller.set_search_space(self.space, ctx)
        started = {"workers": list(self.busy), "max_rounds": max_rounds, "space": space_to_json(self.space)}
        self.record({"type": "run_started", **started})
        while True:
            if core.stopping is None and not core.status and (ctx.stop_work_asked() or len(core.jobs) >= self.max_jobs):
                self.record({"type": "stop_asked", "reason": ctx.get_stop_message() or f"{self.max_jobs} jobs"})
            if actions := core.due():
                self.perform(actions[0])
            elif not self.coming:
                break
            else:
                self.clock, _, running = heapq.heappop(self.coming)
                self.come(running)
        self.controller.shutdown(ctx)
        epochs = self.jobs.trained if isinstance(self.jobs, CurveJobs) else 0
        return Simulated(core, self.events, self.clock, self.busy, epochs, self.mirror)

    def perform(self, action: Any) -> None:
        if isinstance(action, AskInitial):
            self.recommended(None, self.controller.initial_recommendation(self.ctx))
        elif isinstance(action, Refine):
            outcome = outcome_from_json(action.outcome)
            self.ctx.set_prop(ContextKey.REFINED_JOB, action.job)
            self.recommended(action.job, self.controller.refine_recommendation(outcome, self.ctx))
        elif isinstance(action, StartJob):
            self.start(action)
        elif isinstance(action, DropQueue):
            self.record({"type": "queue_dropped", "trials": list(action.trials), "reason": self.core.stopping})
        elif isinstance(action, EndRun):
            self.record({"type": "run_ended", "status": action.status, "reason": self.core.stopping})

    def recommended(self, after: str | None, recommendations: Sequence[Recommendation]) -> None:
        items = [recommendation_to_json(item, self.space) for item in recommendations][: self.core.room()]
        if faults := self.core.faults(items, self.space):
            raise RunError(f"{type(self.controller).__name__}: {faults[0]}")
        self.record({"type": "recommended", "after": after, "recommendations": items})

    def start(self, action: StartJob) -> None:
        recommendation = recommendation_from_json(action.recommendation, self.space)
        started = {"job": action.job, "trial": recommendation.id, "worker": action.worker, "attempt": action.attempt}
        self.record({"type": "job_started", **started, "values": recommendation.result.concrete()})
        ctx = Context(self.ctx)
        ctx.set_prop(ContextKey.JOB_NAME, action.job)
        ctx.set_prop(ContextKey.RECOMMENDATION, recommendation)
        jobs = self.jobs
        run = jobs.begin(action.job, recommendation) if isinstance(jobs, CurveJobs) else _Once(jobs(recommendation))
        self.go_on(_Running(action.job, action.worker, run, ctx, None))

    def go_on(self, running: _Running) -> None:
        """Let a job train on to its next step; one without a further step ends at once."""
        step = running.run.advance()
        seconds = 0.0 if step is None else step.seconds
        self.busy[running.worker] += seconds
        due = _Running(running.job, running.worker, running.run, running.ctx, step)
        heapq.heappush(self.coming, (self.clock + seconds, next(self.tie), due))

    def judged(self, job: str, step: Validation) -> str:
        """Return why the stopping rule ends a job, or an empty text."""
        if self.stopping is None:
            return ""
        name, value = next(iter(step.values.items()))
        small = isinstance(self.jobs, CurveJobs) and name in self.jobs.goals.minimize
        return self.stopping.judge(job, step.epoch, -value if small else value)

    def come(self, running: _Running) -> None:
        """A job came to its next step: its validation is reported, or it ends."""
        step, run = running.step, running.run
        if step is not None and step.values:
            why = self.judged(running.job, step)
            decision = self.controller.report(running.job, step.epoch, step.values, running.ctx)
            decision = "stop" if why else decision
            reported = {"job": running.job, "attempt": 1, "epoch": step.epoch, "values": dict(step.values)}
            self.record({"type": "job_reported", **reported, "decision": decision, **({"reason": why} if why else {})})
            if decision != "stop" and isinstance(run, CurveRun) and step.epoch < run.last:
                self.go_on(running)
                return
        self.record({"type": "job_ended", "job": running.job, "attempt": 1, "outcome": outcome_to_json(run.outcome())})
