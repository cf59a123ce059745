"""``medl reproduce``: a real training made again, bit for bit; what changed since is named."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import medl.automl.reproduce
from medl.apps.reproduce import main
from medl.apps.train import main as train
from medl.automl.reproduce import Step
from medl.conf.validate import schema_problems
from medl.mmar.archive import MMAR

Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def _process() -> Iterator[None]:
    """Leave this process as it was."""
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    for number, handler in signals.items():
        signal.signal(number, handler)
    logging.root.handlers[:], logging.root.level = handlers, level


def in_this_process(step: Step, mmar: MMAR, log: Path) -> None:
    """Train a step without the seconds that a new process needs to import torch."""
    argv = step.launch.argv
    assert train(argv[argv.index("medl.apps.train") + 1 :]) == 0


@pytest.fixture
def trained(make_archive: Make, tiny_config: dict[str, Any], tiny_volumes: Path, tmp_path: Path) -> Path:
    """An archive with a record, its volumes copied so that a test may change them."""
    data = tmp_path / "data"
    shutil.copytree(tiny_volumes, data)
    past = time.time() - 60  # what was written just now is read again
    for path in data.iterdir():
        os.utime(path, (past, past))
    root = make_archive(tiny_config, DATA_ROOT="../data", DATASET_JSON="../data/dataset.json")
    words = ["epochs=3", "until_epoch=2", "learning_rate=0.02"]
    assert train(["-m", str(root), "--set", *words]) == 0
    return root


def test_a_training_is_made_again_and_what_changed_is_named(
    trained: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    capfd.readouterr()
    record = json.loads((trained / "models/record.json").read_text())
    assert not schema_problems(record, "record")
    assert record["settings"] == {"epochs": 3, "until_epoch": 2, "learning_rate": 0.02}
    assert (record["ranks"], record["seed"], record["outcome"]["epochs"]) == (1, 3, [1, 2])
    assert len(record["data"][0]["files"]) == 12 and record["data"][0]["sha256"]
    assert record["memory"][0]["rss_mb"] > 100 and record["hardware"]["cpu_capability"]
    assert "image_0" not in json.dumps(record["data"]), "names of files may be patients'"
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}

    record["packages"]["numpy"] = "1.0"
    (trained / "models/record.json").write_text(json.dumps(record))
    assert main([str(trained)]) == 0
    said = capfd.readouterr().out
    assert "the score is the same\n" in said
    score = record["outcome"]["values"]["val_mean_dice"]
    assert f"best val_mean_dice is the same, bit for bit: {score!r}" in said
    assert "every logged value of every epoch is the same" in said
    assert "weights: model.pt the same, final_model.pt the same" in said
    assert 'numpy: recorded "1.0", now' in said and "has changed" not in said
    again = trained.with_name("archive.reproduced")
    assert all(path.read_bytes() == bytes for path, bytes in before.items() if path.name != "record.json")
    made = json.loads((again / "models/record.json").read_text())
    assert (
        made["checkpoints"]["final_model.pt"]["weights_sha256"]
        == (record["checkpoints"]["final_model.pt"]["weights_sha256"])
    )
    assert made["data"][0]["read_mb"] == 0, "nothing is read twice"

    shutil.copyfile(trained.parent / "data/image_5.nii", trained.parent / "data/image_0.nii")
    target = trained.parent / "elsewhere/again"
    monkeypatch.setattr(medl.automl.reproduce, "run", in_this_process)
    assert main([str(trained / "models"), "--to", str(target)]) == 1
    said = capfd.readouterr().out
    assert "the score is another one" in said and "a difference of" in said
    assert "data: training[0].image (image_0.nii) has changed" in said
    assert main([str(trained), "--to", str(target)]) == 2
    assert "nothing is ever overwritten" in capfd.readouterr().err


def test_what_cannot_be_made_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def refused(**changes: Any) -> str:
        (tmp_path / "config").mkdir(exist_ok=True)
        if changes:
            record = {"version": 2, "outcome": None, **changes}
            (tmp_path / "record.json").write_text(json.dumps(record))
        assert main([str(tmp_path)]) == 2
        return capsys.readouterr().err

    assert "has no record.json, neither in the folder nor beside" in refused()
    assert "there is no result yet" in refused(job="W1_1_J1")
    assert "written by an older medl" in refused(version=1)
    assert "ended as failed: out of memory" in refused(outcome={"status": "failed", "reason": "out of memory"})
    assert main([str(tmp_path / "nowhere")]) == 2
    assert "there is no folder" in capsys.readouterr().err
