"""The objects of a training whose state goes from one process to the next, and how it is put back into them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from ignite.base import Serializable
from ignite.engine import Engine

from medl.conf.sections import SECTIONS
from medl.errors import ConfigError, Problem
from medl.train.checkpoints import WeightsKeeper
from medl.train.first_weights import differences
from medl.train.metrics_lines import MetricsLines


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
        found |= {f"handler {name}": one for name, one in stateful_handlers(self.handlers)}
        return {name: one for name, one in found.items() if one is not None}

    def names(self) -> dict[str, str]:
        """Return the classes whose states do not fit each other's."""
        kinds = {"optimizer": self.optimizer, "lr_scheduler": self.lr_scheduler}
        return {key: type(one).__name__ for key, one in kinds.items() if one is not None}

    def bests(self) -> dict[str, Any]:
        """Return by name the engines whose best metric counts."""
        return {name: engine for name, engine in (("train", self.trainer), ("validate", self.evaluator)) if engine}


def put_back(name: str, one: Any, state: Any, path: Path, file: str) -> None:
    """Load a state that was kept into the object that has the same part in this training.

    Args:
        name: of the part, as in :meth:`Carried.stateful`.
        one: the object.
        state: of its ``state_dict``.
        path: the file that it is from, for messages.
        file: the config's name, for messages.

    Raises:
        ConfigError: it does not fit.
    """
    try:
        one.load_state_dict(with_counters(state, one))
    except (RuntimeError, ValueError, KeyError) as error:
        said = differences(error) or str(error).strip().split("\n")[0].rstrip(".")
        rule = f"the {name} in {path} does not fit: {said}"
        remedy = "Go on with the config that it was trained with, or begin anew without it."
        place = f"train.{name}" if name in ("model", "optimizer", "lr_scheduler", "loss") else "train"
        raise ConfigError(Problem(rule, file, place, remedy=remedy)) from error


def stateful_handlers(handlers: Mapping[str, list[Any]]) -> Iterator[tuple[str, Any]]:
    """Give what keeps a state among the handlers, or inside one: best checkpoints, the counter of an early stop."""
    for section in SECTIONS:
        for index, handler in enumerate(handlers.get(section, ())):
            if callable(getattr(handler, "state_dict", None)) and hasattr(handler, "load_state_dict"):
                yield f"{section}[{index}]", handler
                continue
            for attribute, part in sorted(getattr(handler, "__dict__", {}).items()):
                if isinstance(part, Serializable) and not isinstance(part, Engine):
                    yield f"{section}[{index}].{attribute}", part


def without_functions(value: Any, key: Any = None) -> Any:
    """Return a state without the insides of a schedule's functions, which come from the config."""
    if key == "lr_lambdas":
        return [None] * len(value)
    if type(value) is dict:
        return {name: without_functions(item, name) for name, item in value.items()}
    return [without_functions(item) for item in value] if type(value) is list else value


def with_counters(state: Any, owner: Any) -> Any:
    """Return a state of its own for one object; a MultiStepLR needs its milestones as it had them."""
    if type(state) is not dict:
        return state
    mine = getattr(owner, "__dict__", {})
    found = {}
    for key, value in state.items():
        if isinstance(value, dict) and isinstance(mine.get(key), Counter):
            value = Counter(value)
        elif key == "_schedulers" and isinstance(value, list):
            value = [with_counters(one, part) for one, part in zip(value, mine.get(key, ()), strict=False)]
        found[key] = value
    return found
