"""What a search would do, said before it does anything."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medl.automl.api import Controller
from medl.automl.defs import ParameterRange, Recommendation, SearchSpace
from medl.automl.disk import free_bytes
from medl.automl.launch import Launch
from medl.automl.narration import show_concrete
from medl.mmar.archive import CLONED, MMAR
from medl.mmar.run_folder import RunFolder

RESUME_SHARE = 1.5
"""Size of a running job's resume.pt to that of its weights: with Adam it is three checkpoints, where a job has two."""

SHOWN = 5
"""First recommendations that are shown."""


@dataclass(frozen=True)
class Forecast:
    """A search in numbers.

    Attributes:
        points: distinct configurations of the space; ``inf`` where a float range has more than one.
        jobs: recommended jobs at most; ``inf`` where nothing bounds them.
        baseline: whether a job with the archive's own values comes first.
        epochs: of a whole training, or ``None`` where the config does not say.
        workers: that were asked for.
        busy: workers that this controller can keep busy.
        clone_bytes: size of one job's archive without weights.
        weights_bytes: size of its weights, judged by those of a job that ended, else by those in ``models/``; ``None``
            where there are none.
        judged_by: whose weights these are, for people.
        kept: archives that stay at the end; ``None``: all.
    """

    points: float
    jobs: float
    baseline: bool
    epochs: int | None
    workers: int
    busy: int
    clone_bytes: int
    weights_bytes: int | None
    kept: int | None
    judged_by: str = "those in models/"
    free_bytes: int | None = None
    """Bytes that are free on the run's disk, or ``None`` where that is not known."""
    shared: float | None = None
    """Epochs that all recommended jobs train, where the controller gives each a number of its own."""

    @property
    def all_jobs(self) -> float:
        """Jobs at most, the baseline's included."""
        return self.jobs + self.baseline

    @property
    def disk_bytes(self) -> float | None:
        """Disk at its fullest: archives kept or running, what running ones need to go on, the copy of the best.

        ``None`` where it is not known.
        """
        if self.weights_bytes is None:
            return None
        archives = self.all_jobs if self.kept is None else min(self.all_jobs, self.kept + self.workers)
        running = min(self.all_jobs, self.workers) * RESUME_SHARE * self.weights_bytes
        return (archives + 1) * (self.clone_bytes + self.weights_bytes) + running

    def lines(self) -> list[str]:
        """Return the forecast as text."""
        points = "no end of" if math.isinf(self.points) else f"{int(self.points)}"
        jobs = "no known number of" if math.isinf(self.jobs) else f"at most {int(self.jobs)}"
        first = ", 1 baseline" if self.baseline else ""
        found = [f"search space: {points} points", f"jobs: {jobs} recommended{first}"]
        if self.shared is not None:
            own = self.epochs if self.baseline and self.epochs is not None else 0
            first = f", {own} of them the baseline's" if own else ""
            total = "no known number" if math.isinf(self.shared) else f"about {round(self.shared + own)} in all"
            found.append(f"epochs: {total}{first}; each job is given a number of its own")
        elif self.epochs is not None:
            total = "" if math.isinf(self.all_jobs) else f", {int(self.all_jobs) * self.epochs} in all"
            found.append(f"epochs: {self.epochs} a job{total}")
        clone = show_bytes(self.clone_bytes)
        if self.weights_bytes is None or self.disk_bytes is None:
            unknown = "no job has ended here and models/ has none, so their size is not known"
            found.append(f"disk: {clone} a job, and its weights ({unknown})")
        elif math.isinf(self.disk_bytes):
            found.append(f"disk: {show_bytes(self.clone_bytes + self.weights_bytes)} a job")
        else:
            each = show_bytes(self.clone_bytes + self.weights_bytes)
            kept = "all" if self.kept is None else f"the best {self.kept}"
            most = show_bytes(self.disk_bytes)
            found.append(
                f"disk: {each} a job (its weights judged by {self.judged_by}), about {most} at most; "
                f"of the archives {kept} stay"
            )
        if self.free_bytes is not None and self.disk_bytes is not None:
            needed, free = self.disk_bytes, show_bytes(self.free_bytes)
            if self.free_bytes < needed < math.inf:
                found.append(
                    f"warning: {free} are free on that disk: it will be full before the search ends. Make room, or "
                    "keep fewer archives (num_mmars_to_keep of MMARHandler); while it is full no job starts"
                )
            else:
                found.append(f"free on that disk: {free}")
        idle = self.workers - self.busy
        busy = f"but this controller keeps only {self.busy} busy" if idle else "all of them busy"
        return [*found, f"workers: {self.workers}, {busy}"]


