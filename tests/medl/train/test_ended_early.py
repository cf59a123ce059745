"""Trainings that end before their last epoch: EarlyStopHandler in both styles, and max_train_time."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from medl.automl.launch import training_launch
from medl.conf.check import check_training
from medl.errors import ConfigError
from medl.mmar.archive import MMAR
from medl.mmar.stats import read_metrics, read_stats
from medl.train.workflow import train

STOP = {
    "name": "EarlyStopHandler",
    "args": {"patience": 2, "score_function": "lambda engine: 1 - engine.state.epoch / 100"},
}
"""The score falls from epoch to epoch: the first validation stays the best."""
Make = Callable[..., Path]


def run(root: Path, config: dict[str, Any], **more: Any) -> None:
    environment = json.loads((root / "config/environment.json").read_text())
    checked = check_training(root, config, environment, own_values=True).require()
    assert checked.resolved is not None
    train(MMAR(root), checked.config, checked.resolved.variables, file="c.json", write_train_stats=True, **more)


def as_in_40(config: dict[str, Any]) -> dict[str, Any]:
    """Return the config as Clara Train 4.0 had it: nothing refers to anything."""
    old = copy.deepcopy(config)
    for section, engine in (("train", "trainer"), ("validate", "evaluator")):
        content = old[section]
        content[engine].pop("args")
        for key, unsaid in (("dataset", "transform"), ("dataloader", "dataset")):
            content[key]["args"].pop(unsaid)
    old["train"]["optimizer"]["args"].pop("params")
    old["train"]["lr_scheduler"]["args"].pop("optimizer")
    old["train"]["trainer"]["args"] = {"max_epochs": "{epochs}"}
    for handler in old["train"]["handlers"] + old["validate"]["handlers"]:
        args = handler["args"]
        for name in ("lr_scheduler", "validator"):
            args.pop(name, None)
        if "save_dict" in args:
            args["save_dict"] = ["model", "train_conf"]
        if "output_transform" in args:
            args["output_transform"] = "lambda x: x['loss']"
    metric = old["validate"].pop("key_metric")
    metric["args"]["output_transform"] = "lambda x: (x['pred'], x['label'])"
    old["validate"]["metrics"] = [{**metric, "is_key_metric": True}]
    return old


@pytest.mark.parametrize("style", ["4.0", "4.1", "4.1 without trainer"])
def test_early_stop(
    style: str, tiny_config: dict[str, Any], make_archive: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_config["epochs"] = 8
    stop = copy.deepcopy(STOP)
    if style == "4.1":
        stop["args"]["trainer"] = "@trainer"
    tiny_config["validate"]["handlers"].append(stop)
    config = as_in_40(tiny_config) if style == "4.0" else tiny_config
    assert ("@" in json.dumps(config)) is (style != "4.0")
    root = make_archive(config)
    run(root, config)
    stats = read_stats(root / "models")
    assert stats is not None
    assert (stats.epochs, stats.max_epoch, stats.status) == ((1, 3), 8, "ok")
    assert "medl: the training ended after epoch 3 of 8: EarlyStopHandler asked for it." in capsys.readouterr().out
    assert {"model.pt", "final_model.pt", "resume.pt"} <= {file.name for file in (root / "models").iterdir()}


def test_score_that_is_looked_up_in_the_validation(tiny_config: dict[str, Any], make_archive: Make) -> None:
    tiny_config["epochs"] = 6
    tiny_config["train"]["optimizer"]["args"]["lr"] = 1e-12  # nothing is learnt, so nothing gets better
    score = "#monai.handlers.stopping_fn_from_metric('val_mean_dice')"
    args = {"patience": 1, "score_function": score, "min_delta": 0.01, "trainer": "@trainer"}
    tiny_config["validate"]["handlers"].append({"name": "EarlyStopHandler", "args": args})
    root = make_archive(tiny_config)
    run(root, tiny_config)
    assert [line["epoch"] for line in read_metrics(root / "models")] == [1, 2]


def test_own_handler_needs_set_trainer(tiny_config: dict[str, Any], make_archive: Make) -> None:
    spec = {"path": "stop_without_setter.Stop", "args": {"trainer": "@trainer"}}
    tiny_config["validate"]["handlers"].append(spec)
    root = make_archive(tiny_config)
    (root / "custom").mkdir()
    body = "class Stop:\n    def __init__(self, trainer=None): ...\n    def attach(self, engine): ...\n"
    (root / "custom/stop_without_setter.py").write_text(body)
    with pytest.raises(ConfigError, match="needs set_trainer"):
        run(root, tiny_config)


def test_time_limit_ends_with_an_epoch(
    tiny_config: dict[str, Any], make_archive: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_config |= {"epochs": 50, "max_train_time": 0.01, "num_interval_per_valid": 10}
    root = make_archive(tiny_config)
    run(root, tiny_config)
    (line,) = read_metrics(root / "models")
    assert line["epoch"] == 1 and "val_mean_dice" in line["metrics"], "it is validated where it ends"
    out = capsys.readouterr().out
    assert "medl: the training ended after epoch 1 of 50: max_train_time is 0.01 s" in out
    kept = torch.load(root / "models/resume.pt", weights_only=True)
    assert kept["epoch"] == 1
    assert (root / "models/final_model.pt").is_file() and (root / "models/model.pt").is_file()
    tiny_config["max_train_time"] = 600  # a training that goes on has the whole time again
    tiny_config["epochs"] = 50
    config = {**tiny_config, "until_epoch": 2}
    run(root, config, resume=True)
    assert [line["epoch"] for line in read_metrics(root / "models")] == [1, 2]


def test_time_enough(tiny_config: dict[str, Any], make_archive: Make) -> None:
    tiny_config["max_train_time"] = 600
    root = make_archive(tiny_config)
    run(root, tiny_config, started=time.monotonic())
    assert [line["epoch"] for line in read_metrics(root / "models")] == [1, 2]


@pytest.mark.parametrize("value", [0, -1, "an hour", True])
def test_limit_that_is_none(value: Any, tiny_config: dict[str, Any], make_archive: Make) -> None:
    root = make_archive(tiny_config)
    with pytest.raises(ConfigError, match="max_train_time is a number of seconds above 0"):
        run(root, {**tiny_config, "max_train_time": value})


def test_ignites_time_limit_is_refused(tiny_config: dict[str, Any], make_archive: Make) -> None:
    tiny_config["train"]["handlers"].append({"name": "TimeLimit", "args": {"limit_sec": 5}})
    root = make_archive(tiny_config)
    with pytest.raises(ConfigError, match="max_train_time"):
        run(root, tiny_config)


def test_validation_without_anything_to_score(
    tiny_config: dict[str, Any], make_archive: Make, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """No case has the class, in label or prediction: there is no score, and the training goes on to its end."""
    nothing = {"name": "Lambdad", "args": {"keys": ["pred", "label"], "func": "lambda x: x * 0"}}
    tiny_config["validate"]["post_transforms"].append(nothing)
    root = make_archive(tiny_config)
    run(root, tiny_config)
    stats = read_stats(root / "models")
    assert stats is not None and stats.status == "no_score" and stats.best_metric is None
    assert "epoch 2: there is no score, val_mean_dice is NaN: 2 values left out" in capsys.readouterr().out
    assert (root / "models/model.pt").is_file()


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("settings", "last"), [(["max_train_time=0.01"], 1), (["patience=1"], 2)])
def test_two_ranks_end_together(
    settings: list[str], last: int, tiny_config: dict[str, Any], make_archive: Make
) -> None:
    """One that went on alone would wait for the other for ever."""
    stop = copy.deepcopy(STOP)
    stop["args"]["patience"] = "{patience}"
    tiny_config |= {"epochs": 30, "patience": 30}
    tiny_config["validate"]["handlers"].append(stop)
    root = make_archive(tiny_config)
    launch = training_launch(root, range(2), 1, os.environ, settings=settings, launcher="torchrun")
    done = subprocess.run(
        launch.argv, env=launch.env, cwd=root, capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert [line["epoch"] for line in read_metrics(root / "models")] == list(range(1, last + 1))
    assert done.stdout.count(f"medl: the training ended after epoch {last} of 30:") == 1
    assert (root / "models/final_model.pt").is_file()
