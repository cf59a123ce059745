"""The engine's core: a state machine that decides what happens next. No I/O, no clock, no threads.

Its state is what the events of the log add up to (:mod:`medl.automl.events` lists them) and nothing else: replaying a
log gives the state that the engine had, which is all there is to resuming. Drivers around it do the work:
:mod:`medl.automl.engine` with real processes, :mod:`medl.automl.simulate` with a virtual clock.

A driver performs the first due action, feeds the event that came of it, and asks again::

    core.replay({"type": "run_started", "workers": ["W1", "W2"]})
    while actions := core.due():
        core.replay(perform(actions[0]))     # or wait for a job where nothing is due
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from medl.automl.defs import JobStatus, SearchSpace

BASELINE = "baseline"
"""The id of the recommendation that is the archive's own values."""


@dataclass(frozen=True)
class AskInitial:
    """Ask the controller for its first recommendations; answer with ``recommended`` after null."""


@dataclass(frozen=True)
class Refine:
    """Give the controller an outcome; answer with ``recommended`` after that job."""

    job: str
    outcome: Mapping[str, Any]


@dataclass(frozen=True)
class StartJob:
    """Start a job on a worker; answer with ``job_started``, later ``job_ended``, ``…retried`` or ``…interrupted``."""

    job: str
    recommendation: Mapping[str, Any]
    worker: str
    attempt: int
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class DropQueue:
    """The run was asked to stop: answer with ``queue_dropped`` and these trials."""

    trials: tuple[Any, ...]


@dataclass(frozen=True)
class EndRun:
    """Nothing is left to do; answer with ``run_ended`` and this status: ``finished`` or ``stopped``."""

    status: str


Action: TypeAlias = AskInitial | Refine | StartJob | DropQueue | EndRun


@dataclass
class Job:
    """One job as the core knows it.

    Attributes:
        worker: who runs it, or ran it last.
        attempt: number of the last attempt, from 1.
        outcome: as in the log, once it ended.
        faults: kinds of the faults that earlier attempts ended by, in their order.
        own: how many of them were its own.
    """

    name: str
    trial: Any
    worker: str
    attempt: int
    outcome: Mapping[str, Any] | None = None
    faults: tuple[str, ...] = ()
    own: int = 0


