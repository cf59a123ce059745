"""A loss or a key metric that is no number ends the training, with its epoch named."""

from __future__ import annotations

import math
from typing import Any

from ignite.engine import Engine, Events
from ignite.metrics import Metric

from medl.errors import TrainingError
from medl.train.empty_labels import EmptyLabels


def loss_of(output: Any) -> float | None:
    """Return the loss in what an iteration gave, or ``None``.

    MONAI's trainers give a dict with ``loss``, or, decollated, a list of such dicts that repeat it; a user's own
    iteration may give the bare number.
    """
    if isinstance(output, (list, tuple)) and output:
        output = output[0]
    if isinstance(output, dict):
        output = output.get("loss")
    if isinstance(output, (int, float)) and not isinstance(output, bool):
        return float(output)
    if hasattr(output, "numel") and output.numel() == 1:
        return float(output)
    return None


class FiniteLoss:
    """Raises at the first iteration whose loss is NaN or infinite; keeps the epoch's mean.

    Attributes:
        total: sum of the losses of the epoch so far.
        count: how many there were.
    """

    def __init__(self) -> None:
        self.total = 0.0
        self.count = 0

    @property
    def mean(self) -> float | None:
        """The mean loss of the epoch so far, or ``None``."""
        return self.total / self.count if self.count else None

    def attach(self, engine: Engine) -> None:
        """Listen to a trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def start(self, engine: Engine) -> None:
        """Begin an epoch's mean."""
        self.total, self.count = 0.0, 0

    def __call__(self, engine: Engine) -> None:
        """Take one iteration's loss.

        Raises:
            TrainingError: it is NaN or infinite.
        """
        loss = loss_of(engine.state.output)
        if loss is None:
            return
        if not math.isfinite(loss):
            raise TrainingError(
                f"epoch {engine.state.epoch}: the loss is {loss} at iteration {engine.state.iteration}. "
                "A smaller learning rate, another loss or a look at the data's values usually helps."
            )
        self.total += loss
        self.count += 1


class FiniteMetric:
    """Raises where a validation's key metric is NaN or infinite, before anyone takes it for the best.

    One that is NaN because every class of every case was left out is no failure: it is said that there is no score.

    Args:
        writes: whether this process says so.
    """

    def __init__(self, writes: bool = True):
        self.writes = writes

    def attach(self, engine: Engine) -> None:
        """Listen to an evaluator; before its other handlers, after its metrics."""
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Look at the key metric.

        Raises:
            TrainingError: it is NaN or infinite.
        """
        name = getattr(engine.state, "key_metric_name", None)
        value = number_of(engine.state.metrics.get(name)) if name else None
        if value is not None and math.isnan(value) and (count := _left_out(engine, str(name))) is not None:
            if not number_is_finite(engine.state.best_metric):  # MONAI takes the first value for the best
                engine.state.best_metric, engine.state.best_metric_epoch = -1, -1
            if self.writes:
                why = count.words(count.both, count.one)
                print(f"medl: epoch {engine.state.epoch}: there is no score, {name} is NaN: {why}", flush=True)
            return
        if value is not None and not math.isfinite(value):
            raise TrainingError(
                f"epoch {engine.state.epoch}: the key metric {name} is {value} after validation. "
                "Look at the validation labels and at the post transforms that feed the metric."
            )


def _left_out(engine: Engine, name: str) -> EmptyLabels | None:
    """Return what a metric left out of a pass, where that is something: then its NaN says that nothing was left."""
    for handlers in getattr(engine, "_event_handlers", {}).values():
        for handler, *_ in handlers:
            owner = getattr(handler, "__self__", None)
            if isinstance(owner, Metric) and vars(owner).get("_name") == name:
                count = EmptyLabels.of(owner)
                return count if count is not None and count.both + count.one else None
    return None


def number_is_finite(value: Any) -> bool:
    """Return whether a value is one number, neither NaN nor infinite."""
    number = number_of(value)
    return number is not None and math.isfinite(number)


def number_of(value: Any) -> float | None:
    """Return a metric's value as a Python float, or ``None`` where it is not one number."""
    if isinstance(value, bool):
        return float(value)
    if hasattr(value, "numel"):
        return float(value) if value.numel() == 1 else None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
