"""Keeps the best archives of a run, and nothing that is not needed. The only code that deletes anything."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

from medl.automl.api import Handler
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome
from medl.mmar.stats import RESUME_FILE, models_folder

KEY_CONTENT = ("config", "log.txt", "models", "record.json")
"""What ``key_mmar_content_only`` keeps of a finished job."""


class MMARHandler(Handler):
    """Keeps the best jobs' archives, copies the best one to ``best/``, stops the run at a score that is good enough.

    ===================== ========= ==============================================================================
    arg                   default   meaning
    ===================== ========= ==============================================================================
    num_mmars_to_keep     5         archives of jobs with a score that stay, best first; null keeps all
    stop_threshold        null      a score at which the run stops; null: none
    train_config_file     null      the config under config/ that is searched; null: what ``trainconf`` says
    work_dir              null      parent of the run's folder, relative to the archive; null: ``automl``
    key_mmar_content_only false     of a kept job only config/, log.txt, models/ and record.json stay
    ===================== ========= ==============================================================================

    Archives of jobs without a score stay: their logs say why. A job that the controller still needs stays whole. Of
    every other job that has ended ``resume.pt`` goes, from which nothing will go on and which with Adam is three times
    as large as the weights; ``best/`` has none.
    Deleted are folders of jobs that this run ended, directly inside the run's folder; the trace names each.

    Raises:
        ValueError: an argument breaks its rule.
    """

    def __init__(
        self,
        num_mmars_to_keep: int | None = 5,
        stop_threshold: float | None = None,
        train_config_file: str | None = None,
        work_dir: str | None = None,
        key_mmar_content_only: bool = False,
    ):
        number = num_mmars_to_keep
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
            raise ValueError(f"num_mmars_to_keep must be a whole number of at least 1, or null, but got {number!r}")
        score = stop_threshold
        if score is not None and (isinstance(score, bool) or not isinstance(score, int | float)):
            raise ValueError(f"stop_threshold must be a number, or null, but got {score!r}")
        for name, text in (("train_config_file", train_config_file), ("work_dir", work_dir)):
            if text is not None and (not isinstance(text, str) or not text):
                raise ValueError(f"{name} must be a name that is not empty, or null, but got {text!r}")
        if not isinstance(key_mmar_content_only, bool):
            raise ValueError(f"key_mmar_content_only must be true or false, but got {key_mmar_content_only!r}")
        self.num_mmars_to_keep = number
        self.stop_threshold = stop_threshold
        self.train_config_file = train_config_file
        self.work_dir = work_dir
        self.key_mmar_content_only = key_mmar_content_only
        # jobs end in threads of their own, so all below is touched under the lock
        self._lock = threading.Lock()
        self._scores: dict[str, float] = {}
        self._recorded: set[str] = set()
        self._lean: set[str] = set()  # jobs whose resume.pt is gone
        self._best: str | None = None

    def start_automl(self, ctx: Context) -> None:
        """Take up what an earlier process of this run left: its scores, its best job, a swap it did not finish."""
        root = _run_root(ctx)
        with self._lock:
            self._scores = _recorded_scores(ctx)
            self._recorded = set(self._scores)
            self._lean = set()
            self._best = None
            for leftover in root.glob(".*.removing"):
                shutil.rmtree(leftover)
            if (root / ".best.old").is_dir() and not (root / "best").exists():
                os.rename(root / ".best.old", root / "best")
            self._keep_best(root, ctx)
            self._tidy(root, ctx)
            self._stop_if_good_enough(ctx)

    def end_job(self, ctx: Context) -> None:
        """Take the job's score; copy its archive where it is the best so far."""
        outcome: Outcome | None = ctx.get_prop(ContextKey.OUTCOME)
        if outcome is None or outcome.status is not JobStatus.OK or not outcome.values:
            return
        with self._lock:
            self._scores[ctx.get_prop(ContextKey.JOB_NAME)] = outcome.score
            self._keep_best(_run_root(ctx), ctx)
            self._stop_if_good_enough(ctx)

    def outcome_recorded(self, ctx: Context) -> None:
        """Remove what is not among the best, now that the record and the controller have the job's outcome."""
        with self._lock:
            self._recorded.add(ctx.get_prop(ContextKey.JOB_NAME))
            self._tidy(_run_root(ctx), ctx)

    def end_automl(self, ctx: Context) -> None:
        """Remove what nothing needs any more."""
        with self._lock:
            self._keep_best(_run_root(ctx), ctx)  # a full disk may have kept it from being copied
            self._tidy(_run_root(ctx), ctx)

    def _ranking(self) -> list[str]:
        """Return the jobs with a score, best first, the earlier first where scores are equal."""
        return sorted(self._scores, key=lambda job: (-self._scores[job], _number(job)))

    def _keep_best(self, root: Path, ctx: Context) -> None:
        ranking = self._ranking()
        if not ranking or ranking[0] == self._best:
            return
        job = ranking[0]
        if _job_of(root / "best") == job:
            self._best = job
        elif (root / job).is_dir():
            _swap_in(root / job, root / "best")
            self._best = job
            ctx.trace(self, f"best is {job}, score {self._scores[job]:.4f}")

    def _stop_if_good_enough(self, ctx: Context) -> None:
        if self.stop_threshold is None or not self._scores:
            return
        job = self._ranking()[0]
        if self._scores[job] >= self.stop_threshold:
            ctx.stop_work(self, f"{job} reached {self._scores[job]:.4f}, stop_threshold is {self.stop_threshold}")

    def _tidy(self, root: Path, ctx: Context) -> None:
        needed = frozenset(ctx.get_prop(ContextKey.NEEDED_JOBS, ()))
        ranking = self._ranking()
        kept = len(ranking) if self.num_mmars_to_keep is None else self.num_mmars_to_keep
        for place, job in enumerate(ranking):
            if job not in self._recorded or job in needed:
                continue
            if place >= kept:
                self._remove(root / job, root, f"score {self._scores[job]:.4f} is not among the best {kept}", ctx)
            elif self.key_mmar_content_only and (root / job).is_dir() and (place or job == self._best):
                for entry in sorted((root / job).iterdir()):
                    if entry.name not in KEY_CONTENT:
                        self._remove(entry, root, "not key content of an archive", ctx)

        for job in sorted(self._recorded - self._lean - needed):
            self._lean.add(job)
            path = _resume_file(root / job)
            if path is not None:
                self._remove(path, root, "nothing will go on from it", ctx)

    def _remove(self, path: Path, root: Path, why: str, ctx: Context) -> None:
        """Delete a file or folder inside the run, never through a link; renamed first, so that no half is mistaken."""
        if not os.path.lexists(path):
            return
        if not path.parent.resolve().is_relative_to(root.resolve()) or (path.parent == root and path.is_symlink()):
            ctx.trace(self, f"left {path}: it is not a folder of this run", print_to_console=True)
            return
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        else:
            doomed = root / f".{path.parent.name}.{path.name}.removing"
            os.rename(path, doomed)
            shutil.rmtree(doomed)
        ctx.trace(self, f"removed {path.relative_to(root)}: {why}")


