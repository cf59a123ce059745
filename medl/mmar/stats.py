"""What a training leaves for programs: a line per epoch while it runs, and a summary when it ends.

Both files lie in the folder of the checkpoints (``MMAR_CKPT_DIR``, by default ``models/``). They are all that a
training and the engine of a search share. Forms: ``config/metrics.schema.json``, ``config/train_stats.schema.json``.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from medl.errors import MedlError
from medl.mmar.files import write_json, write_text

METRICS_FILE = "metrics.jsonl"
STATS_FILE = "train_stats.json"
RESUME_FILE = "resume.pt"
"""What ``--resume`` goes on from: the last epoch that was kept, beside the checkpoints."""
SIZES = ("params_m", "gflops", "memory_mb")
"""What can be measured of a network before it is trained; ``medl/train/network_size.py`` says what each is."""
STOP_FILE = "stop_early"
"""Who makes it asks a training to end with the epoch that it is in."""
HEARTBEAT_FILE = "heartbeat"
"""Its time is when a training last showed a sign of life; it is empty, and gone when the training has ended."""


@dataclass(frozen=True)
class TrainStats:
    """How a training ended.

    Attributes:
        status: ``no_score`` where nothing was validated with a key metric; ``rejected`` where the network broke a limit
            of its size and was not trained.
        key_metric: the name of the metric that chooses the best checkpoint, or ``None``.
        best_metric: its best validation value, or ``None``; finite.
        best_epoch: the epoch of that value (1-based), or ``None``.
        epochs: the first and the last epoch that were trained (1-based, inclusive); ``None`` where none was.
        max_epoch: the epoch at which this training had to stop.
        horizon: the config's ``epochs``, to which the learning rate's schedule reaches; at least ``max_epoch``.
        history: metric name to epoch (as text) to value, validations of these epochs only.
        stopped_early: whether it ended before ``max_epoch`` because somebody asked for it.
        measured: name of a size of the network to its value, where limits ask for it.
        reason: which limits were broken, for people.
        timings: wall seconds: ``import_s``, ``build_s``, ``train_s`` (without validation), ``validate_s``, ``total_s``.
    """

    status: Literal["ok", "no_score", "rejected"]
    epochs: tuple[int, int] | None
    max_epoch: int
    horizon: int
    key_metric: str | None = None
    best_metric: float | None = None
    best_epoch: int | None = None
    history: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    stopped_early: bool = False
    measured: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""

    @property
    def last_metric(self) -> float | None:
        """The key metric at the last epoch that was validated, or ``None``."""
        values = self.history.get(self.key_metric or "", {})
        return values[max(values, key=int)] if values else None


def models_folder(root: Path, variables: Mapping[str, Any]) -> Path:
    """Return the folder of an archive's checkpoints: ``MMAR_CKPT_DIR`` of the resolved variables, else ``models/``.

    Args:
        root: the archive's folder, absolute (a value that was joined to it already must not be joined again).
        variables: the resolved variables.
    """
    return root / str(variables.get("MMAR_CKPT_DIR") or "models")


def write_stats(folder: Path, stats: TrainStats) -> None:
    """Write ``train_stats.json`` so that a reader sees all of it or nothing.

    Raises:
        ValueError: a value is NaN or infinite.
    """
    write_json(folder / STATS_FILE, dataclasses.asdict(stats))


def read_stats(folder: Path) -> TrainStats | None:
    """Return what a training said of itself at its end, or ``None`` where it has not (yet) ended well.

    Raises:
        MedlError: the file is there but is not what :func:`write_stats` writes.
    """
    path = folder / STATS_FILE
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise MedlError(f"{path} is not JSON ({error}); train again to have it written anew.") from error
    known = {f.name for f in dataclasses.fields(TrainStats)}
    try:
        stats = TrainStats(**{name: value[name] for name in known if name in value})
        epochs = None
        if stats.epochs is not None:
            first, last = stats.epochs
            epochs = (first, last)
    except (TypeError, ValueError) as error:
        raise MedlError(
            f"{path} is not a training's statistics ({error}); train again to have it written anew."
        ) from error
    return dataclasses.replace(stats, epochs=epochs)


def append_metrics(folder: Path, line: Mapping[str, Any]) -> None:
    """Append one epoch to ``metrics.jsonl``, in a single write.

    Args:
        folder: where the file lies; must exist.
        line: ``epoch``, ``max_epoch``, ``time_s``, ``losses``, ``lr`` and, when validated, ``metrics``.

    Raises:
        ValueError: a value is NaN or infinite.
        OSError: no space is left.
    """
    data = (json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n").encode()
    descriptor = os.open(folder / METRICS_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / METRICS_FILE))
    finally:
        os.close(descriptor)


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the epochs written so far, oldest first; a last line that is not complete yet is left out.

    Raises:
        MedlError: a line before the last one is damaged.
    """
    path = folder / METRICS_FILE
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    lines = text.split("\n")[:-1]  # what follows the last newline is empty, or a line that is being written
    found: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        try:
            value = json.loads(line)
            if not isinstance(value, dict):
                raise ValueError("not an object")
        except ValueError as error:
            if number == len(lines):
                break
            raise MedlError(f"{path}, line {number} is damaged ({error}).") from error
        found.append(value)
    return found


def keep_metrics(folder: Path, epoch: int) -> None:
    """Leave in ``metrics.jsonl`` the epochs up to ``epoch``, and remove ``train_stats.json``: a training goes on there.

    Raises:
        MedlError: a line before the last one is damaged.
    """
    lines = [line for line in read_metrics(folder) if line.get("epoch", 0) <= epoch]
    write_text(folder / METRICS_FILE, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    (folder / STATS_FILE).unlink(missing_ok=True)


def clear_stats(folder: Path) -> None:
    """Remove both files: a training that begins must not be taken for the one before it."""
    for name in (METRICS_FILE, STATS_FILE):
        (folder / name).unlink(missing_ok=True)
