"""A training in the words of a bundle; MONAI runs one in tests/medl/train/test_export_bundle.py."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from medl.conf.catalogue import Catalogue
from medl.conf.check import check_training
from medl.conf.load import read_object
from medl.errors import ConfigError
from medl.mmar.archive import create
from medl.mmar.bundle_import import archive_from_bundle
from medl.mmar.bundle_training import train_config
from medl.mmar.files import write_json


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    """The checked config of the template's archive."""
    mmar = create(tmp_path / "archive")
    environment = read_object(mmar.environment)
    return check_training(mmar.root, read_object(mmar.train_config), environment, own_values=True).require().config


def made(config: dict[str, Any], tmp_path: Path, **more: Any) -> dict[str, Any]:
    more = {"classification": False, **more}
    return train_config(config, Catalogue.load(), "c.json", tmp_path / "archive", **more)


def test_references_lead_to_the_right_section(config, tmp_path):
    found = made(config, tmp_path)
    train, validate = found["train"], found["validate"]
    assert train["dataset"]["transform"] == "@train::preprocessing"
    assert validate["dataset"]["transform"] == "@validate::preprocessing"
    assert train["optimizer"]["_target_"] == "torch.optim.Adam"
    assert train["optimizer"]["params"] == "$@network.parameters()"
    trainer = train["trainer"]
    assert trainer["network"] == "@network" and trainer["train_handlers"] == "@train::handlers"
    assert trainer["max_epochs"] == "@epochs" and trainer["device"] == "@device"
    handlers = [handler["_target_"].rpartition(".")[2] for handler in train["handlers"]]
    assert handlers[:2] == ["LrScheduleHandler", "ValidationHandler"]  # the loader is disabled
    assert train["handlers"][1]["validator"] == "@validate::evaluator"
    assert list(validate["key_metric"]) == ["val_mean_dice"]


def test_no_conf_and_no_place_of_this_machine_is_in_it(config, tmp_path):
    found = made(config, tmp_path)
    savers = [one for one in found["train"]["handlers"] if one["_target_"].endswith("CheckpointSaver")]
    assert savers[0]["save_dir"] == "models"
    assert savers[0]["save_dict"].keys() == {"model", "optimizer", "lr_scheduler"}
    assert str(tmp_path) not in str(found)


def test_data_lists_of_files_and_of_classes(config, tmp_path):
    call = "$monai.data.load_decathlon_datalist(@data_list, is_segmentation={}, data_list_key='training', "
    for classification in (False, True):
        data = made(config, tmp_path, classification=classification)["train"]["dataset"]["data"]
        assert data.startswith(call.format(not classification))


def test_alternatives_and_what_is_disabled(config, tmp_path):
    config = copy.deepcopy(config)
    config["train"]["loss"] = [{"name": "DiceLoss", "disabled": True}, {"name": "DiceCELoss", "args": {}}]
    config["train"]["lr_scheduler"]["disabled"] = True
    config["validate"]["additional_metrics"] = [{"name": "MeanDice", "log_label": "all", "args": {}}]
    found = made(config, tmp_path)
    assert found["train"]["loss"]["_target_"].endswith("DiceCELoss")
    assert found["train"]["lr_scheduler"] is None
    assert list(found["validate"]["additional_metrics"]) == ["all"]


def test_what_has_no_meaning_is_named(config, tmp_path):
    config = copy.deepcopy(config)
    config["train"]["dataset"]["data_list_key"] = "training:fold!=0"
    config["train"]["trainer"]["args"]["amp"] = "@not_there"
    with pytest.raises(ConfigError) as caught:
        made(config, tmp_path)
    said = [(problem.path, problem.rule) for problem in caught.value.problems]
    assert ("train.dataset.data_list_key", "MONAI's reader of data lists knows no folds") in said
    assert ("train.trainer.args.amp", 'a bundle has no "not_there"') in said


def test_an_archive_can_be_made_of_it(config, tmp_path):
    (tmp_path / "b/configs").mkdir(parents=True)
    write_json(tmp_path / "b/configs/train.json", made(config, tmp_path))
    notes = archive_from_bundle(tmp_path / "b", tmp_path / "back")
    assert "configs/train.json" in notes[0]
    back = read_object(tmp_path / "back/config/config_train.json")
    assert back["train"]["model"]["args"] == config["train"]["model"]["args"]
    assert back["validate"]["inferer"]["args"]["roi_size"] == [32, 32, 32]
    assert [one["name"] for one in back["train"]["pre_transforms"]] == [
        one["name"] for one in config["train"]["pre_transforms"]
    ]
