"""What the benchmarks of whole archives share: making one from the configs beside them, running its commands."""

from __future__ import annotations

import csv
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medl.apps.new import new
from medl.automl.launch import THREAD_VARIABLES
from medl.conf.load import read_object
from medl.mmar.archive import MMAR
from medl.mmar.files import write_json

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared/data"
"""Where the data sets lie unless ``--data`` says otherwise."""


@dataclass(frozen=True)
class Cost:
    """What one command took: wall seconds, and CPU seconds of all its processes."""

    wall_s: float
    cpu_s: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall_s + other.wall_s, self.cpu_s + other.cpu_s)


def make_archive(target: Path, configs: Path, environment: Mapping[str, object]) -> MMAR:
    """Return a new archive with the configs of a folder in place of the template's.

    Args:
        target: the new folder.
        configs: a folder of JSON files.
        environment: values put into ``environment.json``.
    """
    new(target)
    mmar = MMAR(target)
    for path in configs.glob("*.json"):
        shutil.copy(path, mmar.config)
    write_json(mmar.environment, read_object(mmar.environment) | dict(environment))
    return mmar


def run(argv: Sequence[str], threads: int) -> Cost:
    """Run a command, and return what it took.

    Args:
        argv: the command.
        threads: threads that it may use.

    Raises:
        SystemExit: it failed; the text is the end of what it printed.
    """
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    env = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))}
    ended = subprocess.run(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode != 0:
        raise SystemExit(f"{' '.join(argv)}\nended with {ended.returncode}:\n{ended.stdout[-2000:]}")
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def summary_column(path: Path, column: str) -> dict[str, float]:
    """Return one column of a metric's summary table, by class; ``mean`` is over all classes."""
    with path.open(newline="") as stream:
        return {row["class"]: float(row[column]) for row in csv.DictReader(stream)}


def table(rows: Sequence[Sequence[object]]) -> str:
    """Return rows as a Markdown table, the first as its head; floats have as many digits as they were rounded to."""
    lines = ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])
