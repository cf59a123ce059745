"""Whole archives as Clara Train 4.0 and 4.1 had them, with its examples' old names, through every verb, unedited."""

from __future__ import annotations

import csv
import importlib.util
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import torch

from medl.conf.check import check_training
from medl.conf.check_evaluation import check_evaluation

FOLDER = Path(__file__).parents[2] / "golden_archives"
SHARED = Path(__file__).parents[4] / "shared/data"
STYLES = ("clara40", "clara41")
OLD_NAMES = (
    "AddChanneld AsChannelFirstd AsChannelLastd SegmentationSaver BasicUnet UNet dimensions n_classes to_onehot "
    "threshold_values RandGibbsNoised RandKSpaceSpikeNoised as_tensor_output Accuracy AddInitialSeedPointd "
    "FindDiscrepancyRegionsd AddRandomGuidanced SpatialCropForegroundd FindAllValidSlicesd AddGuidanceSignald"
)
"""What the table of old names marks as used in Clara's examples, and one network on volumes can have."""
GONE_ARGS = ("dimensions", "n_classes", "threshold_values", "meta_keys", "meta_key_postfix", "as_tensor_output")
PLACED = ("SaveImaged", "ImageMetadatad")
"""Today's classes that have an arg of one of these names."""
EVALUATIONS = ("config_validation", "config_validation_ckpt", "config_inference", "config_validation_slices")


