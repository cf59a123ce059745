"""Trainings of two ranks, started by the real launchers, beside the same training in one process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from medl.automl.defs import Context, ContextKey, JobStatus, Outcome, Recommendation, SearchResult
from medl.automl.launch import training_launch
from medl.components.executors.mmar_executor import MMARExecutor
from medl.horovod import horovod_fault
from medl.mmar.stats import HEARTBEAT_FILE, read_metrics, read_stats

FAULT = horovod_fault()
pytestmark = [
    pytest.mark.horovod,
    pytest.mark.timeout(240),
    pytest.mark.skipif(FAULT is not None, reason=f"{FAULT}; scripts/install_horovod.sh builds it"),
]
Config = dict[str, Any]
Make = Callable[..., Path]

CUSTOM = '''
import os, signal, time
import torch
from ignite.engine import Events


class Double(torch.nn.Module):
    """No layer of it looks at more than one case."""

    def __init__(self):
        super().__init__()
        layers = [torch.nn.Conv3d(1, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv3d(4, 2, 3, padding=1)]
        self.layers = torch.nn.Sequential(*layers).double()

    def forward(self, x):
        return self.layers(x.double())


class Keep:
    """Keeps this rank's own weights."""

    def __init__(self, network):
        self.network = network

    def attach(self, engine):
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine):
        rank = os.environ.get("HOROVOD_RANK", os.environ.get("RANK", "0"))
        torch.save(self.network.state_dict(), f"{os.environ['KEEP']}/{rank}.pt")


class Trouble:
    """What happens to the second rank in the second epoch."""

    def __init__(self, kind):
        self.kind = kind

    def attach(self, engine):
        engine.add_event_handler(Events.EPOCH_STARTED(once=2), self)

    def __call__(self, engine):
        if os.environ["HOROVOD_RANK"] == "0":
            return
        if self.kind == "raise":
            raise ValueError("a voxel is missing")
        if self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        while True:
            time.sleep(60)
