"""A user's own network, loss, transform, metric, handler, executor and controller, by ``path``, in real trainings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medl.mmar.stats import read_stats

CLARA = Path(__file__).parents[1] / "compat" / "clara_code"

PARTS = """
import torch
from ignite.metrics import Metric
from monai.transforms import MapTransform


class Net(torch.nn.Module):
    def __init__(self, width=2, fail_in=""):
        super().__init__()
        if fail_in == "network":
            raise ValueError("no such width")
        first, last = torch.nn.Conv3d(1, width, 3, padding=1), torch.nn.Conv3d(width, 2, 1)
        self.layers = torch.nn.Sequential(first, torch.nn.ReLU(), last)
        self.fail_in = fail_in

    def forward(self, image):
        from automl.defs import Context  # Clara's paths, and a module beside this one, when it runs
        from own_lazy import scale

        if self.fail_in == "forward":
            raise ValueError("no such voxel")
        return self.layers(image) * scale


class Loss(torch.nn.Module):
    def __init__(self, weight=1.0, fail=False):
        super().__init__()
        self.weight, self.fail = weight, fail

    def forward(self, logits, label):
        if self.fail:
            raise ValueError("no such loss")
        return self.weight * torch.nn.functional.cross_entropy(logits, label.squeeze(1).long())


class Shift(MapTransform):
    def __init__(self, keys, offset=0.0, fail=False):
        super().__init__(keys)
        self.offset, self.fail = offset, fail

    def __call__(self, data):
        if self.fail:
            raise ValueError("no such key")
        return {**data, **{key: data[key] + self.offset for key in self.keys}}


class Agreement(Metric):
    def __init__(self, output_transform=lambda x: x, device="cpu", fail=False):
        self.fail = fail
        super().__init__(output_transform, device=device)

    def reset(self):
        self.values = []

    def update(self, output):
        if self.fail:
            raise ValueError("no such class")
        for pred, label in zip(*output):
            self.values.append((pred == label).float().mean().item())

    def compute(self):
        return sum(self.values) / len(self.values)


class Counter:
    def attach(self, engine):
        from ignite.engine import Events

        engine.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: print("own handler, epoch", engine.state.epoch))
"""

EXECUTOR = """
from automl.components.executors.executor import Executor
from medl.apps.automl.mmar_exec import MMARExecutor


class Executor(MMARExecutor):
    def execute(self, recommendation, ctx):
        outcome = super().execute(recommendation, ctx)
        ctx.trace(self, f"own executor ran {ctx.get_prop('_jobName')}", print_to_console=True)
        return outcome
"""


def own(config: dict[str, Any]) -> dict[str, Any]:
    """Return the config with a network, a loss, a transform, a metric and a handler of the user's."""
    training, validation = config["train"], config["validate"]
    training["model"] = {"path": "own_parts.Net", "args": {"width": 2}}
    training["loss"] = {"path": "own_parts.Loss", "args": {"weight": 1.0}}
    training["pre_transforms"].append({"path": "own_parts.Shift", "args": {"keys": ["image"], "offset": 0.1}})
    training["handlers"].append({"path": "own_parts.Counter"})
    validation["pre_transforms"].append({"ref": "Shift"})
    validation["key_metric"] = {
        "path": "own_parts.Agreement",
        "log_label": "val_agreement",
        "args": {"output_transform": "#monai.handlers.from_engine(['pred', 'label'])"},
    }
    return config


def write_code(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "own_parts.py").write_text(PARTS)
    (folder / "own_lazy.py").write_text("scale = 1.0\n")
    return folder


def app(
    module: str, root: Path, *words: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-u", "-m", module, "-m", str(root), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )


@pytest.mark.parametrize("place", ["custom", "PYTHONPATH"])
def test_own_components_are_trained(tiny_config, make_archive: Callable[..., Path], tmp_path, place):
    root = make_archive(own(tiny_config))
    folder = write_code(root / "custom" if place == "custom" else tmp_path / "BYOC")
    path = {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])} if place != "custom" else {}
    done = app("medl.apps.train", root, "--write_train_stats", **path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "own handler, epoch 2" in done.stdout
    stats = read_stats(root / "models")
    assert stats is not None
    assert stats.key_metric == "val_agreement"
    assert 0.0 < stats.best_metric <= 1.0
    assert (root / "models/model.pt").is_file()


@pytest.mark.parametrize(
    ("part", "args", "said"),
    [
        ("model", {"fail_in": "network"}, "no such width"),
        ("model", {"fail_in": "forward"}, "no such voxel"),
        ("loss", {"fail": True}, "no such loss"),
        ("transform", {"fail": True}, "no such key"),
        ("metric", {"fail": True}, "no such class"),
    ],
)
@pytest.mark.slow
def test_an_exception_in_a_component_names_its_line(tiny_config, make_archive, part, args, said):
    config = own(tiny_config)
    training, validation = config["train"], config["validate"]
    parts = {
        "model": training["model"],
        "loss": training["loss"],
        "transform": training["pre_transforms"][-1],
        "metric": validation["key_metric"],
    }
    parts[part]["args"].update(args)
    root = make_archive(config)
    write_code(root / "custom")
    line = next(n for n, text in enumerate(PARTS.splitlines(), start=1) if f'"{said}"' in text)
    done = app("medl.apps.train", root)
    assert done.returncode in (1, 2), done.stdout + done.stderr
    last = done.stderr[done.stderr.index("medl: ", max(0, done.stderr.rfind("medl: "))) :]
    assert said in last
    assert f"custom/own_parts.py:{line}" in last
    assert "Traceback" not in last


@pytest.mark.slow
@pytest.mark.parametrize("place", ["custom", "PYTHONPATH"])
def test_a_search_with_nothing_but_own_code(tiny_config, make_archive, tmp_path, place):
    config = own(tiny_config)
    config["epochs"] = 1
    config["train"]["model"]["search"] = [{"domain": "net", "type": "enum", "args": ["width"], "targets": [[2], [3]]}]
    config["train"]["loss"]["search"] = [{"domain": "net", "type": "float", "args": ["weight"], "targets": [0.5, 2.0]}]
    root = make_archive(config)
    folder = write_code(root / "custom" if place == "custom" else tmp_path / "BYOC")
    (folder / "own_executor.py").write_text(EXECUTOR)
    for name in ("clara_search.py", "mlflow.py"):
        (folder / name).write_text((CLARA / name).read_text())
    automl = {
        "controller": {"path": "clara_search.RandomSearch", "args": {"max_rounds": 1}},
        "executor": {"path": "own_executor.Executor", "args": {"poll_interval": 0.2}},
        "handlers": [{"name": "MMARHandler"}, {"path": "clara_search.MLflowLogger"}],
    }
    (root / "config/config_automl.json").write_text(json.dumps(automl))
    before = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    # as Clara's example does; the jobs run in folders of their own
    path = {"PYTHONPATH": os.pathsep.join(["../BYOC", *before])} if place != "custom" else {}
    (tmp_path / "here").mkdir()
    done = app("medl.apps.automl.train", root, "--set", "run_id=a", cwd=tmp_path / "here", **path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "own executor ran W1_1_J1" in done.stdout
    row = json.loads((root / "automl/a/summary.json").read_text())["jobs"][0]
    assert row["status"] == "ok"
    job = root / "automl/a/W1_1_J1"
    args = json.loads((job / "config/config_train.json").read_text())["train"]["model"]["args"]
    assert args["width"] == row["values"]["net.enum.train.model$0:width"][0]
    assert (root / "automl/a/best/models/model.pt").is_file()
    assert "own handler, epoch 1" in (job / "log.txt").read_text()
