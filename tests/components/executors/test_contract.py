"""MMARExecutor keeps the contract of executors; its trainings are a stand-in that writes what a training writes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from medl.automl.defs import ContextKey
from medl.automl.launch import Launch
from medl.components.executors.mmar_executor import MMARExecutor
from medl.testing.contexts import run_context
from medl.testing.executors import ExecutorContract

TRAINING = """
import json, pathlib, sys
from medl.mmar.stats import TrainStats, write_stats
config = json.loads(pathlib.Path("config/config_train.json").read_text())
pathlib.Path("models").mkdir(exist_ok=True)
write_stats(pathlib.Path("models"), TrainStats("ok", (1, 1), 1, 1, "val_mean_dice", config["learning_rate"], 1))
"""


class StandIn(MMARExecutor):
    def launch(self, job, ctx):
        return Launch((sys.executable, "-c", TRAINING), dict(os.environ), "python", 1)


class TestMMARExecutor(ExecutorContract):
    @pytest.fixture
    def executor(self):
        return StandIn(poll_interval=0.02)

    @pytest.fixture
    def run(self, tmp_path):
        ctx = run_context(tmp_path)
        search = [{"domain": "lr", "type": "float", "args": ["learning_rate"], "targets": [0.1, 0.9]}]
        config = {"epochs": 1, "learning_rate": 0.5, "search": search, "train": {}, "validate": {}}
        archive = Path(ctx.get_prop(ContextKey.MMAR_ROOT))
        (archive / "config" / "config_train.json").write_text(json.dumps(config))
        ctx.set_prop(ContextKey.SEARCH_SPACE, None)
        return ctx
