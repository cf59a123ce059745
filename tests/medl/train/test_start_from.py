"""A training that starts where another one ended: nothing is lost, and the values of its own config are in force."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
import math
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from medl.mmar.stats import read_metrics, read_stats
from medl.train.start_from import _begin_missing_moments

Config = dict[str, Any]
Make = Callable[..., Path]
OPTIMIZERS: dict[str, Config] = {
    "Adam": {"name": "Adam", "args": {"params": "#@model.parameters()", "lr": "{learning_rate}", "weight_decay": 0.1}},
    "SGD": {
        "name": "SGD",
        "args": {"params": "#@model.parameters()", "lr": "{learning_rate}", "momentum": 0.9, "nesterov": True},
    },
}


@pytest.fixture(autouse=True)
def _process() -> Iterator[None]:
    """Leave this process as it was."""
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    for number, handler in signals.items():
        signal.signal(number, handler)
    logging.root.handlers[:], logging.root.level = handlers, level


def quick(root: Path, *words: str, code: int = 0) -> tuple[str, str]:
    """Train in this process, and return what was said on stdout and stderr."""
    from medl.apps.train import main

    out, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said), warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # of a schedule stepped before its optimizer, say
        warnings.filterwarnings("ignore", message=".*(deprecated|removed|channel_dim|non-deterministic|affine).*")
        assert main(["-m", str(root), "--write_train_stats", *words]) == code, said.getvalue()
    return out.getvalue(), said.getvalue()


def started_from(root: Path, other: Path, *, best: bool = True) -> list[str]:
    """Lay what another archive kept into this one, and return the settings that start from it."""
    (root / "models").mkdir(exist_ok=True)
    shutil.copy(other / "models/resume.pt", root / "models/start.pt")
    words = ["start_from=models/start.pt"]
    if best:
        shutil.copy(other / "models/model.pt", root / "models/start_best.pt")
        words.append("start_best=models/start_best.pt")
    return words


def rates(root: Path) -> list[float]:
    return [line["lr"][0] for line in read_metrics(root / "models")]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the options with which an optimizer really stepped, in their order."""
    found: list[dict[str, Any]] = []
    for kind in (torch.optim.Adam, torch.optim.SGD):
        step = kind.step

        def noting(self: Any, *args: Any, step: Any = step, **more: Any) -> Any:
            found.append({name: value for name, value in self.param_groups[0].items() if name != "params"})
            return step(self, *args, **more)

        noting.hooked = True  # type: ignore[attr-defined]  # torch wraps what it does not know to be wrapped
        monkeypatch.setattr(kind, "step", noting)
    return found


# ---- nothing is lost


@pytest.mark.parametrize(("optimizer", "schedule"), [("Adam", "CosineAnnealingLR"), ("SGD", "StepLR")])
def test_three_epochs_and_six_in_another_archive_are_nine(
    make_archive: Make, tiny_config: Config, optimizer: str, schedule: str
) -> None:
    train = tiny_config["train"]
    train["optimizer"] = copy.deepcopy(OPTIMIZERS[optimizer])
    args = {"T_max": "{epochs}"} if schedule == "CosineAnnealingLR" else {"step_size": 2, "gamma": 0.7}
    train["lr_scheduler"] = {"name": schedule, "args": {"optimizer": "@optimizer", **args}}
    train["model"]["args"] |= {"norm": "batch", "dropout": 0.2}
    train["pre_transforms"].append(
        {"name": "RandFlipd", "args": {"keys": ["image", "label"], "prob": 0.5, "spatial_axis": 0}}
    )
    tiny_config["num_interval_per_valid"] = 2
    whole, first, second = (make_archive(tiny_config, name) for name in ("whole", "first", "second"))
    quick(whole, "--set", "epochs=9")
    quick(first, "--set", "epochs=9", "until_epoch=3")
    out, _ = quick(second, "--set", "epochs=9", "until_epoch=9", *started_from(second, first))
    assert "the training starts from start.pt after epoch 3 of 9, with the values of this config." in out
    assert [line["epoch"] for line in read_metrics(second / "models")] == [4, 5, 6, 7, 8, 9]
    assert rates(first) + rates(second) == rates(whole)
    for name in ("final_model.pt", "model.pt"):
        one, two = (torch.load(root / "models" / name, weights_only=True)["model"] for root in (whole, second))
        if name == "model.pt" and read_stats(second / "models").best_epoch == 9:  # type: ignore[union-attr]
            continue  # the last epoch is validated here, whatever the interval
        assert all(torch.equal(one[key], two[key]) for key in one), name
    stats = read_stats(second / "models")
    assert stats is not None and stats.epochs == (4, 9)
    assert set(stats.history["val_mean_dice"]) == {"4", "6", "8", "9"}
    losses = [
        [line["losses"] for line in read_metrics(root / "models") if line["epoch"] > 3] for root in (whole, second)
    ]
    assert losses[0] == losses[1]


