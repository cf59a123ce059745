"""What is said at the end of a run: its table, the best archive, the gain, and what to type next."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medl.automl.defs import JobStatus
from medl.automl.summary import best_lines, text
from medl.mmar.archive import MMAR
from medl.mmar.run_folder import RunFolder


def ending(
    summary: Mapping[str, Any],
    mmar: MMAR,
    folder: RunFolder,
    *,
    workers: str = "",
    data: str = "",
    kept: int | None = None,
    already: bool = False,
    train_file: str = "config_train.json",
    automl_file: str = "config_automl.json",
    words: Sequence[str] = (),
) -> str:
    """Return the last lines of a search.

    Args:
        summary: of the run.
        mmar: the archive.
        folder: the run's folder.
        workers: as they were asked for, to be asked for again.
        data: what the data list says of itself.
        kept: ``num_mmars_to_keep`` of MMARHandler; ``None``: all archives stay.
        already: whether the run had ended before this call.
        train_file: the searched config, under config/.
        automl_file: the search's config, under config/.
        words: of ``--set``, to be given again.
    """
    lines = ["", text(summary), ""]
    if best := best_lines(summary):
        lines += best
        place = folder.best if folder.best.is_dir() else folder.job(summary["best"]).root
        lines.append(f"best archive: {_near(place)}")
    else:
        lines.append(_without_score(summary))
    jobs = list(dict.fromkeys(row["job"] for row in summary["jobs"] if row["job"] is not None))
    there = sum(folder.job(job).root.is_dir() for job in jobs)
    if kept is not None and there < len(jobs):
        lines.append(f"archives kept: {there} of {len(jobs)} (num_mmars_to_keep of MMARHandler is {kept})")
    if data:
        lines.append(f"data: {data}")
    if already:
        lines.append(f"the run {folder.run_id} had ended before: nothing was trained")
    lines += ["", *_next(summary, mmar, folder, train_file, _again(automl_file), _settings(workers, words))]
    return "\n".join(lines)


def _without_score(summary: Mapping[str, Any]) -> str:
    if any(row["status"] in (JobStatus.FAILED, JobStatus.NO_SCORE) for row in summary["jobs"]):
        return "no job has a score; each job's log.txt says why"
    if summary["status"] == "interrupted":
        return "no job has a score yet: the run was interrupted before; the same command goes on"
    if summary["status"] == "failed":
        return "no job has a score yet: the controller broke before; once it is mended, the same command goes on"
    return "no job has a score: none came to its end"


def _again(automl_file: str) -> str:
    """Return the option that the same search needs, or an empty text."""
    return "" if automl_file == "config_automl.json" else f" --automlconf {shlex.quote(automl_file)}"


def _settings(workers: str, words: Sequence[str]) -> str:
    """Return the settings that the same search needs, for the shell, all but its run_id: of each name the last."""
    given = {word.partition("=")[0]: word for word in words if "=" in word}
    if workers:
        given = {"workers": f"workers={workers}", **{k: v for k, v in given.items() if k != "workers"}}
    given.pop("run_id", None)
    return "".join(f" {shlex.quote(word)}" for word in given.values())


def _next(
    summary: Mapping[str, Any], mmar: MMAR, folder: RunFolder, train_file: str, option: str, more: str
) -> list[str]:
    python, root = _near(Path(sys.executable)), _near(mmar.root)
    script = mmar.commands / "automl.sh"
    start = _near(script) if script.is_file() else f"{python} -m medl.apps.automl.train -m {root}"
    start += option
    rows: list[tuple[str, str]] = []
    ended = [row for row in summary["jobs"] if row["job"] is not None and row["status"] != JobStatus.INTERRUPTED]
    if ended and all(row["status"] == JobStatus.FAILED for row in ended):
        log = next((log for row in ended if (log := folder.job(row["job"]).log).is_file()), None)
        if log is not None:
            rows.append(("see why the first failed", f"less {_near(log)}"))
        rows.append(("mend the config", _near(mmar.config / train_file)))
    if summary["status"] in ("interrupted", "failed"):
        rows.append(("go on with this run", f"{start} --set run_id={folder.run_id}{more}"))
    rows.append(("start another", f"{start} --set run_id={next_run_id(folder)}{more}"))
    if summary["best"] is not None and (again := folder.job(summary["best"]).round_script).is_file():
        rows.append(("train the best again", f"bash {_near(again)}"))
    if folder.root.parent.resolve() == mmar.runs.resolve():
        rows.append(("see this table", f"{python} -m medl.apps.automl.summary -m {root} run_id={folder.run_id}"))
    rows.append(("see the curves", f"{python} -m tensorboard.main --logdir {_near(folder.root)}"))
    width = max(len(what) for what, _ in rows)
    return ["what to type next:", *(f"  {what:<{width}}  {command}" for what, command in rows)]


def _near(path: Path) -> str:
    """Return a path for the shell, relative to the current folder where it lies inside."""
    shown = path.absolute()
    here = Path.cwd()
    if shown.is_relative_to(here):
        shown = shown.relative_to(here)
    return shlex.quote(str(shown))


def next_run_id(folder: RunFolder) -> str:
    """Return a run_id that is free: the next letter after a single one, else a number behind the name."""
    parent: Path = folder.root.parent
    run_id = folder.run_id
    if len(run_id) == 1 and run_id.isascii() and run_id.islower():
        for code in range(ord(run_id) + 1, ord("z") + 1):
            if not (parent / chr(code)).exists():
                return chr(code)
    stem = run_id.rstrip("0123456789") or f"{run_id}-"
    number = int(run_id[len(stem) :] or 1) + 1
    while (parent / f"{stem}{number}").exists():
        number += 1
    return f"{stem}{number}"
