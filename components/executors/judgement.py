"""What an ended training came to: its exit code and files, measured against the goals of the search."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medl.automl.defs import JobStatus, Outcome
from medl.automl.goals import Goals, Objective
from medl.automl.process import describe_end
from medl.errors import MedlError, near_names
from medl.mmar.archive import MMAR
from medl.mmar.stats import TrainStats, read_metrics, read_stats


def judged(
    id: str, code: int, cost: float, folder: Path, job: MMAR, goals: Goals, *, rung: bool
) -> tuple[Outcome, TrainStats | None]:
    """Return what an ended training's exit code and files say.

    Args:
        id: the recommendation's.
        code: the exit code.
        cost: wall seconds of the job.
        folder: of its checkpoints.
        job: its archive.
        goals: what the search is after.
        rung: whether it was to stop at an epoch of its own: then its last validation counts, else its best one.
    """
    blank = Outcome(id, JobStatus.FAILED, cost_s=cost, minimize=goals.minimize)
    try:
        stats, lines = read_stats(folder), read_metrics(folder)
    except MedlError as error:
        return dataclasses.replace(blank, reason=str(error)), None
    last: int | None = next((line.get("epoch") for line in reversed(lines)), None)
    if stats is not None and stats.epochs is not None:
        last = stats.epochs[1]
    blank = dataclasses.replace(blank, epoch=last, info=_info(stats))
    if stats is not None and stats.measured:
        violations = goals.violations(stats.measured)
        blank = dataclasses.replace(blank, constraints=dict(stats.measured), violations=violations)
    if code:
        return dataclasses.replace(blank, reason=describe_end(code, job.log)), stats
    if stats is None:
        reason = "the training ended with exit code 0 but wrote no train_stats.json"
        return dataclasses.replace(blank, reason=reason), None
    if stats.status == "rejected":
        return dataclasses.replace(blank, status=JobStatus.REJECTED, reason=stats.reason), stats
    if goals.objectives:
        return _by_objectives(blank, stats, lines, goals, rung=rung), stats
    value = stats.last_metric if rung else stats.best_metric
    if stats.status != "ok" or value is None:
        return dataclasses.replace(blank, status=JobStatus.NO_SCORE, reason=_no_score(stats)), stats
    scored = dataclasses.replace(blank, status=JobStatus.OK, values={stats.key_metric or "score": float(value)})
    epoch = stats.epochs[1] if rung and stats.epochs is not None else stats.best_epoch
    return penalised(scored, _at(lines, epoch), goals), stats


def logged(lines: Sequence[Mapping[str, Any]]) -> list[tuple[int, dict[str, float]]]:
    """Return each epoch of ``metrics.jsonl`` with all that was logged of it by name; validation metrics come first."""
    return [
        (int(line["epoch"]), {**line.get("train_metrics", {}), **line.get("losses", {}), **line.get("metrics", {})})
        for line in lines
    ]


def penalised(outcome: Outcome, values: Mapping[str, float], goals: Goals) -> Outcome:
    """Return an outcome with its constraints, each soft one's penalty taken off the first objective.

    The objective's own value is then in ``info`` under ``without_penalty``.

    Args:
        outcome: with a score; ``constraints`` are what was measured before the training.
        values: what was logged of the epoch that is judged; a constraint may be on any of it.
        goals: what the search is after.
    """
    measured = {c.name: float(values[c.name]) for c in goals.constraints if c.name in values} | dict(
        outcome.constraints
    )
    violations = goals.violations(measured)
    outcome = dataclasses.replace(outcome, constraints=measured, violations=violations)
    penalty = sum(
        constraint.penalty * max(0.0, violations[constraint.name])
        for constraint in goals.constraints
        if constraint.penalty is not None and constraint.name in violations
    )
    if not penalty:
        return outcome
    first, value = next(iter(outcome.values.items()))
    worse = value + penalty if first in goals.minimize else value - penalty
    info = {**outcome.info, "without_penalty": {first: value}}
    return dataclasses.replace(outcome, values={**outcome.values, first: worse}, info=info)


def _by_objectives(
    blank: Outcome, stats: TrainStats, lines: Sequence[Mapping[str, Any]], goals: Goals, *, rung: bool
) -> Outcome:
    names = [objective.metric for objective in goals.objectives]
    epochs = logged(lines)
    whole = [(epoch, values) for epoch, values in epochs if all(name in values for name in names)]
    if not whole:
        known = sorted({name for _, values in epochs for name in values})
        missing = next((name for name in names if name not in known), names[0])
        near = "".join(f'; did you mean "{name}"?' for name in near_names(missing, known, 1))
        reason = (
            f'"{missing}" was never logged together with the other objectives; logged were: {", ".join(known)}{near}'
        )
        return dataclasses.replace(blank, status=JobStatus.NO_SCORE, reason=reason)
    epoch, values = whole[-1] if rung else max(whole, key=lambda one: _larger_better(goals.objectives[0], one[1]))
    found = {name: float(values[name]) for name in names}
    info = {**blank.info, "judged_epoch": epoch}
    return penalised(dataclasses.replace(blank, status=JobStatus.OK, values=found, info=info), values, goals)


def _larger_better(objective: Objective, values: Mapping[str, float]) -> float:
    return -values[objective.metric] if objective.mode == "min" else values[objective.metric]


def _at(lines: Sequence[Mapping[str, Any]], epoch: int | None) -> dict[str, float]:
    return next((values for number, values in logged(lines) if number == epoch), {})


def _info(stats: TrainStats | None) -> dict[str, Any]:
    if stats is None or stats.epochs is None:
        return {}
    found: dict[str, Any] = {
        "best_epoch": stats.best_epoch,
        "epochs": list(stats.epochs),
        "key_metric": stats.key_metric,
    }
    return {**found, "stopped_early": True} if stats.stopped_early else found


def _no_score(stats: TrainStats) -> str:
    first, last = stats.epochs or (1, 1)
    return (
        f"nothing was validated with a key metric in the epochs {first} to {last}: "
        f"set num_interval_per_valid (the interval of ValidationHandler) to {last} or less, "
        "and give validate a key_metric"
    )
