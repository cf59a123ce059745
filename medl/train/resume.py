"""A training goes on where it was stopped: what is kept at the end of an epoch, and how it is taken up again.

No generator's state is kept: each epoch's random numbers follow from (seed, epoch, rank), so the seed is enough.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.handlers import ValidationHandler

from medl.errors import ConfigError, Problem
from medl.mmar.stats import RESUME_FILE
from medl.train.carried import Carried, put_back, without_functions
from medl.train.checkpoints import save_checkpoint
from medl.train.distributed import Ranks
from medl.train.kept_state import read_kept
from medl.train.start_from import Source, Start

_SHARE = 0.02
"""Of the training's time, the part that writing may take: where an epoch is too short for that, some are not kept."""


def read_progress(folder: Path, ranks: Ranks) -> dict[str, Any]:
    """Return what a stopped training kept, the same on all ranks; tensors are on the CPU.

    Args:
        folder: the folder of its checkpoints.
        ranks: this process; the first reads.

    Raises:
        ConfigError: there is nothing, or it cannot be read.
    """
    return read_kept(
        folder / RESUME_FILE,
        ranks,
        missing="--resume goes on from what a training kept at the end of an epoch, and there is no such file",
        remedy="Train without --resume to begin anew.",
    )


class Progress:
    """Keeps ``resume.pt`` as the epochs end, and starts a training from one.

    Attached after everything else that listens to the trainer's epochs.

    Args:
        folder: where the file lies.
        ranks: this process; only the first writes.
        seed: from which each epoch's random numbers follow.
        horizon: the config's ``epochs``.
        carried: what is kept.
        before: what :func:`read_progress` returned, or ``None`` for a training that begins.
        file: the config's name, for messages.
        source: what a training that begins starts from, or ``None``.
    """

    def __init__(
        self,
        folder: Path,
        ranks: Ranks,
        seed: int,
        horizon: int,
        carried: Carried,
        before: dict[str, Any] | None,
        file: str,
        source: Source | None = None,
    ):
        self.path = folder / RESUME_FILE
        self.ranks = ranks
        self.seed = seed
        self.horizon = horizon
        self.carried = carried
        self.before = before
        self.file = file
        self.source = source
        self._initial_lr: list[float] = []
        self._written_at = 0.0
        self._write_s = 0.0

    def attach(self, trainer: Engine) -> None:
        """Listen to a trainer; a training that goes on is set to where it stopped.

        Raises:
            ConfigError: the config does not fit what was kept.
        """
        groups = getattr(self.carried.optimizer, "param_groups", [])
        self._initial_lr = [float(group.get("initial_lr", group["lr"])) for group in groups]
        if self.source is not None:
            Start(self.source, self.carried, self.ranks, self.file).attach(trainer)
        if self.before is not None:
            self._fit(self.before)
            trainer.state.epoch = int(self.before["epoch"])
            trainer.state.iteration = int(self.before["iteration"])
            self._restore(self.before)
            for handler in self.carried.handlers["train"]:
                if isinstance(handler, ValidationHandler) and trainer.has_event_handler(handler, Events.STARTED):
                    trainer.remove_event_handler(handler, Events.STARTED)  # was done before the first epoch
        trainer.add_event_handler(Events.STARTED, self._start)
        if self.ranks.writes:
            trainer.add_event_handler(Events.EPOCH_COMPLETED, self)

    def _start(self, trainer: Engine) -> None:
        if self.before is not None:
            self._restore(self.before)  # again, after handlers that load first weights; now there is a scaler as well
        elif self.ranks.writes:
            self.path.unlink(missing_ok=True)  # another training's

    def __call__(self, trainer: Engine) -> None:
        """Keep the epoch that ends, unless the last one was kept so recently that it would take too long."""
        state, began = trainer.state, time.monotonic()
        last = trainer.should_terminate or (state.max_epochs is not None and state.epoch >= state.max_epochs)
        if not last and (began - self._written_at) * _SHARE < self._write_s:
            return
        save_checkpoint(self.path, self._kept(state))
        self._written_at = time.monotonic()
        self._write_s = self._written_at - began

    def _kept(self, state: Any) -> dict[str, Any]:
        carried = self.carried
        return {
            "seed": self.seed,
            "epoch": state.epoch,
            "iteration": state.iteration,
            "epoch_length": state.epoch_length,
            "horizon": self.horizon,
            "names": carried.names(),
            "initial_lr": self._initial_lr,
            "best": {
                name: [engine.state.best_metric, engine.state.best_metric_epoch]
                for name, engine in carried.bests().items()
            },
            "checkpoints": carried.keeper.state_dict(),
            "lines": carried.lines.state_dict(),
            **{name: without_functions(one.state_dict()) for name, one in carried.stateful().items()},
        }

    def _fit(self, before: dict[str, Any]) -> None:
        """Find out whether the config can go on from what was kept, as far as that is to be seen beforehand."""
        trainer, problems = self.carried.trainer, []
        names = self.carried.names()
        for key in sorted(names.keys() | before["names"].keys()):
            if names.get(key) != before["names"].get(key):
                rule = f"{RESUME_FILE} was written with the {key} {before['names'].get(key, 'left out')}"
                problems.append(self._problem(rule, f"train.{key}", names.get(key, "none")))
        if trainer.state.epoch_length is None:
            trainer.state.epoch_length = before["epoch_length"]  # as ignite counted it
        if trainer.state.epoch_length != before["epoch_length"]:
            rule = f"{RESUME_FILE} was written with {before['epoch_length']} iterations an epoch"
            problems.append(self._problem(rule, "train.dataloader", trainer.state.epoch_length))
        if trainer.state.max_epochs < before["epoch"]:
            rule = f"{RESUME_FILE} is of epoch {before['epoch']}, so the training has to end there or later"
            remedy = "Raise epochs or until_epoch, or train without --resume to begin anew."
            problems.append(Problem(rule, self.file, "epochs", trainer.state.max_epochs, remedy))
        if problems:
            raise ConfigError(problems)

    def _problem(self, rule: str, path: str, value: Any) -> Problem:
        return Problem(rule, self.file, path, value, "Go on with its config and data, or train without --resume.")

    def _restore(self, before: dict[str, Any]) -> None:
        carried = self.carried
        for name, one in carried.stateful().items():
            if name in before:
                put_back(name, one, before[name], self.path, self.file)
        for name, engine in carried.bests().items():
            if name in before["best"]:
                engine.state.best_metric, engine.state.best_metric_epoch = before["best"][name]
        carried.keeper.load_state_dict(before["checkpoints"])
        carried.lines.load_state_dict(before["lines"])


def inexact(dataset: Any, dataloader: Any, epoch_length: int | None) -> list[str]:
    """Return why a training that goes on may not be bit for bit what it would have been without the stop.

    Args:
        dataset: the training data.
        dataloader: its loader.
        epoch_length: iterations of an epoch.
    """
    found = []
    if getattr(dataloader, "persistent_workers", False):
        found.append("persistent_workers keep random numbers from epoch to epoch")
    if type(dataset).__name__.startswith("SmartCache"):
        found.append("SmartCacheDataset starts with its first items")
    try:
        whole = len(dataloader)
    except TypeError:
        whole = None
    if whole != epoch_length:
        found.append("the data that the last epoch had not come to are not taken up")
    return found
