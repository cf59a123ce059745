"""The folder of one run as an object: the names of its files and of its jobs' archives."""

from __future__ import annotations

import re
from pathlib import Path

from medl.errors import ConfigError, Problem
from medl.mmar.archive import MMAR

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class RunFolder:
    """One run's folder, ``<parent>/<run_id>``. Nothing is created by looking.

    Args:
        parent: the archive's ``automl/``, or the handler's ``work_dir``.
        run_id: letters, digits, ``.``, ``_`` and ``-``, not starting with a mark, at most 100 characters.

    Raises:
        ConfigError: the run_id is no such name.
    """

    def __init__(self, parent: Path, run_id: str):
        if not _RUN_ID.fullmatch(run_id) or ".." in run_id:
            raise ConfigError(
                Problem(
                    rule="run_id is a name of at most 100 letters, digits, '.', '_' and '-', without two dots in a "
                    "row, that starts with a letter or digit",
                    file="--set",
                    path="run_id",
                    value=run_id,
                    remedy="Choose another, such as run_id=a.",
                )
            )
        self.run_id = run_id
        self.root = parent / run_id

    @property
    def events(self) -> Path:
        """The truth of the run, one fact a line."""
        return self.root / "events.jsonl"

    @property
    def study(self) -> Path:
        """The Optuna journal, a mirror of the events."""
        return self.root / "study.journal"

    @property
    def summary(self) -> Path:
        """The run as a table, for programs."""
        return self.root / "summary.json"

    @property
    def trace(self) -> Path:
        """What engine, controllers and handlers traced."""
        return self.root / "trace.txt"

    @property
    def lock(self) -> Path:
        """Held by the engine that works on this run."""
        return self.root / "lock"

    @property
    def config(self) -> Path:
        """The resolved configs of the run."""
        return self.root / "config.json"

    @property
    def best(self) -> Path:
        """The archive of the best job."""
        return self.root / "best"

    def job(self, name: str) -> MMAR:
        """Return the archive of a job."""
        return MMAR(self.root / name)

    def superseded(self, name: str, attempt: int) -> Path:
        """Return where the folder of an interrupted attempt is moved before the job's next one starts."""
        return self.root / f"{name}.attempt{attempt}"