def test_the_best_before_counts_only_where_it_is_given(make_archive: Make, tiny_config: Config) -> None:
    first = make_archive(tiny_config, "first")
    quick(first, "--set", "epochs=4", "until_epoch=2")
    kept = torch.load(first / "models/resume.pt", weights_only=True)
    kept["best"]["validate"] = [2.0, 1]  # better than any Dice
    kept[next(name for name in kept if name.endswith("._key_metric_checkpoint"))]["_saved"] = [(2.0, "model.pt")]
    torch.save(kept, first / "models/resume.pt")
    on, anew = make_archive(tiny_config, "on"), make_archive(tiny_config, "anew")
    quick(on, "--set", "epochs=4", *started_from(on, first))
    quick(anew, "--set", "epochs=4", *started_from(anew, first, best=False))
    assert (on / "models/model.pt").read_bytes() == (first / "models/model.pt").read_bytes()
    stats = [read_stats(root / "models") for root in (on, anew)]
    assert stats[0] is not None and (stats[0].best_metric, stats[0].best_epoch) == (2.0, 1)
    assert stats[1] is not None and stats[1].best_epoch in (3, 4) and stats[1].best_metric < 1  # type: ignore[operator]


def test_a_training_that_started_from_another_can_itself_be_resumed(make_archive: Make, tiny_config: Config) -> None:
    first, once, twice = (make_archive(tiny_config, name) for name in ("first", "once", "twice"))
    quick(first, "--set", "epochs=6", "until_epoch=2")
    quick(once, "--set", "epochs=6", *started_from(once, first))
    words = started_from(twice, first)
    quick(twice, "--set", "epochs=6", "until_epoch=4", *words)
    quick(twice, "--resume", "--set", "epochs=6", *words)
    finals = [torch.load(root / "models/final_model.pt", weights_only=True)["model"] for root in (once, twice)]
    assert all(torch.equal(finals[0][key], finals[1][key]) for key in finals[0])
    stats = read_stats(twice / "models")
    assert stats is not None and stats.epochs == (3, 6)


# ---- the new values are in force

