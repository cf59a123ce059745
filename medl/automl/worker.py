"""Workers: who runs jobs, on which GPUs, and the thread in which one job after the other is run."""

from __future__ import annotations

import dataclasses
import json
import math
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from medl.automl.api import Executor, Handler
from medl.automl.defs import NO_SCORE, Context, ContextKey, JobStatus, Outcome, Recommendation
from medl.automl.events import now
from medl.automl.faults import Fault, fault_of_error
from medl.automl.goals import Goals
from medl.automl.user_code import raised
from medl.automl.worker_spec import WorkerSpec
from medl.errors import MedlError


@dataclass(eq=False)
class Order:
    """One attempt to run a job, as the driver and the job's thread share it.

    Attributes:
        ctx: the job's own context.
        stopping: set before the job is aborted from outside; its end then is an interruption.
        recorded: set by the driver once the end is safe in the log; the handlers hear of it after that.
        closed: set by the thread when the handlers are done.
    """

    job: str
    attempt: int
    recommendation: Recommendation
    ctx: Context
    stopping: threading.Event = field(default_factory=threading.Event)
    recorded: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)


Post = Callable[[Order, Outcome], None]
Report = Callable[[Any, str, BaseException], None]


class Worker:
    """A thread that runs orders one after the other, in the order of :meth:`submit`.

    Args:
        spec: its name and slots.
        executor: what runs a job.
        handlers: called in order; an exception in one is reported, and the job goes on.
        post: called in the thread with how a job ended; the driver then logs it and sets ``order.recorded``.
        report: called in the thread with a component, the method and its exception.
    """

    def __init__(self, spec: WorkerSpec, executor: Executor, handlers: Sequence[Handler], post: Post, report: Report):
        self.spec = spec
        self._executor = executor
        self._handlers = handlers
        self._post = post
        self._report = report
        self._orders: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        # daemon: a user's executor that never returns must not keep a stopped engine alive
        self._thread = threading.Thread(target=self._run, name=spec.name, daemon=True)
        self._thread.start()

    def submit(self, order: Order) -> None:
        """Run this order after the ones before it."""
        self._orders.put(order)

    def finish(self, timeout: float) -> None:
        """End the thread after its last order; wait for that at most ``timeout`` seconds."""
        self._orders.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        while (order := self._orders.get()) is not None:
            self._run_one(order)

    def _run_one(self, order: Order) -> None:
        ctx = order.ctx
        ctx.set_prop(ContextKey.JOB_START_TIME, now())
        ctx.set_prop(ContextKey.JOB_STATUS, JobStatus.RUNNING)
        self._call("start_job", ctx)
        outcome = run_executor(self._executor, order, self._report)
        ctx.set_prop(ContextKey.JOB_END_TIME, now())
        ctx.set_prop(ContextKey.OUTCOME, outcome)
        ctx.set_prop(ContextKey.JOB_STATUS, outcome.status)
        ctx.set_prop(ContextKey.SCORE, outcome.score)
        self._post(order, outcome)
        order.recorded.wait()
        self._call("end_job", ctx)
        order.closed.set()

    def _call(self, method: str, ctx: Context) -> None:
        for handler in self._handlers:
            try:
                getattr(handler, method)(ctx)
            except BaseException as error:  # SystemExit of a user's handler must not end the thread either
                self._report(handler, method, error)


def run_executor(executor: Executor, order: Order, report: Report) -> Outcome:
    """Return how a job ended, whatever the executor does: every exception and every odd result is an outcome."""
    try:
        if order.stopping.is_set():  # aborted before it began
            return Outcome(order.recommendation.id, JobStatus.INTERRUPTED)
        result: Any = executor.execute(order.recommendation, order.ctx)
        goals = order.ctx.get_prop(ContextKey.GOALS)
        outcome = as_outcome(result, order.recommendation.id, type(executor).__name__, goals)
    except BaseException as error:
        if not isinstance(error, MedlError) and not order.stopping.is_set():
            report(executor, "execute", error)
        reason = str(error) if isinstance(error, MedlError) else raised(executor, "execute", error)
        info = {"fault": str(fault_of_error(error))}
        outcome = Outcome(order.recommendation.id, JobStatus.FAILED, reason=" ".join(reason.split()), info=info)
    if order.stopping.is_set() and outcome.status not in (JobStatus.OK, JobStatus.NO_SCORE):
        outcome = dataclasses.replace(outcome, status=JobStatus.INTERRUPTED)
    return outcome


def as_outcome(result: Any, trial: str, executor: str, goals: Goals | None = None) -> Outcome:
    """Return what an executor gave back as an outcome that can be recorded.

    A bare number is the first objective; NaN and infinity are failures; -1000000.0 and ``None`` say that there is no
    score. Directions and violations are those of the goals; values are the objectives alone, in their order, and one
    that is missing means that there is no score. What breaks a hard constraint is rejected.

    Args:
        result: an outcome, a number or ``None``.
        trial: the recommendation's id.
        executor: its class, for people.
        goals: what the search is after.
    """
    goals = goals if goals is not None else Goals()
    objectives = [objective.metric for objective in goals.objectives]
    if result is None:
        return Outcome(trial, JobStatus.NO_SCORE, reason="the executor gave no score")
    if not isinstance(result, Outcome):
        try:
            score = float(result)
        except (TypeError, ValueError):
            return Outcome(
                trial, JobStatus.FAILED, reason=f"{executor} gave back {type(result).__name__}, not an outcome"
            )
        if score == NO_SCORE:
            return Outcome(trial, JobStatus.NO_SCORE, reason="the executor gave no score")
        result = Outcome(trial, values={objectives[0] if objectives else "score": score})
    status, reason = JobStatus(result.status), result.reason
    values = {str(name): float(value) for name, value in result.values.items()}
    constraints = {str(name): float(value) for name, value in result.constraints.items()}
    violations = {str(name): float(value) for name, value in result.violations.items()}
    for name, value in (*values.items(), *constraints.items(), *violations.items()):
        if not math.isfinite(value):
            status, reason = JobStatus.FAILED, f"{name} is {value}"
            result = dataclasses.replace(result, info={**result.info, "fault": str(Fault.NAN)})
    if status is JobStatus.RUNNING:
        status, reason = JobStatus.FAILED, f"{executor} gave back an outcome that still runs"
    if status is JobStatus.OK and not values:
        status = JobStatus.NO_SCORE
    if status is JobStatus.OK and (missing := [name for name in objectives if name not in values]):
        status = JobStatus.NO_SCORE
        reason = f"{executor} gave {', '.join(values)}, but not the objective {missing[0]}"
    if status is JobStatus.OK and (broken := goals.breaks(constraints)):
        status, reason = JobStatus.REJECTED, f"it breaks the constraint of {' and '.join(broken)}"
    if objectives:
        values = {name: values[name] for name in objectives if name in values}
    try:  # the controller must see after a restart what it sees now
        info = json.loads(json.dumps(dict(result.info), allow_nan=False))
    except (TypeError, ValueError) as error:
        info = {"not recorded": f"info has no JSON form: {error}"}
    failed = status is JobStatus.FAILED
    return Outcome(
        recommendation_id=trial,
        status=status,
        values={} if failed or status is JobStatus.NO_SCORE else values,
        constraints={} if failed else constraints,
        epoch=None if result.epoch is None else int(result.epoch),
        cost_s=None if result.cost_s is None else float(result.cost_s),
        info=info,
        reason=reason,
        minimize=(goals.minimize | result.minimize) & set(values),
        violations={} if failed else {**violations, **goals.violations(constraints)},
    )
