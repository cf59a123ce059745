"""A training that was stopped and goes on is the training that was never stopped."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ignite.engine import Engine
from monai.data import DataLoader, Dataset, SmartCacheDataset
from monai.handlers import CheckpointSaver, EarlyStopHandler

from medl.mmar.stats import RESUME_FILE, read_metrics, read_stats
from medl.train import resume
from medl.train.carried import stateful_handlers, with_counters, without_functions
from medl.train.distributed import Ranks
from medl.train.finite import FiniteLoss
from medl.train.resume import inexact

Config = dict[str, Any]
Make = Callable[..., Path]

OPTIMIZERS = {
    "Adam": {"name": "Adam", "args": {"params": "#@model.parameters()", "lr": "{learning_rate}"}},
    "SGD": {
        "name": "SGD",
        "args": {"params": "#@model.parameters()", "lr": "{learning_rate}", "momentum": 0.9, "nesterov": True},
    },
}


@pytest.fixture
def config(tiny_config: Config) -> Config:
    """Return a training with a schedule over all epochs, random transforms, dropout and a loader's worker."""
    train = tiny_config["train"]
    train["lr_scheduler"] = {"name": "CosineAnnealingLR", "args": {"optimizer": "@optimizer", "T_max": "{epochs}"}}
    train["pre_transforms"].append(
        {"name": "RandFlipd", "args": {"keys": ["image", "label"], "prob": 0.5, "spatial_axis": 0}}
    )
    train["model"]["args"] |= {"norm": "batch", "dropout": 0.2}
    train["dataloader"]["args"]["num_workers"] = 1
    return tiny_config


def command(root: Path, *words: str) -> list[str]:
    return [sys.executable, "-u", "-m", "medl.apps.train", "-m", str(root), "--write_train_stats", *words]


