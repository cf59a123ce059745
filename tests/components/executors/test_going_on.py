"""A job that goes on from another one: what it takes along, what it refuses, and the way back to the beginning."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from medl.assets import asset
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, Recommendation, SearchResult
from medl.automl.launch import Launch
from medl.components.executors.mmar_executor import MMARExecutor
from medl.conf.validate import schema_problems
from medl.mmar.archive import MMAR
from medl.mmar.stats import read_metrics, read_stats

CUSTOM = '''
import torch
from torch.utils.data import Dataset


class Blobs(Dataset):
    """Small pictures, in half of which the left half is bright."""

    def __init__(self, count):
        random = torch.Generator().manual_seed(count)
        self.images = torch.rand(count, 1, 8, 8, generator=random)
        self.images[::2, :, :, :4] += 1.0

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return {"image": self.images[index], "label": torch.tensor([[float(index % 2 == 0)]])}


class Net(torch.nn.Module):
    def __init__(self, width=4, rate=0.1):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(64, width), torch.nn.Dropout(rate), torch.nn.Linear(width, 1)
        )

    def forward(self, x):
        return self.layers(x).sigmoid()[:, None, :]
'''
ENGINE = {"device": "cpu", "network": "@model", "inferer": "@inferer"}
FROM = "#monai.handlers.from_engine(['pred', 'label'])"
CONFIG: dict[str, Any] = {
    "epochs": 6,
    "learning_rate": 0.1,
    "use_gpu": False,
    "determinism": {"random_seed": 1},
    "search": [{"domain": "lr", "type": "float", "args": ["learning_rate"], "targets": [0.0, 1.0]}],
    "train": {
        "model": {
            "path": "blobs.Net",
            "args": {"width": 4, "rate": 0.1},
            "search": [{"domain": "net", "type": "enum", "args": ["rate"], "targets": [[0.1], [0.2]]}],
        },
        "loss": {"name": "BCELoss"},
        "optimizer": {"name": "Adam", "args": {"params": "#@model.parameters()", "lr": "{learning_rate}"}},
        "lr_scheduler": {"name": "CosineAnnealingLR", "args": {"optimizer": "@optimizer", "T_max": "{epochs}"}},
        "dataset": {"path": "blobs.Blobs", "args": {"count": 8}},
        "dataloader": {"name": "DataLoader", "args": {"dataset": "@dataset", "batch_size": 4, "shuffle": True}},
        "inferer": {"name": "SimpleInferer"},
        "handlers": [
            {"name": "LrScheduleHandler", "args": {"lr_scheduler": "@lr_scheduler", "print_lr": False}},
            {"name": "ValidationHandler", "args": {"validator": "@evaluator", "interval": 2}},
        ],
        "trainer": {
            "name": "SupervisedTrainer",
            "args": {
                **ENGINE,
                "max_epochs": "{epochs}",
                "train_data_loader": "@dataloader",
                "loss_function": "@loss",
                "optimizer": "@optimizer",
                "train_handlers": "@handlers",
            },
        },
    },
    "validate": {
        "dataset": {"path": "blobs.Blobs", "args": {"count": 6}},
        "dataloader": {"name": "DataLoader", "args": {"dataset": "@dataset", "batch_size": 2}},
        "inferer": {"name": "SimpleInferer"},
        "key_metric": {"name": "MeanSquaredError", "log_label": "error", "args": {"output_transform": FROM}},
        "evaluator": {
            "name": "SupervisedEvaluator",
            "args": {**ENGINE, "val_data_loader": "@dataloader", "key_val_metric": "@key_metric"},
        },
    },
}


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    archive = tmp_path / "archive"
    for folder in ("config", "custom"):
        (archive / folder).mkdir(parents=True)
    shutil.copytree(asset("commands"), archive / "commands")
    (archive / "config/config_train.json").write_text(json.dumps(CONFIG))
    (archive / "config/environment.json").write_text(json.dumps({"MMAR_CKPT_DIR": "models"}))
    (archive / "custom/blobs.py").write_text(CUSTOM)
    ctx = Context()
    ctx.set_prop(ContextKey.MMAR_ROOT, str(archive))
    ctx.set_prop(ContextKey.RUN_ROOT, str(archive / "automl/a"))
    ctx.set_prop(ContextKey.THREADS, 1)
    return ctx


class InThisProcess(MMARExecutor):
    """Trains in this process: nothing is started, so nothing is imported again and again."""

    def _run(self, name: str, job: MMAR, launch: Launch, log: Path | None, watchdog: Any) -> tuple[int, bool]:
        return trained(launch.argv, job.log), False


def trained(argv: Sequence[str], log: Path) -> int:
    """Run a command line of a training, and return its exit code."""
    from medl.apps.train import main

    sys.modules.pop("blobs", None)  # each archive has its own
    words = list(argv[argv.index("medl.apps.train") + 1 :])
    with log.open("a") as stream, contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        return main(words)


@pytest.fixture(autouse=True)
def _process() -> Iterator[None]:
    """Leave this process as it was."""
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    for number, handler in signals.items():
        signal.signal(number, handler)
    logging.root.handlers[:], logging.root.level = handlers, level


def execute(ctx: Context, name: str, lr: float = 0.1, rate: int = 0, **more: Any) -> tuple[Outcome, Path]:
    executor = InThisProcess()
    space = executor.determine_search_space(ctx)
    values = {p.prl: lr if p.domain == "lr" else rate for p in space.parameters}
    job = Context(ctx)
    job.set_prop(ContextKey.JOB_NAME, name)
    job.set_prop(ContextKey.GPUS, [0])
    outcome = executor.execute(Recommendation(name, SearchResult(space, values), **more), job)
    return outcome, Path(ctx.get_prop(ContextKey.RUN_ROOT)) / name


def final(folder: Path) -> dict[str, torch.Tensor]:
    weights = torch.load(folder / "final_model.pt", weights_only=True)["model"]
    assert isinstance(weights, dict)
    return weights


def test_a_chain_of_jobs_and_its_replay(ctx: Context, tmp_path: Path) -> None:
    """Two epochs, two more by the same trial, two by another one with its weights; then all of it again."""
    one, first = execute(ctx, "W1_1_J1", until_epoch=2)
    assert one.status is JobStatus.OK, one.reason
    assert one.info["epochs"] == [1, 2]
    two, second = execute(ctx, "W1_2_J2", until_epoch=4, resume_from="W1_1_J1")
    assert two.status is JobStatus.OK, two.reason
    assert (two.epoch, two.info["epochs"]) == (4, [3, 4])
    assert (second / "models/start.pt").samefile(first / "models/resume.pt")
    three, third = execute(ctx, "W1_3_J3", lr=0.4, until_epoch=6, inherit_from="W1_2_J2")
    assert three.status is JobStatus.OK, three.reason
    lines = read_metrics(third / "models")
    assert [line["epoch"] for line in lines] == [5, 6]
    assert lines[0]["lr"][0] == pytest.approx(0.4 * 0.25), "a cosine of the new rate, two thirds down"
    assert set(three.values.values()) == {lines[-1]["metrics"]["error"]}, "the last validation, never the best"
    stats = read_stats(third / "models")
    assert stats is not None and stats.best_epoch == 6, "another trial's best is not its own"

    record = json.loads((third / "record.json").read_text())
    assert not schema_problems(record, "record")
    assert [(one["job"], one["epochs"], one["start"]) for one in record["lineage"]] == [
        ("W1_1_J1", [1, 2], "nothing"),
        ("W1_2_J2", [3, 4], "resume"),
    ]
    best = third.with_name("best")
    shutil.copytree(third, best)
    for folder in (first, second, third):
        shutil.rmtree(folder)
    noting = tmp_path / "python"  # writes down what the script would have it do
    noting.write_text('#!/bin/bash\n[[ $1 == -c ]] || echo "$*" >> "$0.calls"\n')
    noting.chmod(0o755)
    environ = {**os.environ, "MEDL_PYTHON": str(noting)}
    subprocess.run(["bash", str(best / "commands/replay.sh"), "amp=false"], env=environ, check=True, timeout=60)
    calls = [line.split() for line in Path(f"{noting}.calls").read_text().splitlines()]
    assert len(calls) == 3 and calls[2][-1] == "amp=false"
    for call in calls:
        assert trained(call, best / "log.txt") == 0
    again = final(best / "models/replay/3")
    assert all(torch.equal(again[key], value) for key, value in final(best / "models").items())
    assert [line["metrics"] for line in read_metrics(best / "models/replay/3") if "metrics" in line] == [
        line["metrics"] for line in lines if "metrics" in line
    ]


@pytest.fixture
def ended(ctx: Context) -> Path:
    """Return the folder of a job as if it had been trained for two epochs."""
    outcome, job = execute(ctx, "W1_1_J1", until_epoch=2, variables={"start_from": "models/none.pt"})
    assert outcome.status is JobStatus.FAILED
    record = json.loads((job / "record.json").read_text())
    record["outcome"] |= {"status": "ok", "epochs": [1, 2], "epoch": 2}
    (job / "record.json").write_text(json.dumps(record))
    (job / "models/resume.pt").touch()
    return job


def test_what_does_not_go_on_is_refused_before_anything_starts(ctx: Context, ended: Path) -> None:
    def refused(**more: Any) -> str:
        outcome, job = execute(ctx, "W1_2_J2", **more)
        shutil.rmtree(job, ignore_errors=True)
        assert outcome.status is JobStatus.FAILED
        return outcome.reason

    assert "W9_9_J9 is gone or was never trained" in refused(inherit_from="W9_9_J9")
    assert "until_epoch is 2, but W1_1_J1 was trained to epoch 2 already" in refused(
        until_epoch=2, resume_from="W1_1_J1"
    )
    reason = refused(inherit_from="W1_1_J1", rate=1)
    assert reason.startswith("train.model.args.rate is 0.2, but W1_1_J1 was trained with 0.1")
    (ended / "models/resume.pt").unlink()
    assert "names in needs() the jobs whose checkpoints must stay" in refused(resume_from="W1_1_J1")
    record = json.loads((ended / "record.json").read_text())
    record["outcome"]["status"] = "failed"
    (ended / "record.json").write_text(json.dumps(record))
    assert "it ended as failed" in refused(resume_from="W1_1_J1")