def forecast(
    *,
    mmar: MMAR,
    space: SearchSpace,
    controller: Controller,
    workers: int,
    baseline: bool,
    epochs: int | None,
    max_rounds: int | None,
    kept: int | None,
    folder: RunFolder | None = None,
) -> Forecast:
    """Return what a search would take; looks at files' sizes, starts nothing.

    Args:
        mmar: the archive.
        space: its search space.
        controller: a new one; it is asked, not changed.
        workers: how many were asked for.
        baseline: whether a job with the archive's own values comes first.
        epochs: per job.
        max_rounds: at most this many recommendations.
        kept: archives that stay, or ``None`` for all.
        folder: the run's; jobs that ended in it or beside it tell how large weights are.
    """
    count = getattr(controller, "count", None)
    bounds = [float(max_rounds) if max_rounds is not None else math.inf]
    if callable(count):
        bounds.append(float(count(space)))
        if isinstance(rounds := getattr(controller, "max_rounds", None), int):  # its own default, where none is given
            bounds.append(float(rounds))
    jobs = min(bounds)
    # one that gives jobs different numbers of epochs may say how many these are in all
    epochs_of = getattr(controller, "epochs", None)
    shared = epochs_of(space) if callable(epochs_of) else None
    busy = max(1, int(min(workers, controller.parallelism(space), jobs + baseline)))
    job = _ended_job(folder) if folder is not None else None
    weights = _weights(mmar if job is None else job)
    return Forecast(
        points=space.size,
        jobs=jobs,
        baseline=baseline,
        epochs=epochs,
        workers=workers,
        busy=busy,
        clone_bytes=sum(_size(mmar.root / name) for name in CLONED),
        weights_bytes=sum(weights) if weights else None,
        kept=kept,
        shared=None if shared is None else float(shared),
        free_bytes=None if folder is None else free_bytes(folder.root),
        **({} if job is None else {"judged_by": f"those of {job.root.parent.name}/{job.root.name}"}),
    )


def _ended_job(folder: RunFolder) -> MMAR | None:
    """Return the archive of a job that ended and has weights: of this run, else the newest of the runs beside it."""
    if not folder.root.parent.is_dir():
        return None
    runs = sorted((path.parent for path in folder.root.parent.glob("*/events.jsonl")), key=_moment, reverse=True)
    for run in sorted(runs, key=lambda path: path != folder.root):
        ended = (path.parent.parent for path in run.glob("*_J*/models/train_stats.json"))
        for job in sorted(ended, key=_moment, reverse=True):
            if _weights(MMAR(job)):
                return MMAR(job)
    return None


def _moment(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # just taken away
        return 0.0


def _weights(mmar: MMAR) -> list[int]:
    return [_size(path) for path in sorted(mmar.models.glob("*.pt"))] if mmar.models.is_dir() else []


def _span(parameter: ParameterRange) -> str:
    """Return what a parameter can be, and when it counts, in words."""
    if parameter.kind == "enum":
        weights = parameter.weights
        shown = [
            str(list(choice)) + ("" if weights is None else f" ({weights[index]:.2g})")
            for index, choice in enumerate(parameter.targets[:6])
        ]
        more = ", …" if len(parameter.targets) > 6 else ""
        count = len(parameter.targets)
        text = f"{count} choice{'s' * (count != 1)}: {', '.join(shown)}{more}"
    elif parameter.kind == "int":
        span = parameter.targets[0]
        text = f"{span.min} to {span.max}, " + (f"in steps of {span.step}" if span.step > 1 else "whole numbers")
    else:
        text = f"{parameter.targets[0].min:g} to {parameter.targets[0].max:g}"
    text += ", logarithmic" if parameter.scale == "log" else ""
    when = " and ".join(f"{c.prl} has value {' or '.join(map(str, c.values))}" for c in parameter.when)
    return f"{text}; where {when}" if when else text


def show_plan(
    *,
    numbers: Forecast,
    space: SearchSpace,
    own: Mapping[str, Sequence[Any]],
    first: Sequence[Recommendation],
    launch: Launch,
    hidden: Sequence[str] = ("PATH", "HOME"),
) -> str:
    """Return the text of ``--dry-run``.

    Args:
        numbers: the forecast.
        space: the search space.
        own: the archive's own values, PRL to concrete ones.
        first: the controller's first recommendations.
        launch: how the first job would be started.
        hidden: variables of the environment that are not shown even if the job's differ.
    """
    lines = ["The search space:"]
    for parameter in space.parameters:
        lines.append(f"  {parameter.prl}   {_span(parameter)}")
    lines += ["", "The first jobs:"]
    if numbers.baseline:
        lines.append(f"  baseline: {show_concrete(space, own)}")
    lines += [f"  {r.id}: {show_concrete(space, r.result.concrete())}" for r in first[:SHOWN]]
    lines += ["", "The first job's command:", f"  {shlex.join(launch.argv)}"]
    changed = {
        name: value for name, value in launch.env.items() if os.environ.get(name) != value and name not in hidden
    }
    lines += [f"  with {name}={shlex.quote(value)}" for name, value in sorted(changed.items())]
    lines += ["", "The forecast:", *(f"  {line}" for line in numbers.lines()), "", "Nothing was started."]
    return "\n".join(lines)


def show_bytes(count: float) -> str:
    """Return a size for people.

    >>> show_bytes(1_500_000)
    '1.5 MB'
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; 0 where there is none."""
    if path.is_file():
        return path.stat().st_size
    if not path.is_dir():
        return 0
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink())
