"""Trainings and evaluations that run out of memory, or say what they take of it."""

from __future__ import annotations

import copy
import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medl.apps import evaluate, train

Config = dict[str, Any]
Make = Callable[..., Path]
OF_USERS = '''
import os, signal
import torch
from monai.networks.nets import UNet
from monai.transforms import MapTransform

class Dies(MapTransform):
    """As the system does to a process for which there is no RAM."""
    def __call__(self, item):
        os.kill(os.getpid(), signal.SIGKILL)

class Small(UNet):
    """A network on a device that has memory for two windows, and no more than the training's batch."""
    def forward(self, x):
        if not self.training and len(x) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().forward(x)
'''


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture
def make(make_archive: Make) -> Make:
    """Return a function that makes an archive with the user's code, under a name of its own."""

    def go(config: Config, code: str) -> Path:
        root = make_archive(config, MMAR_EVAL_OUTPUT_PATH="eval", MMAR_CKPT="models/model.pt")
        (root / "custom").mkdir()
        (root / f"custom/{code}.py").write_text(OF_USERS)
        return root

    return go


def test_a_killed_process_of_the_loader_is_said_to_be_that(make: Make, tiny_config: Config, capsys) -> None:
    tiny_config["train"]["pre_transforms"].append({"path": "of_users_dies.Dies", "args": {"keys": "image"}})
    tiny_config["train"]["dataloader"]["args"]["num_workers"] = 1
    assert train.main(["-m", str(make(tiny_config, "of_users_dies"))]) == 1
    said = capsys.readouterr().err
    found = re.search(r"epoch 1: the system killed a process of the data loader \(pid \d+\): most likely the RAM", said)
    assert found and "Fewer num_workers" in said and "Traceback" not in said


def test_windows_go_on_with_less_in_training_and_evaluation(
    make: Make, tiny_config: Config, tiny_evaluation: Config, capsys
) -> None:
    inferer = {"name": "SlidingWindowInferer", "args": {"roi_size": [8, 8, 8], "sw_batch_size": 8, "overlap": 0.5}}
    model = {"path": "of_users_small.Small", "args": tiny_config["train"]["model"]["args"]}
    tiny_config["train"]["model"], tiny_config["epochs"] = model, 1
    tiny_config["validate"]["inferer"] = inferer
    root = make(tiny_config, "of_users_small")
    assert train.main(["-m", str(root), "--set", "print_conf=true"]) == 0
    said = capsys.readouterr().out
    line = "medl: validate.inferer: out of memory with {} windows at a time, goes on with sw_batch_size {}.\n"
    assert [said.count(line.format(*of)) for of in ((8, 4), (4, 2), (2, 1))] == [1, 1, 0]
    assert "Validate Inferer:  <class 'monai.inferers.inferer.SlidingWindowInferer'>" in said
    scores = []
    for windows in (8, 1):
        config = copy.deepcopy({**tiny_evaluation, "inferer": inferer})
        config["inferer"]["args"]["sw_batch_size"] = windows
        config["model"] = config["model"][1]
        (root / "config/config_validation.json").write_text(json.dumps(config))
        words = ["--set", "dont_load_ckpt_model=false", f"MMAR_EVAL_OUTPUT_PATH=eval/{windows}"]
        assert evaluate.main(["-m", str(root), *words]) == 0
        scores.append((root / f"eval/{windows}/metrics.csv").read_text())
        said = capsys.readouterr().out
        assert said.count("medl: inferer: out of memory") == (2 if windows == 8 else 0)
    assert scores[0] == scores[1]


def test_a_cache_says_its_size_and_is_capped(
    make: Make, tiny_config: Config, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    from medl.memory import Room

    for section in ("train", "validate"):
        tiny_config[section]["dataset"] = {**tiny_config[section]["dataset"], "name": "CacheDataset"}
        tiny_config[section]["dataset"]["args"]["progress"] = False
    root = make(tiny_config, "unused_of_users")
    monkeypatch.setenv("MEDL_JOBS", "2")
    assert train.main(["-m", str(root)]) == 0
    said = capsys.readouterr().out
    line = r"medl: {} cache: \d items of \d+ kB = \d+ kB; [\d.]+ GB free over 2 jobs: all cached\n"
    assert all(re.search(line.format(section), said) for section in ("train", "validate"))
    scores = (root / "models/metrics.jsonl").read_text()
    monkeypatch.setattr("medl.train.build.room", lambda ranks: Room(0))
    monkeypatch.setattr("medl.train.cache_size.SAMPLES", 1)
    assert train.main(["-m", str(root), "--set", "MMAR_CKPT_DIR=models/again"]) == 0
    assert "capped to 1 of" in capsys.readouterr().out
    times = re.compile(r'"\w*(?:_s|time)": [\d.e+-]+,? ?')
    assert times.sub("", (root / "models/again/metrics.jsonl").read_text()) == times.sub("", scores)
