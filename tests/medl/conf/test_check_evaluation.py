"""The check of a flat config: the normal form, and every problem at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medl.conf.catalogue import Catalogue
from medl.conf.check import Checked
from medl.conf.check_evaluation import check_evaluation

Config = dict[str, Any]
CATALOGUE = Catalogue.load()


@pytest.fixture
def root(make_archive: Callable[..., Path], tiny_config: Config) -> Path:
    root = make_archive(tiny_config)
    (root / "models").mkdir()
    (root / "models/model.pt").write_bytes(b"x")
    return root


def check(root: Path, config: Config, **settings: Any) -> Checked:
    environment = json.loads((root / "config/environment.json").read_text())
    return check_evaluation(root, config, environment, settings, "c.json", CATALOGUE)


def test_the_first_alternative_that_is_not_disabled_is_the_model(root: Path, tiny_evaluation: Config) -> None:
    checked = check(root, tiny_evaluation).require()
    assert checked.config["validate"]["model"]["ckpt_path"] == str(root / "models/model.pt")
    assert checked.warnings == []
    named = check(root, tiny_evaluation, dont_load_ckpt_model=True).require()
    assert named.config["validate"]["model"]["name"] == "UNet"
    assert named.warnings == ["c.json: model[2]: no CheckpointLoader in handlers: the weights are random ones."]


def test_a_model_that_is_not_there(root: Path, tiny_evaluation: Config) -> None:
    (problem,) = check(root, tiny_evaluation, dont_load_ts_model=False).problems
    assert problem.path == "model[0].ts_path" and problem.value.endswith("models/model.ts")
    assert "export.sh" in problem.remedy
    del tiny_evaluation["model"][2]
    (problem,) = check(root, tiny_evaluation, dont_load_ckpt_model=True).problems
    assert (problem.path, problem.value) == ("model", "all are disabled")


def test_all_problems_come_at_once_in_the_order_of_the_file(root: Path, tiny_evaluation: Config) -> None:
    config = tiny_evaluation
    config["score_space"] = "mine"
    config["pre_transforms"][0]["name"] = "LoadImagd"
    config["dataset"]["data_list_key"] = "validatoin"
    config["inferer"] = {"name": "SlidingWindowInferer", "args": {"roi_sise": [8, 8, 8], "roi_size": [8, 8, 8]}}
    config["evaluator"]["args"]["network"] = "@modle"
    config["hanlders"] = []
    problems = check(root, config).problems
    assert {problem.path for problem in problems if problem.file == "c.json"} == {
        "score_space",
        "pre_transforms[0].name",
        "inferer.args.roi_sise",
        "evaluator.args.network",
        "hanlders",
    }
    assert any("validatoin" in str(problem) for problem in problems)
    assert not any("validate." in str(problem) for problem in problems)
    assert {p.near for p in problems if p.path == "hanlders"} == {("handlers",)}


def test_a_training_config_is_told_apart(root: Path, tiny_config: Config) -> None:
    (problem,) = check(root, tiny_config).problems
    assert "config_validation.json" in problem.remedy


def test_the_implicit_style_is_read(root: Path, tiny_evaluation: Config) -> None:
    config = tiny_evaluation
    del config["dataset"]["args"], config["dataloader"]["args"]["dataset"], config["evaluator"]["args"]
    metric = config.pop("key_metric")
    config["metrics"] = [{**metric, "is_key_metric": True, "args": {"include_background": False}}]
    config["metrics"][0]["args"]["output_transform"] = "lambda x: (x['pred'], x['label'])"
    section = check(root, config).require().config["validate"]
    assert section["evaluator"]["args"]["network"] == "@model"
    assert section["evaluator"]["args"]["key_val_metric"] == "@key_metric"
    assert section["dataset"]["args"]["transform"] == "@pre_transforms"


def test_native_scores_need_post_transforms_and_no_second_inversion(root: Path, tiny_evaluation: Config) -> None:
    config = {**tiny_evaluation, "score_space": "native"}
    assert check(root, config).problems == []
    invert = {"name": "Invertd", "args": {"keys": "pred", "transform": "@pre_transforms", "orig_keys": "image"}}
    config["post_transforms"] = [invert, *config["post_transforms"]]
    assert [problem.path for problem in check(root, config).problems] == ["post_transforms[0]"]
    del config["post_transforms"], config["evaluator"]["args"]["postprocessing"]
    assert [problem.path for problem in check(root, config).problems] == ["post_transforms"]
