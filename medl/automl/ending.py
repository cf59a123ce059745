"""What is said at the end of a run: its table, the best archive, the gain, and what to type next."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medl.automl.summary import gain, text
from medl.mmar.archive import MMAR
from medl.mmar.run_folder import RunFolder


def ending(
    summary: Mapping[str, Any],
    mmar: MMAR,
    folder: RunFolder,
    *,
    workers: str = "",
    data: str = "",
    already: bool = False,
) -> str:
    """Return the last lines of a search.

    Args:
        summary: of the run.
        mmar: the archive.
        folder: the run's folder.
        workers: as they were asked for, to be asked for again.
        data: what the data list says of itself.
        already: whether the run had ended before this call.
    """
    lines = ["", text(summary), ""]
    best = next((row for row in summary["jobs"] if row["job"] is not None and row["job"] == summary["best"]), None)
    if best is not None:
        place = folder.best if folder.best.is_dir() else folder.job(best["job"]).root
        lines.append(f"best: {best['job']}, score {best['score']:.4f}, {_against_baseline(summary)}")
        lines.append(f"best archive: {_near(place)}")
    else:
        lines.append("no job has a score; each job's log.txt says why")
    if data:
        lines.append(f"data: {data}")
    if already:
        lines.append(f"the run {folder.run_id} had ended before: nothing was trained")
    lines += ["", *_next(summary, mmar, folder, workers)]
    return "\n".join(lines)


def _against_baseline(summary: Mapping[str, Any]) -> str:
    difference = gain(summary)
    if difference is None:
        return "no baseline to compare with"
    if summary["best"].endswith("_J0"):
        return "which is the baseline: no job was better"
    return f"{difference:+.4f} over the baseline"


def _next(summary: Mapping[str, Any], mmar: MMAR, folder: RunFolder, workers: str) -> list[str]:
    python, root = _near(Path(sys.executable)), _near(mmar.root)
    script = mmar.commands / "automl.sh"
    start = _near(script) if script.is_file() else f"{python} -m medl.apps.automl.train -m {root}"
    more = f" workers={workers}" if workers else ""
    rows: list[tuple[str, str]] = []
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