def go(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(root, *words),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def trained(root: Path, *words: str) -> str:
    ended = go(root, *words)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(autouse=True)
def _process() -> Iterator[None]:
    """Leave this process as it was."""
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    for number, handler in signals.items():
        signal.signal(number, handler)
    logging.root.handlers[:], logging.root.level = handlers, level


def quick(root: Path, *words: str, code: int = 0) -> str:
    """Train in this process, and return what was said on stderr."""
    from medl.apps.train import main

    said = io.StringIO()
    with contextlib.redirect_stderr(said), warnings.catch_warnings():
        assert main(["-m", str(root), "--write_train_stats", *words]) == code, said.getvalue()
    return said.getvalue()


def load(root: Path, name: str) -> Any:
    return torch.load(root / "models" / name, weights_only=True)


def assert_same(first: Path, second: Path, *, best: bool = True) -> None:
    """Compare all that two trainings left, but their seconds."""
    for name in ("final_model.pt", "model.pt") if best else ("final_model.pt",):
        one, two = load(first, name)["model"], load(second, name)["model"]
        assert one.keys() == two.keys()
        for key in one:
            assert torch.equal(one[key], two[key]), f"{name}: {key}"
    seconds = {"time_s", "validate_s", "max_epoch"}
    histories = [
        [{key: value for key, value in line.items() if key not in seconds} for line in read_metrics(root / "models")]
        for root in (first, second)
    ]
    assert histories[0] == histories[1]
    stats = [read_stats(root / "models") for root in (first, second)]
    assert stats[0] is not None and stats[1] is not None
    for name in ("status", "key_metric", "best_metric", "best_epoch", "epochs", "horizon", "history"):
        assert getattr(stats[0], name) == getattr(stats[1], name), name


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_three_epochs_and_three_more_are_six(make_archive: Make, config: Config, optimizer: str) -> None:
    config["train"]["optimizer"] = OPTIMIZERS[optimizer]
    if optimizer == "SGD":
        config["validate"]["handlers"] = []  # then the best weights are written by us
    whole, parts = make_archive(config, "whole"), make_archive(config, "parts")
    trained(whole, "--set", "epochs=6")
    trained(parts, "--set", "epochs=6", "until_epoch=3")
    assert load(parts, RESUME_FILE)["epoch"] == 3
    said = trained(parts, "--resume", "--set", "epochs=6")
    assert "goes on after epoch 3 of 6" in said and "bit for bit" not in said
    assert_same(whole, parts)
    assert [line["epoch"] for line in read_metrics(parts / "models")] == [1, 2, 3, 4, 5, 6]
    assert load(parts, RESUME_FILE)["epoch"] == 6
    # once more: there is nothing left to train, and nothing gets worse
    quick(parts, "--resume", "--set", "epochs=6")
    assert_same(whole, parts)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_and_then_going_on_changes_nothing(
    make_archive: Make, config: Config, number: signal.Signals, code: int
) -> None:
    whole, parts = make_archive(config, "whole"), make_archive(config, "parts")
    trained(whole, "--set", "epochs=6")
    process = subprocess.Popen(
        command(parts, "--set", "epochs=6"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "Epoch: 3/" in line:  # in the middle of the epoch
            break
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert 1 <= load(parts, RESUME_FILE)["epoch"] < 6
    trained(parts, "--resume", "--set", "epochs=6")
    assert_same(whole, parts)


def test_without_a_seed_the_one_that_was_drawn_stays_in_force(make_archive: Make, config: Config) -> None:
    del config["determinism"]
    first = make_archive(config, "first")
    quick(first, "--set", "epochs=4", "until_epoch=2")
    second = first.parent / "second"
    shutil.copytree(first, second)
    quick(first, "--resume", "--set", "epochs=4")
    quick(second, "--resume", "--set", "epochs=4")
    assert_same(first, second)
    assert load(first, RESUME_FILE)["seed"] == load(second, RESUME_FILE)["seed"]


def test_the_best_weights_before_the_stop_are_not_lost_to_a_worse_epoch(make_archive: Make, config: Config) -> None:
    root = make_archive(config)
    quick(root, "--set", "epochs=4", "until_epoch=2")
    kept = load(root, RESUME_FILE)
    kept["best"]["validate"] = [2.0, 1]  # better than any Dice
    saved = next(name for name in kept if name.endswith("._key_metric_checkpoint"))
    kept[saved]["_saved"] = [(2.0, "model.pt")]
    torch.save(kept, root / "models" / RESUME_FILE)
    before = (root / "models/model.pt").read_bytes()
    quick(root, "--resume", "--set", "epochs=4")
    assert (root / "models/model.pt").read_bytes() == before
    stats = read_stats(root / "models")
    assert stats is not None and (stats.best_metric, stats.best_epoch, stats.epochs) == (2.0, 1, (1, 4))


def test_first_weights_are_not_loaded_over_what_was_learned(make_archive: Make, config: Config) -> None:
    first = make_archive(config, "first")
    quick(first, "--set", "epochs=1")
    loader = {"name": "CheckpointLoader", "args": {"load_path": "{MMAR_CKPT}", "load_dict": {"model": "@model"}}}
    config["train"]["handlers"].insert(0, loader)
    whole, parts = make_archive(config, "whole"), make_archive(config, "parts")
    begin = f"MMAR_CKPT={first / 'models/final_model.pt'}"
    quick(whole, "--set", "epochs=4", begin)
    quick(parts, "--set", "epochs=4", "until_epoch=2", begin)
    quick(parts, "--resume", "--set", "epochs=4", begin)
    assert_same(whole, parts)


# ---- what does not fit


@pytest.fixture
def stopped(make_archive: Make, config: Config) -> Path:
    """Return an archive that was trained for two epochs of four."""
    root = make_archive(config)
    quick(root, "--set", "epochs=4", "until_epoch=2")
    return root


def refused(root: Path, *words: str) -> str:
    before = {path: path.read_bytes() for path in (root / "models").glob("*")}
    err = quick(root, "--resume", *words, code=2)
    assert {path: path.read_bytes() for path in (root / "models").glob("*")} == before
    assert "Traceback" not in err
    return err


def test_nothing_to_go_on_from_is_said_with_the_remedy(make_archive: Make, config: Config) -> None:
    err = refused(make_archive(config))
    assert "resume.pt" in err and "there is no such file" in err and "without --resume" in err


def test_what_does_not_fit_is_named(stopped: Path, config: Config) -> None:
    assert "random seed 3" in _with(stopped, config, lambda c: c.update(determinism={"random_seed": 4}))
    err = _with(stopped, config, lambda c: c["train"]["model"]["args"].update(channels=[4, 16]))
    assert "does not fit" in err and "of another size: model" in err and "train.model" in err
    err = _with(stopped, config, lambda c: c["train"].update(optimizer=OPTIMIZERS["SGD"]))
    assert "the optimizer Adam" in err and '"SGD"' in err
    err = _with(stopped, config, lambda c: c["train"]["dataloader"]["args"].update(batch_size=1))
    assert "2 iterations an epoch" in err
    assert "is of epoch 2" in _with(stopped, config, lambda c: None, "until_epoch=1")
    (stopped / "models" / RESUME_FILE).write_bytes(b"PK\x03\x04 torn")
    assert "cannot be read" in refused(stopped, "--set", "epochs=4")


def _with(root: Path, config: Config, change: Callable[[Config], Any], *settings: str) -> str:
    changed = copy.deepcopy(config)
    change(changed)
    (root / "config/config_train.json").write_text(json.dumps(changed))
    return refused(root, "--set", "epochs=4", *settings)


def test_a_training_that_begins_anew_forgets_the_one_before(stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FiniteLoss, "__call__", lambda self, engine: 1 / 0)  # it fails before an epoch ends
    quick(stopped, "--set", "epochs=4", code=1)
    assert not (stopped / "models" / RESUME_FILE).exists()


# ---- in small


def test_the_insides_of_a_schedules_functions_are_left_out() -> None:
    state = {"last_epoch": 3, "lr_lambdas": [{"tree": object()}, None], "_schedulers": [{"lr_lambdas": [{}]}]}
    assert without_functions(state) == {
        "last_epoch": 3,
        "lr_lambdas": [None, None],
        "_schedulers": [{"lr_lambdas": [None]}],
    }


def schedules(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    from torch.optim import lr_scheduler as kinds

    return {
        "milestones": kinds.MultiStepLR(optimizer, [2, 4], gamma=0.5),
        "lambda": kinds.LambdaLR(optimizer, lambda epoch: 0.9**epoch),
        "in turn": kinds.SequentialLR(
            optimizer,
            [kinds.LinearLR(optimizer, 0.1, total_iters=3), kinds.MultiStepLR(optimizer, [1, 2])],
            milestones=[3],
        ),
        "one cycle": kinds.OneCycleLR(optimizer, 0.1, total_steps=8),
        "plateau": kinds.ReduceLROnPlateau(optimizer, patience=1),
    }


@pytest.mark.parametrize("kind", ["milestones", "lambda", "in turn", "one cycle", "plateau"])
def test_a_schedule_goes_on_as_if_never_stopped(kind: str, tmp_path: Path) -> None:
    from medl.train.checkpoints import save_checkpoint

    def begin() -> tuple[torch.optim.Optimizer, Any]:
        optimizer = torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=0.1, momentum=0.9)
        return optimizer, schedules(optimizer)[kind]

    def rates(optimizer: torch.optim.Optimizer, schedule: Any, epochs: range) -> list[float]:
        found = []
        for _ in epochs:
            optimizer.step()
            schedule.step(*([1.0] if kind == "plateau" else []))
            found.append(optimizer.param_groups[0]["lr"])
        return found

    whole, (optimizer, schedule) = rates(*begin(), range(6)), begin()
    first = rates(optimizer, schedule, range(2))
    kept = {"o": optimizer.state_dict(), "s": without_functions(schedule.state_dict())}
    save_checkpoint(tmp_path / "kept.pt", kept)
    kept = torch.load(tmp_path / "kept.pt", weights_only=True)
    optimizer, schedule = begin()
    optimizer.load_state_dict(kept["o"])
    schedule.load_state_dict(with_counters(kept["s"], schedule))
    assert first + rates(optimizer, schedule, range(4)) == whole


def test_what_keeps_its_own_course_is_said() -> None:
    data = Dataset([torch.zeros(1)] * 4)
    assert inexact(data, DataLoader(data, batch_size=2), 2) == []
    assert "last epoch" in inexact(data, DataLoader(data), 2)[0]
    loader = DataLoader(data, batch_size=2, num_workers=1, persistent_workers=True)
    assert "persistent_workers" in inexact(data, loader, 2)[0]
    smart = SmartCacheDataset([0, 1, 2], None, replace_rate=0.5, cache_num=2, progress=False)
    assert "SmartCache" in inexact(smart, DataLoader(data, batch_size=2), 2)[0]


def test_an_early_stops_counter_and_the_best_checkpoints_are_kept(tmp_path: Path) -> None:
    stop = EarlyStopHandler(patience=3, score_function=lambda engine: -1.0, trainer=Engine(lambda engine, batch: None))
    saver = CheckpointSaver(str(tmp_path), {"model": torch.nn.Linear(1, 1)}, save_key_metric=True)
    found = dict(stateful_handlers({"train": [], "validate": [stop, saver]}))
    assert list(found) == ["validate[0]._handler", "validate[1]._key_metric_checkpoint"]
    assert found["validate[0]._handler"].state_dict()["counter"] == 0


def test_the_scaler_of_mixed_precision_goes_on_as_if_never_stopped(tmp_path: Path) -> None:
    """Its scale grows every third step, and an epoch has two: the stop falls between."""

    def run(folder: Path, last: int, before: Config | None = None) -> tuple[Config, list[torch.Tensor]]:
        torch.manual_seed(0)
        network = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
        scaler = torch.amp.GradScaler("cpu", init_scale=8.0, growth_factor=4.0, growth_interval=3)

        def step(engine: Engine, batch: float) -> None:
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = network(torch.full((1, 2), batch)).square().sum()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()

        trainer = Engine(step)
        trainer.scaler = scaler  # type: ignore[attr-defined]
        for name, value in {"max_epochs": last, "epoch_length": 2, "best_metric": 0.0, "best_metric_epoch": -1}.items():
            setattr(trainer.state, name, value)
        nothing: Any = SimpleNamespace(state_dict=dict, load_state_dict=lambda state: None)
        handlers: dict[str, list[Any]] = {"train": [], "validate": []}
        carried = resume.Carried(trainer, None, network, optimizer, None, None, handlers, nothing, nothing)
        resume.Progress(folder, Ranks(), 1, 4, carried, before, "config").attach(trainer)
        trainer.run([0.5, 1.0])
        return scaler.state_dict(), [value.detach() for value in network.parameters()]

    scale, weights = run(tmp_path / "whole", 4)
    stopped, _ = run(tmp_path / "parts", 2)
    assert (stopped["scale"], stopped["_growth_tracker"]) == (32.0, 1) and scale["scale"] == 128.0
    kept = resume.read_progress(tmp_path / "parts", Ranks())
    assert kept["scaler"] == stopped
    again, same = run(tmp_path / "parts", 4, kept)
    assert again == scale
    assert all(map(torch.equal, same, weights))


def test_an_epoch_is_not_kept_where_writing_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    kept: list[int] = []

    def write(path: Path, value: Any) -> None:
        kept.append(value)
        clock[0] += 0.1

    monkeypatch.setattr(resume.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(resume, "save_checkpoint", write)
    monkeypatch.setattr(resume.Progress, "_kept", lambda self, state: state.epoch)
    progress = resume.Progress(tmp_path, Ranks(), 1, 20, None, None, "")  # type: ignore[arg-type]
    for epoch in range(1, 21):
        clock[0] += 1.0  # a tenth of a second in two hundred epochs would be nothing; of each epoch it is too much
        progress(SimpleNamespace(should_terminate=False, state=SimpleNamespace(epoch=epoch, max_epochs=20)))  # type: ignore[arg-type]
    assert kept == [1, 6, 11, 16, 20]
