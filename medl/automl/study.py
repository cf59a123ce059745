"""The Optuna mirror of a run: made from its events at any time, so that optuna-dashboard opens every run.

One trial is one recommendation; its params are floats and, for an enum, the index of the choice (what the choice is
stands in the user attribute ``values``); its intermediate values are the validations of its job. The truth stays in
the events: a mirror that fails is said once and changes nothing for the run.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medl.automl.core import BASELINE
from medl.automl.defs import JobStatus, SearchSpace
from medl.automl.events import Event, space_from_json

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial, TrialState

_ORIGIN = "medl_run"
"""User attribute of a study: the folder of the run that it mirrors."""

Validations = Callable[[str, str], Mapping[int, float]]
"""Job and metric to epoch and value."""


def _none(job: str, metric: str) -> Mapping[int, float]:
    return {}


def rebuild(
    events: Iterable[Event], journal: Path, run_id: str, storage: str | None = None, validations: Validations = _none
) -> Mirror:
    """Write the study of a run anew from its events, in place of an older one, and return it to go on with.

    Args:
        events: the run's log.
        journal: the journal file; the study's place unless ``storage`` is given. A reader sees the old one or the new
            one.
        run_id: the study's name.
        storage: an Optuna storage URL, such as ``sqlite:///runs.db``.
        validations: gives the validations of a job.

    Raises:
        RuntimeError: the storage has a study of this name that mirrors another run.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend
    from optuna.study import StudyDirection

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # its lines would stand between the run's own
    partial = journal.with_name(f".{journal.name}.partial")
    opened: BaseStorage
    if storage is not None:
        opened = optuna.storages.get_storage(storage)
        with contextlib.suppress(KeyError):
            old = opened.get_study_id_from_name(run_id)
            if opened.get_study_user_attrs(old).get(_ORIGIN) != str(journal.parent):
                raise RuntimeError(f'{storage} has a study "{run_id}" of another run; choose another run_id or storage')
            opened.delete_study(old)
    else:
        for leftover in (
            partial,
            *_locks(partial),
            *_locks(journal),
        ):  # of an engine that was killed; we hold the run's lock
            leftover.unlink(missing_ok=True)
        opened = optuna.storages.JournalStorage(JournalFileBackend(str(partial)))
    study = opened.create_new_study([StudyDirection.MAXIMIZE], run_id)
    opened.set_study_user_attr(study, _ORIGIN, str(journal.parent))
    mirror = Mirror(opened, study, validations)
    mirror.fill(events)
    if storage is None:
        os.replace(partial, journal)
        mirror.storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    return mirror


def _locks(journal: Path) -> tuple[Path, ...]:
    return (journal.with_name(f"{journal.name}.lock"),)


