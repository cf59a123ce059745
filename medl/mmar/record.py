"""record.json: what a training was made of and what came of it, enough to make it again.

Each training writes one beside its checkpoints (``models/record.json``). A search takes its jobs' over into
``<job>/record.json``, with what only the search knows. Form of both: ``config/record.schema.json``.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from medl.errors import MedlError
from medl.masked import masked_value, secrets_of
from medl.mmar.archive import MMAR
from medl.mmar.code_version import code_version
from medl.mmar.contents import hash_of
from medl.mmar.files import write_json
from medl.mmar.logged_metrics import metrics_hash, metrics_table
from medl.mmar.machine import hardware, packages
from medl.mmar.stats import TrainStats, read_metrics
from medl.mmar.weights_hash import checkpoints

VERSION = 2
"""Of the record's layout; a reader that knows a lower number reads what it knows."""

RECORD_FILE = "record.json"
"""Its name, in a job's archive and beside the checkpoints of a training."""

_MEASURED = ("data",)
"""What holds hashes and numbers alone, so that no secret need be looked for in it."""

_OF_THE_TRAINING = (
    *("seed", "settings", "python", "launcher", "ranks", "threads", "code", "packages", "hardware", "data"),
    *("resumed_after", "memory"),
)
"""What the training itself knows better than the search that started it."""


def job_record(
    *,
    job: str,
    attempt: int,
    worker: str,
    recommendation: Mapping[str, Any],
    values: Mapping[str, Any],
    config: Mapping[str, Any],
    resolved_config: Mapping[str, Any] | None,
    environment: Mapping[str, Any],
    argv: Sequence[str],
    slots: Sequence[int],
    threads: int | None,
    data_list: Mapping[str, Any],
    lineage: Sequence[Mapping[str, Any]] = (),
    launcher: str = "python",
    ranks: int = 1,
) -> dict[str, Any]:
    """Return a job's record as it stands before the job runs; its outcome is filled in by :func:`close_record`.

    It is valid against ``config/record.schema.json``.

    Args:
        job: its name.
        attempt: counted from 1.
        worker: its worker's name.
        recommendation: the trial's id, and the jobs that weights come from.
        values: PRL to the concrete values.
        config: the generated train config, variables as text.
        resolved_config: the same as it is trained: variables in, old names translated, refs expanded; ``None`` where
            it breaks a rule.
        environment: the generated environment.json.
        argv: the command line.
        slots: the worker's GPU ids or CPU slots.
        threads: computing threads per process, where they were set.
        data_list: the data list's file and the hash of its content.
        lineage: the jobs that its weights lived through before, the oldest first.
        launcher: what starts the processes.
        ranks: how many of them train.
    """
    return {
        **_opened(config, resolved_config, environment),
        "job": job,
        "attempt": attempt,
        "worker": worker,
        "recommendation": dict(recommendation),
        "values": {prl: list(concrete) for prl, concrete in values.items()},
        "argv": list(argv),
        "slots": list(slots),
        "threads": threads,
        "data_list": dict(data_list),
        "lineage": [dict(segment) for segment in lineage],
        "launcher": launcher,
        "ranks": ranks,
    }


def training_record(
    *,
    config: Mapping[str, Any],
    resolved_config: Mapping[str, Any],
    environment: Mapping[str, Any],
    settings: Mapping[str, Any],
    **known: Any,
) -> dict[str, Any]:
    """Return the record of a training as it stands when it starts, with nothing that only a search knows.

    Args:
        config: the train config as it is in the file.
        resolved_config: the same as it is trained.
        environment: the content of environment.json.
        settings: the variables of ``--set``.
        known: further fields of the record.
    """
    opened = {**_opened(config, resolved_config, environment), "settings": dict(settings), "argv": list(sys.argv)}
    return {**opened, **known}


