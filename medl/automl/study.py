"""The Optuna mirror of a run: made from its events at any time, so that optuna-dashboard opens every run.

One trial is one configuration (:mod:`medl.automl.mirrored`); its params are numbers and, for an enum, the index of the
choice (what the choice is stands in the user attribute ``values``); its intermediate values are the validations of its
jobs, there while they run. The truth stays in the events: a mirror that fails is said once and changes nothing for the
run.
"""

from __future__ import annotations

import contextlib
import copy
import os
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medl.automl.defs import ParameterRange
from medl.automl.events import Event
from medl.automl.mirrored import Mirrored, Table, Validations
from medl.automl.summary import read_validations
from medl.mmar.run_folder import RunFolder

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage

_ORIGIN = "medl_run"
"""User attribute of a study: the folder of the run that it mirrors."""

_CONSTRAINTS = "constraints"
"""Optuna's system attribute of a trial whose constraints are known: above 0 is broken."""


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

    optuna_lines_off()
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
    mirror = Mirror(opened, run_id, str(journal.parent), validations)
    mirror.fill(events)
    if storage is None:
        os.replace(partial, journal)
        mirror.storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
    return mirror


def rebuild_for(folder: RunFolder, events: Sequence[Event], storage: str | None) -> Mirror:
    """Write the study of the run in a folder anew, with the validations that its jobs' folders hold."""
    return rebuild(
        events,
        folder.study,
        folder.run_id,
        storage,
        lambda job, metric: read_validations(folder.job(job).models, metric),
    )


def in_memory(run_id: str) -> Mirror:
    """Return a mirror that is kept in memory alone; its events may have virtual seconds as times."""
    from optuna.storages import InMemoryStorage

    optuna_lines_off()
    return Mirror(InMemoryStorage(), run_id)


def optuna_lines_off() -> None:
    """Keep Optuna's own lines from between those of the run."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)


def _locks(journal: Path) -> tuple[Path, ...]:
    return (journal.with_name(f"{journal.name}.lock"),)


class Mirror:
    """A study that is kept up event by event; made by :func:`rebuild` or :func:`in_memory`.

    Attributes:
        storage: the Optuna storage.
    """

    def __init__(self, storage: BaseStorage, run_id: str, origin: str = "", validations: Validations = _none):
        self.storage = storage
        self._run_id = run_id
        self._origin = origin
        self._table = Table(validations)
        self._study: int | None = None
        self._shown: dict[int, tuple[int, Mirrored]] = {}  # id of a trial of the table -> Optuna's, and as it is there

    def _study_id(self) -> int:
        """Return the study; it is made when the goals are known, for its directions are for ever."""
        from optuna.study import StudyDirection

        if self._study is None:
            modes = [objective.mode for objective in self._table.goals.objectives] or ["max"]
            directions = [StudyDirection.MINIMIZE if mode == "min" else StudyDirection.MAXIMIZE for mode in modes]
            self._study = self.storage.create_new_study(directions, self._run_id)
            if self._origin:
                self.storage.set_study_user_attr(self._study, _ORIGIN, self._origin)
            if names := [objective.metric for objective in self._table.goals.objectives]:
                self.storage.set_study_system_attr(self._study, "study:metric_names", names)
        return self._study

    def fill(self, events: Iterable[Event]) -> None:
        """Add the trials of a whole log, each in the state that it ended in, with its times."""
        for event in events:
            self._table.take(event)
        self._study_id()
        for trial in self._table.trials:
            self._add(trial)

    def take(self, event: Event) -> None:
        """Take one more event in."""
        changed = self._table.take(event)
        if event["type"] == "run_started":
            self._study_id()
        for trial in changed:
            if id(trial) in self._shown:
                self._update(trial)
            else:
                self._add(trial)

    def _add(self, trial: Mirrored) -> None:
        from optuna.trial import FrozenTrial, TrialState

        distributions: dict[str, BaseDistribution] = {}
        params: dict[str, Any] = {}
        for parameter in self._table.space.parameters:
            if parameter.prl in trial.values:
                distributions[parameter.prl] = _distribution(parameter)
                params[parameter.prl] = trial.values[parameter.prl]
        scored = trial.state in ("COMPLETE", "PRUNED")
        template: FrozenTrial = FrozenTrial(
            number=-1,
            trial_id=-1,
            state=TrialState[trial.state],
            value=None,
            values=list(trial.numbers) if scored else None,
            datetime_start=_naive(trial.start),
            datetime_complete=_naive(trial.end) if trial.end is not None else None,
            params=params,
            distributions=distributions,
            user_attrs=dict(trial.attributes),
            system_attrs={_CONSTRAINTS: list(trial.constraints)} if trial.constraints else {},
            intermediate_values=dict(trial.steps),
        )
        number = self.storage.create_new_trial(self._study_id(), template_trial=template)
        self._shown[id(trial)] = number, _copy(trial)

    def _update(self, trial: Mirrored) -> None:
        from optuna.trial import TrialState

        number, shown = self._shown[id(trial)]
        if shown.end is not None:  # Optuna takes nothing more; what came late is there once the study is made anew
            return
        for epoch, value in trial.steps.items():
            if shown.steps.get(epoch) != value:
                self.storage.set_trial_intermediate_value(number, epoch, value)
        for name, value in trial.attributes.items():
            if shown.attributes.get(name) != value:
                self.storage.set_trial_user_attr(number, name, value)
        if trial.constraints and trial.constraints != shown.constraints:
            self.storage.set_trial_system_attr(number, _CONSTRAINTS, list(trial.constraints))
        if trial.end is not None:
            values = list(trial.numbers) if trial.state != "FAIL" else None
            self.storage.set_trial_state_values(number, TrialState[trial.state], values)
        self._shown[id(trial)] = number, _copy(trial)


def _copy(trial: Mirrored) -> Mirrored:
    made = copy.copy(trial)
    made.steps, made.attributes, made.constraints = dict(trial.steps), dict(trial.attributes), list(trial.constraints)
    return made


def _distribution(parameter: ParameterRange) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if parameter.kind == "enum":
        return CategoricalDistribution(tuple(range(len(parameter.targets))))
    span, log = parameter.targets[0], parameter.scale == "log"
    if parameter.kind == "float":
        return FloatDistribution(span.min, span.max, log=log)
    # Optuna knows steps or a logarithmic scale, not both
    return IntDistribution(span.min, span.min + (span.size - 1) * span.step, log=log and span.step == 1, step=span.step)


def _naive(time: str | float) -> datetime:
    if not isinstance(time, str):
        return datetime(2000, 1, 1) + timedelta(seconds=time)  # virtual seconds
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
