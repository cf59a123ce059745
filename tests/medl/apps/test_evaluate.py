"""``python -m medl.apps.evaluate`` from the command line to the files it leaves."""

from __future__ import annotations

import csv
import json
import os
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

from medl.mmar.archive import MMAR
from medl.mmar.stats import read_stats

Config = dict[str, Any]
Make = Callable[..., Path]
Run = Callable[..., int]


def in_process(app: str, root: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-u", "-m", f"medl.apps.{app}", "-m", str(root), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", **env},
    )


@pytest.fixture
def run() -> Iterator[Run]:
    """Return a function that runs an app in this process, which is left as it was."""
    import logging

    from medl.apps import evaluate, train

    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    handlers, level = logging.root.handlers[:], logging.root.level

    def go(root: Path, *words: str, app: str = "evaluate") -> int:
        module = {"evaluate": evaluate, "train": train}[app]
        return module.main(["-m", str(root), *words])

    yield go
    for number, handler in signals.items():
        signal.signal(number, handler)
    logging.root.handlers[:], logging.root.level = handlers, level


@pytest.fixture
def trained(make_archive: Make, tiny_config: Config, run: Run) -> Path:
    root = make_archive(tiny_config)
    assert run(root, "--write_train_stats", app="train") == 0
    return root


def write(root: Path, config: Config, name: str = "config_validation.json") -> None:
    (root / "config" / name).write_text(json.dumps(config))


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as stream:
        return list(csv.DictReader(stream))


def score(folder: Path, name: str = "val_mean_dice") -> float:
    rows = dict(line.split(",") for line in (folder / "metrics.csv").read_text().splitlines())
    return float(rows[name])


def test_train_validate_infer_in_real_processes(
    make_archive: Make, tiny_config: Config, tiny_evaluation: Config, tiny_volumes: Path
) -> None:
    root = make_archive(tiny_config)
    done = in_process("train", root, "--write_train_stats")
    assert done.returncode == 0, done.stderr
    write(root, tiny_evaluation)
    done = in_process("evaluate", root, "--set", "print_conf=True")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "========== Validate Config Result ===========" and lines[1] == "Use GPU:  False"
    assert "Model:  <class 'monai.networks.nets.unet.UNet'>" in lines
    assert " - medl.apps.mmar_conf - INFO - Total Evaluation Time " in lines[-1]
    stats = read_stats(root / "models")
    assert stats is not None and score(root / "eval") == pytest.approx(stats.best_metric, abs=1e-6)
    rows = table(root / "eval/val_mean_dice_raw.csv")
    assert [row["filename"] for row in rows] == ["image_4.nii", "image_5.nii"]
    assert np.mean([float(row["mean"]) for row in rows]) == pytest.approx(score(root / "eval"), abs=1e-6)

    config = {key: value for key, value in tiny_evaluation.items() if key not in ("key_metric", "handlers")}
    del config["evaluator"]["args"]["key_val_metric"], config["evaluator"]["args"]["val_handlers"]
    for spec in config["pre_transforms"]:
        spec["args"] = {**spec["args"], "keys": ["image"]}
    save = {"keys": "pred", "output_dir": "{MMAR_EVAL_OUTPUT_PATH}", "output_postfix": "seg", "output_ext": ".nii"}
    config["post_transforms"] = [
        {"name": "AsDiscreted", "args": {"keys": "pred", "argmax": True}},
        {"name": "SaveImaged", "args": save},
    ]
    write(root, config, "config_inference.json")
    done = in_process("evaluate", root, "-c", "config/config_inference.json")
    assert done.returncode == 0, done.stderr
    for case in (4, 5):
        made = nibabel.load(root / f"eval/image_{case}/image_{case}_seg.nii")
        assert made.shape == (16, 16, 16)
        assert np.allclose(made.affine, nibabel.load(tiny_volumes / f"image_{case}.nii").affine)
    assert (root / "eval/metrics.csv").exists()
    again = in_process("evaluate", root, "-c", "config/config_inference.json")
    assert again.returncode == 2 and "--overwrite" in again.stderr and "image_4_seg.nii and 1 more" in again.stderr