def _opened(
    config: Mapping[str, Any], resolved_config: Mapping[str, Any] | None, environment: Mapping[str, Any]
) -> dict[str, Any]:
    """Return every field of a record, in their order, with what is known of any training before it runs."""
    return {
        "version": VERSION,
        "job": None,
        "attempt": None,
        "worker": None,
        "recommendation": None,
        "values": {},
        "seed": _seed(config, environment),
        "config": dict(config),
        "resolved_config": None if resolved_config is None else dict(resolved_config),
        "environment": dict(environment),
        "settings": {},
        "argv": [],
        "python": sys.executable,
        "launcher": "python",
        "ranks": 1,
        "slots": None,
        "threads": None,
        "user": _user(),
        "code": {**code_version(), "custom": {}, "imported": {}},
        "packages": packages(),
        "hardware": hardware(),
        "data_list": {"file": None, "sha256": None},
        "data": None,
        "lineage": [],
        "resumed_after": None,
        "start": moment(),
        "end": None,
        "wall_s": None,
        "timings": {},
        "memory": [],
        "max_epoch": None,
        "horizon": None,
        "key_metric": None,
        "metrics": {},
        "metrics_sha256": None,
        "checkpoint": None,
        "checkpoints": {},
        "outcome": None,
    }


def close_record(
    record: Mapping[str, Any],
    *,
    outcome: Mapping[str, Any],
    wall_s: float,
    root: Path,
    folder: Path,
    stats: TrainStats | None,
    training: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the record with what came of the training: its outcome, every metric, its checkpoints.

    Args:
        record: of :func:`job_record` or :func:`training_record`.
        outcome: status, values, epoch, reason.
        wall_s: wall seconds.
        root: the archive.
        folder: of the checkpoints.
        stats: what the training said of itself, or ``None`` where it did not come to its end.
        training: the training's own record, where this one is a job's; ``None`` where there is none.
    """
    try:
        lines = read_metrics(folder)
    except MedlError:
        lines = []
    ended = training is not None and training.get("outcome") is not None
    weights = training["checkpoints"] if training is not None and ended else checkpoints(folder)
    best = os.path.relpath(folder / "model.pt", root) if "model.pt" in weights else None
    closed = {
        **record,
        **{name: training[name] for name in _OF_THE_TRAINING if training and training.get(name) is not None},
        "end": moment(),
        "wall_s": round(wall_s, 3),
        "timings": dict(stats.timings) if stats is not None else dict((training or record).get("timings", {})),
        "metrics": metrics_table(lines),
        "metrics_sha256": metrics_hash(lines),
        "checkpoint": best,
        "checkpoints": weights,
        "outcome": dict(outcome),
    }
    if stats is not None:
        closed |= {"max_epoch": stats.max_epoch, "horizon": stats.horizon, "key_metric": _key_metric(stats)}
    return closed


def write_record(mmar: MMAR, record: Mapping[str, Any]) -> None:
    """Write ``record.json`` of a job's archive, whole or not at all, without secrets."""
    write_json(mmar.record, without_secrets(record))


def write_training_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write ``record.json`` beside the checkpoints of a training, whole or not at all, without secrets."""
    write_json(folder / RECORD_FILE, without_secrets(record))


def take_training_record(folder: Path) -> dict[str, Any] | None:
    """Return what a job's training wrote of itself, and remove it: the job's own record has it from now on."""
    record = read_record(folder / RECORD_FILE)
    (folder / RECORD_FILE).unlink(missing_ok=True)
    return record


def read_record(path: Path) -> dict[str, Any] | None:
    """Return a record; ``None`` where there is none that can be read."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and "outcome" in record else None


def without_secrets(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a record in which secrets of the environment and passwords are masked."""
    secrets = set(secrets_of(os.environ))
    environ = {name: value for name, value in os.environ.items() if value in secrets}
    return {name: value if name in _MEASURED else masked_value(value, environ) for name, value in record.items()}


def file_hash(path: Path) -> str | None:
    """Return the SHA-256 of a file's bytes, or ``None`` where it cannot be read."""
    return hash_of(path)


def _key_metric(stats: TrainStats) -> dict[str, Any] | None:
    if stats.key_metric is None:
        return None
    best, epoch = stats.best_metric, stats.best_epoch
    return {"name": stats.key_metric, "best": best, "best_epoch": epoch, "last": stats.last_metric}


def _seed(config: Mapping[str, Any], environment: Mapping[str, Any]) -> Any:
    """Return the seed in force (environment.json outranks the config), or ``None`` where nothing fixes one."""
    determinism = environment.get("determinism", config.get("determinism"))
    return determinism.get("random_seed") if isinstance(determinism, Mapping) else None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's number without a name
        return str(os.getuid())


def moment() -> str:
    """Return the time now, with the zone, to the millisecond."""
    return datetime.now(timezone.utc).astimezone().isoformat(timespec="milliseconds")
