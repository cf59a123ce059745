"""Archives as Clara Train 4.0 and 4.1 had them, with the old names that a 3D segmentation can have, train unedited."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medl.conf.check import check_training

FOLDER = Path(__file__).parents[2] / "golden_archives"
ENVIRONMENT = {"MMAR_EVAL_OUTPUT_PATH": "eval", "MMAR_CKPT": "models/model.pt"}
OLD_NAMES = {
    "clara40": (
        "AddChanneld AsChannelFirstd AsChannelLastd SegmentationSaver BasicUnet dimensions n_classes threshold_values "
        "meta_key_postfix as_tensor_output Accuracy SpatialCropForegroundd"
    ),
    "clara41": (
        "AddChanneld AsChannelFirstd AsChannelLastd SegmentationSaver UNet dimensions n_classes threshold_values "
        "meta_keys meta_key_postfix as_tensor_output RandGibbsNoised RandKSpaceSpikeNoised Accuracy"
    ),
}


def config_of(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FOLDER / name / "config_train.json").read_text(encoding="utf-8"))
    return read


@pytest.mark.parametrize("name", OLD_NAMES)
def test_old_archive_has_no_problem_and_its_old_names_are_gone(name: str, make_archive: Callable[..., Path]) -> None:
    config = config_of(name)
    root = make_archive(config, **ENVIRONMENT)
    environment = json.loads((root / "config/environment.json").read_text())
    checked = check_training(root, config, environment).require()
    written = json.dumps(config)
    assert [old for old in OLD_NAMES[name].split() if old not in written] == []
    assert len(set(checked.notes)) == len(checked.notes) > 8
    args = [
        (spec["name"], arg)
        for section in ("train", "validate")
        for key, value in checked.config[section].items()
        for spec in (value if isinstance(value, list) else [value])
        for arg in spec.get("args", {})
    ]
    gone = ("dimensions", "n_classes", "threshold_values", "meta_keys", "meta_key_postfix", "as_tensor_output")
    assert [(spec, arg) for spec, arg in args if arg in gone and spec != "SaveImaged"] == []
    again = check_training(root, {**checked.config, "MEDL_VERSION": "0.1"}, environment).require()
    assert again.notes == [], "the normal form is today's"


@pytest.mark.slow
@pytest.mark.parametrize("name", OLD_NAMES)
def test_old_archive_trains_an_epoch(name: str, make_archive: Callable[..., Path]) -> None:
    root = make_archive(config_of(name), **ENVIRONMENT)
    words = [sys.executable, "-m", "medl.apps.train", "-m", str(root), "--write_train_stats"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    stats = json.loads((root / "models/train_stats.json").read_text())
    assert stats["key_metric"] == "val_mean_dice"
    assert 0 <= stats["best_metric"] <= 1
    assert set(stats["history"]) >= {"val_mean_dice", "val_acc"}
    assert {"model.pt", "final_model.pt"} <= {file.name for file in (root / "models").iterdir()}
    saved = sorted(file.name for file in (root / "eval").rglob("*.nii.gz"))
    postfix = "seg" if name == "clara40" else "label"
    assert saved == [f"image_4_{postfix}.nii.gz", f"image_5_{postfix}.nii.gz"]
    if name == "clara40":
        with open(root / "eval/val_mean_dice_raw.csv", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t"))
        assert [Path(row[0]).name for row in rows[1:]] == ["image_4.nii", "image_5.nii"]
