"""The driver of the core with real processes: logs every fact before acting on it, and calls all components.

One main thread does all of it but the jobs, which have a thread per worker (:mod:`medl.automl.worker`), and the calls
of the controller, which have one of their own (:mod:`medl.automl.consulting`): while it thinks, jobs that end are
logged and recommendations that wait are started. After any kind of end the same call goes on: the log is replayed
through the core, the controller is given the recorded validations and outcomes again, jobs that were running get a new
attempt, jobs that ended are never run again.
"""

from __future__ import annotations

import contextlib
import functools
import queue
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from medl.automl import narration, user_code
from medl.automl.adviser import Adviser
from medl.automl.api import Controller, Executor, Handler
from medl.automl.attempts import again_for, last_word
from medl.automl.console.board import Board
from medl.automl.console.console import Console
from medl.automl.console.orders import Orders, aborted_outcome, ended_by_hand
from medl.automl.console.settings import ConsoleSettings
from medl.automl.consulting import Consulting, LeftBehind
from medl.automl.core import BASELINE, AskInitial, Core, DropQueue, EndRun, Refine, StartJob
from medl.automl.crew import Crew
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, SearchSpace
from medl.automl.disk import DiskWatch, append_when_room
from medl.automl.events import (
    Event,
    goals_to_json,
    outcome_to_json,
    recommendation_from_json,
    space_to_json,
)
from medl.automl.faults import POLICIES, Fault
from medl.automl.first_jobs import FirstJobs
from medl.automl.goals import Goals
from medl.automl.going_on import begun, clear_leftovers, keep_configs, open_log, recorded_scores
from medl.automl.lock import hold
from medl.automl.mirror_thread import MirrorThread
from medl.automl.process import await_leashes
from medl.automl.reporting import Reporting
from medl.automl.run_limits import RunLimits
from medl.automl.run_result import RunResult
from medl.automl.signals import Signals
from medl.automl.stopping_rule import StoppingRule
from medl.automl.study import rebuild_for
from medl.automl.summary import Progress, Rows, read_progress
from medl.automl.summary_file import SummaryFile
from medl.automl.telling import Telling
from medl.automl.time_limits import TimeLimits
from medl.automl.worker import Order
from medl.automl.worker_spec import WorkerSpec
from medl.errors import MedlError, RunError
from medl.mmar.run_folder import RunFolder

POLL_S = 1.0
"""Seconds between two looks at how far the running jobs are."""

