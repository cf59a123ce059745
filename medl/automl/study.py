"""The Optuna mirror of a run: made from its events at any time, so that optuna-dashboard opens every run.

One trial is one configuration (:mod:`medl.automl.mirrored`); its params are numbers and, for an enum, the index of the
choice (what the choice is stands in the user attribute ``values``); its intermediate values are the validations of its
jobs, there while they run. The truth stays in the events: a mirror that fails changes nothing for the run
(:mod:`medl.automl.mirror_thread`).
"""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medl.automl.defs import ParameterRange
from medl.automl.events import Event
from medl.automl.mirrored import Mirrored, Table, Validations
from medl.automl.summary import read_validations
from medl.errors import RunError
from medl.masked import masked
from medl.mmar.run_folder import RunFolder

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage

_ORIGIN = "medl_run"
"""User attribute of a study: the folder of the run that it mirrors."""

_CONSTRAINTS = "constraints"
"""Optuna's system attribute of a trial whose constraints are known: above 0 is broken."""


class AnothersStudy(RunError):
    """The storage has a study of the run's name that this run did not make."""


class DamagedJournal(RunError):
    """Somebody else has deleted or shortened the journal that a mirror writes."""


def _none(job: str, metric: str) -> Mapping[int, float]:
    return {}


def rebuild(
    events: Iterable[Event],
    journal: Path,
    run_id: str,
    storage: str | None = None,
    validations: Validations = _none,
    *,
    replace: bool = False,
) -> Mirror:
    """Write the study of a run anew from its events, in place of an older one, and return it to go on with.

    Args:
        events: the run's log.
        journal: the journal file; the study's place unless ``storage`` is given. A reader sees the old one or the new
            one.
        run_id: the study's name.
        storage: an Optuna storage URL, such as ``sqlite:///runs.db``.
        validations: gives the validations of a job.
        replace: whether a study of this name that this run did not make is deleted, too.

    Raises:
        AnothersStudy: the storage has a study of this name that this run did not make, and it is not to be replaced.
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
            if not replace and not _is_ours(opened, old, str(journal.parent)):
                raise AnothersStudy(
                    f'{masked(storage)} has a study "{run_id}" of another run; choose another run_id or storage'
                )
            opened.delete_study(old)
    else:
        # of an engine that was killed; we hold the run's lock
        for leftover in (partial, *_locks(partial), *_locks(journal)):
            leftover.unlink(missing_ok=True)
        opened = optuna.storages.JournalStorage(JournalFileBackend(str(partial)))
    mirror = Mirror(opened, run_id, str(journal.parent), validations)
    mirror.fill(events)
    if storage is None:
        os.replace(partial, journal)
        mirror.storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
        mirror.watch(journal)
    return mirror


def _is_ours(storage: BaseStorage, study: int, origin: str) -> bool:
    """Return whether a study mirrors the run in a folder, or is one that somebody was killed while making."""
    made_by = storage.get_study_user_attrs(study).get(_ORIGIN)
    return made_by == origin or (made_by is None and not storage.get_n_trials(study))


def rebuild_for(folder: RunFolder, events: Sequence[Event], storage: str | None, *, replace: bool = False) -> Mirror:
    """Write the study of the run in a folder anew, with the validations that its jobs' folders hold."""
    return rebuild(
        events,
        folder.study,
        folder.run_id,
        storage,
        lambda job, metric: read_validations(folder.job(job).models, metric),
        replace=replace,
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
    return tuple(journal.parent.glob(f"{journal.name}.lock*"))


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
        self._journal: Path | None = None
        self._left = (0, 0)  # inode and size of the journal

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

    def watch(self, journal: Path) -> None:
        """Look before each event whether the journal is still whole: Optuna would begin a new one and lose the rest."""
        self._journal = journal
        self._leave()

    def check(self) -> None:
        """See that the journal is the one that was written, and no shorter; others may have added to it.

        Raises:
            DamagedJournal: it is not.
        """
        if self._journal is None:
            return
        try:
            status = self._journal.stat()
        except FileNotFoundError:
            raise DamagedJournal(f"{self._journal.name} was deleted") from None
        if status.st_ino != self._left[0] or status.st_size < self._left[1]:
            raise DamagedJournal(f"{self._journal.name} was replaced or cut")

    def _leave(self) -> None:
        if self._journal is not None:
            status = self._journal.stat()
            self._left = status.st_ino, status.st_size

    def take(self, event: Event) -> None:
        """Take one more event in.

        Raises:
            DamagedJournal: somebody else has damaged the journal.
        """
        self.check()
        self._take(event)
        self._leave()

    def _take(self, event: Event) -> None:
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
