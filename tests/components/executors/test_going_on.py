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
from medl.automl.comparison import compared_result, differences
from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, Recommendation, SearchResult
from medl.automl.launch import Launch
from medl.automl.reproduce import make_archive, recorded, result, steps
from medl.components.executors.mmar_executor import MMARExecutor
from medl.conf.validate import schema_problems
from medl.mmar.archive import MMAR
from medl.mmar.stats import read_metrics, read_stats

CUSTOM = '''
import os, signal
from pathlib import Path

import torch
from torch.utils.data import Dataset


KILL = Path(__file__).with_name("kill")


class Blobs(Dataset):
    """Small pictures, in half of which the left half is bright."""

    calls = 0

    def __init__(self, count):
        random = torch.Generator().manual_seed(count)
        self.images = torch.rand(count, 1, 8, 8, generator=random)
        self.images[::2, :, :, :4] += 1.0

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        if KILL.exists() and self.calls == int(KILL.read_text()):
            KILL.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        self.calls += 1
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
    original = recorded(best)
    mmar = make_archive(original, tmp_path / "again")
    for step in steps(original, mmar, os.environ):
        assert trained(step.launch.argv, mmar.log) == 0, mmar.log.read_text()
    compared = compared_result(record, result(mmar))
    assert compared.same, compared.lines
    assert not differences(record, result(mmar))
    assert all(torch.equal(final(mmar.models)[key], value) for key, value in final(best / "models").items())
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


# An attempt that did not come to its end ------------------------------------------------------------------------------


def attempt(ctx: Context, number: int, executor: MMARExecutor, faults: tuple[str, ...] = ()) -> tuple[Outcome, Path]:
    space = executor.determine_search_space(ctx)
    job = Context(ctx)
    job.set_prop(ContextKey.JOB_NAME, "W1_1_J1")
    job.set_prop(ContextKey.GPUS, [0])
    job.set_prop(ContextKey.ATTEMPT, number)
    job.set_prop(ContextKey.FAULTS, faults)
    values = {p.prl: 0.1 if p.domain == "lr" else 0 for p in space.parameters}
    outcome = executor.execute(Recommendation("T1", SearchResult(space, values)), job)
    return outcome, Path(ctx.get_prop(ContextKey.RUN_ROOT)) / "W1_1_J1"


def test_a_killed_job_goes_on_bit_for_bit(ctx: Context, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole, there = execute(ctx, "W2_1_J2")
    kill = Path(ctx.get_prop(ContextKey.MMAR_ROOT)) / "custom/kill"
    kill.write_text("28")  # in the midst of the fourth epoch
    outcome, job = attempt(ctx, 1, MMARExecutor(poll_interval=0.1))
    assert outcome.status is JobStatus.FAILED and outcome.info["fault"] == "killed", outcome
    assert "signal 9" in outcome.reason
    before = read_metrics(job / "models")
    assert [line["epoch"] for line in before] == [1, 2, 3]
    kill.unlink()
    outcome, job = attempt(ctx, 2, InThisProcess(), ("killed",))
    assert outcome.status is JobStatus.OK, outcome.reason
    assert "the training goes on after epoch" in (job / "log.txt").read_text()
    assert (outcome.values, outcome.epoch, outcome.info) == (whole.values, 6, whole.info)
    lines = read_metrics(job / "models")
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6] and lines[0] == before[0]
    assert [line["losses"] for line in lines] == [line["losses"] for line in read_metrics(there / "models")]
    for name in ("final_model.pt", "model.pt"):
        one, other = (torch.load(folder / "models" / name, weights_only=True)["model"] for folder in (job, there))
        assert all(torch.equal(one[key], other[key]) for key in other)
    assert not (job.with_name("W1_1_J1.attempt1") / "models/resume.pt").exists()
    assert len(read_metrics(job.with_name("W1_1_J1.attempt1") / "models")) == 3, "what was set aside stays as it was"


@pytest.mark.parametrize("damage", ["torn", "flipped", "refused"])
def test_a_checkpoint_that_does_not_serve_is_said_and_the_job_begins_anew(
    ctx: Context, damage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    whole, job = attempt(ctx, 1, InThisProcess())
    resume = job / "models/resume.pt"
    data = bytearray(resume.read_bytes())
    if damage == "torn":
        del data[len(data) // 2 :]
    elif damage == "flipped":
        data[len(data) // 2] ^= 255
    else:
        value = torch.load(resume, weights_only=True)
        torch.save({**value, "seed": 99}, resume)
        data = bytearray(resume.read_bytes())
    resume.write_bytes(data)
    outcome, job = attempt(ctx, 2, InThisProcess())
    assert outcome.status is JobStatus.OK and outcome.values == whole.values
    assert [line["epoch"] for line in read_metrics(job / "models")] == [1, 2, 3, 4, 5, 6]
    said = [line for line in capfd.readouterr().out.splitlines() if "W1_1_J1" in line]
    assert len(said) == 1 and ("is refused" if damage == "refused" else "cannot be read") in said[0]


def test_a_job_without_memory_is_trained_with_half_its_batch_where_that_is_allowed(ctx: Context) -> None:
    class Short(InThisProcess):
        def _run(self, name: str, job: MMAR, launch: Launch, log: Path | None, watchdog: Any) -> tuple[int, bool]:
            if json.loads(job.train_config.read_text())["train"]["dataloader"]["args"]["batch_size"] == 4:
                job.log.write_text("medl: epoch 1: out of memory (CUDA out of memory). A smaller batch needs less.\n")
                return 1, False
            return super()._run(name, job, launch, log, watchdog)

    outcome, _ = attempt(ctx, 1, Short())
    assert outcome.info["fault"] == "out_of_memory" and "runs_again" not in outcome.info
    outcome, _ = attempt(ctx, 1, Short(halve_batch_on_oom=True))
    assert outcome.info["runs_again"] is True
    outcome, job = attempt(ctx, 2, Short(halve_batch_on_oom=True), ("out_of_memory",))
    assert outcome.status is JobStatus.OK, outcome.reason
    assert outcome.info["batch_size"] == {"asked": 4, "trained": 2}
    record = json.loads((job / "record.json").read_text())
    assert record["config"]["train"]["dataloader"]["args"]["batch_size"] == 2
