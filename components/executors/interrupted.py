"""What an attempt that did not come to its end leaves to the next one: its checkpoints and the epochs it has logged."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

from medl.mmar.files import write_text
from medl.mmar.run_folder import RunFolder
from medl.mmar.stats import HEARTBEAT_FILE, METRICS_FILE, RESUME_FILE, STATS_FILE, STOP_FILE

_OF_THE_ATTEMPT = (HEARTBEAT_FILE, STATS_FILE, STOP_FILE)
"""Files that tell of the attempt itself."""


def set_aside(target: Path, run: RunFolder, job: str, attempt: int) -> Path:
    """Move the folder of an attempt away, and return where to: its user may want to see what is in it.

    Args:
        target: the job's folder.
        run: whose job it is.
        job: its name.
        attempt: number of the attempt that the folder is of.
    """
    place = run.superseded(job, max(attempt, 0))
    number = 1
    while place.exists():
        place = place.with_name(f"{run.superseded(job, max(attempt, 0)).name}-{number}")
        number += 1
    shutil.move(target, place)
    for half in place.rglob(".*.tmp"):  # what it was writing when it was killed
        half.unlink(missing_ok=True)
    return place


def left_by(run: RunFolder, job: str, models: Path) -> list[Path]:
    """Return the folders of checkpoints of a job's earlier attempts that kept an epoch, the latest first.

    Args:
        run: whose job it is.
        job: its name.
        models: folder of the checkpoints, relative to the job's.
    """
    pattern = f"{run.superseded(job, 0).name.removesuffix('0')}[0-9]*"
    found = [place / models / RESUME_FILE for place in run.root.glob(pattern)]
    kept = [path for path in found if path.is_file() and path.resolve().is_relative_to(run.root.resolve())]
    return [path.parent for path in sorted(kept, key=lambda path: path.stat().st_mtime_ns, reverse=True)]


def torn(path: Path) -> str:
    """Return why a checkpoint cannot be read, or an empty text where every byte of it is as it was written.

    torch writes a zip with checksums, so torch is not needed to tell.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            wrong = archive.testzip()
    except (OSError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile) as error:
        return " ".join(str(error).split()) or type(error).__name__
    return "" if wrong is None else f"{wrong} is damaged"


def take_over(before: Path, folder: Path) -> None:
    """Give a new attempt what the one before left, so that ``--resume`` goes on there; the old one loses resume.pt.

    Args:
        before: folder of the checkpoints of the attempt before.
        folder: that of the new one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(before.rglob("*")):
        name = path.relative_to(before)
        if path.is_symlink() or not path.is_file() or path.name in _OF_THE_ATTEMPT or path.name.startswith("."):
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if path.name == METRICS_FILE:  # lines are appended to it, so it is no second name of the old one
            write_text(folder / name, path.read_text(encoding="utf-8", errors="replace"))
        elif path.name != RESUME_FILE:
            second_name(path, folder / name)
    second_name(before / RESUME_FILE, folder / RESUME_FILE)
    (before / RESUME_FILE).unlink()


def second_name(source: Path, target: Path) -> None:
    """Give a file a second name, else a copy. Checkpoints are replaced and never written into, so neither changes."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
