"""A training begins where another one ended: its weights and moments, then the values of this config."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from ignite.handlers.param_scheduler import BaseParamScheduler
from monai.handlers import LrScheduleHandler, ValidationHandler
from torch.optim.lr_scheduler import ReduceLROnPlateau

from medl.errors import ConfigError, Problem
from medl.mmar.files import copy_file
from medl.train.carried import Carried, put_back
from medl.train.distributed import Ranks
from medl.train.kept_state import read_kept

START = "start_from"
"""The first-level value that names what another training kept (its resume.pt), relative to the archive."""
START_BEST = "start_best"
"""The first-level value that names its best weights: the best so far then counts on, as do counters of handlers."""

_NEEDED = {"amsgrad": "max_exp_avg_sq", "centered": "grad_avg", "momentum": "momentum_buffer"}
"""Options of torch's optimizers to the moment that each needs; switched on, that moment begins at zero."""


@dataclass(frozen=True)
class Source:
    """What a training starts from.

    Attributes:
        path: the file, which the other training kept at the end of an epoch.
        kept: what is in it; tensors are on the CPU.
        best: its best weights so far, where the best metric and the handlers' counters go on; ``None`` where this
            training counts from nothing.
    """

    path: Path
    kept: Mapping[str, Any]
    best: Path | None = None

    @property
    def epoch(self) -> int:
        """The last epoch that it was trained."""
        return int(self.kept["epoch"])


def read_source(variables: Mapping[str, Any], root: Path, ranks: Ranks) -> Source | None:
    """Return what the variables say that a training starts from, the same on all ranks; ``None`` for nothing.

    Args:
        variables: the resolved first-level values.
        root: the archive.
        ranks: this process; the first reads.

    Raises:
        ConfigError: a file is missing or cannot be read.
    """
    given = variables.get(START)
    if not given:
        return None
    path = Path(os.path.join(root, str(given)))
    kept = read_kept(
        path,
        ranks,
        missing=f"{START} names what another training kept at the end of an epoch, and there is no such file",
        remedy=f"Name its models/resume.pt, or leave {START} out to begin anew.",
    )
    best = Path(os.path.join(root, str(variables[START_BEST]))) if variables.get(START_BEST) else None
    if best is not None and not ranks.from_first(best.is_file()):
        remedy = f"Name the other training's models/model.pt, or leave {START_BEST} out."
        rule = f"{START_BEST} names the best weights so far, and there is no such file"
        raise ConfigError(Problem(rule, file=str(best), remedy=remedy))
    return Source(path, kept, best)


