"""Checkpoints: whole files, Clara's names, never missing."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.handlers import CheckpointSaver

from medl.train.checkpoints import (
    BEST,
    FINAL,
    AtomicSaver,
    WeightsKeeper,
    make_atomic,
    plain_state,
    save_checkpoint,
    saver_defaults,
)
from medl.train.conf_state import ConfState
from medl.train.stopping import Stopped


def load(path: Path) -> Any:
    return torch.load(path, weights_only=True)


def test_a_checkpoint_with_numpy_numbers_loads_with_weights_only(tmp_path: Path) -> None:
    value = {
        "best": np.float64(0.5),
        "count": np.int32(2),
        "path": tmp_path,
        "list": (np.float32(1), [np.bool_(True)]),
        "a": np.ones(2),
    }
    save_checkpoint(tmp_path / "new" / "a.pt", value)
    loaded = load(tmp_path / "new" / "a.pt")
    assert type(loaded["best"]) is float and loaded["path"] == str(tmp_path) and loaded["list"] == (1.0, [True])
    assert torch.equal(loaded["a"], torch.ones(2, dtype=torch.float64))


def test_a_network_keeps_its_ordered_state() -> None:
    state = torch.nn.Linear(2, 1).state_dict()
    assert plain_state(state) is state


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.pt", {"epoch": 1})
    with pytest.raises(AttributeError):
        save_checkpoint(tmp_path / "a.pt", {"bad": lambda: 0})
    assert load(tmp_path / "a.pt") == {"epoch": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


@pytest.fixture
def _small_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("_small_files")
def test_a_full_disk_is_an_os_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too large"):
        save_checkpoint(tmp_path / "a.pt", {"weights": torch.zeros(100_000)})
    assert not any(tmp_path.iterdir())


def test_other_users_can_read_the_file(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.pt", {})
    assert (tmp_path / "a.pt").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("given", "best", "final"),
    [
        ({"save_key_metric": True, "save_final": True}, BEST, FINAL),
        ({"save_key_metric": True, "key_metric_filename": "mine.pt"}, "mine.pt", None),
        ({"save_final": True, "final_filename": "last.pt"}, None, "last.pt"),
        ({"save_key_metric": True, "key_metric_n_saved": 3}, None, None),
        ({"save_key_metric": True, "save_final": True, "file_prefix": "a"}, None, None),
        ({"save_interval": 1}, None, None),
    ],
)
def test_claras_names_are_the_default_and_the_users_win(
    given: dict[str, Any], best: str | None, final: str | None
) -> None:
    args = saver_defaults(given)
    assert args.get("key_metric_filename") == best and args.get("final_filename") == final


def net() -> torch.nn.Module:
    return torch.nn.Linear(2, 1)


def evaluator_state(epoch: int, best: float, best_epoch: int) -> Engine:
    state = SimpleNamespace(epoch=epoch, best_metric=best, best_metric_epoch=best_epoch)
    return SimpleNamespace(state=state)  # type: ignore[return-value]


def keeper(folder: Path, *savers: CheckpointSaver, network: torch.nn.Module | None = None) -> WeightsKeeper:
    return WeightsKeeper(network or net(), ConfState({"train": {}}), folder, savers)


def test_without_a_handler_best_and_last_are_written(tmp_path: Path) -> None:
    network = net()
    kept = keeper(tmp_path, network=network)
    kept(evaluator_state(1, 0.5, 1))
    best = network.weight.detach().clone()
    with torch.no_grad():
        network.weight += 1
    kept(evaluator_state(2, 0.5, 1))
    kept.finish()
    assert torch.equal(load(tmp_path / BEST)["model"]["weight"], best)
    assert torch.equal(load(tmp_path / FINAL)["model"]["weight"], network.weight)
    assert load(tmp_path / FINAL)["train_conf"] == {"train": {}}


def test_where_nothing_was_validated_the_best_is_the_last(tmp_path: Path) -> None:
    kept = keeper(tmp_path)
    kept(evaluator_state(1, -1, -1))
    kept.finish()
    assert {path.name for path in tmp_path.iterdir()} == {BEST, FINAL}


def saver(folder: Path, network: torch.nn.Module, **args: Any) -> CheckpointSaver:
    return make_atomic(CheckpointSaver(str(folder), {"model": network}, **saver_defaults(args)))


def test_a_users_names_are_used_and_ours_not(tmp_path: Path) -> None:
    network = net()
    own = saver(
        tmp_path,
        network,
        save_key_metric=True,
        key_metric_filename="mine.pt",
        save_final=True,
        final_filename="last.pt",
    )
    kept = keeper(tmp_path, own, network=network)
    kept(evaluator_state(1, 0.5, 1))
    kept.finish()
    assert {path.name for path in tmp_path.iterdir()} == {"mine.pt"}  # last.pt is the saver's own work
    load(tmp_path / "mine.pt")


def run_saver(folder: Path, metrics: list[float], **args: Any) -> CheckpointSaver:
    own = saver(folder, net(), **args)
    engine = Engine(lambda engine, batch: None)
    engine.state.key_metric_name = "dice"

    @engine.on("EPOCH_STARTED")  # type: ignore[arg-type, untyped-decorator]
    def measure(engine: Engine) -> None:
        engine.state.metrics["dice"] = metrics[engine.state.epoch - 1]

    own.attach(engine)
    engine.run([0], max_epochs=len(metrics))
    return own


def test_a_fixed_name_is_replaced_and_numbered_ones_are_removed(tmp_path: Path) -> None:
    run_saver(tmp_path, [0.1, 0.3, 0.2], save_key_metric=True)
    assert [path.name for path in tmp_path.iterdir()] == [BEST]
    run_saver(tmp_path / "several", [0.1, 0.3, 0.2], save_key_metric=True, key_metric_n_saved=2)
    assert {path.name for path in (tmp_path / "several").iterdir()} == {
        "model_key_metric=0.3000.pt",
        "model_key_metric=0.2000.pt",
    }


def test_a_stopped_training_leaves_its_last_weights_under_the_name_asked_for(tmp_path: Path) -> None:
    network, trainer, stop = net(), Engine(lambda engine, batch: None), Stopped(15)
    own = saver(tmp_path / "a", network, save_final=True, final_filename="last.pt")
    keeper(tmp_path / "a", own).finish_early(trainer, stop)
    keeper(tmp_path / "b").finish_early(trainer, stop)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["last.pt"]
    assert [path.name for path in (tmp_path / "b").iterdir()] == [FINAL]
    network.load_state_dict(load(tmp_path / "a/last.pt"))


def test_a_whole_training_state_loads_with_weights_only(tmp_path: Path) -> None:
    network, trainer = net(), Engine(lambda engine, batch: None)
    trainer.run([0], max_epochs=2)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5)
    parts = {"model": network, "optimizer": optimizer, "lr_scheduler": scheduler, "trainer": trainer}
    own = make_atomic(CheckpointSaver(str(tmp_path), parts, save_final=True, final_filename="all.pt"))
    own.completed(trainer)
    loaded = load(tmp_path / "all.pt")
    assert loaded.keys() == parts.keys()
    optimizer.load_state_dict(loaded["optimizer"])


def test_the_old_best_stays_until_the_new_one_is_there(tmp_path: Path) -> None:
    own = AtomicSaver(tmp_path, BEST)
    own({"epoch": 1}, "x")
    own.remove("x")
    assert load(tmp_path / BEST) == {"epoch": 1}


def test_a_process_killed_while_it_writes_leaves_the_old_file(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / BEST, {"epoch": 1})
    code = (
        "import os, sys, torch\n"
        "from pathlib import Path\n"
        "from medl.train import checkpoints\n"
        "def die(value, stream, path):\n"
        "    stream.write(b'half'); stream.flush(); os.kill(os.getpid(), 9)\n"
        "checkpoints._save = die\n"
        "checkpoints.save_checkpoint(Path(sys.argv[1]), {})\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path / BEST)], check=False, capture_output=True)
    assert ended.returncode == -9
    assert load(tmp_path / BEST) == {"epoch": 1}
