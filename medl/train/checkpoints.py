"""Checkpoints: written whole or not at all, under the names that the verbs look for, also where no handler asks."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MethodType
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from ignite.handlers.checkpoint import BaseSaveHandler
from monai.handlers import CheckpointSaver

from medl.train.finite import number_of

BEST = "model.pt"
FINAL = "final_model.pt"


def save_checkpoint(path: Path, value: Any) -> None:
    """Write a checkpoint that ``torch.load(weights_only=True)`` reads; a reader sees the old file or the new one.

    Raises:
        OSError: the file cannot be written (full disk, read-only folder).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            _save(plain_state(value), stream, path)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _save(value: Any, stream: Any, path: Path) -> None:
    try:
        torch.save(value, stream)
    except RuntimeError as error:  # torch's writer says "unexpected pos" where the stream could not be written
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__cause__ or cause.__context__
        if isinstance(cause, OSError):
            raise OSError(cause.errno, cause.strerror, str(path)) from error
        if "unexpected pos" in str(error) or "file write failed" in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise


def plain_state(value: Any) -> Any:
    """Return a state in which numpy numbers are Python's and paths are text: ``weights_only`` refuses the others."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if type(value) is dict or (isinstance(value, Mapping) and not hasattr(value, "_metadata")):
        return {key: plain_state(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(plain_state(item) for item in value)
    return value


class AtomicSaver(BaseSaveHandler):
    """Where a CheckpointSaver's files go, in place of ignite's: whole files, the old best until the new one is there.

    Args:
        folder: the saver's ``save_dir``.
        filename: the fixed name, or ``None`` for ignite's own names.
    """

    def __init__(self, folder: Path, filename: str | None):
        self.folder = folder
        self.filename = filename
        self.written = False

    def __call__(self, checkpoint: Mapping[str, Any], filename: str, metadata: Mapping[str, Any] | None = None) -> None:
        """Write one checkpoint."""
        save_checkpoint(self.folder / (self.filename or filename), checkpoint)
        self.written = True

    def remove(self, filename: str) -> None:
        """Remove an old checkpoint; one of a fixed name is replaced by its successor instead."""
        if self.filename is None:
            (self.folder / filename).unlink(missing_ok=True)


def saver_defaults(args: dict[str, Any]) -> dict[str, Any]:
    """Return a CheckpointSaver's args with Clara's file names where the user gave none.

    Clara's verbs read ``model.pt`` and ``final_model.pt``; MONAI's own names carry the metric's value. A user's
    ``file_prefix`` or number of best checkpoints asks for MONAI's names.
    """
    args = dict(args)
    own = bool(args.get("file_prefix"))
    several = args.get("key_metric_n_saved") not in (None, 1)
    if args.get("save_key_metric") and args.get("key_metric_filename") is None and not own and not several:
        args["key_metric_filename"] = BEST
    if args.get("save_final") and args.get("final_filename") is None and not own:
        args["final_filename"] = FINAL
    return args


def make_atomic(saver: CheckpointSaver) -> CheckpointSaver:
    """Return the saver with its three kinds of files written by :class:`AtomicSaver`."""
    completed = saver.metrics_completed

    def scored(saver: CheckpointSaver, engine: Engine) -> None:
        value = number_of(saver._key_metric_checkpoint.score_function(engine))
        if value is None or value == value:  # NaN is no score, and would stay the best for ever
            completed(engine)

    saver.metrics_completed = MethodType(scored, saver)
    for name in ("_final_checkpoint", "_key_metric_checkpoint", "_interval_checkpoint"):
        checkpoint = getattr(saver, name, None)
        if checkpoint is not None:
            fixed = getattr(checkpoint.save_handler, "filename", None)
            checkpoint.save_handler = AtomicSaver(Path(saver.save_dir), fixed)
    return saver


class WeightsKeeper:
    """Writes the best and the last weights where the config's own handlers do not.

    Args:
        network: whose weights.
        conf: the config that goes with them.
        folder: the archive's folder of checkpoints.
        savers: the config's own CheckpointSavers, training's and validation's.
    """

    def __init__(self, network: torch.nn.Module, conf: Any, folder: Path, savers: Iterable[CheckpointSaver]):
        self.network = network
        self.conf = conf
        self.folder = folder
        self.savers = list(savers)
        self.best_saver = next((s for s in self.savers if self._name(s, "_key_metric_checkpoint")), None)
        self._best: tuple[int, float] | None = None
        self._best_written = False

    @property
    def best_path(self) -> Path:
        """Where the best weights are written."""
        if self.best_saver is None:
            return self.folder / BEST
        return Path(self.best_saver.save_dir) / str(self._name(self.best_saver, "_key_metric_checkpoint"))

    @staticmethod
    def _name(saver: CheckpointSaver, kind: str) -> str | None:
        """Return the fixed file name under which a saver writes that kind, or ``None``."""
        return getattr(getattr(getattr(saver, kind, None), "save_handler", None), "filename", None)

    def attach(self, engine: Engine) -> None:
        """Listen to an evaluator, after its own handlers."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Write the weights where this validation is the best so far and no saver of the config does."""
        if self.best_saver is not None or engine.state.best_metric_epoch == -1:
            return
        best = (engine.state.best_metric_epoch, float(engine.state.best_metric))
        if best != self._best:
            self._best = best
            self._write(self.folder / BEST)
            self._best_written = True

    def state_dict(self) -> dict[str, Any]:
        """Return which best weights are written, for a training that goes on."""
        saver = self.best_saver
        return {
            "best": None if self._best is None else list(self._best),
            "best_written": self._best_written,
            "saver_written": saver is not None and bool(saver._key_metric_checkpoint.save_handler.written),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what the training before had written."""
        self._best = None if state["best"] is None else (int(state["best"][0]), float(state["best"][1]))
        self._best_written = bool(state["best_written"])
        if self.best_saver is not None:
            self.best_saver._key_metric_checkpoint.save_handler.written |= bool(state["saver_written"])

    def finish(self) -> None:
        """Write what is still missing at the end of a training."""
        if not any(getattr(s, "_final_checkpoint", None) is not None for s in self.savers):
            self._write(self.folder / FINAL)
        saver = self.best_saver
        if saver is None:
            if not self._best_written:
                self._write(self.folder / BEST)
        elif not saver._key_metric_checkpoint.save_handler.written:
            self._write(self.best_path)

    def finish_early(self, trainer: Engine, stop: BaseException) -> None:
        """Write the last weights of a training that was asked to stop: by the config's savers, else under our name.

        Args:
            trainer: the engine that was stopped.
            stop: what stopped it.
        """
        final = [saver for saver in self.savers if getattr(saver, "_final_checkpoint", None) is not None]
        for saver in final:
            with contextlib.suppress(type(stop)):
                saver.exception_raised(trainer, stop)  # writes, then raises what it was given
        if not final:
            self._write(self.folder / FINAL)

    def _write(self, path: Path) -> None:
        save_checkpoint(path, {"model": self.network.state_dict(), "train_conf": self.conf.state_dict()})
