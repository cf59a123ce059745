"""The console's commands that change a run, carried out in the engine's loop; each is a fact before it is an act."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from medl.automl.console.protocol import Reply, Request, done, refused
from medl.automl.core import Core
from medl.automl.crew import Crew
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome
from medl.automl.worker import Order

REASON = "aborted by the console"


class Orders:
    """Suspends and resumes workers, ends their jobs, stops the run.

    Args:
        core: the state of the run.
        crew: whose jobs are ended.
        ctx: the run's context.
        record: makes a fact.
        say: takes each line for the person who watches.
    """

    def __init__(
        self,
        core: Core,
        crew: Crew,
        ctx: Context,
        record: Callable[[Mapping[str, Any]], None],
        say: Callable[[str], None],
    ):
        self._core, self._crew, self._ctx, self._record, self._say = core, crew, ctx, record, say

    def go_on(self, has_console: bool) -> None:
        """The run goes on with workers that were suspended: say so; without a console nobody could resume them.

        Args:
            has_console: whether the run has one now.
        """
        names = sorted(self._core.suspended, key=lambda name: (len(name), name))
        if names and has_console:
            have, it = ("is", "it") if len(names) == 1 else ("are", "them")
            self._say(f"{', '.join(names)} {have} still suspended; resume_worker at the console lets {it} work again")
            return
        for name in names:
            self._record({"type": "worker_resumed", "worker": name, "reason": "the run goes on without a console"})
            self._say(f"{name} was suspended and works again: the run goes on without a console")

    def insist(self) -> None:
        """End again what was aborted and still runs."""
        self._crew.insist()

    def carry_out(self, request: Request) -> Reply:
        """Return the reply to an order that fits its command."""
        if self._core.status or self._core.paused is not None:
            return refused("the run is at its end")
        if request.command == "stop":
            return self._stop()
        worker = request.args[0]
        names = sorted([*self._core.idle, *self._core.running], key=lambda name: (len(name), name))
        if worker not in names:
            return refused(f'there is no worker "{worker[:40]}". Known: {", ".join(names)}')
        reply: Reply = getattr(self, f"_{request.command}")(worker)
        return reply

    def _stop(self) -> Reply:
        before = self._ctx.get_stop_message()
        if before is not None:
            return done(f"the run was asked to stop before, by {before}")
        self._ctx.stop_work("console", "stop")
        running = len(self._crew.orders)
        return done(f"the run stops: {running} running job{'s' * (running != 1)} will end, queued ones are dropped")

    def _suspend_worker(self, worker: str) -> Reply:
        if worker in self._core.suspended:
            return done(f"{worker} was suspended before")
        self._record({"type": "worker_suspended", "worker": worker, "reason": "console"})
        job = self._core.running.get(worker)
        said = f"{worker} is suspended: it is given no new job" + (f"; {job} goes on" if job else "")
        if self._core.held:
            said += "; no worker takes jobs now, so the run waits"
        self._say(f"console: {said}")
        return done(said)

    def _resume_worker(self, worker: str) -> Reply:
        if worker not in self._core.suspended:
            return done(f"{worker} was not suspended")
        self._record({"type": "worker_resumed", "worker": worker, "reason": "console"})
        self._say(f"console: {worker} works again")
        return done(f"{worker} works again")

    def _abort_worker(self, worker: str) -> Reply:
        job = self._core.running.get(worker)
        if job is None or job not in self._crew.orders:
            return refused(f"{worker} runs no job")
        if job in self._core.aborted:
            return done(f"{job} was aborted before; it is about to end")
        self._record({"type": "abort_asked", "job": job, "attempt": self._core.jobs[job].attempt, "reason": REASON})
        self._say(f"console: {job} on {worker} is aborted")
        self._crew.abort_job(job)
        return done(f"{job} on {worker} is aborted")


def ended_by_hand(order: Order, outcome: Outcome) -> Outcome:
    """Return how a job ended that was aborted: stopped, unless it had come to its own end before.

    Args:
        order: the job's, whose context tells the handlers.
        outcome: what came of it.
    """
    if outcome.status in (JobStatus.OK, JobStatus.REJECTED):
        return outcome
    outcome = aborted_outcome(outcome.recommendation_id)
    order.ctx.set_prop(ContextKey.OUTCOME, outcome)
    order.ctx.set_prop(ContextKey.JOB_STATUS, outcome.status)
    order.ctx.set_prop(ContextKey.SCORE, outcome.score)
    return outcome


def aborted_outcome(trial: str) -> Outcome:
    """Return the outcome of a trial whose job was aborted."""
    return Outcome(trial, JobStatus.STOPPED, reason=REASON)
