"""A small archive that can be searched, and an executor whose training takes a tenth of a second."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

SEARCH = [{"domain": "lr", "type": "float", "args": ["learning_rate"], "targets": [0.001, 0.05]}]
MODEL_SEARCH = [{"domain": "net", "type": "enum", "args": ["act"], "targets": [["relu"], ["prelu"]]}]

AUTOML: dict[str, Any] = {
    "baseline": True,
    "handlers": [{"name": "MMARHandler", "args": {"num_mmars_to_keep": 2, "train_config_file": "{trainconf}"}}],
    "executor": {"path": "quick_executor.QuickExecutor", "args": {"poll_interval": 0.05}},
    "controller": {"name": "GridController", "args": {"points": 2}},
}

# the score is a function of the values, so that tests know the best job
QUICK = """
import dataclasses, sys
from pathlib import Path
from medl.components.executors.mmar_executor import MMARExecutor

class QuickExecutor(MMARExecutor):
    def launch(self, job, ctx):
        made = super().launch(job, ctx)
        script = Path(__file__).with_name("quick_training.py")
        return dataclasses.replace(made, argv=(sys.executable, "-S", str(script), str(job)))
"""
TRAINING = """
import json, os, sys, time
from pathlib import Path
job = Path(sys.argv[1])
config = json.loads((job / "config/config_train.json").read_text())
variables = {**config, **json.loads((job / "config/environment.json").read_text())}
act, rate, epochs = config["train"]["model"]["args"]["act"], config["learning_rate"], variables["epochs"]
print("training", job.name, flush=True)
time.sleep(float(variables.get("SLEEP", 0)))
if variables.get("FAIL") == act:
    sys.exit("no such luck")
(job / "models/model.pt").write_text(job.name)
score = 0.5 + rate + (0.2 if act == "prelu" else 0)
scored = bool(variables.get("SCORE", True))
stats = {
    "status": "ok" if scored else "no_score", "key_metric": "val_mean_dice" if scored else None,
    "best_metric": score if scored else None, "best_epoch": epochs if scored else None, "epochs": [1, epochs],
    "max_epoch": epochs, "horizon": epochs, "history": {"val_mean_dice": {str(epochs): score}} if scored else {},
    "timings": {"import_s": 0, "build_s": 0, "train_s": 0.1, "validate_s": 0.1, "total_s": 0.2},
}
(job / "models/train_stats.json").write_text(json.dumps(stats))
"""


class Archive:
    """An archive whose configs a test can change."""

    def __init__(self, root: Path, config: dict[str, Any]):
        self.root = root
        for name in ("config", "custom", "commands", "models", "data"):
            (root / name).mkdir(parents=True)
        (root / "custom/quick_executor.py").write_text(QUICK)
        (root / "custom/quick_training.py").write_text(TRAINING)
        model = config["train"]["model"]
        model["args"]["act"] = "relu"
        model["search"] = MODEL_SEARCH
        self.write("train", {**config, "search": SEARCH})
        self.write("automl", AUTOML)
        (root / "config/environment.json").write_text(
            json.dumps({"DATA_ROOT": "data", "DATASET_JSON": "data/dataset.json", "MMAR_CKPT_DIR": "models"})
        )
        items = [{"image": f"image{n}.nii.gz", "label": f"label{n}.nii.gz"} for n in range(3)]
        for item in items:
            for name in item.values():
                (root / "data" / name).touch()
        (root / "data/dataset.json").write_text(json.dumps({"training": items[:2], "validation": items[2:]}))

    def read(self, name: str) -> dict[str, Any]:
        """Return config_<name>.json."""
        value: dict[str, Any] = json.loads((self.root / f"config/config_{name}.json").read_text())
        return value

    def write(self, name: str, value: dict[str, Any]) -> None:
        """Write config_<name>.json."""
        (self.root / f"config/config_{name}.json").write_text(json.dumps(value, indent=2))

    def run(self, run_id: str) -> Path:
        """Return a run's folder."""
        return self.root / "automl" / run_id


@pytest.fixture
def archive(tmp_path: Path, tiny_config: dict[str, Any]) -> Archive:
    """A searchable archive; its images are empty files, which the check only looks for."""
    sys.modules.pop("quick_executor", None)  # of the archive before
    return Archive(tmp_path / "an archive", tiny_config)
