"""Trainings that end before their last epoch: handlers that may end one are given the trainer, and the end is said."""

from __future__ import annotations

from typing import Any

from medl.conf.graph import ObjectGraph
from medl.errors import ConfigError, Problem
from medl.train.first_rank import Absent
from medl.train.time_limit import TimeLimit


def give_trainer(graph: ObjectGraph, trainer: Any, file: str) -> None:
    """Give the trainer to the handlers that wait for it.

    Args:
        graph: whose objects are built.
        trainer: MONAI's.
        file: the config's name.

    Raises:
        ConfigError: a handler has no ``set_trainer``.
    """
    for path, handler in graph.late:
        if isinstance(handler, Absent):
            continue
        if not callable(getattr(handler, "set_trainer", None)):
            rule = (
                f"{type(handler).__name__} refers to the trainer that it belongs to, so it needs set_trainer(trainer)"
            )
            remedy = 'Add that method to the class, which is called once both are built, and leave out "trainer".'
            raise ConfigError(Problem(rule, file, path, "@trainer", remedy))
        handler.set_trainer(trainer)


def end_words(graph: ObjectGraph, limit: TimeLimit | None, epoch: int, last_epoch: int) -> str | None:
    """Return what is said of a training that ended early, or ``None`` for one that went to its last epoch.

    Args:
        graph: whose handlers may have ended it.
        limit: the limit in force.
        epoch: the epoch it ended with (1-based).
        last_epoch: the one it was to end with.
    """
    if epoch >= last_epoch:
        return None
    if limit is not None and limit.reached:
        why = limit.reason
    else:
        why = next((f"{type(one).__name__} asked for it" for _, one in graph.late), "a handler asked for it")
    return f"the training ended after epoch {epoch} of {last_epoch}: {why}."
