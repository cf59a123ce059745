"""The workers of a run and the jobs that they have: started, ended early, aborted, none of them left behind."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from typing import Any

from medl.automl import hardware
from medl.automl.api import Executor, Handler
from medl.automl.core import StartJob
from medl.automl.defs import Context, ContextKey, Outcome, Recommendation
from medl.automl.worker import Order, Worker
from medl.automl.worker_spec import WorkerSpec

Report = Callable[[Any, str, BaseException], None]


class Crew:
    """A thread per worker, and the orders that they work on.

    Args:
        specs: the workers.
        executor: runs jobs.
        handlers: hear of each job's start and end.
        report: told of what a handler or the executor raises.

    Attributes:
        orders: job to its running order.
        inbox: how jobs ended; ``None`` wakes up who waits for it.
    """

    def __init__(self, specs: Sequence[WorkerSpec], executor: Executor, handlers: Sequence[Handler], report: Report):
        self._specs = tuple(specs)
        self._executor = executor
        self._handlers = tuple(handlers)
        self._report = report
        self._workers: dict[str, Worker] = {}
        self._ending_early: set[str] = set()
        self._aborted: set[str] = set()
        self.orders: dict[str, Order] = {}
        self.inbox: queue.SimpleQueue[tuple[Order, Outcome] | None] = queue.SimpleQueue()

    def wake(self) -> None:
        """Let who waits for the inbox look around."""
        self.inbox.put(None)

    def begin(self) -> None:
        """Start the threads."""

        def post(order: Order, outcome: Outcome) -> None:
            self.inbox.put((order, outcome))

        for spec in self._specs:
            self._workers[spec.name] = Worker(spec, self._executor, self._handlers, post, self._report)

    def start(self, action: StartJob, recommendation: Recommendation, values: Any, run: Context) -> None:
        """Give a job to its worker.

        Args:
            action: which, and to whom.
            recommendation: what is run.
            values: PRL to concrete values.
            run: the run's context, parent of the job's.
        """
        spec = self._workers[action.worker].spec
        ranks = sum(len(worker.slots) for worker in self._specs)
        ctx = Context(run)
        ctx.set_prop(ContextKey.JOB_NAME, action.job)
        ctx.set_prop(ContextKey.WORKER_NAME, action.worker)
        ctx.set_prop(ContextKey.GPUS, list(spec.slots))
        ctx.set_prop(ContextKey.HOSTS, spec.hosts)
        ctx.set_prop(ContextKey.ATTEMPT, action.attempt)
        ctx.set_prop(ContextKey.FAULTS, action.faults)
        ctx.set_prop(ContextKey.THREADS, hardware.fair_threads(hardware.cores(), ranks))
        ctx.set_prop(ContextKey.RECOMMENDATION, recommendation)
        ctx.set_prop(ContextKey.CONCRETE_SEARCH_VALUE, values)
        order = Order(action.job, action.attempt, recommendation, ctx)
        self.orders[action.job] = order
        self._workers[action.worker].submit(order)

    def ended(self, job: str) -> None:
        """Forget the order of a job whose end is in the record."""
        del self.orders[job]
        self._ending_early.discard(job)
        self._aborted.discard(job)

    def stop_early(self, job: str) -> bool:
        """Let a job end gently, once; return whether it was running and had not been told before."""
        order = self.orders.get(job)
        if order is None or job in self._ending_early:
            return False
        self._ending_early.add(job)
        try:
            self._executor.stop_early(order.ctx)
        except (Exception, SystemExit) as error:
            self._report(self._executor, "stop_early", error)
        return True

    def abort(self) -> None:
        """End all running jobs at once."""
        for order in self.orders.values():
            order.stopping.set()
            try:
                self._executor.abort(order.ctx)
            except (Exception, SystemExit) as error:
                self._report(self._executor, "abort", error)

    def abort_job(self, job: str) -> None:
        """End one running job at once; while it has not ended, again at each call of :meth:`insist`."""
        self._aborted.add(job)
        self.insist()

    def insist(self) -> None:
        """End the aborted jobs that still run: one may have been about to start its process."""
        for job in self._aborted & self.orders.keys():
            order = self.orders[job]
            try:
                self._executor.abort(order.ctx)
            except (Exception, SystemExit) as error:
                self._report(self._executor, "abort", error)

    def finish(self, patience_s: float) -> None:
        """Abort what runs and end the threads, each waited for at most so many seconds."""
        if self.orders:
            self.abort()
            for order in self.orders.values():
                order.recorded.set()  # so that end_job is called even where its end could not be logged
        for worker in self._workers.values():
            worker.finish(patience_s)
