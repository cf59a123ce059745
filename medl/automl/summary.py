"""A run as a table: made from its events alone, as a JSON value for programs and as text for people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medl.automl.core import BASELINE
from medl.automl.defs import JobStatus
from medl.automl.events import Event, goals_from_json, space_from_json
from medl.automl.goals import Goals
from medl.automl.narration import show_score, show_values
from medl.automl.pareto import front, hypervolume, worst
from medl.errors import MedlError
from medl.mmar.stats import read_metrics

if TYPE_CHECKING:
    from rich.table import Table as RichTable


@dataclass(frozen=True)
class Progress:
    """How far a job is, or came.

    Attributes:
        epoch: the last epoch that ended (1-based).
        max_epoch: the epoch at which it stops.
        time_per_epoch_s: mean of its last epochs, seconds.
    """

    epoch: int
    max_epoch: int
    time_per_epoch_s: float

    def to_json(self) -> dict[str, Any]:
        """Return what stays of it in the record of a job that ended."""
        return {
            "epoch": self.epoch,
            "max_epoch": self.max_epoch,
            "time_per_epoch_s": round(self.time_per_epoch_s, 3),
        }

    @property
    def eta_s(self) -> float:
        """Seconds until its last epoch ends, if it goes on like that."""
        return max(0, self.max_epoch - self.epoch) * self.time_per_epoch_s


def read_progress(models: Path, last: int = 5) -> Progress | None:
    """Return how far the training is that writes into ``models``; ``None`` before its first epoch ended."""
    try:
        lines = read_metrics(models)[-last:]
        times = [float(line["time_s"]) for line in lines]
        return Progress(int(lines[-1]["epoch"]), int(lines[-1]["max_epoch"]), math.fsum(times) / len(times))
    except (OSError, MedlError, LookupError, TypeError, ValueError):  # a job's own trouble, told when it ends
        return None


def read_validations(models: Path, metric: str) -> dict[int, float]:
    """Return epoch to value of ``metric``, as far as the training that writes into ``models`` has validated."""
    try:
        lines = read_metrics(models)
        return {
            int(line["epoch"]): float(line["metrics"][metric]) for line in lines if metric in line.get("metrics", {})
        }
    except (OSError, MedlError, LookupError, TypeError, ValueError):
        return {}


def read_reports(models: Path) -> list[tuple[int, dict[str, float]]]:
    """Return each validation so far of the training that writes into ``models``: its epoch, its metrics and losses."""
    try:
        return [
            (
                int(line["epoch"]),
                {str(name): float(value) for name, value in {**line["metrics"], **line.get("losses", {})}.items()},
            )
            for line in read_metrics(models)
            if line.get("metrics")
        ]
    except (OSError, MedlError, LookupError, TypeError, ValueError, AttributeError):
        return []


class Rows:
    """The rows of a run's summary, kept up event by event; one per (job, attempt), and one per dropped trial.

    A dropped trial never had a job: its ``job``, ``worker``, ``start`` and ``end`` are null, its ``attempt`` is 0.

    Args:
        run_id: name of the run.
        events: what happened so far.
    """

    def __init__(self, run_id: str, events: Iterable[Event] = ()):
        self.run_id = run_id
        self.status = "running"
        self.warnings: list[str] = []
        self.best: dict[str, Any] | None = None
        self.baseline: dict[str, Any] | None = None
        self._rows: list[dict[str, Any]] = []
        self._last: dict[str, dict[str, Any]] = {}  # job -> row of its last attempt
        self._asked: dict[Any, Mapping[str, Any]] = {}
        self._started: set[Any] = set()
        self._trials: dict[str, Any] = {}  # job -> id of its recommendation, which a row has as a text
        self._space = space_from_json([])
        self.goals = Goals()
        for event in events:
            self.take(event)

    def take(self, event: Event) -> None:
        """Take one more event in."""
        kind = event["type"]
        if kind == "run_started":
            self.warnings = list(event.get("warnings", ()))
            self._space = space_from_json(event.get("space", []))
            self.goals = goals_from_json(event.get("goals", {}))
            if event.get("baseline"):
                self._asked[BASELINE] = {"values": {}}
        elif kind == "run_resumed":
            self.status = "running"
        elif kind == "recommended":
            self._asked.update((item["id"], item) for item in event["recommendations"])
        elif kind == "job_started":
            row = _row(event["job"], event["trial"], event["attempt"], event["worker"], JobStatus.RUNNING)
            row.update(start=event["time"], values=event["values"])
            self._rows.append(row)
            self._last[event["job"]] = row
            self._started.add(event["trial"])
            self._trials[event["job"]] = event["trial"]
        elif kind == "job_reported":
            if event.get("decision") == "stop" and (row := self._last[event["job"]])["reason"] is None:
                row["reason"] = f"stopped early after epoch {event['epoch']}: {event.get('reason', '')}".rstrip(": ")
        elif kind in ("job_ended", "job_retried"):
            self._end(self._last[event["job"]], event, event["outcome"])
        elif kind == "job_interrupted":
            self._end(self._last[event["job"]], event, {"status": "interrupted", "reason": event.get("reason", "")})
        elif kind == "queue_dropped":
            for trial in event["trials"]:
                self._drop(trial, event.get("reason", ""))
        elif kind in ("run_paused", "run_ended"):
            self.status = event["status"]

    def _end(self, row: dict[str, Any], event: Event, outcome: Mapping[str, Any]) -> None:
        row.update(status=str(outcome["status"]), end=event["time"], reason=outcome.get("reason") or row["reason"])
        row.update(event.get("progress", {}))
        if (last := outcome.get("epoch")) is not None:
            row["epoch"] = last
            asked = self._asked.get(self._trials[row["job"]], {})
            source = self._last.get(asked.get("resume_from") or asked.get("inherit_from") or "")
            first = source["epochs"][1] + 1 if source and source["epochs"] else 1
            first, _ = outcome.get("info", {}).get("epochs") or (first, last)
            row["epochs"] = [min(first, last), last]
        row["violations"] = dict(outcome.get("violations", {}))
        if row["status"] == JobStatus.OK and outcome.get("values"):
            row["objectives"] = dict(outcome["values"])
            first_name, value = next(iter(outcome["values"].items()))
            row["score"] = -value if first_name in outcome.get("minimize", ()) else value
            if self.best is None or row["score"] > self.best["score"]:
                self.best = row
            if row["job"].endswith("_J0"):
                self.baseline = row

    def _drop(self, trial: Any, reason: str) -> None:
        if trial not in self._asked or trial in self._started:
            return
        row = _row(None, trial, 0, None, JobStatus.STOPPED)
        values = self._asked[trial]["values"]
        row["values"] = {p.prl: p.concrete(values[p.prl]) for p in self._space.parameters if p.prl in values}
        row["reason"] = reason or None
        self._rows.append(row)

    def row(self, job: str) -> dict[str, Any]:
        """Return the row of a job's last attempt; changing it changes nothing here."""
        return dict(self._last[job])

    def counts(self) -> dict[str, int]:
        """Return status to number of rows."""
        found: dict[str, int] = {}
        for row in self._rows:
            found[row["status"]] = found.get(row["status"], 0) + 1
        return found

    def value(self, progress: Mapping[str, Progress] | None = None, *, alive: bool = True) -> dict[str, Any]:
        """Return the summary, valid against ``config/summary.schema.json``.

        Args:
            progress: running job to how far it is.
            alive: whether an engine works on the run; without one, what still ran was interrupted.
        """
        status = self.status
        rows = [dict(row) for row in self._rows]
        if status == "running" and not alive:
            status = "interrupted"
        for row in rows:
            if row["status"] != JobStatus.RUNNING:
                continue
            if not alive:
                row.update(status=str(JobStatus.INTERRUPTED), reason="the engine ended while it ran")
            elif progress and (now := progress.get(row["job"])) is not None:
                row.update(**now.to_json(), eta_s=round(now.eta_s, 1))
        best = self.best["job"] if self.best is not None else None
        objectives = [{"metric": one.metric, "mode": one.mode} for one in self.goals.objectives]
        return {
            "run_id": self.run_id,
            "status": status,
            "best": best,
            "objectives": objectives,
            "pareto": self._pareto(rows) if len(objectives) > 1 else None,
            "warnings": self.warnings,
            "jobs": rows,
        }

    def _pareto(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the front, and the volume that it dominates above the reference point."""
        objectives = self.goals.objectives
        whole = [row for row in rows if row["objectives"] and all(o.metric in row["objectives"] for o in objectives)]
        signs = [-1.0 if objective.mode == "min" else 1.0 for objective in objectives]
        points = [[s * row["objectives"][o.metric] for s, o in zip(signs, objectives, strict=True)] for row in whole]
        seen = worst(points) or tuple(0.0 for _ in objectives)
        given = [objective.reference for objective in objectives]
        reference = [s * r if r is not None else w for s, r, w in zip(signs, given, seen, strict=True)]
        return {
            "front": [whole[i]["job"] for i in front(points)],
            "hypervolume": hypervolume(points, reference),
            "reference": {o.metric: s * r for o, s, r in zip(objectives, signs, reference, strict=True)},
        }


def _row(job: str | None, trial: Any, attempt: int, worker: str | None, status: JobStatus) -> dict[str, Any]:
    return {
        "job": job,
        "trial": str(trial),
        "attempt": attempt,
        "worker": worker,
        "status": str(status),
        "score": None,
        "objectives": {},
        "violations": {},
        "start": None,
        "end": None,
        "epochs": None,
        "epoch": None,
        "max_epoch": None,
        "time_per_epoch_s": None,
        "eta_s": None,
        "values": {},
        "reason": None,
    }


def summarise(run_id: str, events: Iterable[Event], *, alive: bool = False) -> dict[str, Any]:
    """Return the summary of a run from its events.

    Args:
        run_id: name of the run.
        events: its log.
        alive: whether an engine works on it (see :func:`medl.automl.lock.is_held`).
    """
    return Rows(run_id, events).value(alive=alive)


def gain(summary: Mapping[str, Any]) -> float | None:
    """Return by how much the best score exceeds the baseline's, larger better; ``None`` where one is missing."""
    scores = {row["job"]: row["score"] for row in summary["jobs"] if row["score"] is not None}
    baseline = next((score for job, score in scores.items() if job.endswith("_J0")), None)
    best = scores.get(summary["best"])
    return None if baseline is None or best is None else best - baseline


def best_lines(summary: Mapping[str, Any]) -> list[str]:
    """Return the best job with its score, its gain over the baseline and its values; empty without a score."""
    # with its score: a job that was interrupted has a row for each attempt
    best = next((row for row in summary["jobs"] if row["score"] is not None and row["job"] == summary["best"]), None)
    if best is None:
        return []
    difference = gain(summary)
    objectives = summary.get("objectives", [])
    if difference is None:
        against = "no baseline to compare with"
    elif best["job"].endswith("_J0"):
        against = "which is the baseline: no job was better"
    elif objectives and objectives[0]["mode"] == "min":
        against = f"{-difference:+.4f} against the baseline"
    else:
        against = f"{difference:+.4f} over the baseline"
    values = show_values(best["values"])
    lines = [f"best: {best['job']}, {show_score(best, [one['metric'] for one in objectives])}, {against}"]
    lines += [f"      with {values}"] if values else []
    if (pareto := summary.get("pareto")) is not None:
        above = ", ".join(f"{name} {value:.4g}" for name, value in pareto["reference"].items())
        lines.append(
            f"Pareto front: {', '.join(pareto['front'])}; hypervolume {pareto['hypervolume']:.4g} from {above}"
        )
    return lines


def table(summary: Mapping[str, Any]) -> RichTable:
    """Return the printed table: START, END, ROOT, SCORE, WORKER, STATUS; a row per attempt, in start order.

    Where the search says its objectives, each has a column of its name in place of SCORE. The best job has a star, and
    of several objectives each on the Pareto front.
    """
    from rich import box
    from rich.table import Table

    made = Table(box=box.ASCII2, header_style="")
    metrics = [one["metric"] for one in summary.get("objectives", [])]
    scores = metrics or ["SCORE"]
    pareto = summary.get("pareto")
    starred = set(pareto["front"]) if pareto is not None else {summary["best"]} - {None}
    for name in ("START", "END", "ROOT", *scores, "WORKER", "STATUS"):
        made.add_column(name, no_wrap=True, justify="right" if name in scores else "left")
    for row in summary["jobs"]:
        status = row["status"]
        if status == "running" and row["epoch"] is not None:
            status += f" {row['epoch']}/{row['max_epoch']}, {row['eta_s']:.0f} s left"
        numbers = [row["objectives"].get(name) for name in metrics] if metrics else [row["score"]]
        shown = ["-" if number is None or row["score"] is None else f"{number:.4f}" for number in numbers]
        root = row["job"] or f"({row['trial']})"
        if row["job"] in starred:
            root += " *"
        if row["attempt"] > 1:
            status += f", attempt {row['attempt']}"
        made.add_row(_moment(row["start"]), _moment(row["end"]), root, *shown, row["worker"] or "-", status)
    return made


def _moment(text: str | None) -> str:
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S") if text else "-"


def text(summary: Mapping[str, Any]) -> str:
    """Return the table as plain text, and below it why jobs have no score, or ended early."""
    from rich.console import Console

    console = Console(width=160, color_system=None, force_terminal=False, highlight=False)
    with console.capture() as capture:
        console.print(table(summary), markup=False)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    dropped = 0
    for row in summary["jobs"]:
        dropped += row["job"] is None
        if row["job"] is not None and row["reason"] and row["status"] != JobStatus.RUNNING:
            lines.append(f"{row['job']}: {row['status']}: {row['reason']}")
    if dropped:
        lines.append(f"{dropped} recommendations were dropped from the queue: the run was stopped")
    lines += [f"note: {warning}" for warning in summary.get("warnings", ())]
    return "\n".join(lines)
