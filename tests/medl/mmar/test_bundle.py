"""The configs of a bundle, from those of an archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from medl.conf.catalogue import Catalogue
from medl.conf.check import check_training
from medl.errors import ConfigError
from medl.mmar.bundle import inference_config, portable_config, without_label

ENVIRONMENT = {"DATA_ROOT": "d", "DATASET_JSON": "d/l.json", "MMAR_CKPT_DIR": "models"}


def made(config: dict[str, Any], tmp_path: Path, *, classification: bool = False) -> tuple[dict[str, Any], bool]:
    checked = check_training(tmp_path, config, ENVIRONMENT, {}, check_data=False, own_values=True).require()
    return inference_config(checked.config, Catalogue.load(), "c.json", classification=classification)


def names(config: dict[str, Any], key: str) -> list[str]:
    return [one["_target_"].rpartition(".")[2] for one in config[key]["transforms"]]


def test_labels_metrics_and_chance_stay_behind(tiny_config, tmp_path):
    tiny_config["validate"]["pre_transforms"].append(
        {"name": "Spacingd", "args": {"keys": ["image", "label"], "pixdim": [1, 1, 2], "mode": ["bilinear", "nearest"]}}
    )
    config, own_code = made(tiny_config, tmp_path)
    assert names(config, "preprocessing") == ["LoadImaged", "EnsureChannelFirstd", "Spacingd"] and not own_code
    spacing = config["preprocessing"]["transforms"][2]
    assert (spacing["keys"], spacing["mode"], spacing["pixdim"]) == (["image"], ["bilinear"], [1, 1, 2])
    assert names(config, "postprocessing") == ["Invertd", "Activationsd", "AsDiscreted", "SaveImaged"]
    discrete = config["postprocessing"]["transforms"][2]
    assert discrete["argmax"] == [True] and "to_onehot" not in discrete
    assert config["network_def"]["_target_"] == "monai.networks.nets.unet.UNet"
    assert "label" not in str(config)


def test_without_a_change_of_geometry_nothing_is_inverted(tiny_config, tmp_path):
    assert "Invertd" not in names(made(tiny_config, tmp_path)[0], "postprocessing")


def test_code_in_the_bundles_words(tiny_config, tmp_path):
    tiny_config["validate"]["post_transforms"][:0] = [
        {"name": "Lambdad", "args": {"keys": "pred", "func": "lambda x: x + 1"}},
        {"name": "Invertd", "args": {"keys": "pred", "transform": "@pre_transforms", "orig_keys": "image"}},
    ]
    config, _ = made(tiny_config, tmp_path)
    first, second = config["postprocessing"]["transforms"][:2]
    assert first["func"] == "$lambda x: x + 1" and second["transform"] == "@preprocessing"


def test_a_text_that_a_bundle_would_run_is_refused(tiny_config, tmp_path):
    tiny_config["validate"]["pre_transforms"] += [
        {"name": "LoadImaged", "args": {"keys": "image", "prune_meta_pattern": "$__import__('os').system('true')"}},
        {"name": "Lambdad", "args": {"keys": "image", "func": "#@loss"}},
    ]
    with pytest.raises(ConfigError) as caught:
        made(tiny_config, tmp_path)
    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["validate.pre_transforms[2].args.prune_meta_pattern", "validate.pre_transforms[3].args.func"]


def test_a_class_of_the_users_own_is_said(tiny_config, tmp_path):
    (tmp_path / "custom").mkdir()
    (tmp_path / "custom/my_net.py").write_text("class Net:\n    def __init__(self):\n        pass\n")
    tiny_config["train"]["model"] = {"path": "my_net.Net"}
    config, own_code = made(tiny_config, tmp_path, classification=True)
    assert own_code and config["network_def"] == {"_target_": "my_net.Net"}
    assert [one["_target_"] for one in config["handlers"]][1:] == ["monai.handlers.ClassificationSaver"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"keys": "label"}, None),
        ({"keys": ["label"]}, None),
        ({"keys": ["label", "image"], "mode": ["nearest", "area"]}, {"keys": ["image"], "mode": ["area"]}),
        ({"keys": ["image", "label"], "pixdim": [1, 2]}, {"keys": ["image"], "pixdim": [1, 2]}),
        ({"keys": ["image", "label"], "source_key": "label"}, None),
        ({"keys": "image"}, {"keys": "image"}),
    ],
)
def test_one_transform_without_labels(given, wanted):
    assert without_label(given) == wanted


def test_a_config_for_others_names_no_place_of_this_machine(tmp_path):
    root = tmp_path / "a"
    raw = {
        "epochs": 2,
        "DATA_ROOT": "/home/p",
        "train": {"dataset": {"name": "Dataset", "data_list_file_path": "/home/p/l.json", "data_list_key": "training"}},
        "validate": {"handlers": [{"name": "CheckpointSaver", "args": {"save_dir": f"{root}/models"}}]},
    }
    values = {"OUT": 3, "MMAR_CKPT": "models/model.pt", "DATASET_JSON": "/x.json", "epochs": 5}
    config = portable_config(raw, values, root)
    assert config["OUT"] == 3 and config["epochs"] == 5
    assert config["train"]["dataset"]["data_list_file_path"] == "{DATASET_JSON}"
    assert config["validate"]["handlers"][0]["args"]["save_dir"] == "models"
    assert not {"DATA_ROOT", "DATASET_JSON", "MMAR_CKPT"} & config.keys()
    assert str(tmp_path) not in str(config) and "/home" not in str(config)
