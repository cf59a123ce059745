"""A training that may take only so long: it ends with an epoch, as if that had been its last."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ignite.engine import Engine, Events

from medl.errors import ConfigError, Problem
from medl.train.distributed import Ranks

NAME = "max_train_time"
"""The first-level value: wall seconds from the start of the process."""


class TimeLimit:
    """Ends a training with the epoch after which there is no time for another one.

    The next epoch is taken to be as long as the longest so far, its validation included; one epoch is always trained.
    Rank 0's clock counts for all. Attached after the config's handlers.

    Args:
        seconds: wall seconds that the training may take.
        ranks: this process.
        started: when the process began, on ``time.monotonic``.

    Attributes:
        reached: whether it ended the training.
    """

    def __init__(self, seconds: float, ranks: Ranks, started: float):
        self.seconds = seconds
        self.ranks = ranks
        self.started = started
        self.reached = False
        self._epoch_started = started
        self._longest = 0.0

    def attach(self, engine: Engine) -> None:
        """Listen to a trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def start(self, engine: Engine) -> None:
        """Begin to measure an epoch."""
        self._epoch_started = time.monotonic()

    def __call__(self, engine: Engine) -> None:
        """End the training where another epoch would not fit."""
        now = time.monotonic()
        self._longest = max(self._longest, now - self._epoch_started)
        left = self.seconds - (now - self.started)
        if engine.state.epoch < (engine.state.max_epochs or 0) and self.ranks.from_first(left < self._longest):
            self.reached = True
            engine.terminate()

    @property
    def reason(self) -> str:
        """Why the training ended, as the end of a sentence."""
        return f"{NAME} is {self.seconds:g} s, and another epoch takes {self._longest:.1f} s"


def limit_of(variables: Mapping[str, Any], file: str = "") -> float | None:
    """Return the seconds that a training may take, or ``None``.

    Raises:
        ConfigError: the value is no number above 0.
    """
    value = variables.get(NAME)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ConfigError(
            Problem(f"{NAME} is a number of seconds above 0", file, NAME, value, "Leave it out for no limit.")
        )
    return float(value)
