"""A training goes on where it was stopped: what is kept at the end of an epoch, and how it is taken up again.

No generator's state is kept: each epoch's random numbers follow from (seed, epoch, rank), so the seed is enough.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ignite.base import Serializable
from ignite.engine import Engine, Events
from monai.handlers import ValidationHandler

from medl.conf.sections import SECTIONS
from medl.errors import ConfigError, Problem
from medl.mmar.stats import RESUME_FILE
from medl.train.checkpoints import WeightsKeeper, save_checkpoint
from medl.train.distributed import Ranks
from medl.train.first_weights import differences
from medl.train.metrics_lines import MetricsLines

_SHARE = 0.02
"""Of the training's time, the part that writing may take: where an epoch is too short for that, some are not kept."""
_KEYS = frozenset({"seed", "epoch", "iteration", "epoch_length", "horizon", "model", "names"})
"""What every such file has."""


def read_progress(folder: Path, ranks: Ranks) -> dict[str, Any]:
    """Return what a stopped training kept, the same on all ranks; tensors are on the CPU.

    Args:
        folder: the folder of its checkpoints.
        ranks: this process; the first reads.

    Raises:
        ConfigError: there is nothing, or it cannot be read.
    """
    path = folder / RESUME_FILE
    found: dict[str, Any] | Problem = _read(path) if ranks.writes else {}
    found = ranks.from_first(found)
    if isinstance(found, Problem):
        raise ConfigError(found)
    return found


def _read(path: Path) -> dict[str, Any] | Problem:
    again = "Train without --resume to begin anew."
    if not path.is_file():
        rule = "--resume goes on from what a training kept at the end of an epoch, and there is no such file"
        return Problem(rule, file=str(path), remedy=again)
    try:
        value = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        said = str(error).strip().split("\n")[0].rstrip(". ") or "it is empty"
        return Problem(f"it cannot be read ({type(error).__name__}: {said})", file=str(path), remedy=again)
    if not isinstance(value, dict) or not value.keys() >= _KEYS:
        return Problem("it is not what a training keeps to go on from", file=str(path), remedy=again)
    return value


@dataclass(frozen=True)
class Carried:
    """The objects of a training whose state goes from one process to the next.

    Attributes:
        trainer: MONAI's.
        evaluator: MONAI's, or ``None``.
        network: the network of the config.
        optimizer: the trainer's, or ``None``.
        lr_scheduler: the config's, or ``None``.
        loss: the config's; its state counts where it is a module.
        handlers: the config's handlers by section.
        keeper: the checkpoints that no handler of the config writes.
        lines: the history.
    """

    trainer: Any
    evaluator: Any
    network: torch.nn.Module
    optimizer: Any
    lr_scheduler: Any
    loss: Any
    handlers: Mapping[str, list[Any]]
    keeper: WeightsKeeper
    lines: MetricsLines

    def stateful(self) -> dict[str, Any]:
        """Return by name what has a ``state_dict``; names are the same for the same config."""
        found = {"model": self.network, "optimizer": self.optimizer, "lr_scheduler": self.lr_scheduler}
        if isinstance(self.loss, torch.nn.Module) and self.loss.state_dict():
            found["loss"] = self.loss
        found["scaler"] = getattr(self.trainer, "scaler", None)  # a trainer makes it when it starts
        found |= {f"handler {name}": one for name, one in _stateful_handlers(self.handlers)}
        return {name: one for name, one in found.items() if one is not None}

    def names(self) -> dict[str, str]:
        """Return the classes whose states do not fit each other's."""
        kinds = {"optimizer": self.optimizer, "lr_scheduler": self.lr_scheduler}
        return {key: type(one).__name__ for key, one in kinds.items() if one is not None}

    def bests(self) -> dict[str, Any]:
        """Return by name the engines whose best metric counts."""
        return {name: engine for name, engine in (("train", self.trainer), ("validate", self.evaluator)) if engine}


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
    ):
        self.path = folder / RESUME_FILE
        self.ranks = ranks
        self.seed = seed
        self.horizon = horizon
        self.carried = carried
        self.before = before
        self.file = file
        self._written_at = 0.0
        self._write_s = 0.0

    def attach(self, trainer: Engine) -> None:
        """Listen to a trainer; a training that goes on is set to where it stopped.

        Raises:
            ConfigError: the config does not fit what was kept.
        """
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
        last = state.max_epochs is not None and state.epoch >= state.max_epochs
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
            "best": {
                name: [engine.state.best_metric, engine.state.best_metric_epoch]
                for name, engine in carried.bests().items()
            },
            "checkpoints": carried.keeper.state_dict(),
            "lines": carried.lines.state_dict(),
            **{name: _without_functions(one.state_dict()) for name, one in carried.stateful().items()},
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
            if name not in before:
                continue
            try:
                one.load_state_dict(_with_counters(before[name], one))
            except (RuntimeError, ValueError, KeyError) as error:
                said = differences(error) or str(error).strip().split("\n")[0].rstrip(".")
                rule = f"the {name} in {self.path} does not fit: {said}"
                remedy = "Go on with the config that it was trained with, or train without --resume to begin anew."
                path = f"train.{name}" if name in ("model", "optimizer", "lr_scheduler", "loss") else "train"
                raise ConfigError(Problem(rule, self.file, path, remedy=remedy)) from error
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


def _stateful_handlers(handlers: Mapping[str, list[Any]]) -> Iterator[tuple[str, Any]]:
    """Give what keeps a state among the handlers, or inside one: best checkpoints, the counter of an early stop."""
    for section in SECTIONS:
        for index, handler in enumerate(handlers.get(section, ())):
            if callable(getattr(handler, "state_dict", None)) and hasattr(handler, "load_state_dict"):
                yield f"{section}[{index}]", handler
                continue
            for attribute, part in sorted(getattr(handler, "__dict__", {}).items()):
                if isinstance(part, Serializable) and not isinstance(part, Engine):
                    yield f"{section}[{index}].{attribute}", part


def _without_functions(value: Any, key: Any = None) -> Any:
    """Return a state without the insides of a schedule's functions, which come from the config."""
    if key == "lr_lambdas":
        return [None] * len(value)
    if type(value) is dict:
        return {name: _without_functions(item, name) for name, item in value.items()}
    return [_without_functions(item) for item in value] if type(value) is list else value


def _with_counters(state: Any, owner: Any) -> Any:
    """Return a state of its own for one object; a MultiStepLR needs its milestones as it had them."""
    if type(state) is not dict:
        return state
    mine = getattr(owner, "__dict__", {})
    found = {}
    for key, value in state.items():
        if isinstance(value, dict) and isinstance(mine.get(key), Counter):
            value = Counter(value)
        elif key == "_schedulers" and isinstance(value, list):
            value = [_with_counters(one, part) for one, part in zip(value, mine.get(key, ()), strict=False)]
        found[key] = value
    return found