def test_three_kinds_of_model_give_one_score(trained: Path, tiny_evaluation: Config, run: Run) -> None:
    from medl.train.trained_network import load_checkpoint

    network = load_checkpoint(trained / "models/model.pt", MMAR(trained), torch.device("cpu")).eval()
    torch.jit.trace(network, torch.zeros(1, 1, 16, 16, 16)).save(str(trained / "models/model.ts"))
    loader = {"name": "CheckpointLoader", "args": {"load_path": "{MMAR_CKPT}", "load_dict": {"model": "@model"}}}
    scores = []
    for name, ts, ckpt in (("ckpt", "true", "false"), ("ts", "false", "true"), ("named", "true", "true")):
        config = dict(tiny_evaluation)
        if name == "named":
            config["handlers"] = [loader, *config["handlers"]]
        write(trained, config)
        words = [f"dont_load_ts_model={ts}", f"dont_load_ckpt_model={ckpt}", f"MMAR_EVAL_OUTPUT_PATH=eval/{name}"]
        assert run(trained, "--set", *words) == 0
        scores.append(score(trained / "eval" / name))
    assert scores[0] == pytest.approx(scores[1], abs=1e-6) == pytest.approx(scores[2], abs=1e-6)


def test_results_are_not_written_over_unless_asked(
    trained: Path, tiny_evaluation: Config, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    write(trained, tiny_evaluation)
    (trained / "eval").mkdir()
    (trained / "eval/mine.txt").write_text("kept")
    assert run(trained) == 0
    before = (trained / "eval/metrics.csv").stat().st_mtime_ns
    assert run(trained) == 2
    assert "metrics.csv and 2 more would be written over" in capsys.readouterr().err
    assert (trained / "eval/metrics.csv").stat().st_mtime_ns == before
    assert run(trained, "--overwrite") == 0
    assert (trained / "eval/metrics.csv").stat().st_mtime_ns > before
    assert (trained / "eval/mine.txt").read_text() == "kept"


def test_a_checkpoint_without_its_config_or_cut_off(
    trained: Path, tiny_evaluation: Config, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    write(trained, tiny_evaluation)
    path = trained / "models/model.pt"
    whole, stored = path.read_bytes(), torch.load(path, weights_only=True)
    path.write_bytes(whole[: len(whole) // 2])
    assert run(trained) == 2
    said = capsys.readouterr().err
    assert str(path) in said and "no checkpoint that can be read" in said and "model.ckpt_path" in said
    torch.save(stored["model"], path)
    (trained / "config/config_train.json").rename(trained / "config/other.json")
    assert run(trained) == 2
    assert "saved without train_conf" in capsys.readouterr().err
    stored["train_conf"]["train"]["model"]["args"]["channels"] = [2, 4]
    torch.save(stored, path)
    assert run(trained) == 2
    assert "of another size: model.0" in capsys.readouterr().err


def test_weights_alone_belong_to_the_archives_train_config(
    trained: Path, tiny_evaluation: Config, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """As Clara's own examples save them: "save_dict": ["model"]."""
    write(trained, tiny_evaluation)
    assert run(trained) == 0
    expected = (trained / "eval/metrics.csv").read_text()
    path = trained / "models/model.pt"
    torch.save(torch.load(path, weights_only=True)["model"], path)
    capsys.readouterr()
    assert run(trained, "--set", "MMAR_EVAL_OUTPUT_PATH=eval/alone") == 0
    assert "carries no train_conf; its network is built from config/config_train.json." in capsys.readouterr().out
    assert (trained / "eval/alone/metrics.csv").read_text() == expected


def test_a_gpu_that_is_named_is_not_needed(trained: Path, tiny_evaluation: Config, run: Run) -> None:
    tiny_evaluation["evaluator"]["args"]["device"] = "#torch.device('cuda')"
    write(trained, tiny_evaluation)
    assert run(trained) == 0


def test_native_scores_know_the_spacing(trained: Path, tiny_evaluation: Config, run: Run) -> None:
    config = tiny_evaluation
    keys = ["image", "label"]
    config["pre_transforms"].append(
        {"name": "Spacingd", "args": {"keys": keys, "pixdim": [2.0, 2.0, 2.0], "mode": ["bilinear", "nearest"]}}
    )
    output = "#monai.handlers.from_engine(['pred', 'label'])"
    config["additional_metrics"] = [
        {"name": "HausdorffDistance", "log_label": "hd95", "args": {"percentile": 95, "output_transform": output}},
        {
            "path": "medl.components.training.surface_dice.NormalizedSurfaceDice",
            "log_label": "nsd",
            "args": {"tolerance": 1.0, "output_transform": output},
        },
    ]
    config["evaluator"]["args"]["additional_metrics"] = "@additional_metrics"
    config["score_space"] = "native"
    write(trained, config)
    assert run(trained) == 0
    assert {path.name for path in (trained / "eval").iterdir()} >= {"hd95_raw.csv", "nsd_summary.csv"}
    assert 0 <= score(trained / "eval", "nsd") <= 1


def test_a_training_scores_in_native_space_as_its_validation_does(
    make_archive: Make, tiny_config: Config, tiny_evaluation: Config, run: Run
) -> None:
    spacing = {"keys": ["image", "label"], "pixdim": [1.5, 1.5, 1.5], "mode": ["bilinear", "nearest"]}
    config = {**tiny_config, "score_space": "native"}
    config["train"]["pre_transforms"].insert(2, {"name": "Spacingd", "args": spacing})
    config["train"]["pre_transforms"].append(
        {"name": "DivisiblePadd", "args": {"keys": ["image", "label"], "k": 2, "mode": "constant"}}
    )
    config["validate"]["pre_transforms"] += [{"ref": "Spacingd"}, {"ref": "DivisiblePadd"}]
    root = make_archive(config)
    assert run(root, "--write_train_stats", app="train") == 0
    stats = read_stats(root / "models")
    flat = {**tiny_evaluation, "score_space": "native"}
    flat["pre_transforms"] = [spec for spec in config["train"]["pre_transforms"] if "Rand" not in spec["name"]]
    write(root, flat)
    assert run(root) == 0
    assert stats is not None and score(root / "eval") == pytest.approx(stats.best_metric, abs=1e-5)
    flat["score_space"] = "network"
    write(root, flat)
    assert run(root, "--overwrite") == 0
    assert score(root / "eval") != pytest.approx(stats.best_metric, abs=1e-5)


def test_an_empty_label_counts_as_nothing_found(
    trained: Path,
    tiny_evaluation: Config,
    tiny_volumes: Path,
    run: Run,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    image = nibabel.load(tiny_volumes / "image_0.nii")
    nibabel.save(nibabel.Nifti1Image(np.zeros(image.shape, np.uint8), image.affine), tmp_path / "empty.nii")
    listed = {"validation": [{"image": str(tiny_volumes / "image_0.nii"), "label": str(tmp_path / "empty.nii")}]}
    (tmp_path / "list.json").write_text(json.dumps(listed))
    write(trained, tiny_evaluation)
    words = (f"DATASET_JSON={tmp_path / 'list.json'}", "MMAR_EVAL_OUTPUT_PATH=eval/a")
    assert run(trained, "--set", *words) == 0
    assert score(trained / "eval/a") == 0.0
    assert "1 0 (class in one of them)" in capsys.readouterr().out


def test_two_ranks_score_as_one(trained: Path, tiny_evaluation: Config, run: Run) -> None:
    write(trained, tiny_evaluation)
    assert run(trained) == 0
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m"),
            *("medl.apps.evaluate", "-m", str(trained), "--set", "multi_gpu=True", "MMAR_EVAL_OUTPUT_PATH=eval/two"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    for name in ("metrics.csv", "val_mean_dice_raw.csv"):
        assert (trained / "eval/two" / name).read_text() == (trained / "eval" / name).read_text()


def test_a_config_in_the_style_of_clara_4_0(
    trained: Path, tiny_evaluation: Config, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    write(trained, tiny_evaluation)
    assert run(trained, "--set", "MMAR_EVAL_OUTPUT_PATH=eval/new") == 0
    pair = "lambda x: (x['pred'], x['label'])"
    old = {key: tiny_evaluation[key] for key in ("use_gpu", "dataloader", "inferer")}
    old["model"] = [{"ts_path": "{MMAR_TORCHSCRIPT}", "disabled": True}, {"ckpt_path": "{MMAR_CKPT}"}]
    old["pre_transforms"] = [
        {"name": "LoadImaged", "args": {"keys": ["image", "label"]}},
        {"name": "AddChanneld", "args": {"keys": ["image", "label"]}},
    ]
    old["dataset"] = {key: value for key, value in tiny_evaluation["dataset"].items() if key != "args"}
    old["dataloader"] = {"name": "DataLoader", "args": {"batch_size": 1}}
    discrete = {"keys": ["pred", "label"], "argmax": [True, False], "to_onehot": True, "n_classes": 2}
    old["post_transforms"] = [{"name": "AsDiscreted", "args": discrete}]
    old["handlers"] = [
        {
            "name": "MetricsSaver",
            "args": {
                "save_dir": "{MMAR_EVAL_OUTPUT_PATH}",
                "metric_details": "*",
                "batch_transform": "lambda x: x['image_meta_dict']",
                "delimiter": ",",
            },
        }
    ]
    dice = {"include_background": False, "output_transform": pair}
    old["metrics"] = [{"name": "MeanDice", "log_label": "val_mean_dice", "is_key_metric": True, "args": dice}]
    old["evaluator"] = {"name": "SupervisedEvaluator"}
    write(trained, old)
    code = run(trained, "--set", "MMAR_EVAL_OUTPUT_PATH=eval/old")
    said = capsys.readouterr()
    assert code == 0, said.err
    assert "medl: metrics is now key_metric." in said.out.splitlines()
    assert score(trained / "eval/old") == pytest.approx(score(trained / "eval/new"), abs=1e-6)
    rows = table(trained / "eval/old/val_mean_dice_raw.csv")
    assert [Path(row["filename"]).name for row in rows] == ["image_4.nii", "image_5.nii"]


def test_a_classification_has_its_auc_and_accuracy(
    make_archive: Make, tiny_evaluation: Config, tiny_volumes: Path, run: Run, tmp_path: Path
) -> None:
    cases = [{"image": str(tiny_volumes / f"image_{case}.nii"), "label": case % 2} for case in range(6)]
    (tmp_path / "classes.json").write_text(json.dumps({"validation": cases}))
    config = {key: tiny_evaluation[key] for key in ("use_gpu", "dataset", "dataloader", "inferer", "handlers")}
    config["model"] = {
        "name": "DenseNet",
        "args": {
            "spatial_dims": 3,
            "in_channels": 1,
            "out_channels": 2,
            "init_features": 4,
            "growth_rate": 2,
            "block_config": [1, 1],
        },
    }
    config["pre_transforms"] = [
        {"name": "LoadImaged", "args": {"keys": "image"}},
        {"name": "EnsureChannelFirstd", "args": {"keys": "image"}},
    ]
    config["post_transforms"] = [
        {"name": "Activationsd", "args": {"keys": "pred", "softmax": True}},
        {"name": "AsDiscreted", "args": {"keys": "label", "to_onehot": 2}},
    ]
    output = "#monai.handlers.from_engine(['pred', 'label'])"
    config["key_metric"] = {"name": "ROCAUC", "log_label": "val_auc", "args": {"output_transform": output}}
    pair = "lambda x: (torch.stack([i['pred'] for i in x]).round(), torch.stack([i['label'] for i in x]))"
    accuracy = {"output_transform": pair, "is_multilabel": True}
    config["additional_metrics"] = [{"name": "Accuracy", "log_label": "val_acc", "args": accuracy}]
    config["evaluator"] = {
        "name": "SupervisedEvaluator",
        "args": {
            **tiny_evaluation["evaluator"]["args"],
            "amp": False,
            "additional_metrics": "@additional_metrics",
        },
    }
    root = make_archive({}, "classes", DATASET_JSON=str(tmp_path / "classes.json"))
    write(root, config)
    assert run(root) == 0
    assert 0 <= score(root / "eval", "val_auc") <= 1 and 0 <= score(root / "eval", "val_acc") <= 1
