"""A training that is asked to end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Engine, Events

from medl.conf.check import check_training
from medl.mmar.archive import MMAR
from medl.mmar.stats import STOP_FILE, read_metrics, read_stats
from medl.train.distributed import Ranks
from medl.train.heartbeat import Heartbeat
from medl.train.stop_file import StopFile
from medl.train.workflow import train


def test_it_ends_with_the_epoch_validated_and_kept(
    make_archive: Callable[..., Path],
    tiny_config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tiny_config |= {"epochs": 9, "num_interval_per_valid": 5}
    root = make_archive(tiny_config)
    beat = Heartbeat.__call__
    asked: list[None] = []

    def ask(self: Heartbeat, engine: Engine) -> None:
        beat(self, engine)
        if engine.state.epoch == 2 and not asked:
            asked.append((root / "models" / STOP_FILE).touch())  # in the middle of the second epoch

    monkeypatch.setattr(Heartbeat, "__call__", ask)
    environment = json.loads((root / "config/environment.json").read_text())
    checked = check_training(root, tiny_config, environment, own_values=True).require()
    assert checked.resolved is not None
    train(MMAR(root), checked.config, checked.resolved.variables, file="c.json", write_train_stats=True)
    assert "medl: the training ended after epoch 2 of 9, as asked." in capsys.readouterr().out
    stats = read_stats(root / "models")
    assert stats is not None and (stats.status, stats.epochs, stats.stopped_early) == ("ok", (1, 2), True)
    assert [("metrics" in line) for line in read_metrics(root / "models")] == [False, True]
    assert torch.load(root / "models/resume.pt", weights_only=True)["epoch"] == 2
    assert not (root / "models" / STOP_FILE).exists()


def test_all_ranks_do_what_the_first_one_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / STOP_FILE).touch()
    said: list[Any] = []

    def tell(self: Ranks, value: Any) -> Any:
        said.append(value)
        return True  # what rank 0 said

    monkeypatch.setattr(Ranks, "from_first", tell)
    trainer = Engine(lambda engine, batch: None)
    StopFile(tmp_path, Ranks(1, 2, 1, "ddp")).attach(trainer)
    seen: list[int] = []
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: seen.append(engine.state.epoch))
    trainer.run([0], max_epochs=4)
    assert seen == [1] and said == [False]
    assert (tmp_path / STOP_FILE).exists(), "the first rank removes it"


def test_in_the_last_epoch_there_is_nothing_to_stop(tmp_path: Path) -> None:
    (tmp_path / STOP_FILE).touch()
    stop = StopFile(tmp_path, Ranks())
    trainer = Engine(lambda engine, batch: None)
    stop.attach(trainer)
    trainer.run([0], max_epochs=1)
    assert not stop.found