'''


@pytest.fixture
def exact(tiny_config: Config, tiny_volumes: Path, tmp_path: Path) -> Config:
    """Return a config without anything random: float64, no batch norm, fixed order; 6 cases to train, 5 to validate."""
    items = json.loads((tiny_volumes / "dataset.json").read_text())
    items = items["training"] + items["validation"]
    (tmp_path / "list.json").write_text(json.dumps({"training": items, "validation": items[:5]}))
    config = tiny_config
    train, validate = config["train"], config["validate"]
    train["model"] = {"path": "several.Double"}
    train["pre_transforms"] = train["pre_transforms"][:2]
    train["dataloader"]["args"] |= {"batch_size": 4, "shuffle": False}
    train["handlers"].append({"path": "several.Keep", "args": {"network": "@model"}})
    validate["dataloader"]["args"]["batch_size"] = 2
    return config


def archive(make: Make, config: Config, name: str, tmp_path: Path) -> Path:
    root = make(config, name, DATASET_JSON=str(tmp_path / "list.json"))
    (root / "custom").mkdir()
    (root / "custom/several.py").write_text(CUSTOM)
    (root / "kept").mkdir()
    return root


def trained(
    root: Path, slots: list[int], launcher: str = "auto", words: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    launch = training_launch(root, slots, 1, {**os.environ, "KEEP": str(root / "kept")}, launcher=launcher)
    return subprocess.run(
        [*launch.argv, *words], env=launch.env, cwd=root, capture_output=True, text=True, timeout=200, check=False
    )


def kept(root: Path, rank: int) -> torch.Tensor:
    weights = torch.load(root / f"kept/{rank}.pt", weights_only=True)
    return torch.cat([value.reshape(-1) for value in weights.values()])


def test_two_ranks_train_as_one_process_does(make_archive: Make, exact: Config, tmp_path: Path) -> None:
    roots = {name: archive(make_archive, exact, name, tmp_path) for name in ("one", "horovod", "torchrun")}
    ended = {
        "one": trained(roots["one"], [0]),
        "horovod": trained(roots["horovod"], [0, 1]),
        "torchrun": trained(roots["torchrun"], [0, 1], "torchrun"),
    }
    for name, process in ended.items():
        assert process.returncode == 0, f"{name}: {process.stdout[-3000:]} {process.stderr[-3000:]}"
    alone = kept(roots["one"], 0)
    scores = {name: stats.history for name, root in roots.items() if (stats := read_stats(root / "models"))}
    assert alone.dtype is torch.float64
    for name in ("horovod", "torchrun"):
        first, second = kept(roots[name], 0), kept(roots[name], 1)
        assert torch.equal(first, second), name
        assert (first - alone).abs().max() < 1e-6, name
        assert (first - alone).abs().max() < 1e-12, name  # what is measured; the line above is what is promised
        assert scores[name] == scores["one"], name
        lines = [read_metrics(roots[place] / "models") for place in (name, "one")]
        losses = [[line["losses"]["train_loss"] for line in each] for each in lines]
        assert len(losses[0]) == 2 and losses[0] == pytest.approx(losses[1], abs=1e-9)
        assert not (roots[name] / "models" / HEARTBEAT_FILE).exists()
        saved = torch.load(roots[name] / "models/final_model.pt", weights_only=True)["model"]
        assert torch.equal(torch.cat([value.reshape(-1) for value in saved.values()]), first), name
    said = ended["horovod"].stdout
    assert "Engine run resuming" not in "".join(line for line in said.splitlines() if line.startswith("[1]"))


def test_two_ranks_that_go_on_after_a_stop_are_two_ranks_that_never_stopped(
    make_archive: Make, tiny_config: Config, tiny_volumes: Path, tmp_path: Path
) -> None:
    train = tiny_config["train"]
    train["lr_scheduler"] = {"name": "CosineAnnealingLR", "args": {"optimizer": "@optimizer", "T_max": "{epochs}"}}
    flip = {"name": "RandFlipd", "args": {"keys": ["image", "label"], "prob": 0.5, "spatial_axis": 0}}
    train["pre_transforms"].append(flip)
    train["model"]["args"] |= {"norm": "instance", "dropout": 0.2}
    train["dataloader"]["args"] |= {"batch_size": 2, "shuffle": True}
    train["handlers"].append({"path": "several.Keep", "args": {"network": "@model"}})
    (tmp_path / "list.json").write_bytes((tiny_volumes / "dataset.json").read_bytes())
    whole, parts = (archive(make_archive, tiny_config, name, tmp_path) for name in ("whole", "parts"))
    for root, words in (
        (whole, ("--set", "epochs=4")),
        (parts, ("--set", "epochs=4", "until_epoch=2")),
        (parts, ("--set", "epochs=4", "--resume")),
    ):
        ended = trained(root, [0, 1], words=words)
        assert ended.returncode == 0, f"{ended.stdout[-3000:]} {ended.stderr[-3000:]}"
    assert "goes on after epoch 2 of 4" in ended.stdout and "bit for bit" not in ended.stdout
    assert torch.equal(kept(parts, 0), kept(whole, 0)) and torch.equal(kept(parts, 1), kept(whole, 1))
    for name in ("final_model.pt", "model.pt"):
        one, two = (torch.load(root / "models" / name, weights_only=True)["model"] for root in (whole, parts))
        assert all(torch.equal(one[key], two[key]) for key in one.keys() | two.keys()), name
    stats = [read_stats(root / "models") for root in (whole, parts)]
    assert stats[0] is not None and stats[1] is not None and stats[0].history == stats[1].history


def test_what_ranks_do_together(tmp_path: Path) -> None:
    program = Path(__file__).with_name("together.py")
    launcher = [str(Path(sys.executable).with_name("horovodrun")), "-np", "2", "-H", "localhost:2", "--gloo"]
    process = subprocess.run(
        [*launcher, sys.executable, str(program), str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    assert first["talk"] == {
        "mean": {"b": 0.5, "a": 2.0},
        "gather": [{"rank": 0}, {"rank": 1}],
        "from_first": [1, "x"],
        "sum": [2, 1],
    }
    step = first["step"]
    assert step["moved"] == pytest.approx([2.0 + 3.8] * 2)  # the mean gradient is 2, then 0.9 * 2 + 2
    assert step["rates"] == [0.5, 0.25]
    assert step["moments"] == pytest.approx([2 * 3.8] * 2, rel=0.01)
    assert first["scaled"]["weights_and_scales"] == [[1.0, 4.0], [1.0 - 1.5, 4.0]]
    assert first["statistics"] == {"mean": [[1.0, 1.0], [1.5, 1.5]], "variance": [1.0, 1.0]}
    metrics = first["metrics"]
    assert metrics["details"] == metrics["expected"]  # bit for bit, and in the order of the list
    assert metrics["value"] == pytest.approx(metrics["expected_value"], abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("raise", r"rank 1 ended with exit code 1: medl: epoch 2: .*ValueError: a voxel is missing"),
        ("kill", r"rank 1 ended with exit code 137: killed, probably out of memory"),
        ("stick", r"the job was ended: in 20 s it wrote no line and completed no iteration"),
    ],
)
def test_a_rank_in_trouble_fails_the_job_with_the_reason(
    make_archive: Make, exact: Config, tmp_path: Path, kind: str, said: str
) -> None:
    exact["train"]["handlers"][-1] = {"path": "several.Trouble", "args": {"kind": kind}}
    root = archive(make_archive, exact, "archive", tmp_path)
    outcome, job = executed(root, MMARExecutor(poll_interval=0.2, stall_timeout_s=20.0))
    log = (job / "log.txt").read_text()
    assert outcome.status is JobStatus.FAILED, log[-3000:]
    assert re.match(said, str(outcome.reason)), log[-3000:]
    assert log.startswith("launcher: horovodrun, ranks: 2\n")
    assert running(job) == []


def test_a_stop_ends_all_ranks_and_leaves_the_last_weights(make_archive: Make, exact: Config, tmp_path: Path) -> None:
    exact["epochs"] = 100000
    exact["train"]["handlers"].pop()
    root = archive(make_archive, exact, "archive", tmp_path)
    executor, job = MMARExecutor(poll_interval=0.2), root / "automl/a/W1_1_J1"
    found: list[Outcome] = []
    thread = threading.Thread(target=lambda: found.append(executed(root, executor)[0]))
    thread.start()
    deadline = time.monotonic() + 120
    while not (job / "models/metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    ctx = Context()
    ctx.set_prop(ContextKey.JOB_NAME, job.name)
    executor.abort(ctx)
    asked = time.monotonic()
    thread.join(60)
    assert found and found[0].status is JobStatus.STOPPED, (job / "log.txt").read_text()[-3000:]
    assert time.monotonic() - asked < 20
    assert running(job) == []
    assert (job / "models/final_model.pt").exists()


def executed(root: Path, executor: MMARExecutor) -> tuple[Outcome, Path]:
    ctx = Context()
    for key, value in {
        ContextKey.MMAR_ROOT: str(root),
        ContextKey.RUN_ROOT: str(root / "automl/a"),
        ContextKey.JOB_NAME: "W1_1_J1",
        ContextKey.GPUS: [0, 1],
        ContextKey.THREADS: 1,
    }.items():
        ctx.set_prop(key, value)
    space = executor.determine_search_space(ctx)
    return executor.execute(Recommendation("T1", SearchResult(space, {})), ctx), root / "automl/a/W1_1_J1"


def running(job: Path) -> list[str]:
    """Return the command lines of processes that still work on a job."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if str(job) in words:
            found.append(words)
    return found
