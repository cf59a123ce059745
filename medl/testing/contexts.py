"""Contexts as the engine hands them to handlers and executors, in folders that exist."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, Recommendation, SearchResult, SearchSpace
from medl.automl.unit_cube import from_unit
from medl.testing.spaces import MIXED


def first_points(space: SearchSpace, count: int) -> list[Recommendation]:
    """Return ``count`` different ids with points of the space: first choices, and numbers spread over their ranges."""
    found = []
    for number in range(count):
        share = (number + 0.5) / count
        values: dict[str, int | float] = {}
        for parameter in space.parameters:
            if parameter.kind == "enum":
                values[parameter.prl] = number % len(parameter.targets)
            else:
                values[parameter.prl] = from_unit(parameter, share)
        found.append(Recommendation(f"T{number + 1}", SearchResult(space, space.active(values))))
    return found


def run_context(root: Path, space: SearchSpace = MIXED, workers: int = 2) -> Context:
    """Return the context of a run on an archive below ``root``; ``automl/contract`` is the run's folder."""
    archive = root / "archive"
    run_root = archive / "automl" / "contract"
    for folder in (archive / "config", run_root):
        folder.mkdir(parents=True, exist_ok=True)
    for name in ("config_train.json", "environment.json", "config_automl.json"):
        (archive / "config" / name).write_text("{}\n", encoding="utf-8")
    ctx = Context()
    ctx.set_trace("file", run_root / "trace.txt")
    ctx.set_prop(ContextKey.MMAR_ROOT, str(archive))
    ctx.set_prop(ContextKey.AUTOML_ROOT, str(archive / "automl"))
    ctx.set_prop(ContextKey.RUN_ROOT, str(run_root))
    ctx.set_prop(ContextKey.NUM_WORKERS, workers)
    ctx.set_prop(ContextKey.SEARCH_SPACE, space)
    ctx.set_prop(ContextKey.NEEDED_JOBS, frozenset())
    return ctx


def announce(ctx: Context, recommendations: Sequence[Recommendation]) -> None:
    """Set what ``recommendations_available`` reads."""
    ctx.set_prop(ContextKey.RECOMMENDATIONS, list(recommendations))


def job_context(
    run: Context, recommendation: Recommendation, number: int, worker: int = 1, attempt: int = 1
) -> Context:
    """Return the context of job ``number`` as ``start_job`` and ``execute`` see it."""
    ctx = Context(run)
    ctx.set_prop(ContextKey.JOB_NAME, f"W{worker}_{number}_J{number}")
    ctx.set_prop(ContextKey.WORKER_NAME, f"W{worker}")
    ctx.set_prop(ContextKey.GPUS, [worker - 1])
    ctx.set_prop(ContextKey.ATTEMPT, attempt)
    ctx.set_prop(ContextKey.THREADS, 1)
    ctx.set_prop(ContextKey.RECOMMENDATION, recommendation)
    ctx.set_prop(ContextKey.CONCRETE_SEARCH_VALUE, recommendation.result.concrete())
    ctx.set_prop(ContextKey.JOB_START_TIME, datetime.now(timezone.utc).isoformat())
    ctx.set_prop(ContextKey.JOB_STATUS, JobStatus.RUNNING)
    return ctx


def end_job(ctx: Context, outcome: Outcome) -> None:
    """Set what ``end_job`` reads, and leave the folder that a job leaves."""
    folder = Path(ctx.get_prop(ContextKey.RUN_ROOT)) / ctx.get_prop(ContextKey.JOB_NAME)
    for name in ("config/config_train.json", "models/model.pt", "log.txt", "eval/seg.nii.gz"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}\n", encoding="utf-8")
    ctx.set_prop(ContextKey.JOB_MMAR_ROOT, str(folder))
    ctx.set_prop(ContextKey.JOB_END_TIME, datetime.now(timezone.utc).isoformat())
    ctx.set_prop(ContextKey.OUTCOME, outcome)
    ctx.set_prop(ContextKey.JOB_STATUS, outcome.status)
    ctx.set_prop(ContextKey.SCORE, outcome.score)
