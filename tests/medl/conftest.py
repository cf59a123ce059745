"""A complete archive with tiny volumes, on which a training takes a second."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

KEYS = ["image", "label"]

TINY: dict[str, Any] = {
    "epochs": 2,
    "num_interval_per_valid": 1,
    "learning_rate": 0.01,
    "use_gpu": False,
    "amp": False,
    "determinism": {"random_seed": 3},
    "train": {
        "loss": {"name": "DiceLoss", "args": {"to_onehot_y": True, "softmax": True}},
        "optimizer": {"name": "Adam", "args": {"params": "#@model.parameters()", "lr": "{learning_rate}"}},
        "lr_scheduler": {"name": "StepLR", "args": {"optimizer": "@optimizer", "step_size": 1, "gamma": 0.5}},
        "model": {
            "name": "UNet",
            "args": {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [4, 8], "strides": [2]},
        },
        "pre_transforms": [
            {"name": "LoadImaged", "args": {"keys": KEYS}},
            {"name": "EnsureChannelFirstd", "args": {"keys": KEYS}},
            {"name": "RandGaussianNoised", "args": {"keys": "image", "prob": 0.5, "std": 0.1}},
        ],
        "dataset": {
            "name": "Dataset",
            "data_list_file_path": "{DATASET_JSON}",
            "data_file_base_dir": "{DATA_ROOT}",
            "data_list_key": "training",
            "args": {"transform": "@pre_transforms"},
        },
        "dataloader": {"name": "DataLoader", "args": {"dataset": "@dataset", "batch_size": 2, "shuffle": True}},
        "inferer": {"name": "SimpleInferer"},
        "handlers": [
            {"name": "LrScheduleHandler", "args": {"lr_scheduler": "@lr_scheduler", "print_lr": True}},
            {
                "name": "ValidationHandler",
                "args": {"validator": "@evaluator", "epoch_level": True, "interval": "{num_interval_per_valid}"},
            },
            {
                "name": "StatsHandler",
                "rank": 0,
                "args": {
                    "tag_name": "train_loss",
                    "output_transform": "#monai.handlers.from_engine(['loss'], first=True)",
                },
            },
        ],
        "trainer": {
            "name": "SupervisedTrainer",
            "args": {
                "max_epochs": "{epochs}",
                "train_data_loader": "@dataloader",
                "network": "@model",
                "loss_function": "@loss",
                "optimizer": "@optimizer",
                "inferer": "@inferer",
                "train_handlers": "@handlers",
                "amp": "{amp}",
            },
        },
    },
    "validate": {
        "pre_transforms": [{"ref": "LoadImaged"}, {"ref": "EnsureChannelFirstd"}],
        "dataset": {
            "name": "Dataset",
            "data_list_file_path": "{DATASET_JSON}",
            "data_file_base_dir": "{DATA_ROOT}",
            "data_list_key": "validation",
            "args": {"transform": "@pre_transforms"},
        },
        "dataloader": {"name": "DataLoader", "args": {"dataset": "@dataset", "batch_size": 1}},
        "inferer": {"name": "SimpleInferer"},
        "handlers": [
            {"name": "StatsHandler", "rank": 0, "args": {"iteration_log": False}},
            {
                "name": "CheckpointSaver",
                "rank": 0,
                "args": {
                    "save_dir": "{MMAR_CKPT_DIR}",
                    "save_dict": {"model": "@model", "train_conf": "@conf"},
                    "save_key_metric": True,
                },
            },
        ],
        "post_transforms": [
            {"name": "Activationsd", "args": {"keys": "pred", "softmax": True}},
            {"name": "AsDiscreted", "args": {"keys": ["pred", "label"], "argmax": [True, False], "to_onehot": 2}},
        ],
        "key_metric": {
            "name": "MeanDice",
            "log_label": "val_mean_dice",
            "args": {"include_background": False, "output_transform": "#monai.handlers.from_engine(['pred', 'label'])"},
        },
        "evaluator": {
            "name": "SupervisedEvaluator",
            "args": {
                "val_data_loader": "@dataloader",
                "network": "@model",
                "inferer": "@inferer",
                "postprocessing": "@post_transforms",
                "key_val_metric": "@key_metric",
                "val_handlers": "@handlers",
                "amp": "{amp}",
            },
        },
    },
}


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep hashes of the tests' data out of the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def tiny_config() -> dict[str, Any]:
    """Return a 4.1 training config that a test may change."""
    return copy.deepcopy(TINY)


@pytest.fixture(scope="session")
def tiny_volumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of six volumes of 16 voxels a side with a bright block, and their labels 0 and 1."""
    import nibabel
    import numpy as np

    folder = tmp_path_factory.mktemp("volumes")
    random = np.random.default_rng(0)
    for case in range(6):
        label = np.zeros((16, 16, 16), dtype=np.uint8)
        x, y, z = random.integers(2, 8, 3)
        label[x : x + 6, y : y + 6, z : z + 6] = 1
        image = (label + 0.2 * random.standard_normal(label.shape)).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(image, np.eye(4)), folder / f"image_{case}.nii")
        nibabel.save(nibabel.Nifti1Image(label, np.eye(4)), folder / f"label_{case}.nii")
    items = [{"image": f"image_{case}.nii", "label": f"label_{case}.nii"} for case in range(6)]
    (folder / "dataset.json").write_text(json.dumps({"training": items[:4], "validation": items[4:]}))
    return folder


@pytest.fixture
def make_archive(tmp_path: Path, tiny_volumes: Path) -> Callable[..., Path]:
    """Return a function that makes an archive from a config, its volumes outside it."""

    def make(config: dict[str, Any], name: str = "archive", **environment: Any) -> Path:
        root = tmp_path / name
        (root / "config").mkdir(parents=True)
        (root / "config/config_train.json").write_text(json.dumps(config, indent=2))
        values = {
            "DATA_ROOT": str(tiny_volumes),
            "DATASET_JSON": str(tiny_volumes / "dataset.json"),
            "MMAR_CKPT_DIR": "models",
            **environment,
        }
        (root / "config/environment.json").write_text(json.dumps(values))
        return root

    return make


@pytest.fixture
def tiny_evaluation(tiny_config: dict[str, Any]) -> dict[str, Any]:
    """Return a flat config that scores the checkpoint of a training with :func:`tiny_config`."""
    section = tiny_config["validate"]
    flat = {key: value for key, value in section.items() if key != "handlers"}
    flat["pre_transforms"] = tiny_config["train"]["pre_transforms"][:2]
    metrics = {
        "name": "MetricsSaver",
        "args": {"save_dir": "{MMAR_EVAL_OUTPUT_PATH}", "metric_details": "*", "summary_ops": "*"},
    }
    return {
        "use_gpu": False,
        "amp": False,
        "dont_load_ts_model": True,
        "dont_load_ckpt_model": False,
        "model": [
            {"ts_path": "{MMAR_TORCHSCRIPT}", "disabled": "{dont_load_ts_model}"},
            {"ckpt_path": "{MMAR_CKPT}", "disabled": "{dont_load_ckpt_model}"},
            tiny_config["train"]["model"],
        ],
        "handlers": [metrics],
        **flat,
    }
