"""What a training says of itself for programs: a line per epoch, and the statistics at the end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from medl.mmar.stats import TrainStats, append_metrics, clear_stats, keep_metrics
from medl.train.distributed import Ranks
from medl.train.finite import FiniteLoss, number_of


class MetricsLines:
    """Keeps the history of a training and appends a line to ``metrics.jsonl`` at the end of each epoch.

    Attached after every other handler of the trainer, so that the epoch's validation is known.

    Args:
        folder: where the file lies.
        ranks: this process; only the first writes.
        loss: the epoch's mean loss.
        optimizer: whose learning rates are noted; ``None`` where the trainer has none.
        evaluator: what validates, or ``None``.
        horizon: the config's ``epochs``.
    """

    def __init__(self, folder: Path, ranks: Ranks, loss: FiniteLoss, optimizer: Any, evaluator: Any, horizon: int):
        self.folder = folder
        self.ranks = ranks
        self.loss = loss
        self.optimizer = optimizer
        self.evaluator = evaluator
        self.horizon = horizon
        self.history: dict[str, dict[str, float]] = {}
        self.validate_s = 0.0
        self.first_epoch: int | None = None
        self.last_epoch = 0
        self._lr: list[float] = []
        self._validated: dict[str, float] | None = None
        self._validate_epoch_s = 0.0
        self._epoch_started = 0.0
        self._validation_started = 0.0

    def attach(self, engine: Engine) -> None:
        """Listen to a trainer, and to the evaluator."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.EPOCH_STARTED, self._start_epoch)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)
        if self.evaluator is not None:
            self.evaluator.add_event_handler(Events.STARTED, self._start_validation)
            self.evaluator.add_event_handler(Events.COMPLETED, self._end_validation)

    def _start(self, engine: Engine) -> None:
        if not self.ranks.writes:
            return
        if engine.state.epoch == 0:
            clear_stats(self.folder)
        else:  # of a training that goes on
            keep_metrics(self.folder, engine.state.epoch)

    def _start_epoch(self, engine: Engine) -> None:
        self._epoch_started = time.monotonic()
        self._lr = [float(group["lr"]) for group in getattr(self.optimizer, "param_groups", [])]
        self._validated, self._validate_epoch_s = None, 0.0
        if self.first_epoch is None:
            self.first_epoch = engine.state.epoch

    def _start_validation(self, evaluator: Engine) -> None:
        self._validation_started = time.monotonic()

    def _end_validation(self, evaluator: Engine) -> None:
        taken = time.monotonic() - self._validation_started
        self.validate_s += taken
        self._validate_epoch_s += taken
        self._validated = _numbers(evaluator.state.metrics)
        for name, value in self._validated.items():
            self.history.setdefault(name, {})[str(evaluator.state.epoch)] = value

    def __call__(self, engine: Engine) -> None:
        """Append the line of the epoch that ends."""
        self.last_epoch = engine.state.epoch
        loss = self.loss.mean
        line: dict[str, Any] = {
            "epoch": engine.state.epoch,
            "max_epoch": engine.state.max_epochs,
            "time_s": round(time.monotonic() - self._epoch_started, 4),
            "losses": {} if loss is None else self.ranks.mean({"train_loss": loss}),
            "lr": self._lr,
        }
        if train_metrics := _numbers(engine.state.metrics):
            line["train_metrics"] = train_metrics
        if self._validated is not None:
            line["validate_s"] = round(self._validate_epoch_s, 4)
            line["metrics"] = self._validated
        if self.ranks.writes:
            append_metrics(self.folder, line)

    def state_dict(self) -> dict[str, Any]:
        """Return the history, for a training that goes on."""
        history = {name: dict(values) for name, values in self.history.items()}
        return {"first_epoch": self.first_epoch, "last_epoch": self.last_epoch, "history": history}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the history of the epochs before; seconds stay those of this process."""
        self.first_epoch, self.last_epoch = state["first_epoch"], state["last_epoch"]
        self.history = {name: dict(values) for name, values in state["history"].items()}

    def stats(self, max_epoch: int, timings: dict[str, float], **more: Any) -> TrainStats:
        """Return how the training ended.

        Args:
            max_epoch: the epoch at which it had to stop.
            timings: wall seconds by phase.
            more: further attributes of the statistics.
        """
        state = getattr(self.evaluator, "state", None)
        name = getattr(state, "key_metric_name", None)
        scored = name is not None and state is not None and state.best_metric_epoch != -1 and name in self.history
        return TrainStats(
            status="ok" if scored else "no_score",
            epochs=(self.first_epoch or 1, max(self.last_epoch, self.first_epoch or 1)),
            max_epoch=max_epoch,
            horizon=self.horizon,
            key_metric=name,
            best_metric=number_of(state.best_metric) if scored and state is not None else None,
            best_epoch=int(state.best_metric_epoch) if scored and state is not None else None,
            history=self.history,
            timings=timings,
            **more,
        )


def _numbers(metrics: dict[str, Any]) -> dict[str, float]:
    """Return those metrics that are one finite number; JSON knows no others."""
    numbers = {name: number_of(value) for name, value in metrics.items()}
    return {
        name: value
        for name, value in numbers.items()
        if value is not None and abs(value) != float("inf") and value == value
    }
