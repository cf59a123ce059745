"""The driver of the core with real processes: logs every fact before acting on it, and calls all components.

One main thread does all of it but the jobs, which have a thread per worker (:mod:`medl.automl.worker`). After any kind
of end the same call goes on: the log is replayed through the core, the controller is given the recorded outcomes
again, jobs that were running get a new attempt, jobs that ended are never run again.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from medl.automl import hardware, narration, user_code
from medl.automl.adviser import Adviser
from medl.automl.api import Controller, Executor, Handler
from medl.automl.core import BASELINE, AskInitial, Core, DropQueue, EndRun, Refine, StartJob
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, SearchSpace
from medl.automl.events import (
    Event,
    EventLog,
    outcome_to_json,
    recommendation_from_json,
    space_to_json,
)
from medl.automl.going_on import begun, refusal
from medl.automl.lock import hold
from medl.automl.process import await_leashes
from medl.automl.study import Mirror, MirrorThread, rebuild
from medl.automl.summary import Progress, Rows, read_progress, read_validations
from medl.automl.worker import Order, Worker
from medl.automl.worker_spec import WorkerSpec
from medl.errors import MedlError, RunError
from medl.mmar.files import write_json
from medl.mmar.run_folder import RunFolder

POLL_S = 1.0
"""Seconds between two looks at how far the running jobs are."""

STOP_PATIENCE_S = 30.0
"""Seconds that stopped jobs and their handlers get; then the engine leaves, and the leash ends what is left."""

MAX_INTERRUPTIONS = 3
"""Attempts of a job that something other than this engine interrupted before it counts as failed."""


@dataclass(frozen=True)
class RunResult:
    """How a call of :meth:`Engine.run` ended.

    Attributes:
        status: ``finished``; ``stopped`` (someone asked to); ``interrupted`` (a signal; the same command goes on);
            ``failed`` (the controller broke; the same command goes on once it is mended).
        summary: as in ``summary.json``.
        signal: the signal that interrupted it, if one did.
    """

    status: str
    summary: dict[str, Any]
    signal: int | None = None

    @property
    def exit_code(self) -> int:
        """0 if any job scored, 3 if none did; 130 or 143 after SIGINT or SIGTERM."""
        if self.signal is not None:
            return 128 + self.signal
        return 0 if any(row["status"] == JobStatus.OK for row in self.summary["jobs"]) else 3


class Engine:
    """Runs a search to its end, or goes on with one.

    Args:
        folder: the run's folder; made where there is none.
        workers: who runs jobs; their number may differ from the last time.
        controller: a new one; nothing of it has been called.
        executor: runs jobs; so is this.
        handlers: called in their order, at the end in reverse.
        ctx: the run's context.
        fingerprint: what makes this run that run (see :mod:`medl.automl.fingerprint`).
        configs: what ``config.json`` would hold, so that a refusal names the values that changed.
        max_rounds: cap on the number of recommendations; ``None`` for none.
        baseline: whether the archive's own values are run first, as ``…_J0``.
        baseline_values: PRL to the archive's own concrete values, to be shown.
        storage: Optuna storage URL of the mirror; a journal file in the run's folder where not given.
        say: takes each line for the person who watches.
        stop_patience_s: seconds that stopped jobs get to end.
    """

    def __init__(
        self,
        *,
        folder: RunFolder,
        workers: Sequence[WorkerSpec],
        controller: Controller,
        executor: Executor,
        handlers: Sequence[Handler] = (),
        ctx: Context,
        fingerprint: str,
        configs: Mapping[str, Any] | None = None,
        max_rounds: int | None = None,
        baseline: bool = False,
        baseline_values: Mapping[str, list[Any]] | None = None,
        storage: str | None = None,
        say: Callable[[str], None] = print,
        stop_patience_s: float = STOP_PATIENCE_S,
    ):
        self.folder = folder
        self.workers = tuple(workers)
        self.controller = controller
        self.executor = executor
        self.handlers = tuple(handlers)
        self.ctx = ctx
        self.fingerprint = fingerprint
        self.configs = configs
        self.max_rounds = max_rounds
        self.baseline = baseline
        self.baseline_values = dict(baseline_values or {})
        self.storage = storage
        self.say = say
        self.stop_patience_s = stop_patience_s
        self._core = Core()
        self._adviser = Adviser(controller, self._core, ctx, self._report)
        self._rows = Rows(folder.run_id)
        self._space = SearchSpace(())
        self._inbox: queue.SimpleQueue[tuple[Order, Outcome] | None] = queue.SimpleQueue()
        self._crew: dict[str, Worker] = {}
        self._orders: dict[str, Order] = {}  # running jobs
        self._unseen: dict[str, Order] = {}  # ended jobs that the controller was not told of yet
        self._progress: dict[str, Progress] = {}
        self._mirror: MirrorThread | None = None
        self._signal: int | None = None
        self._signals = 0
        self._deadline: float | None = None
        self._written = self._polled = self._cost = 0.0
        self._stale = False

    def run(self) -> RunResult:
        """Run the search, or go on with it, until it ends or is stopped; a finished one is only reported.

        Raises:
            RunError: the run cannot start or go on: locked, of another fingerprint, its record damaged or not
            writable, the
                controller refuses the space or fails before the first job.
        """
        try:
            self.folder.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{self.folder.root} cannot be made: {error.strerror}. Choose another work_dir.") from error
        with hold(self.folder.lock), self._listening():
            self._log = self._open_log()
            try:
                self._rows = Rows(self.folder.run_id, self._log.events)
                if self._log.events and self._log.events[-1]["type"] == "run_ended":
                    return RunResult(self._rows.status, self._rows.value())
                await_leashes(self.folder.root)
                self._run()
            finally:
                self._log.close()
        return RunResult(self._rows.status, self._rows.value(alive=False), self._signal)

    # Beginning --------------------------------------------------------------------------------------------------------

    def _open_log(self) -> EventLog:
        log = EventLog(self.folder.events)
        if log.torn is not None:
            self.say(f"the record's last line was half written and is dropped ({log.torn}): nothing had come of it yet")
        if log.events and not begun(log.events):
            log.close()  # nothing was trained: this configuration begins anew
            os.replace(self.folder.events, self.folder.events.with_name(f"{self.folder.events.name}.unused"))
            log = EventLog(self.folder.events)
        if reason := refusal(self.folder, log.events, self.fingerprint, self.configs):
            log.close()
            raise RunError(reason)
        return log

    def _run(self) -> None:
        ended = [event["job"] for event in self._log.events if event["type"] == "job_ended"]
        scores = {row["job"]: row["score"] for row in self._rows.value()["jobs"] if row["score"] is not None}
        self.ctx.set_prop(ContextKey.NUM_WORKERS, len(self.workers))
        self.ctx.set_prop(ContextKey.RECORDED_SCORES, scores)
        self.ctx.set_prop(ContextKey.NEEDED_JOBS, frozenset(ended))  # all, until the controller has said which
        if self.ctx.get_prop(ContextKey.RUN_ROOT) is None:
            self.ctx.set_prop(ContextKey.RUN_ROOT, str(self.folder.root))
        try:
            self._tell_handlers("startup", self.ctx)
            self._tell_handlers("start_automl", self.ctx)
            self._prepare()
            self._loop()
        finally:
            self._finish()

    def _prepare(self) -> None:
        try:
            self._space = self.executor.determine_search_space(self.ctx)
        except MedlError:
            raise
        except (Exception, SystemExit) as error:
            self.ctx.trace(self.executor, "".join(traceback.format_exception(error)))
            said = user_code.raised(self.executor, "determine_search_space", error)
            raise RunError(f"{said}. {self._what_is_next()}") from error
        self.ctx.set_prop(ContextKey.SEARCH_SPACE, self._space)
        self._tell_handlers("search_space_available", self.ctx)
        with self._mending():
            self._adviser.set_space(self._space)
        if self.ctx.stop_work_asked() and not self._log.events:
            reason = self.ctx.get_stop_message()
            raise RunError(f"the search space cannot be searched: {reason}. {user_code.NOTHING_STARTED}")
        workers = [{"name": worker.name, "slots": list(worker.slots)} for worker in self.workers]
        limits: Event = {"workers": workers, "max_rounds": self.max_rounds}
        if self._log.events:
            with self._mending():
                differed = self._adviser.replay(self._log.events)
            if differed:
                self.say(f"{differed}; the run goes on from the record")
            running = list(self._core.running.values())
            for job in running:
                reason = "the engine ended while it ran"
                attempt = self._core.jobs[job].attempt
                self._record({"type": "job_interrupted", **self._how_far(job, attempt), "reason": reason})
            self._record({"type": "run_resumed", **limits})
            again, done = len(self._core.again), sum(job.outcome is not None for job in self._core.jobs.values())
            said = f"; {again} interrupted before run again" if again else ""
            self.say(f'the run "{self.folder.run_id}" goes on: {done} jobs have ended{said}')
        else:
            started: Event = {"type": "run_started", "run_id": self.folder.run_id, "fingerprint": self.fingerprint}
            started |= {"controller": type(self.controller).__name__, **limits, "baseline": self.baseline}
            self._record({**started, "baseline_values": self.baseline_values, "space": space_to_json(self._space)})
        events, journal = list(self._log.events), self.folder.study

        def make() -> Mirror:
            return rebuild(
                events,
                journal,
                self.folder.run_id,
                self.storage,
                lambda job, metric: read_validations(self.folder.job(job).models, metric),
            )

        self._mirror = MirrorThread(make, self.say)

        def post(order: Order, outcome: Outcome) -> None:
            self._inbox.put((order, outcome))

        for spec in self.workers:
            self._crew[spec.name] = Worker(spec, self.executor, self.handlers, post, self._report)

    # The loop ---------------------------------------------------------------------------------------------------------

    def _loop(self) -> None:
        while True:
            self._heed()
            if actions := self._core.due():
                self._perform(actions[0])
            elif not self._core.running or (self._deadline is not None and time.monotonic() > self._deadline):
                break
            else:
                self._wait()

    def _heed(self) -> None:
        """Act on signals and on a wish to stop."""
        if self._signal is not None and self._deadline is None:
            self._deadline = time.monotonic() + self.stop_patience_s
            name = signal.Signals(self._signal).name
            self._record({"type": "run_paused", "reason": name, "status": "interrupted"})
            running = len(self._orders)
            self.say(f"{name}: stopping {running} running job{'s' * (running != 1)}; the same command goes on later")
        if self._deadline is not None:
            if self._signals > 1:
                self._deadline = 0.0
            self._abort()  # again at each look: a job may have been about to start its process
        core = self._core
        if core.stopping is None and core.paused is None and not core.status and self.ctx.stop_work_asked():
            reason = self.ctx.get_stop_message() or ""
            self._record({"type": "stop_asked", "reason": reason})
            running = len(self._orders)
            self.say(f"asked to stop by {reason}; {running} running job{'s' * (running != 1)} will end")

    def _abort(self) -> None:
        for order in self._orders.values():
            order.stopping.set()
            try:
                self.executor.abort(order.ctx)
            except (Exception, SystemExit) as error:
                self._report(self.executor, "abort", error)

    def _wait(self) -> None:
        with contextlib.suppress(queue.Empty):
            if (ended := self._inbox.get(timeout=POLL_S if self._deadline is None else 0.2)) is not None:
                self._end(*ended)
        if time.monotonic() - self._polled >= POLL_S:
            self._polled = time.monotonic()
            found = {job: read_progress(self.folder.job(job).models) for job in self._orders}
            progress = {job: state for job, state in found.items() if state is not None}
            if progress != self._progress or self._stale:
                self._progress = progress
                self._write_summary()

    def _perform(self, action: Any) -> None:
        if isinstance(action, AskInitial):
            with self._mending():
                items = self._adviser.first()
            self._recommended(None, items)
        elif isinstance(action, Refine):
            self._refine(action.job)
        elif isinstance(action, StartJob):
            self._start(action)
        elif isinstance(action, DropQueue):
            self._record({"type": "queue_dropped", "trials": list(action.trials), "reason": self._core.stopping})
            self.say(f"{len(action.trials)} queued recommendations are dropped")
        elif isinstance(action, EndRun):
            self._record({"type": "run_ended", "status": action.status, "reason": self._core.stopping or ""})

    def _start(self, action: StartJob) -> None:
        own = action.recommendation["id"] == BASELINE
        recommendation = recommendation_from_json(action.recommendation, self._space)
        values = self.baseline_values if own else recommendation.result.concrete()
        started = {"job": action.job, "trial": recommendation.id, "worker": action.worker, "attempt": action.attempt}
        self._record({"type": "job_started", **started, "values": values})
        spec = self._crew[action.worker].spec
        ranks = sum(len(worker.slots) for worker in self.workers)
        ctx = Context(self.ctx)
        ctx.set_prop(ContextKey.JOB_NAME, action.job)
        ctx.set_prop(ContextKey.WORKER_NAME, action.worker)
        ctx.set_prop(ContextKey.GPUS, list(spec.slots))
        ctx.set_prop(ContextKey.HOSTS, spec.hosts)
        ctx.set_prop(ContextKey.ATTEMPT, action.attempt)
        ctx.set_prop(ContextKey.THREADS, hardware.fair_threads(hardware.cores(), ranks))
        ctx.set_prop(ContextKey.RECOMMENDATION, recommendation)
        ctx.set_prop(ContextKey.CONCRETE_SEARCH_VALUE, values)
        order = Order(action.job, action.attempt, recommendation, ctx)
        self._orders[action.job] = order
        attempt = f", attempt {action.attempt}" if action.attempt > 1 else ""
        self.say(
            f"{action.job} starts on {action.worker}{attempt}: {narration.show_concrete(self._space, values, own=own)}"
        )
        self._crew[action.worker].submit(order)

    def _end(self, order: Order, outcome: Outcome) -> None:
        """Log how a job ended, then let its handlers hear of it; nothing else is decided until they are done."""
        if (
            outcome.status is JobStatus.INTERRUPTED
            and not order.stopping.is_set()
            and order.attempt >= MAX_INTERRUPTIONS
        ):
            reason = f"interrupted {order.attempt} times; {outcome.reason}".rstrip("; ")
            outcome = Outcome(outcome.recommendation_id, JobStatus.FAILED, reason=reason)
            order.ctx.set_prop(ContextKey.OUTCOME, outcome)
            order.ctx.set_prop(ContextKey.JOB_STATUS, outcome.status)
        event = self._how_far(order.job, order.attempt)
        if outcome.status is JobStatus.INTERRUPTED:
            reason = outcome.reason or "stopped with the run"
            self._record({"type": "job_interrupted", **event, "reason": reason})
        else:
            self._record({"type": "job_ended", **event, "outcome": outcome_to_json(outcome)})
        del self._orders[order.job]
        self._progress.pop(order.job, None)
        row = self._rows.row(order.job)
        seconds = (datetime.fromisoformat(row["end"]) - datetime.fromisoformat(row["start"])).total_seconds()
        self.say(narration.ended(row, self._rows.best, seconds, self.folder.job(order.job)))
        order.recorded.set()
        while not order.closed.wait(0.5):
            if self._signals > 1:  # whoever asks twice does not wait for a handler
                return
        if outcome.status is not JobStatus.INTERRUPTED:
            self._adviser.forget(outcome.recommendation_id)
            if outcome.recommendation_id == BASELINE:
                self._tell_handlers("outcome_recorded", order.ctx)
            else:
                self._unseen[order.job] = order

    def _how_far(self, job: str, attempt: int) -> Event:
        """Return which attempt ended, and how far its training came, for its folder may go."""
        progress = read_progress(self.folder.job(job).models)
        return {"job": job, "attempt": attempt, **({} if progress is None else {"progress": progress.to_json()})}

    def _refine(self, job: str) -> None:
        try:
            items = self._adviser.ask(job)
            self._adviser.check(items)
        except RunError as error:
            self._record({"type": "run_paused", "reason": str(error), "status": "failed"})
            running = len(self._orders)
            self.say(
                f"{error} Nothing more starts, {running} running job{'s' * (running != 1)} will end. "
                "Mend the controller and give the same command again: the run goes on."
            )
            return
        self._recommended(job, items)
        if (order := self._unseen.pop(job, None)) is not None:
            self._tell_handlers("outcome_recorded", order.ctx)

    def _recommended(self, after: str | None, items: list[dict[str, Any]]) -> None:
        self._record({"type": "recommended", "after": after, "recommendations": items})
        self._adviser.remember(items)
        self._adviser.update_needs()
        if items:
            recommendations = [recommendation_from_json(item, self._space) for item in items]
            self.ctx.set_prop(ContextKey.RECOMMENDATIONS, recommendations)
            self._tell_handlers("recommendations_available", self.ctx)

    # The rest ---------------------------------------------------------------------------------------------------------

    def _record(self, event: Mapping[str, Any]) -> None:
        """Make a fact: on disk first, then in the core, the summary and the mirror."""
        written = self._log.append(event)
        self._core.replay(written)
        self._rows.take(written)
        if self._mirror is not None:
            self._mirror.take(written)
        self._write_summary()

    def _write_summary(self, *, last: bool = False) -> None:
        """Write summary.json; with thousands of jobs less often, so that it takes at most a tenth of the time."""
        begun = time.monotonic()
        self._stale = not last and begun - self._written < 10 * self._cost - 0.05
        if self._stale:
            return
        try:
            write_json(self.folder.summary, self._rows.value(self._progress, alive=not last))
        except OSError as error:
            self.say(f"{self.folder.summary} cannot be written: {error.strerror}; the record goes on without it")
        self._written = time.monotonic()
        self._cost = self._written - begun

    def _tell_handlers(self, method: str, ctx: Context, *, reverse: bool = False) -> None:
        for handler in reversed(self.handlers) if reverse else self.handlers:
            try:
                getattr(handler, method)(ctx)
            except (Exception, SystemExit) as error:
                self._report(handler, method, error)

    def _report(self, component: Any, method: str, error: BaseException) -> None:
        """Say that a component raised, and trace where; the run goes on. A job's own end has a line of its own."""
        if method != "execute":
            self.say(user_code.raised_and_next(component, method, error))
        with contextlib.suppress(OSError):  # a full disk: then without the trace
            self.ctx.trace(component, "".join(traceback.format_exception(error)))

    @contextlib.contextmanager
    def _mending(self) -> Iterator[None]:
        """Add to an error of the controller what becomes of the run."""
        try:
            yield
        except RunError as error:
            raise RunError(f"{error} {self._what_is_next()}") from error

    def _what_is_next(self) -> str:
        begun = any(event["type"] == "job_started" for event in self._log.events)
        return user_code.MEND_LATER if begun else user_code.MEND_FIRST

    def _finish(self) -> None:
        """Leave no job behind and say goodbye to everyone, whatever happened before."""
        if self._orders:
            self._abort()
            for order in self._orders.values():
                order.recorded.set()  # so that end_job is called even where its end could not be logged
        for worker in self._crew.values():
            worker.finish(2.0 if self._signals > 1 else self.stop_patience_s)
        with contextlib.suppress(MedlError):  # a full disk: the next start finds the job running and knows as much
            for order in list(self._orders.values()):
                reason = "did not end when it was stopped"
                event = self._how_far(order.job, order.attempt)
                self._record({"type": "job_interrupted", **event, "reason": reason})
        self._tell_handlers("end_automl", self.ctx)
        for component in (self.controller, self.executor):
            try:
                component.shutdown(self.ctx)
            except (Exception, SystemExit) as error:
                self._report(component, "shutdown", error)
        self._tell_handlers("shutdown", self.ctx, reverse=True)
        if self._mirror is not None:
            self._mirror.close()
        if self._log.events:
            self._write_summary(last=True)

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM as wishes while the block runs; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def heard(number: int, frame: Any) -> None:
            self._signal = self._signal or number
            self._signals += 1
            if self._signals > 2:
                os._exit(128 + number)  # the kernel tells the leashes
            self._inbox.put(None)

        before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
