"""The record that a training keeps of itself beside its checkpoints. Imports nothing heavy."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medl.conf.component import user_folders
from medl.errors import MedlError
from medl.mmar.archive import MMAR
from medl.mmar.code_version import imported_code, own_code
from medl.mmar.data_hashes import data_of
from medl.mmar.machine import children_peak, memory_peak
from medl.mmar.record import close_record, moment, training_record, write_training_record
from medl.mmar.stats import TrainStats, read_metrics

PATIENCE_S = 10.0
"""Seconds that a training which has ended waits for the hashes of its data; the next one goes on with what is left."""


@dataclass(frozen=True)
class MadeOf:
    """What a training was given.

    Attributes:
        config: the train config as it is in the file.
        resolved: its normal form.
        environment: the content of environment.json.
        settings: the variables of ``--set``.
        file: the config's name.
    """

    config: Mapping[str, Any]
    resolved: Mapping[str, Any]
    environment: Mapping[str, Any]
    settings: Mapping[str, Any]
    file: str = "config/config_train.json"


class Recording:
    """Finds out, in a thread of the lowest priority, what a training is made of, and writes it down.

    The thread begins at once, so it works while torch is imported. Nothing is written before :meth:`start`: a training
    that is refused leaves what was there. Of several ranks the first has one. A record that cannot be written is no
    reason to end a training: a line says so.

    Args:
        mmar: the archive.
        made_of: what the training was given.
        launched: ``launcher`` and ``ranks`` of the record.
        cache: where hashes of data are kept; the user's own folder where it is not given.
    """

    def __init__(self, mmar: MMAR, made_of: MadeOf, launched: Mapping[str, Any], cache: Path | None = None):
        self.mmar = mmar
        self.made_of = made_of
        self.launched = dict(launched)
        self.cache = cache
        self.record: dict[str, Any] | None = None
        self._folder = mmar.models
        self._began = time.monotonic()
        self._start = moment()
        self._own_children_mb = 0.0
        self._opened = threading.Event()
        self._started = threading.Event()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._look, name="record", daemon=True)
        self._thread.start()

    def start(self, folder: Path, facts: Mapping[str, Any]) -> None:
        """Write the record of a training that starts now; the hashes of its data follow.

        Args:
            folder: of its checkpoints.
            facts: fields of the record that only a process with torch knows; ``packages`` and ``hardware`` add to what
                is known.
        """
        self._opened.wait()
        self._folder = folder
        with self._lock:
            if self.record is not None:
                added = {name: {**self.record[name], **facts.get(name, {})} for name in ("packages", "hardware")}
                self.record |= {**facts, **added}
                self._write()
        self._started.set()

    def end(self, stats: TrainStats, memory: Sequence[Mapping[str, float]]) -> None:
        """Write how the training ended, with the hashes of its data where they come in time.

        Args:
            stats: what it says of itself.
            memory: the most that each rank had.
        """
        score = stats.best_metric
        values = {stats.key_metric: score} if stats.key_metric is not None and score is not None else {}
        outcome: dict[str, Any] = {
            "status": stats.status,
            "values": values,
            "epoch": stats.epochs[1] if stats.epochs else None,
        }
        outcome |= {"epochs": stats.epochs, "constraints": dict(stats.measured), "reason": stats.reason, "exit_code": 0}
        self._close(outcome, stats, memory, PATIENCE_S)

    def end_badly(self, error: BaseException) -> None:
        """Write what ended a training that had started."""
        if not self._started.is_set():
            return
        epochs = self._epochs()
        status = "failed" if isinstance(error, Exception) else "stopped"
        outcome: dict[str, Any] = {
            "status": status,
            "values": {},
            "epoch": epochs[1] if epochs else None,
            "epochs": epochs,
        }
        outcome |= {"constraints": {}, "reason": str(error), "exit_code": getattr(error, "exit_code", 1)}
        if self.record is not None:
            spent = round(time.monotonic() - self._began, 4)
            self.record["timings"] = {**self.record["timings"], "total_s": spent}
        self._close(outcome, None, [memory_peak()], 0.0)

    def give_up(self) -> None:
        """End the thread; a training that was never started has no record."""
        self._stop.set()
        self._started.set()

    def _epochs(self) -> tuple[int, int] | None:
        try:
            epochs = [line["epoch"] for line in read_metrics(self._folder)]
        except (MedlError, KeyError):
            return None
        return (min(epochs), max(epochs)) if epochs else None

    def _close(
        self, outcome: dict[str, Any], stats: TrainStats | None, memory: Sequence[Mapping[str, float]], patience: float
    ) -> None:
        self._thread.join(patience)
        self._stop.set()
        self._thread.join()
        if self.record is None:
            return
        if outcome["epochs"] is not None:
            outcome["epochs"] = list(outcome["epochs"])
        self.record["memory"] = found = [dict(one) for one in memory]
        if found and found[0]["children_rss_mb"] <= self._own_children_mb:
            found[0]["children_rss_mb"] = 0.0
        self.record["code"] = {**self.record["code"], "imported": imported_code(user_folders(self.mmar.custom))}
        with self._lock:
            self.record = close_record(
                self.record,
                outcome=outcome,
                wall_s=time.monotonic() - self._began,
                root=self.mmar.root,
                folder=self._folder,
                stats=stats,
            )
            self._write()

    def _look(self) -> None:
        """Find out what the training is made of; runs in the thread."""
        made = self.made_of
        try:
            record = training_record(
                config=made.config,
                resolved_config=made.resolved,
                environment=made.environment,
                settings=made.settings,
                start=self._start,
                **self.launched,
            )
            record["code"]["custom"] = own_code([self.mmar.custom])
            self.record = record
            self._own_children_mb = children_peak()  # of git, which began as a copy of this process
        except Exception as error:
            _say(f"the training has no record: {type(error).__name__}: {error}.")
        finally:
            self._opened.set()
        if self.record is None:
            return
        with contextlib.suppress(OSError, AttributeError):  # on Linux a thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        try:
            data = data_of(made.resolved, self.mmar.root, self._stop, self.cache)
        except Exception as error:
            _say(f"the record tells nothing of the data: {type(error).__name__}: {error}.")
            return
        self._started.wait()
        with self._lock:
            self.record["data"] = data
            first = data[0] if data else {"list": None, "list_sha256": None}
            self.record["data_list"] = {"file": first["list"], "sha256": first["list_sha256"]}
            if not self._stop.is_set():
                self._write()

    def _write(self) -> None:
        if self.record is None:
            return
        try:
            write_training_record(self._folder, self.record)
        except (OSError, ValueError) as error:
            _say(f"record.json could not be written: {error}.")


def _say(line: str) -> None:
    print(f"medl: {line}", flush=True)
