"""The template's configs of validation, inference and fine-tuning fit its training."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from medl.assets import asset
from medl.conf.catalogue import Catalogue
from medl.conf.check import check_training
from medl.conf.check_evaluation import check_evaluation

EVALUATIONS = ("config_validation", "config_validation_ckpt", "config_inference")


def config(name: str) -> Any:
    return json.loads((asset("mmar_template") / "config" / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template") / "archive"
    shutil.copytree(asset("mmar_template"), root)
    for name in ("model.pt", "model.ts"):
        (root / "models" / name).touch()
    return root


@pytest.mark.parametrize("name", EVALUATIONS)
def test_the_check_finds_nothing(archive: Path, name: str) -> None:
    checked = check_evaluation(archive, config(name), config("environment"), {}, f"{name}.json", Catalogue.load())
    assert (checked.problems, checked.warnings, checked.notes) == ([], [], [])


def test_fine_tuning_is_the_training_from_its_weights(archive: Path) -> None:
    tuned, trained = config("config_finetune"), config("config_train")
    assert tuned["dont_load_ckpt_model"] is False and tuned["learning_rate"] < trained["learning_rate"]
    assert "search" not in json.dumps(tuned)
    assert (
        tuned["validate"] == trained["validate"]
        and tuned["train"]["model"]["args"] == trained["train"]["model"]["args"]
    )
    environment = {**config("environment"), "MMAR_CKPT": "models/model.pt"}
    checked = check_training(archive, tuned, environment, {}, "config_finetune.json", own_values=True)
    assert (checked.problems, checked.warnings) == ([], [])


@pytest.mark.parametrize("name", EVALUATIONS)
def test_cases_are_made_ready_as_in_validation(name: str) -> None:
    trained = {spec["name"]: spec["args"] for spec in config("config_train")["train"]["pre_transforms"]}
    for spec in config(name)["pre_transforms"]:
        known = dict(trained[spec["name"]])
        given = dict(spec["args"])
        assert set(given.pop("keys")) <= set(known.pop("keys")) and given == known
    refs = [spec["ref"] for spec in config("config_train")["validate"]["pre_transforms"]]
    assert [spec["name"] for spec in config(name)["pre_transforms"]] == refs
    assert config(name)["inferer"] == config("config_train")["validate"]["inferer"]