STOP_PATIENCE_S = 30.0
"""Seconds that stopped jobs and their handlers get; then the engine leaves, and the leash ends what is left."""


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
        configs: what ``config.json`` holds of a run that begins; later a refusal names the values that changed.
        max_rounds: cap on the number of recommendations; ``None`` for none.
        baseline: whether the archive's own values are run first, as ``…_J0``.
        baseline_values: PRL to the archive's own concrete values, to be shown.
        storage: Optuna storage URL of the mirror; a journal file in the run's folder where not given.
        say: takes each line for the person who watches.
        goals: objectives and constraints.
        epochs: of a whole training, where they are known.
        stopping: ends running jobs early; a new one.
        warnings: what the person who reads the summary has to know of the scores.
        limits: attempts and time of a job, time of this call.
        leases: what is had as long as jobs may run, such as GPUs; entered once the run's lock is held.
        stop_patience_s: seconds that stopped jobs, and a controller that still thinks, get to end.
        poll_s: seconds between two looks at how far the running jobs are.
        console: where people ask and give orders meanwhile; ``None`` for nowhere.
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
        goals: Goals | None = None,
        epochs: int | None = None,
        stopping: StoppingRule | None = None,
        warnings: Sequence[str] = (),
        limits: RunLimits | None = None,
        leases: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
        stop_patience_s: float = STOP_PATIENCE_S,
        poll_s: float = POLL_S,
        console: ConsoleSettings | None = None,
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
        self.goals = goals if goals is not None else Goals()
        self.warnings = warnings
        self.epochs = epochs
        self.leases = leases
        self.limits = limits if limits is not None else RunLimits()
        self.stop_patience_s = stop_patience_s
        self.poll_s = poll_s
        self._core = Core()
        self._telling = Telling(handlers, ctx, say)
        self._crew = Crew(workers, executor, handlers, self._telling.report)
        report = self._telling.report
        self._adviser = Adviser(controller, self._core, ctx, report, goals=self.goals, stopping=stopping)
        self._rows = Rows(folder.run_id)
        self._summary = SummaryFile(folder.summary, self._rows, say)
        self._space = SearchSpace(())
        self._reporting = Reporting(folder)
        self._progress: dict[str, Progress] = {}
        self._mirror: MirrorThread | None = None
        self._signals = Signals(self._crew.wake)
        self._consulting = Consulting(
            self._adviser,
            self._core,
            ctx,
            crew=self._crew,
            reporting=self._reporting,
            telling=self._telling,
            signals=self._signals,
            record=self._record,
            say=say,
            patience_s=stop_patience_s,
        )
        self._board = Board(self._rows, lambda: self._progress)
        orders = Orders(self._core, self._crew, ctx, self._record, say)
        self._console = Console(console, folder, self._board, orders, ctx, wake=self._crew.wake, say=say)
        self._disk = DiskWatch(folder.root, say)
        self._first = FirstJobs([worker.name for worker in workers])
        self._times = TimeLimits(self.limits, self._crew, say, stop_patience_s)
        self._leaving = False
        self._deadline: float | None = None
        self._polled = 0.0

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
        with hold(self.folder.lock), self._signals.listening():
            self._log = open_log(self.folder, self.fingerprint, self.configs, self.say)
            try:
                for event in self._log.events:
                    self._board.take(event)
                    self._first.take(event)
                clear_leftovers(self.folder)
                if self.configs is not None and not begun(self._log.events):
                    keep_configs(self.folder, self.configs)
                if self._log.events and self._log.events[-1]["type"] == "run_ended":
                    if not self._summary.is_last():  # the engine was killed after the last fact
                        self._begin_mirror().close()
                        self._summary.write({}, last=True)
                    return RunResult(self._rows.status, self._rows.value())
                await_leashes(self.folder.root)
                with self.leases():
                    self._run()
            except LeftBehind:
                return RunResult("interrupted", self._rows.value(alive=False), self._signals.first)
            finally:
                self._log.close()
        return RunResult(self._rows.status, self._rows.value(alive=False), self._signals.first)

    # Beginning --------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        ended = [event["job"] for event in self._log.events if event["type"] == "job_ended"]
        at_first = next(
            (event["workers"] for event in self._log.events if event["type"] == "run_started"), self.workers
        )
        self.ctx.set_prop(ContextKey.NUM_WORKERS, len(self.workers))
        self.ctx.set_prop(ContextKey.RUN_WORKERS, len(at_first))
        self.ctx.set_prop(ContextKey.GOALS, self.goals)
        if self.epochs is not None:
            self.ctx.set_prop(ContextKey.EPOCHS, self.epochs)
        self.ctx.set_prop(ContextKey.RECORDED_SCORES, recorded_scores(self._log.events))
        self.ctx.set_prop(ContextKey.NEEDED_JOBS, frozenset(ended))  # all, until the controller has said which
        if self.ctx.get_prop(ContextKey.RUN_ROOT) is None:
            self.ctx.set_prop(ContextKey.RUN_ROOT, str(self.folder.root))
        self._console.open()
        try:
            self._telling.tell("startup", self.ctx)
            self._telling.tell("start_automl", self.ctx)
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
        self._telling.tell("search_space_available", self.ctx)
        with self._mending():
            self._consulting.call(lambda: self._adviser.set_space(self._space))
        if self.ctx.stop_work_asked() and not self._log.events:
            reason = self.ctx.get_stop_message()
            raise RunError(f"the search space cannot be searched: {reason}. {user_code.NOTHING_STARTED}")
        workers = [{"name": worker.name, "slots": list(worker.slots)} for worker in self.workers]
        limits: Event = {"workers": workers, "max_rounds": self.max_rounds}
        if self._log.events:
            with self._mending():
                differed = self._consulting.call(lambda: self._adviser.replay(self._log.events))
            if differed:
                self.say(f"{differed}; the run goes on from the record")
            running = list(self._core.running.values())
            for job in running:
                if job in self._core.aborted:
                    event = self._how_far(job, self._core.jobs[job].attempt)
                    stopped = aborted_outcome(self._core.jobs[job].trial)
                    self._record({"type": "job_ended", **event, "outcome": outcome_to_json(stopped)})
                    continue
                reason = "the engine ended while it ran"
                attempt = self._core.jobs[job].attempt
                self._record({"type": "job_interrupted", **self._how_far(job, attempt), "reason": reason})
            self._record({"type": "run_resumed", **limits})
            self._consulting.catch_up(self._log.events)
            self._console.go_on()
            again, done = len(self._core.again), sum(job.outcome is not None for job in self._core.jobs.values())
            said = f"; {again} interrupted before run again" if again else ""
            self.say(f'the run "{self.folder.run_id}" goes on: {done} jobs have ended{said}')
        else:
            started: Event = {"type": "run_started", "run_id": self.folder.run_id, "fingerprint": self.fingerprint}
            started |= {"controller": type(self.controller).__name__, **limits, "baseline": self.baseline}
            started |= {"baseline_values": self.baseline_values, "space": space_to_json(self._space)}
            started |= {"epochs": self.ctx.get_prop(ContextKey.EPOCHS), "goals": goals_to_json(self.goals)}
            started |= {"warnings": list(self.warnings)} if self.warnings else {}
            self._record(started)
        self._mirror = self._begin_mirror()
        self._crew.begin()

    def _begin_mirror(self) -> MirrorThread:
        make = functools.partial(rebuild_for, self.folder, storage=self.storage)
        return MirrorThread(make, self._log.events, self.say)

    # The loop ---------------------------------------------------------------------------------------------------------

    def _loop(self) -> None:
        while True:
            self._console.attend()
            self._heed()
            with self._mending():
                answered = self._consulting.take()
            if answered:
                continue
            if (act := self._next()) is not None:
                act()
            elif self._is_over():
                return
            else:
                self._wait()

    def _is_over(self) -> bool:
        if self._deadline is not None and time.monotonic() > self._deadline:
            return True
        return not self._core.running and not self._core.due() and not self._core.held

    def _next(self) -> Callable[[], None] | None:
        """Return what can be done now: what the core says is due, and one question to the controller at a time."""
        for action in self._core.due():
            if isinstance(action, StartJob) and self._disk.short():
                continue
            if isinstance(action, AskInitial | Refine):
                return self._consulting.next(action, len(self._log.events))
            return functools.partial(self._perform, action)
        return self._consulting.next(None, len(self._log.events))

    def _heed(self) -> None:
        """Act on signals and on a wish to stop."""
        if self._signals.first is not None and self._deadline is None:
            self._deadline = time.monotonic() + self.stop_patience_s
            name = signal.Signals(self._signals.first).name
            self._record({"type": "run_paused", "reason": name, "status": "interrupted"})
            running = len(self._crew.orders)
            self.say(f"{name}: stopping {running} running job{'s' * (running != 1)}; the same command goes on later")
        if self._deadline is not None:
            if self._signals.insisted:
                self._deadline = 0.0
            self._crew.abort()  # again at each look: a job may have been about to start its process
        core = self._core
        if not core.asked and self._consulting.busy:
            return  # a controller that asks to stop at first is an error, told as such
        self._times.look()
        if core.stopping is not None or core.paused is not None or core.status:
            return
        if reason := self._first.alike or self._times.run_is_over or self.ctx.get_stop_message() or "":
            self._record({"type": "stop_asked", "reason": reason})
            running = len(self._crew.orders)
            self.say(f"asked to stop by {reason}; {running} running job{'s' * (running != 1)} will end")

    def _wait(self) -> None:
        with contextlib.suppress(queue.Empty):
            if (ended := self._crew.inbox.get(timeout=self.poll_s if self._deadline is None else 0.2)) is not None:
                self._end(*ended)
        if time.monotonic() - self._polled >= self.poll_s:
            self._polled = time.monotonic()
            for order in list(self._crew.orders.values()):
                self._consulting.look(order)
            found = {job: read_progress(self.folder.job(job).models) for job in self._crew.orders}
            progress = {job: state for job, state in found.items() if state is not None}
            if progress != self._progress or self._summary.stale:
                self._progress = progress
                self._summary.write(progress)

    def _perform(self, action: Any) -> None:
        if isinstance(action, StartJob):
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
        self._reporting.begin(action.job)
        self._times.begin(action.job)
        self._crew.start(action, recommendation, values, self.ctx)
        attempt = f", attempt {action.attempt}" if action.attempt > 1 else ""
        self.say(
            f"{action.job} starts on {action.worker}{attempt}: {narration.show_concrete(self._space, values, own=own)}"
        )

    def _end(self, order: Order, outcome: Outcome) -> None:
        """Log how a job ended, then let its handlers hear of it; nothing else is decided until they are done."""
        if order.job in self._core.aborted:
            outcome = ended_by_hand(order, outcome)
        outcome = last_word(order, outcome, self._times)
        self._consulting.look(order)  # its last validations; its folder may go soon
        self._disk.took(self.folder.job(order.job).root)
        event = self._how_far(order.job, order.attempt)
        if (again := again_for(order, outcome, self._core, self.limits.max_attempts)) is not None:
            fault = {"fault": str(again), "counts": POLICIES[again].counts, "outcome": outcome_to_json(outcome)}
            self._record({"type": "job_retried", **event, **fault})
            if again is Fault.DISK_FULL:
                self._disk.failed()
        elif outcome.status is JobStatus.INTERRUPTED:
            reason = outcome.reason or "stopped with the run"
            self._record({"type": "job_interrupted", **event, "reason": reason})
        else:
            self._record({"type": "job_ended", **event, "outcome": outcome_to_json(outcome)})
        self._crew.ended(order.job)
        self._progress.pop(order.job, None)
        row = self._rows.row(order.job)
        seconds = (datetime.fromisoformat(row["end"]) - datetime.fromisoformat(row["start"])).total_seconds()
        seconds = max(0.0, seconds)  # somebody may have set the clock
        metrics = [objective.metric for objective in self.goals.objectives]
        self.say(narration.ended(row, self._rows.best, seconds, self.folder.job(order.job), metrics))
        if again is not None:
            self.say(narration.again(order.job, again, order.attempt + 1))
        order.recorded.set()
        while not order.closed.wait(0.5):
            if self._signals.insisted:  # whoever asks twice does not wait for a handler
                return
        if again is None and outcome.status is not JobStatus.INTERRUPTED:
            self._adviser.forget(outcome.recommendation_id)
            if outcome.recommendation_id == BASELINE:
                self._telling.tell("outcome_recorded", order.ctx)
            else:
                self._consulting.ended(order)

    def _how_far(self, job: str, attempt: int) -> Event:
        """Return which attempt ended, and how far its training came, for its folder may go."""
        progress = read_progress(self.folder.job(job).models)
        return {"job": job, "attempt": attempt, **({} if progress is None else {"progress": progress.to_json()})}

    # The rest ---------------------------------------------------------------------------------------------------------

    def _record(self, event: Mapping[str, Any]) -> None:
        """Make a fact: on disk first, then in the core, the summary and the mirror."""
        written = append_when_room(self._log, event, self._may_wait, self.say, min(self.poll_s, 1.0))
        self._core.replay(written)
        self._board.take(written)
        self._first.take(written)
        if self._mirror is not None:
            self._mirror.take(written)
        self._summary.write(self._progress)

    def _may_wait(self) -> bool:
        """Return whether a full disk is waited for: a run that has begun is, until somebody wants it to end."""
        return not self._leaving and self._signals.first is None and begun(self._log.events)

    @contextlib.contextmanager
    def _mending(self) -> Iterator[None]:
        """Add to an error of the controller what becomes of the run."""
        try:
            yield
        except RunError as error:
            raise RunError(f"{error} {self._what_is_next()}") from error

    def _what_is_next(self) -> str:
        return user_code.MEND_LATER if begun(self._log.events) else user_code.MEND_FIRST

    def _finish(self) -> None:
        """Leave no job behind and say goodbye to everyone, whatever happened before."""
        self._leaving = True
        self._console.close()
        self._crew.finish(2.0 if self._signals.insisted else self.stop_patience_s)
        with contextlib.suppress(MedlError):  # a full disk: the next start finds the job running and knows as much
            for order in list(self._crew.orders.values()):
                reason = "did not end when it was stopped"
                event = self._how_far(order.job, order.attempt)
                self._record({"type": "job_interrupted", **event, "reason": reason})
        self._telling.tell("end_automl", self.ctx)
        self._consulting.close()
        try:
            self.executor.shutdown(self.ctx)
        except (Exception, SystemExit) as error:
            self._telling.report(self.executor, "shutdown", error)
        self._telling.tell("shutdown", self.ctx, reverse=True)
        if self._mirror is not None:
            self._mirror.close()
        if self._log.events:
            self._summary.write({}, last=True)