class Start:
    """Sets a training to where another one ended, with this config's own values in force.

    Weights, the optimizer's moments, the scaler of mixed precision and what the loss has learned are the other
    training's. Options of the optimizer (learning rate, weight decay, betas, momentum) and everything else are this
    config's. Its schedule is stepped from its beginning to the epoch, so a learning rate is what these values would
    have made of it by then; a ReduceLROnPlateau keeps its counters, and its reductions apply to the new rate.

    Args:
        source: what it starts from.
        carried: this training's objects.
        ranks: this process.
        file: the config's name, for messages.
    """

    def __init__(self, source: Source, carried: Carried, ranks: Ranks, file: str):
        self.source = source
        self.carried = carried
        self.ranks = ranks
        self.file = file
        self._options: list[dict[str, Any]] = []

    def attach(self, trainer: Engine) -> None:
        """Set the trainer to the epoch, and everything again when it starts, after handlers that load first weights.

        Raises:
            ConfigError: the network is another one, the epoch lies beyond the end, or the schedule has no such step.
        """
        state, epoch = trainer.state, self.source.epoch
        if state.max_epochs is not None and state.max_epochs <= epoch:
            rule = f"{self.source.path.name} is of epoch {epoch}, so the training has to end later"
            raise self._refused(rule, "epochs", "Raise epochs or until_epoch.", value=state.max_epochs)
        if state.epoch_length is None:
            state.epoch_length = self.source.kept["epoch_length"]  # as ignite counted it
        state.epoch, state.iteration = epoch, epoch * int(state.epoch_length or 0)
        self._advance_schedule(trainer)
        optimizer = self.carried.optimizer
        if optimizer is not None:
            self._options = [
                {name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups
            ]
        self._take_over()
        for handler in self.carried.handlers["train"]:
            if isinstance(handler, ValidationHandler) and trainer.has_event_handler(handler, Events.STARTED):
                trainer.remove_event_handler(handler, Events.STARTED)  # a validation before the first epoch
        trainer.add_event_handler(Events.STARTED, self._again)

    def _again(self) -> None:
        self._take_over()  # now there is a scaler as well
        best = self.source.best
        if best is not None and self.ranks.writes:
            copy_file(best, self.carried.keeper.best_path)

    def _advance_schedule(self, trainer: Engine) -> None:
        schedule, kept = self.carried.lr_scheduler, self.source.kept
        if schedule is None:
            return
        if isinstance(schedule, ReduceLROnPlateau):
            self._go_on_waiting(schedule)
            return
        steps = trainer.state.iteration if self._steps_by_iteration(schedule, kept) else self.source.epoch
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of steps of a schedule before any of the optimizer
            try:
                for _ in range(steps):
                    schedule.step()
            except (ValueError, TypeError) as error:
                rule = f"{type(schedule).__name__} cannot be set to epoch {self.source.epoch}: {error}"
                raise self._refused(rule, "train.lr_scheduler", "Choose values that reach over all epochs.") from error

    def _steps_by_iteration(self, schedule: Any, kept: Mapping[str, Any]) -> bool:
        for handler in self.carried.handlers["train"]:
            if isinstance(handler, LrScheduleHandler) and handler.lr_scheduler is schedule:
                return not handler.epoch_level
        # stepped by code of the user's: as the other training was
        return (kept.get("lr_scheduler") or {}).get("last_epoch") == kept["iteration"] != kept["epoch"]

    def _go_on_waiting(self, schedule: ReduceLROnPlateau) -> None:
        kept = self.source.kept
        before = kept.get("lr_scheduler")
        if kept["names"].get("lr_scheduler") != type(schedule).__name__ or not isinstance(before, dict):
            return
        progress = ("best", "num_bad_epochs", "cooldown_counter", "last_epoch")
        if before.get("mode") == schedule.mode:
            vars(schedule).update({name: before[name] for name in progress if name in before})
        began, now = kept.get("initial_lr"), [group["lr"] for group in kept["optimizer"]["param_groups"]]
        groups = schedule.optimizer.param_groups
        if began is None or not len(began) == len(now) == len(groups):
            return
        for group, first, last, least in zip(groups, began, now, schedule.min_lrs, strict=True):
            group["lr"] = group["lr"] if first in (0, last) else max(least, group["lr"] * (last / first))

    def _take_over(self) -> None:
        carried, kept = self.carried, self.source.kept
        stateful = carried.stateful()
        put_back("model", carried.network, kept["model"], self.source.path, self.file)
        optimizer = carried.optimizer
        if optimizer is not None and kept["names"].get("optimizer") == carried.names()["optimizer"]:
            put_back("optimizer", optimizer, kept["optimizer"], self.source.path, self.file)
            for group, options in zip(optimizer.param_groups, self._options, strict=True):
                parameters = group["params"]
                group.clear()
                group.update(params=parameters, **options)
            _begin_missing_moments(optimizer)
        if "scaler" in stateful and kept.get("scaler"):
            put_back("scaler", stateful["scaler"], kept["scaler"], self.source.path, self.file)
        if "loss" in stateful and "loss" in kept:
            learned = {name for name, _ in stateful["loss"].named_parameters()}
            with torch.no_grad():
                mixed = {**stateful["loss"].state_dict(), **{n: v for n, v in kept["loss"].items() if n in learned}}
            put_back("loss", stateful["loss"], mixed, self.source.path, self.file)
        if self.source.best is not None:
            self._count_on(stateful)

    def _count_on(self, stateful: Mapping[str, Any]) -> None:
        """Take over the best so far, and what handlers have counted."""
        kept = self.source.kept
        for name, one in stateful.items():
            if not name.startswith("handler ") or name not in kept:
                continue
            state = kept[name]
            if isinstance(one, BaseParamScheduler):  # its course is this config's, only its place is the other's
                state = {**one.state_dict(), "event_index": state.get("event_index", 0)}
            put_back(name, one, state, self.source.path, self.file)
        for name, engine in self.carried.bests().items():
            if name in kept["best"]:
                engine.state.best_metric, engine.state.best_metric_epoch = kept["best"][name]
        self.carried.keeper.load_state_dict(kept["checkpoints"])

    def _refused(self, rule: str, path: str, remedy: str, **more: Any) -> ConfigError:
        return ConfigError(Problem(rule, self.file, path, remedy=remedy, **more))


def source_words(source: Source, optimizer: Any, last_epoch: int) -> str:
    """Return in one line where a training starts.

    Args:
        source: what it starts from.
        optimizer: this training's, or ``None``.
        last_epoch: the epoch at which it stops.
    """
    before, now = source.kept["names"].get("optimizer"), type(optimizer).__name__
    moments = ""
    if optimizer is not None and before != now:
        moments = f"; the moments of {before} are none for {now}, so it begins without"
    return (
        f"the training starts from {source.path.name} after epoch {source.epoch} of {last_epoch}, "
        f"with the values of this config{moments}."
    )


def _begin_missing_moments(optimizer: Any) -> None:
    """Add moments that an option needs which was off before."""
    for group in optimizer.param_groups:
        for option, moment in _NEEDED.items():
            if not group.get(option):
                continue
            for parameter in group["params"]:
                state = optimizer.state.get(parameter)
                if state and state.get(moment) is None:
                    state[moment] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
