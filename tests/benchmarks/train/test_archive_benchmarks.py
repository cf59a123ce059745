"""The benchmarks of whole archives: their configs hold, and the tables say the middle seed."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from medl.conf.catalogue import Catalogue
from medl.conf.check import check_training
from medl.conf.load import read_object

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks/train"
NAMES = ("archive_run", "hippocampus", "pneumonia", "waiting")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that imports a benchmark as its command does."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.mark.parametrize(("name", "label"), [("hippocampus", "label.nii"), ("pneumonia", 1)])
def test_the_archive_passes_the_check(load: Any, tmp_path: Path, name: str, label: Any) -> None:
    benchmark: ModuleType = load(name)
    (tmp_path / "image.nii").touch()
    (tmp_path / "label.nii").touch()
    item = {"image": "image.nii", "label": label}
    (tmp_path / "dataset.json").write_text(json.dumps({"training": [item], "validation": [item], "test": [item]}))
    values = {"DATA_ROOT": str(tmp_path), "DATASET_JSON": str(tmp_path / "dataset.json")}
    mmar = load("archive_run").make_archive(tmp_path / "archive", benchmark.CONFIGS, values)
    for config in benchmark.CONFIGS.glob("*.json"):
        assert (mmar.config / config.name).read_text() == config.read_text()
    environment = read_object(mmar.environment)
    checked = check_training(
        mmar.root, read_object(mmar.train_config), environment, {}, "config/config_train.json", Catalogue.load()
    )
    assert checked.problems == []
    assert environment["DATA_ROOT"] == str(tmp_path) and "MMAR_CKPT_DIR" in environment


def test_the_middle_seed_is_told(load: Any) -> None:
    cost = load("archive_run").Cost
    result = load("hippocampus").Result
    found = [result(seed, 0.8, 0.9, mean, 0.99, cost(10 + seed, 20.0)) for seed, mean in enumerate((0.9, 0.8, 0.85))]
    text = load("hippocampus").report(found, 2)
    assert "| 2 | 0.800 | 0.900 | 0.850 | 0.990 | 12 | 20 |" in text
    assert text.endswith("mean Dice 0.850 in 11 s (20 CPU s, 2 threads)")
    result = load("pneumonia").Result
    found = [result(seed, auc, 0.8, 0.99, cost(10 + seed, 20.0)) for seed, auc in enumerate((0.95, 0.93, 0.94))]
    assert "test AUC 0.940 in 11 s" in load("pneumonia").report(found, 2)


def test_what_a_failed_command_printed_is_shown(load: Any) -> None:
    run = load("archive_run").run
    with pytest.raises(SystemExit, match=r"ended with 3:\nwhy"):
        run([sys.executable, "-c", "print('why'); raise SystemExit(3)"], 1)
    assert run([sys.executable, "-c", "sum(range(10**6))"], 1).cpu_s > 0