@dataclass
class Core:
    """The state of a run. Two cores that saw the same events are equal.

    Attributes:
        trials: recommendation id to recommendation, as in the log, in their order.
        jobs: name to job, in start order.
        queue: ids that wait for a worker.
        again: jobs whose last attempt was interrupted or is retried; they go first.
        idle: workers without a job, the one that has waited longest first.
        running: worker to job.
        unseen: ended jobs whose outcome the controller was not given yet.
        refined: jobs whose outcome it was given, in that order.
        stopping: why the run was asked to stop, or ``None``.
        paused: why the engine leaves before the end, or ``None``.
        reported: job to epoch to what the controller said of that validation: ``continue`` or ``stop``.
        rejected: how many recommendations broke a hard constraint; they do not count as rounds.
        suspended: workers that are given no job.
        aborted: running jobs that a person asked to end.
        status: ``finished`` or ``stopped`` once the run ended, else empty.
    """

    max_rounds: int | None = None
    trials: dict[Any, Mapping[str, Any]] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    queue: deque[Any] = field(default_factory=deque)
    again: deque[str] = field(default_factory=deque)
    idle: deque[str] = field(default_factory=deque)
    running: dict[str, str] = field(default_factory=dict)
    unseen: deque[str] = field(default_factory=deque)
    refined: list[str] = field(default_factory=list)
    started_by: dict[str, int] = field(default_factory=dict)
    asked: bool = False
    stopping: str | None = None
    paused: str | None = None
    reported: dict[str, dict[int, str]] = field(default_factory=dict)
    rejected: int = 0
    suspended: set[str] = field(default_factory=set)
    aborted: set[str] = field(default_factory=set)
    status: str = ""
    _ids: set[str] = field(default_factory=set)
    _started: int = 0

    # What the events mean ---------------------------------------------------------------------------------------------

    def step(self, event: Mapping[str, Any]) -> list[Action]:
        """Take an event in and return what is due after it."""
        self.replay(event)
        return self.due()

    def replay(self, event: Mapping[str, Any]) -> None:
        """Take an event in, state only.

        Raises:
            ValueError: no run can have such an event at this place (a job that never started ends, …).
        """
        kind = event["type"]
        if kind not in _TAKE:
            raise ValueError(f"unknown event type {kind!r}")
        _TAKE[kind](self, event)

    def _run_started(self, event: Mapping[str, Any]) -> None:
        self.max_rounds = event.get("max_rounds")
        self.idle = deque(_names(event["workers"]))
        if event.get("baseline"):
            self._enqueue({"id": BASELINE, "values": {}})

    def _run_resumed(self, event: Mapping[str, Any]) -> None:
        if self.running:
            raise ValueError(f"a run is taken up again while {', '.join(self.running.values())} still run")
        self.max_rounds = event.get("max_rounds", self.max_rounds)
        self.idle = deque(_names(event["workers"]))
        self.suspended &= set(self.idle)
        self.paused = None

    def _recommended(self, event: Mapping[str, Any]) -> None:
        recommendations: Sequence[Mapping[str, Any]] = event["recommendations"]
        after = event.get("after")
        if after is None:
            self.asked = True
            if not recommendations:
                self.queue.clear()  # a controller with nothing to say at first: not even the baseline runs
        else:
            if not self.unseen or self.unseen[0] != after:
                raise ValueError(f"recommendations after {after}, whose outcome was not next")
            self.refined.append(self.unseen.popleft())
        room = self.room()
        for recommendation in recommendations if room is None else recommendations[:room]:
            self._enqueue(recommendation)

    def _enqueue(self, recommendation: Mapping[str, Any]) -> None:
        if str(recommendation["id"]) in self._ids:
            raise ValueError(f"the recommendation id {recommendation['id']!r} comes twice")
        self._ids.add(str(recommendation["id"]))
        self.trials[recommendation["id"]] = recommendation
        self.queue.append(recommendation["id"])

    def _job_started(self, event: Mapping[str, Any]) -> None:
        name, worker = event["job"], event["worker"]
        if worker not in self.idle:
            raise ValueError(f"{name} starts on {worker}, which is not idle")
        self.idle.remove(worker)  # nearly always the first
        if name in self.jobs:
            self.again.remove(name)
            job = self.jobs[name]
            job.worker, job.attempt = worker, event["attempt"]
        else:
            self.queue.remove(event["trial"])
            self.jobs[name] = Job(name, event["trial"], worker, event["attempt"])
            self.started_by[worker] = self.started_by.get(worker, 0) + 1
            self._started += event["trial"] != BASELINE
        self.running[worker] = name

    def _release(self, event: Mapping[str, Any]) -> Job:
        job = self.jobs.get(event["job"])
        if job is None or self.running.get(job.worker) != job.name:
            raise ValueError(f"{event['job']} ends, but it does not run")
        del self.running[job.worker]
        self.idle.append(job.worker)
        self.aborted.discard(job.name)
        return job

    def _job_ended(self, event: Mapping[str, Any]) -> None:
        job = self._release(event)
        job.outcome = event["outcome"]
        if job.trial != BASELINE:
            self.unseen.append(job.name)
            self.rejected += job.outcome.get("status") == JobStatus.REJECTED

    def _job_interrupted(self, event: Mapping[str, Any]) -> None:
        self.again.append(self._release(event).name)

    def _job_retried(self, event: Mapping[str, Any]) -> None:
        job = self._release(event)
        job.faults = (*job.faults, event["fault"])
        job.own += bool(event["counts"])
        self.again.append(job.name)

    def _stop_asked(self, event: Mapping[str, Any]) -> None:
        if self.stopping is None:
            self.stopping = event.get("reason", "")

    def _job_reported(self, event: Mapping[str, Any]) -> None:
        # the job may have ended meanwhile: nothing waits for what the controller says of a validation
        job = self.jobs.get(event["job"])
        if job is None:
            raise ValueError(f"{event['job']} reports, but it never started")
        if job.outcome is not None and job.trial != BASELINE and job.name not in self.unseen:
            raise ValueError(f"{job.name} reports, but the controller was given its outcome before")
        self.reported.setdefault(event["job"], {})[event["epoch"]] = event.get("decision", "continue")

    def _queue_dropped(self, event: Mapping[str, Any]) -> None:
        self.queue.clear()
        self.again.clear()

    def _run_paused(self, event: Mapping[str, Any]) -> None:
        if self.paused is None:
            self.paused = event.get("reason", "")

    def _worker_suspended(self, event: Mapping[str, Any]) -> None:
        self.suspended.add(event["worker"])

    def _worker_resumed(self, event: Mapping[str, Any]) -> None:
        self.suspended.discard(event["worker"])

    def _abort_asked(self, event: Mapping[str, Any]) -> None:
        job = self.jobs.get(event["job"])
        if job is None or self.running.get(job.worker) != job.name:
            raise ValueError(f"{event['job']} is aborted, but it does not run")
        self.aborted.add(job.name)

    def _run_ended(self, event: Mapping[str, Any]) -> None:
        self.status = event["status"]

    # What follows from the state --------------------------------------------------------------------------------------

    def due(self) -> list[Action]:
        """Return what is due now, most urgent first; empty where the run waits for its jobs, is paused or ended.

        Performing the first and feeding its event may change the rest: ask again after each. What asks the controller
        comes last, so that a driver which waits for an answer finds all that can be done meanwhile before it.
        """
        if self.status or self.paused is not None or not (self.idle or self.running):
            return []
        if not self.asked:
            return [EndRun("stopped")] if self.stopping is not None and not self.running else [AskInitial()]
        actions: list[Action] = []
        if self.stopping is not None:
            if self.queue or self.again:
                actions.append(DropQueue((*(self.jobs[name].trial for name in self.again), *self.queue)))
        else:  # first come, first served: what starts does not depend on how fast the controller is
            actions.extend(self._startable())
        if self.unseen:
            job = self.jobs[self.unseen[0]]
            actions.append(Refine(job.name, job.outcome or {}))
        if not actions and not self.running and not self.held:
            return [EndRun("stopped" if self.stopping is not None else "finished")]
        return actions

    def _startable(self) -> list[Action]:
        actions: list[Action] = []
        waiting = iter(self.queue)
        again = iter(self.again)
        started, started_by = self._started, {}
        for worker in self.idle:
            if worker in self.suspended:
                continue
            if (name := next(again, None)) is not None:
                job = self.jobs[name]
                actions.append(StartJob(name, self.trials[job.trial], worker, job.attempt + 1, job.faults))
                continue
            if (trial := next(waiting, None)) is None:
                break
            started_by[worker] = self.started_by.get(worker, 0) + 1
            started += trial != BASELINE
            number = 0 if trial == BASELINE else started
            name = f"{worker}_{started_by[worker]}_J{number}"
            actions.append(StartJob(name, self.trials[trial], worker, 1))
        return actions

    @property
    def held(self) -> bool:
        """Whether jobs wait for workers that are all suspended: the run then neither goes on nor ends."""
        waits = self.stopping is None and bool(self.queue or self.again)
        return waits and bool(self.suspended) and self.suspended.issuperset((*self.idle, *self.running))

    def room(self) -> int | None:
        """Return how many more recommendations the run takes, ``None`` for any number."""
        if self.max_rounds is None:
            return None
        return max(0, self.max_rounds - len(self.trials) + self.rejected + (BASELINE in self.trials))

    def outcome_of(self, job: str) -> Mapping[str, Any]:
        """Return the outcome of an ended job, as in the log."""
        outcome = self.jobs[job].outcome
        if outcome is None:
            raise KeyError(job)
        return outcome

    def faults(self, recommendations: Sequence[Mapping[str, Any]], space: SearchSpace) -> list[str]:
        """Return why these recommendations cannot be taken, each named by its id; an empty list where all can.

        An id must be new, the values one point of the space, the jobs that it goes on from known and ended.
        """
        found: list[str] = []
        fresh: set[str] = set()
        for recommendation in recommendations:
            name = recommendation["id"]
            place = f"recommendation {name!r}"
            if isinstance(name, bool) or not isinstance(name, (str, int)):
                found.append(f"{place}: the id must be a text or a whole number")
            elif name == BASELINE:
                found.append(f"{place}: this id is kept for the archive's own values; choose another")
            elif str(name) in self._ids or str(name) in fresh:
                earlier = "in the same call" if str(name) in fresh else "before"
                found.append(f"{place}: this id was already used {earlier}; every recommendation needs its own")
            fresh.add(str(name))
            found.extend(f"{place}: {fault}" for fault in space.faults(recommendation["values"]))
            for key in ("until_epoch", "horizon"):
                until = recommendation.get(key)
                if until is not None and (isinstance(until, bool) or not isinstance(until, int) or until < 1):
                    found.append(f"{place}: {key} must be a whole number from 1, but got {until!r}")
            for key in ("resume_from", "inherit_from"):
                source = recommendation.get(key)
                if source is not None and (source not in self.jobs or self.jobs[source].outcome is None):
                    found.append(f"{place}: {key} names {source!r}, which is no job of this run that has ended")
        return found


_TAKE: dict[str, Callable[[Core, Mapping[str, Any]], None]] = {
    "run_started": Core._run_started,
    "run_resumed": Core._run_resumed,
    "recommended": Core._recommended,
    "job_started": Core._job_started,
    "job_reported": Core._job_reported,
    "job_ended": Core._job_ended,
    "job_interrupted": Core._job_interrupted,
    "job_retried": Core._job_retried,
    "stop_asked": Core._stop_asked,
    "queue_dropped": Core._queue_dropped,
    "run_paused": Core._run_paused,
    "worker_suspended": Core._worker_suspended,
    "worker_resumed": Core._worker_resumed,
    "abort_asked": Core._abort_asked,
    "run_ended": Core._run_ended,
}


def _names(workers: Sequence[Any]) -> list[str]:
    return [worker if isinstance(worker, str) else worker["name"] for worker in workers]
