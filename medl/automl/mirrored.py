"""What the Optuna mirror of a run shows, made from the run's events; no Optuna here.

One trial is one configuration: a job that goes on from another one's checkpoint with the same values is the same trial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from medl.automl.core import BASELINE
from medl.automl.defs import JobStatus, SearchSpace
from medl.automl.events import Event, goals_from_json, space_from_json
from medl.automl.goals import Goals

State = Literal["RUNNING", "COMPLETE", "PRUNED", "FAIL"]

Validations = Callable[[str, str], Mapping[int, float]]
"""Job and metric to epoch and value."""


@dataclass
class Mirrored:
    """One trial.

    Attributes:
        values: PRL to value, as recommended.
        start: when its first job started.
        end: when it ended; ``None`` while it runs, or waits for another job.
        state: by Optuna's names. ``PRUNED``: stopped early, or not promoted any more when the run ended. ``FAIL`` is
            whatever has no score; the attribute ``status`` tells a rejected one from a failed one.
        numbers: of the objectives, in their own directions; of a trial that waits, those so far.
        steps: epoch to the first objective.
        attributes: user attributes.
        constraints: violations, above 0 where broken.
        until: the epoch that its last job was to reach; ``None`` for a whole training.
        waits: when its last job ended, while another one may go on from it.
    """

    values: Mapping[str, Any]
    start: str | float
    attributes: dict[str, Any]
    end: str | float | None = None
    state: State = "RUNNING"
    numbers: list[float] = field(default_factory=list)
    steps: dict[int, float] = field(default_factory=dict)
    constraints: list[float] = field(default_factory=list)
    until: int | None = None
    waits: str | float | None = None


class Table:
    """The trials of a run, kept up event by event.

    Args:
        validations: gives the validations of a job that ended, as its folder has them.

    Attributes:
        space: what is searched.
        goals: of the run.
        trials: in the order of their start.
    """

    def __init__(self, validations: Validations):
        self._validations = validations
        self.space: SearchSpace = space_from_json([])
        self.goals = Goals()
        self.trials: list[Mirrored] = []
        self._epochs: int | None = None
        self._asked: dict[Any, Mapping[str, Any]] = {BASELINE: {"values": {}}}
        self._by_job: dict[str, Mirrored] = {}
        self._stopped: set[str] = set()

    def take(self, event: Event) -> list[Mirrored]:
        """Take one more event in and return the trials that it changed."""
        kind = event["type"]
        if kind == "run_started":
            self.space = space_from_json(event.get("space", []))
            self.goals = goals_from_json(event.get("goals", {}))
            self._epochs = event.get("epochs")
        elif kind == "recommended":
            self._asked.update((item["id"], item) for item in event["recommendations"])
        elif kind == "job_started":
            return [self._start(event)]
        elif kind == "job_reported":
            return self._report(event)
        elif kind == "job_ended":
            return [self._end(event)]
        elif kind == "run_ended":
            return self._close()
        return []

    def _start(self, event: Event) -> Mirrored:
        job, asked = event["job"], self._asked[event["trial"]]
        if job in self._by_job:
            trial = self._by_job[job]
            trial.attributes["attempt"] = event["attempt"]
            return trial
        found = self._by_job.get(asked.get("resume_from") or "")
        if found is not None and found.waits is not None and dict(found.values) == dict(asked["values"]):
            found.waits = None
            found.attributes.update({key: event[key] for key in ("job", "worker", "attempt")})
            found.attributes["jobs"] = [*found.attributes.get("jobs", []), job]
        else:
            attributes = {key: event[key] for key in ("trial", "job", "worker", "attempt", "values")}
            attributes["jobs"] = [job]
            found = Mirrored(asked["values"], event["time"], attributes)
            self.trials.append(found)
        for key in ("inherit_from", "resume_from"):
            if asked.get(key) and len(found.attributes["jobs"]) == 1:
                found.attributes[key] = asked[key]
        found.until = asked.get("until_epoch")
        self._by_job[job] = found
        return found

    def _report(self, event: Event) -> list[Mirrored]:
        trial, values = self._by_job[event["job"]], event["values"]
        if event.get("decision") == "stop":
            self._stopped.add(event["job"])
        name = self._metric(values)
        if name not in values:
            return []
        trial.steps[event["epoch"]] = values[name]
        return [trial] if trial.end is None else []

    def _metric(self, values: Mapping[str, Any]) -> str:
        return self.goals.objectives[0].metric if self.goals.objectives else next(iter(values), "")

    def _end(self, event: Event) -> Mirrored:
        trial, outcome = self._by_job[event["job"]], event["outcome"]
        told = {"status": outcome["status"], "reason": outcome.get("reason"), "epoch": outcome.get("epoch")}
        trial.attributes.update({name: value for name, value in told.items() if value})
        if metric := self._metric(outcome["values"]):
            trial.steps.update(self._validations(event["job"], metric))
        trial.constraints = list(outcome.get("violations", {}).values())
        names = [objective.metric for objective in self.goals.objectives] or list(outcome["values"])[:1]
        trial.numbers = [outcome["values"][name] for name in names if name in outcome["values"]]
        if outcome["status"] != JobStatus.OK or len(trial.numbers) != max(len(names), 1):
            trial.numbers, trial.state, trial.end = [], "FAIL", event["time"]
        elif event["job"] in self._stopped:
            trial.state, trial.end = "PRUNED", event["time"]
        elif trial.until is None or (self._epochs is not None and trial.until >= self._epochs):
            trial.state, trial.end = "COMPLETE", event["time"]
        else:
            trial.waits = event["time"]
        return trial

    def _close(self) -> list[Mirrored]:
        """Nothing goes on any more: of the trials that wait, those that came as far as any are complete."""
        waiting = [trial for trial in self.trials if trial.waits is not None]
        complete = any(trial.state == "COMPLETE" and trial.attributes["trial"] != BASELINE for trial in self.trials)
        most = max((trial.until or 0 for trial in waiting), default=0)
        for trial in waiting:
            trial.state = "COMPLETE" if not complete and trial.until == most else "PRUNED"
            trial.end, trial.waits = trial.waits, None
        return waiting
