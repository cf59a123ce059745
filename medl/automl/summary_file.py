"""A run's summary.json, written while the run goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from medl.automl.summary import Progress, Rows
from medl.masked import masked_value
from medl.mmar.files import write_json


class SummaryFile:
    """Writes the rows of a run; with thousands of jobs less often, so that it takes at most a tenth of the time.

    Args:
        path: the file.
        rows: what is written.
        say: told where it cannot be written; the run goes on without it.

    Attributes:
        stale: whether it is behind the rows.
    """

    def __init__(self, path: Path, rows: Rows, say: Callable[[str], None]):
        self._path = path
        self._rows = rows
        self._say = say
        self._written = self._cost = 0.0
        self._missing = False
        self.stale = False

    def is_last(self) -> bool:
        """Return whether the file is the one that an engine writes at the end of all, and of these rows."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(found == json.loads(json.dumps(masked_value(self._rows.value(alive=False)))))

    def write(self, progress: Mapping[str, Progress], *, last: bool = False) -> None:
        """Write it, or leave it for later.

        Args:
            progress: running job to how far it is.
            last: whether no engine works on the run any more; then it is written in any case.
        """
        begun = time.monotonic()
        self.stale = not last and begun - self._written < 10 * self._cost - 0.05
        if self.stale:
            return
        try:
            write_json(self._path, masked_value(self._rows.value(progress, alive=not last)))
        except OSError as error:
            if not self._missing:  # said once, until it can be written again
                self._say(f"{self._path} cannot be written: {error.strerror}; the record goes on without it")
            self._missing = True
        else:
            self._missing = False
        self._written = time.monotonic()
        self._cost = self._written - begun
