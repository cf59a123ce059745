"""The lines of a training and its statistics."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from ignite.engine import Engine, Events

from medl.mmar.stats import METRICS_FILE, STATS_FILE, read_metrics
from medl.train.distributed import Ranks
from medl.train.finite import FiniteLoss
from medl.train.metrics_lines import MetricsLines

OPTIMIZER = SimpleNamespace(param_groups=[{"lr": 0.1}, {"lr": 0.2}])


def train(folder: Path, scores: dict[int, Any], ranks: Ranks | None = None, epochs: int = 3) -> MetricsLines:
    evaluator = Engine(lambda engine, batch: None)
    evaluator.state.key_metric_name = "dice"
    evaluator.state.best_metric, evaluator.state.best_metric_epoch = -1, -1
    trainer = Engine(lambda engine, batch: {"loss": engine.state.iteration})

    def validate(engine: Engine) -> None:
        epoch = engine.state.epoch
        if epoch not in scores:
            return
        evaluator.state.epoch, evaluator.state.metrics = epoch, scores[epoch]
        evaluator.fire_event(Events.STARTED)
        if "dice" in scores[epoch] and float(scores[epoch]["dice"]) > evaluator.state.best_metric:
            evaluator.state.best_metric, evaluator.state.best_metric_epoch = scores[epoch]["dice"], epoch
        evaluator.fire_event(Events.COMPLETED)

    loss = FiniteLoss()
    loss.attach(trainer)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, validate)
    lines = MetricsLines(folder, ranks or Ranks(), loss, OPTIMIZER, evaluator, horizon=5)
    lines.attach(trainer)
    trainer.run([0, 1], max_epochs=epochs)
    return lines


def test_a_line_for_each_epoch_with_metrics_where_validated(tmp_path: Path) -> None:
    train(tmp_path, {2: {"dice": torch.tensor(0.5), "parts": torch.ones(2), "bad": float("nan")}})
    lines = read_metrics(tmp_path)
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert [line["losses"]["train_loss"] for line in lines] == [1.5, 3.5, 5.5]
    assert all(line["lr"] == [0.1, 0.2] and line["max_epoch"] == 3 and line["time_s"] >= 0 for line in lines)
    assert [line.get("metrics") for line in lines] == [None, {"dice": 0.5}, None]
    assert "validate_s" in lines[1] and "validate_s" not in lines[0]


def test_the_statistics_name_the_best(tmp_path: Path) -> None:
    stats = train(tmp_path, {1: {"dice": 0.3}, 2: {"dice": 0.7}, 3: {"dice": 0.6}}).stats(3, {})
    assert (stats.status, stats.best_metric, stats.best_epoch, stats.last_metric) == ("ok", 0.7, 2, 0.6)
    assert (stats.epochs, stats.max_epoch, stats.horizon) == ((1, 3), 3, 5)
    assert stats.history == {"dice": {"1": 0.3, "2": 0.7, "3": 0.6}}


def test_without_a_validation_there_is_no_score(tmp_path: Path) -> None:
    stats = train(tmp_path, {}).stats(3, {})
    assert (stats.status, stats.key_metric, stats.best_metric, stats.best_epoch) == ("no_score", "dice", None, None)


def test_a_new_training_begins_a_new_file(tmp_path: Path) -> None:
    (tmp_path / STATS_FILE).write_text("{}")
    train(tmp_path, {})
    train(tmp_path, {}, epochs=1)
    assert len(read_metrics(tmp_path)) == 1 and not (tmp_path / STATS_FILE).exists()


def test_only_the_first_rank_writes(tmp_path: Path) -> None:
    train(tmp_path, {}, Ranks(rank=1, size=2))
    assert not (tmp_path / METRICS_FILE).exists()