def read(root: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((root / "config" / f"{name}.json").read_text(encoding="utf-8"))
    return content


def settings_for(volumes: Path, classes: int = 2) -> dict[str, Any]:
    return {
        "DATA_ROOT": str(volumes),
        "DATASET_JSON": str(volumes / "dataset.json"),
        "out_classes": classes,
        "OUTPUT_CHANNELS": classes,
    }


@pytest.mark.parametrize("config", ["config_train", "config_finetune", "config_train_slices"])
@pytest.mark.parametrize("style", STYLES)
def test_a_training_has_no_problem_and_its_old_names_are_gone(style: str, config: str, tiny_volumes: Path) -> None:
    root = FOLDER / style
    raw, environment = read(root, config), {**read(root, "environment"), **settings_for(tiny_volumes)}
    environment["MMAR_CKPT"] = str(tiny_volumes / "dataset.json")  # only looked for
    checked = check_training(root, raw, environment, own_values=True).require()
    wanted = "TorchVisionFullyConvModel AddChanneld n_classes" if config.endswith("slices") else OLD_NAMES
    assert [old for old in wanted.split() if old not in json.dumps(raw)] == []
    assert ("@" in json.dumps(raw)) is (style == "clara41")
    assert len(set(checked.notes)) == len(checked.notes) > 8
    args = [
        (spec["name"], arg)
        for section in ("train", "validate")
        for value in checked.config[section].values()
        for spec in (value if isinstance(value, list) else [value])
        for arg in spec.get("args", {})
    ]
    assert [(spec, arg) for spec, arg in args if arg in GONE_ARGS and spec not in PLACED] == []
    again = check_training(root, {**checked.config, "MEDL_VERSION": "0.1"}, environment).require()
    assert again.notes == [], "the normal form is today's"


@pytest.mark.parametrize("config", EVALUATIONS)
@pytest.mark.parametrize("style", STYLES)
def test_an_evaluation_has_no_problem(style: str, config: str, tiny_volumes: Path, tmp_path: Path) -> None:
    root = tmp_path / style
    shutil.copytree(FOLDER / style, root)
    (root / "models").mkdir()
    for name in ("model.pt", "model.ts"):
        (root / "models" / name).touch()
    items = json.loads((tiny_volumes / "dataset.json").read_text())
    listed = tmp_path / "dataset.json"
    listed.write_text(json.dumps({**items, "test": items["validation"]}))
    environment = {**read(root, "environment"), **settings_for(tiny_volumes), "DATASET_JSON": str(listed)}
    checked = check_evaluation(root, read(root, config), environment, {}).require()
    assert checked.notes and checked.warnings == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not there")
@pytest.mark.timeout(150)
@pytest.mark.parametrize(("style", "data"), [("clara40", "hippocampus"), ("clara41", "spleen")])
def test_every_verb(style: str, data: str, tmp_path: Path, command: Callable[..., int]) -> None:
    """Train, fine-tune, export, validate both ways and infer, by the archive's own scripts."""
    root = tmp_path / style
    shutil.copytree(FOLDER / style, root)
    classes = small_slice(data, tmp_path / "data")
    words = [f"{name}={value}" for name, value in settings_for(tmp_path / "data", classes).items()]

    assert command(root, "train.sh", *words, "epochs=1") == 0
    stats = json.loads((root / "models/train_stats.json").read_text())
    assert (stats["status"], stats["key_metric"]) == ("ok", "val_mean_dice")
    assert set(stats["history"]) == {"val_mean_dice", "val_acc"}
    stored = torch.load(root / "models/model.pt", weights_only=True)
    assert stored["train_conf"]["train"]["model"]["args"]["spatial_dims"] == 3

    assert command(root, "finetune.sh", *words) == 0
    assert {"model.pt", "final_model.pt"} <= {file.name for file in (root / "models/finetuned").iterdir()}

    assert command(root, "export.sh", "--set", *words) == 0
    assert command(root, "validate_ckpt.sh", *words) == 0
    by_checkpoint = table(root)
    assert command(root, "validate.sh", *words) == 0
    assert len(by_checkpoint) == 1 and np.allclose(table(root)[0], by_checkpoint[0], atol=1e-5)

    assert command(root, "infer.sh", *words) == 0
    postfix = "seg" if style == "clara40" else "label"
    (saved,) = (root / "eval").rglob("*.nii.gz")
    assert saved.name == f"case_2_{postfix}.nii.gz"
    assert nibabel.load(saved).shape[-1] == classes


def small_slice(data: str, folder: Path) -> int:
    """Write three cases of 24 voxels a side around the label and a data list; return the number of classes."""
    source = SHARED / data
    folder.mkdir()
    if data == "spleen":
        names = [("image.nii.gz", "label.nii.gz")] * 3
    else:
        items = json.loads((source / "dataset.json").read_text())["training"][:3]
        names = [(item["image"], item["label"]) for item in items]
    for number, (image, label) in enumerate(names):
        loaded = nibabel.load(source / label)
        full = np.argwhere(np.asarray(loaded.dataobj) > 0)
        centre = np.median(full, axis=0).astype(int)
        start = np.clip(centre - 12, 0, np.maximum(np.array(loaded.shape) - 24, 0))
        part = tuple(slice(one, one + 24) for one in start)
        for name, path in (("case", image), ("truth", label)):
            volume = nibabel.load(source / path)
            cut = nibabel.Nifti1Image(np.asarray(volume.dataobj)[part], volume.affine)
            nibabel.save(cut, folder / f"{name}_{number}.nii.gz")
    items = [{"image": f"case_{number}.nii.gz", "label": f"truth_{number}.nii.gz"} for number in range(3)]
    lists = {"training": items[:1], "validation": items[1:2], "test": items[2:]}
    (folder / "dataset.json").write_text(json.dumps(lists))
    return 2 if data == "spleen" else 3


def table(root: Path) -> list[list[float]]:
    """Return the values of each case in the table of the key metric, with Clara 4.0's tabs or today's commas."""
    text = (root / "eval/val_mean_dice_raw.csv").read_text()
    rows = list(csv.reader(text.splitlines(), delimiter="\t" if "\t" in text else ","))
    return [[float(value) for value in row[1:]] for row in rows[1:]]


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Return a function that runs a script of an archive; the module that it calls runs in this process."""
    from medl.apps import evaluate, export, train

    apps = {f"medl.apps.{app.__name__.rpartition('.')[2]}": app for app in (evaluate, export, train)}
    folder, called = tmp_path / "bin", tmp_path / "called"
    folder.mkdir()
    (folder / "python3").write_text(f'#!/usr/bin/env bash\nprintf "%s\\0" "$PYTHONPATH" "$@" > "{called}"\n')
    (folder / "python3").chmod(0o755)
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    handlers, level = logging.root.handlers[:], logging.root.level

    def run(root: Path, name: str, *words: str) -> int:
        env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": ""}
        subprocess.run(["bash", str(root / "commands" / name), *words], env=env, check=True, capture_output=True)
        path, unbuffered, module_flag, module, *argv = called.read_text().split("\0")[:-1]
        assert (unbuffered, module_flag) == ("-u", "-m") and path.endswith("/custom")
        return int(apps[module].main(argv))

    yield run
    for number, handler in signals.items():
        signal.signal(number, handler)
    logging.root.handlers[:], logging.root.level = handlers, level
    sys.modules.pop("clicks", None)  # of that archive


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is None, reason="torchvision, which this network needs")
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data are not there")
@pytest.mark.parametrize("style", STYLES)
def test_the_network_of_torchvision(style: str, tmp_path: Path, command: Callable[..., int]) -> None:
    root = tmp_path / style
    shutil.copytree(FOLDER / style, root)
    words = [
        f"{name}={value}"
        for name, value in settings_for(tmp_path / "data", small_slice("spleen", tmp_path / "data")).items()
    ]
    assert command(root, "train_slices.sh", *words, "epochs=1") == 0
    assert command(root, "export_slices.sh", "--set", *words) == 0
    assert command(root, "validate_slices.sh", *words) == 0
    assert (root / "eval/metrics.csv").is_file()