class Mirror:
    """A study that is kept up event by event; made by :func:`rebuild`.

    Attributes:
        storage: the Optuna storage.
    """

    def __init__(self, storage: BaseStorage, study: int, validations: Validations):
        self.storage = storage
        self._study = study
        self._validations = validations
        self._space: SearchSpace = space_from_json([])
        self._asked: dict[Any, Mapping[str, Any]] = {BASELINE: {"values": {}}}
        self._trials: dict[str, int] = {}  # job -> Optuna's trial id

    def fill(self, events: Iterable[Event]) -> None:
        """Add the trials of a whole log, each in the state that it ended in, with its times."""
        started: dict[str, Event] = {}
        ended: dict[str, Event] = {}
        for event in events:
            if event["type"] == "job_started":
                started[event["job"]] = event | {"time": started.get(event["job"], event)["time"]}
            elif event["type"] == "job_ended":
                ended[event["job"]] = event
            else:
                self.take(event)
        for job, start in started.items():
            self._add(start, ended.get(job))

    def take(self, event: Event) -> None:
        """Take one more event in."""
        from optuna.trial import TrialState

        kind = event["type"]
        if kind == "run_started":
            self._space = space_from_json(event.get("space", []))
        elif kind == "recommended":
            self._asked.update((item["id"], item) for item in event["recommendations"])
        elif kind == "job_started":
            if event["job"] not in self._trials:
                self._add(event, None)
            else:
                self.storage.set_trial_user_attr(self._trials[event["job"]], "attempt", event["attempt"])
        elif kind == "job_ended":
            trial = self._trials[event["job"]]
            state, values, attributes, steps = self._end(event)
            for epoch, value in steps.items():
                self.storage.set_trial_intermediate_value(trial, epoch, value)
            for name, value in attributes.items():
                self.storage.set_trial_user_attr(trial, name, value)
            self.storage.set_trial_state_values(trial, state, values if state is TrialState.COMPLETE else None)

    def _end(self, event: Event) -> tuple[TrialState, list[float], dict[str, Any], dict[int, float]]:
        from optuna.trial import TrialState

        outcome = event["outcome"]
        values = list(outcome["values"].values())[:1]
        state = TrialState.COMPLETE if outcome["status"] == JobStatus.OK and values else TrialState.FAIL
        attributes = {"status": outcome["status"], "reason": outcome["reason"], "epoch": outcome["epoch"]}
        metric = next(iter(outcome["values"]), "")
        steps = dict(self._validations(event["job"], metric)) if metric else {}
        return state, values, {name: value for name, value in attributes.items() if value}, steps

    def _add(self, start: Event, end: Event | None) -> None:
        from optuna.trial import FrozenTrial, TrialState

        values = self._asked[start["trial"]]["values"]
        distributions: dict[str, BaseDistribution] = {}
        params: dict[str, Any] = {}
        for parameter in self._space.parameters:
            if parameter.prl in values:
                distributions[parameter.prl] = _distribution(parameter)
                params[parameter.prl] = values[parameter.prl]
        attributes = {key: start[key] for key in ("trial", "job", "worker", "attempt", "values")}
        steps: dict[int, float] = {}
        state, score = TrialState.RUNNING, None
        if end is not None:
            state, numbers, more, steps = self._end(end)
            score = numbers[0] if state is TrialState.COMPLETE else None
            attributes |= more
        template: FrozenTrial = FrozenTrial(
            number=-1,
            trial_id=-1,
            state=state,
            value=score,
            datetime_start=_naive(start["time"]),
            datetime_complete=_naive(end["time"]) if end is not None else None,
            params=params,
            distributions=distributions,
            user_attrs=attributes,
            system_attrs={},
            intermediate_values=steps,
        )
        self._trials[start["job"]] = self.storage.create_new_trial(self._study, template_trial=template)


def _distribution(parameter: Any) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if parameter.kind == "enum":
        return CategoricalDistribution(tuple(range(len(parameter.targets))))
    return FloatDistribution(parameter.targets[0].min, parameter.targets[0].max)


def _naive(time: str) -> datetime:
    return datetime.fromisoformat(time).astimezone().replace(tzinfo=None)  # Optuna's times have no zone


class MirrorThread:
    """Keeps a mirror in a thread of its own, so that a slow or broken storage never holds up a run.

    Args:
        make: makes the mirror; called in the thread, because importing Optuna takes a second.
        say: told once, in one line, when the mirror fails.
    """

    def __init__(self, make: Callable[[], Mirror], say: Callable[[str], None]):
        self._make = make
        self._say = say
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="study", daemon=True)
        self._thread.start()

    def take(self, event: Event) -> None:
        """Mirror this event after the ones before it; returns at once."""
        self._events.put(event)

    def close(self, timeout: float = 20.0) -> None:
        """End the thread once it has caught up, or after ``timeout`` seconds."""
        self._events.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            mirror = self._make()
            while (event := self._events.get()) is not None:
                mirror.take(event)
        except Exception as error:  # whatever a storage may raise: the run does not depend on it
            text = " ".join(str(error).split())[:200]
            self._say(
                f"the Optuna mirror is not kept any more ({type(error).__name__}: {text}); the run goes on without it"
            )
