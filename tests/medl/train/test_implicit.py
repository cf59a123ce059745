"""What a config leaves unsaid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.handlers import CheckpointLoader, CheckpointSaver, StatsHandler, TensorBoardStatsHandler
from monai.transforms import Compose, Identity, SaveImaged

from medl.errors import ConfigError
from medl.mmar.archive import MMAR
from medl.train.device import Device
from medl.train.distributed import Ranks
from medl.train.implicit import Parts, complete_args, composed, finish_component, log_label


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    device = Device(torch.device("cpu"), amp=False, cudnn_benchmark=False, tf32=True)
    return Parts(MMAR(tmp_path), {}, {}, "config_train.json", tmp_path / "models", Ranks(), device)


def complete(
    parts: Parts, key: str, cls: Any = object, spec: dict[str, Any] | None = None, **args: Any
) -> dict[str, Any]:
    return complete_args(parts, "train", key, spec or {"name": "X"}, cls, args)


def test_a_dataset_gets_its_list_unless_it_has_data(parts: Parts, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(json.dumps({"training": [{"image": "a.nii"}]}))
    spec = {
        "name": "Dataset",
        "data_list_file_path": "list.json",
        "data_list_key": "training",
        "data_file_base_dir": "d",
    }
    assert complete(parts, "dataset", spec=spec)["data"] == [{"image": str(tmp_path / "d/a.nii")}]
    assert complete(parts, "dataset", spec=spec, data=[1])["data"] == [1]
    assert complete(parts, "dataset", transform=None) == {"transform": None}


def test_engines_get_the_device_and_no_mixed_precision_on_a_cpu(parts: Parts) -> None:
    assert complete(parts, "trainer", amp=True) == {"amp": False, "device": torch.device("cpu")}
    assert complete(parts, "evaluator", device="meta") == {"device": "meta"}
    with pytest.raises(ConfigError, match="cuda:99"):
        complete(parts, "trainer", device="cuda:99")


def test_a_saver_gets_claras_names_in_a_folder_of_the_archive(parts: Parts, tmp_path: Path) -> None:
    args = complete(parts, "handlers", CheckpointSaver, save_dir="models/a", save_key_metric=True)
    assert args == {"save_dir": str(tmp_path / "models/a"), "save_key_metric": True, "key_metric_filename": "model.pt"}
    assert complete(parts, "handlers", CheckpointSaver, save_dir="/else")["save_dir"] == "/else"


def test_a_loader_reads_from_the_archive_onto_the_device(parts: Parts, tmp_path: Path) -> None:
    args = complete(parts, "handlers", CheckpointLoader, load_path="models/model.pt")
    assert args == {"load_path": str(tmp_path / "models/model.pt"), "map_location": torch.device("cpu")}


def test_tensorboard_writes_beside_the_checkpoints(parts: Parts, tmp_path: Path) -> None:
    assert complete(parts, "handlers", TensorBoardStatsHandler)["log_dir"] == str(tmp_path / "models")
    assert complete(parts, "handlers", TensorBoardStatsHandler, log_dir="tb")["log_dir"] == str(tmp_path / "tb")
    assert complete(parts, "handlers", TensorBoardStatsHandler, summary_writer=object()).keys() == {"summary_writer"}
    assert complete(parts, "handlers", StatsHandler) == {}
    assert complete(parts, "post_transforms", SaveImaged, output_dir="eval") == {"output_dir": str(tmp_path / "eval")}


def test_networks_are_on_the_device_and_other_things_untouched(parts: Parts) -> None:
    network = torch.nn.Linear(1, 1)
    assert finish_component(parts, "train", "model", network, {}) is network
    assert finish_component(parts, "train", "inferer", "x", {}) == "x"


def test_transforms_are_one_and_metrics_have_names() -> None:
    assert isinstance(composed([Identity()]), Compose) and composed([]) is None
    assert log_label({"name": "MeanDice#dice", "log_label": "val"}) == "val"
    assert log_label({"name": "MeanDice#dice"}) == "MeanDice" and log_label({"path": "a.b.Mine"}) == "Mine"