def _run_root(ctx: Context) -> Path:
    return Path(ctx.get_prop(ContextKey.RUN_ROOT))


def _number(job: str) -> int:
    """Return the global number in a job's name (``W1_2_J5`` -> 5), or a large one where there is none."""
    tail = job.rpartition("_J")[2]
    return int(tail) if tail.isdigit() else 1 << 62


def _recorded_scores(ctx: Context) -> dict[str, float]:
    """Return the scores of the jobs that the run's record holds."""
    return dict(ctx.get_prop(ContextKey.RECORDED_SCORES, {}))


def _job_of(archive: Path) -> str | None:
    """Return the job whose copy an archive is, by its record."""
    try:
        record = json.loads((archive / "record.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    job = record.get("job") if isinstance(record, dict) else None
    return job if isinstance(job, str) else None


def _resume_file(job: Path) -> Path | None:
    """Return what a job kept to go on from, where it lies inside the job's folder."""
    try:
        record = json.loads((job / "record.json").read_text(encoding="utf-8"))
        variables = {**record["config"], **record["environment"]}
    except (OSError, ValueError, KeyError, TypeError):
        variables = {}
    path = models_folder(job, variables) / RESUME_FILE
    return path if path.is_file() and path.resolve().is_relative_to(job.resolve()) else None


def _swap_in(source: Path, target: Path) -> None:
    """Make ``target`` a copy of ``source``; a reader sees the old copy, the new one or, for an instant, none.

    A copy and no hard links: a job that is rerun by hand writes into its own files.
    """
    partial, old = target.with_name(f".{target.name}.partial"), target.with_name(f".{target.name}.old")
    for leftover in (partial, old):
        if leftover.exists():
            shutil.rmtree(leftover)
    shutil.copytree(source, partial, symlinks=True, ignore=shutil.ignore_patterns(RESUME_FILE))
    if target.exists():
        os.rename(target, old)
    os.rename(partial, target)
    if old.exists():
        shutil.rmtree(old)