SCHEDULES: dict[str, tuple[Config, Callable[[int], float]]] = {
    "CosineAnnealingLR": ({"T_max": 8}, lambda epoch: (1 + math.cos(math.pi * epoch / 8)) / 2),
    "monai.optimizers.WarmupCosineSchedule": (
        {"warmup_steps": 1, "t_total": 8},
        lambda epoch: 0.5 * (1 + math.cos(math.pi * 0.5 * 2 * (epoch - 1) / 7)),
    ),
    "StepLR": ({"step_size": 2, "gamma": 0.5}, lambda epoch: 0.5 ** (epoch // 2)),
    "LambdaLR": ({"lr_lambda": "lambda epoch: 0.9 ** epoch"}, lambda epoch: 0.9**epoch),
}


@pytest.fixture(scope="module")
def sources() -> dict[str, Path]:
    """Return a place for trainings that several tests start from."""
    return {}


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
@pytest.mark.parametrize("schedule", list(SCHEDULES))
def test_the_first_step_has_the_new_learning_rate(
    make_archive: Make,
    tiny_config: Config,
    seen: list[dict[str, Any]],
    sources: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
    optimizer: str,
    schedule: str,
) -> None:
    args, factor = SCHEDULES[schedule]
    tiny_config["train"]["optimizer"] = copy.deepcopy(OPTIMIZERS[optimizer])
    key = "path" if "." in schedule else "name"
    tiny_config["train"]["lr_scheduler"] = {key: schedule, "args": {"optimizer": "@optimizer", **args}}
    if optimizer not in sources:  # one for all schedules: none of it is taken over
        made = make_archive(tiny_config, "first")
        quick(made, "--set", "epochs=8", "until_epoch=3")
        sources[optimizer] = shutil.copytree(made, tmp_path_factory.mktemp("source") / "first")
    first = sources[optimizer]
    own = tiny_config["train"]["optimizer"]["args"]
    own |= {"weight_decay": 0.3} | ({"betas": [0.5, 0.9]} if optimizer == "Adam" else {"momentum": 0.5})
    second = make_archive(tiny_config, "second")
    seen.clear()
    quick(second, "--set", "epochs=8", "until_epoch=4", "learning_rate=0.037", *started_from(second, first))
    assert seen[0]["lr"] == pytest.approx(0.037 * factor(3), rel=1e-9)
    assert seen[0]["weight_decay"] == 0.3
    assert list(seen[0]["betas"]) == [0.5, 0.9] if optimizer == "Adam" else seen[0]["momentum"] == 0.5
    kept = torch.load(second / "models/resume.pt", weights_only=True)
    assert kept["optimizer"]["param_groups"][0]["lr"] == pytest.approx(0.037 * factor(4), rel=1e-9)
    if optimizer == "Adam":  # the moments were the other training's: three epochs of two steps, and one epoch more
        assert float(kept["optimizer"]["state"][0]["step"]) == 8


def test_another_horizon_is_in_force(make_archive: Make, tiny_config: Config, seen: list[dict[str, Any]]) -> None:
    tiny_config["train"]["lr_scheduler"] = {
        "name": "CosineAnnealingLR",
        "args": {"optimizer": "@optimizer", "T_max": "{epochs}"},
    }
    first, second = make_archive(tiny_config, "first"), make_archive(tiny_config, "second")
    quick(first, "--set", "epochs=3")
    seen.clear()
    quick(second, "--set", "epochs=9", "until_epoch=4", *started_from(second, first))
    assert seen[0]["lr"] == pytest.approx(0.01 * (1 + math.cos(math.pi * 3 / 9)) / 2)


def test_a_schedule_that_steps_every_iteration_counts_the_new_ones(
    make_archive: Make, tiny_config: Config, seen: list[dict[str, Any]]
) -> None:
    train = tiny_config["train"]
    train["lr_scheduler"] = {"name": "StepLR", "args": {"optimizer": "@optimizer", "step_size": 1, "gamma": 0.9}}
    train["handlers"][0]["args"] |= {"epoch_level": False}
    first = make_archive(tiny_config, "first")
    quick(first, "--set", "epochs=4", "until_epoch=2")
    train["dataloader"]["args"]["batch_size"] = 1  # four steps an epoch in place of two
    second = make_archive(tiny_config, "second")
    seen.clear()
    quick(second, "--set", "epochs=4", *started_from(second, first))
    assert seen[0]["lr"] == pytest.approx(0.01 * 0.9**8)
    assert len(seen) == 8, "two epochs of four iterations"


def test_a_plateaus_reductions_apply_to_the_new_rate(
    make_archive: Make, tiny_config: Config, seen: list[dict[str, Any]]
) -> None:
    train = tiny_config["train"]
    train["lr_scheduler"] = {
        "name": "ReduceLROnPlateau",
        "args": {"optimizer": "@optimizer", "patience": 0, "factor": 0.5, "threshold": 10.0, "mode": "max"},
    }
    train["handlers"][0]["args"] |= {"print_lr": False, "step_transform": "lambda engine: 1.0"}
    first, second = make_archive(tiny_config, "first"), make_archive(tiny_config, "second")
    quick(first, "--set", "epochs=6", "until_epoch=3")  # the second and third epoch are no better
    seen.clear()
    quick(second, "--set", "epochs=6", "until_epoch=4", "learning_rate=0.08", *started_from(second, first))
    assert seen[0]["lr"] == pytest.approx(0.08 * 0.25)


def test_another_optimizer_begins_without_moments(make_archive: Make, tiny_config: Config) -> None:
    first = make_archive(tiny_config, "first")
    quick(first, "--set", "epochs=2", "until_epoch=1")
    tiny_config["train"]["optimizer"] = OPTIMIZERS["SGD"]
    second = make_archive(tiny_config, "second")
    out, _ = quick(second, "--set", "epochs=2", *started_from(second, first))
    assert "the moments of Adam are none for SGD" in out


def test_a_loss_keeps_its_new_weights(make_archive: Make, tiny_config: Config) -> None:
    loss = {"name": "DiceCELoss", "args": {"to_onehot_y": True, "softmax": True}}
    tiny_config["train"]["loss"] = {**loss, "args": {**loss["args"], "weight": "#torch.tensor([1.0, 1.0])"}}
    first = make_archive(tiny_config, "first")
    quick(first, "--set", "epochs=2", "until_epoch=1")
    tiny_config["train"]["loss"]["args"]["weight"] = "#torch.tensor([1.0, 5.0])"
    second = make_archive(tiny_config, "second")
    quick(second, "--set", "epochs=2", *started_from(second, first))
    kept = torch.load(second / "models/resume.pt", weights_only=True)
    found = [value for value in kept["loss"].values() if value.numel() == 2]
    assert found and all(value.tolist() == [1.0, 5.0] for value in found)


def test_options_that_were_off_get_moments_that_begin_at_zero() -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    plain = torch.optim.Adam([weight])
    weight.grad = torch.ones_like(weight)
    plain.step()
    strict = torch.optim.Adam([weight], amsgrad=True)
    strict.load_state_dict(plain.state_dict())
    strict.param_groups[0]["amsgrad"] = True
    _begin_missing_moments(strict)
    strict.step()
    assert strict.state[weight]["max_exp_avg_sq"].sum() > 0


# ---- what is refused


def test_what_cannot_be_is_refused_with_the_reason(make_archive: Make, tiny_config: Config) -> None:
    first, second = make_archive(tiny_config, "first"), make_archive(tiny_config, "second")
    quick(first, "--set", "epochs=4", "until_epoch=2")
    words = started_from(second, first)
    _, err = quick(second, "--set", "epochs=4", "until_epoch=2", *words, code=2)
    assert "start.pt is of epoch 2, so the training has to end later" in err
    tiny_config["train"]["model"]["args"]["channels"] = [4, 16]
    (second / "config/config_train.json").write_text(json.dumps(tiny_config))
    _, err = quick(second, "--set", "epochs=4", *words, code=2)
    assert "train.model" in err and "does not fit: of another size" in err
    _, err = quick(second, "--set", "epochs=4", "start_from=models/none.pt", code=2)
    assert "there is no such file" in err and "leave start_from out" in err
    _, err = quick(second, "--set", "epochs=4", "start_from=models/start.pt", "start_best=models/none.pt", code=2)
    assert "start_best names the best weights so far" in err
    assert not (second / "models/resume.pt").exists()


def test_it_is_a_variable_of_the_archive_so_a_job_can_be_run_again_by_hand(
    make_archive: Make, tiny_config: Config
) -> None:
    tiny_config["epochs"] = 2
    first = make_archive(tiny_config, "first")
    quick(first, "--set", "until_epoch=1")
    second = make_archive(tiny_config, "second", start_from="models/start.pt")
    started_from(second, first, best=False)
    found = []
    for _ in range(2):
        quick(second)
        assert [line["epoch"] for line in read_metrics(second / "models")] == [2]
        found.append(torch.load(second / "models/final_model.pt", weights_only=True)["model"])
    assert all(torch.equal(found[0][key], found[1][key]) for key in found[0])
