"""Clara Train 4.0's style becomes 4.1's, each rewrite said once."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medl.conf.catalogue import Catalogue
from medl.conf.check import check_training
from medl.conf.implicit_style import explicit
from medl.conf.rewriting import Rewriting
from medl.conf.today import in_todays_words

CATALOGUE = Catalogue.load()
DICE = {"name": "MeanDice", "args": {"output_transform": "lambda x: (x['pred'], x['label'])"}}


def rewritten(**train: Any) -> Rewriting:
    config = {"epochs": 5, "amp": True, "train": train}
    before = copy.deepcopy(config)
    result = explicit(config, {"epochs": 5, "amp": True}, CATALOGUE, "c.json")
    assert config == before, "the given config must not change"
    return result


def test_trainer_gets_what_the_section_has() -> None:
    handlers = [{"name": "StatsHandler"}]
    result = rewritten(
        model={"name": "UNet"},
        loss={"name": "DiceLoss"},
        optimizer={"name": "Adam", "args": {"lr": 0.1}},
        lr_scheduler={"name": "StepLR"},
        pre_transforms=[],
        dataset={"name": "Dataset"},
        dataloader={"name": "DataLoader"},
        inferer={"name": "SimpleInferer"},
        handlers=handlers,
        post_transforms=[],
        metrics=[{**DICE, "is_key_metric": True}],
        iteration={"path": "mine.Iteration"},
        trainer={"name": "SupervisedTrainer"},
    )
    train = result.config["train"]
    assert train["trainer"]["args"] == {
        "train_data_loader": "@dataloader",
        "network": "@model",
        "loss_function": "@loss",
        "optimizer": "@optimizer",
        "inferer": "@inferer",
        "postprocessing": "@post_transforms",
        "key_train_metric": "@key_metric",
        "train_handlers": "@handlers",
        "iteration_update": "@iteration",
        "max_epochs": 5,
        "amp": True,
    }
    assert train["optimizer"]["args"] == {"lr": 0.1, "params": "#@model.parameters()"}
    assert train["lr_scheduler"]["args"] == {"optimizer": "@optimizer"}
    assert train["dataset"]["args"] == {"transform": "@pre_transforms"}
    assert train["dataloader"]["args"] == {"dataset": "@dataset"}


def test_what_is_given_or_absent_stays_so() -> None:
    trainer = {"name": "SupervisedTrainer", "args": {"max_epochs": 2, "amp": False}}
    args = rewritten(model={"name": "UNet"}, trainer=trainer).config["train"]["trainer"]["args"]
    assert args == {"max_epochs": 2, "amp": False, "network": "@model"}


def test_one_section_does_not_take_the_others_handlers() -> None:
    config = {
        "train": {"model": {"name": "UNet"}, "handlers": [], "inferer": {"name": "SimpleInferer"}},
        "validate": {"evaluator": {"name": "SupervisedEvaluator"}},
    }
    result = explicit(config, {}, CATALOGUE)
    assert result.config["validate"]["evaluator"]["args"] == {"network": "@model"}


def test_alternatives_are_rewritten_each() -> None:
    two = [{"name": "Adam", "disabled": True}, {"name": "SGD", "args": {"lr": 0.1}}]
    optimizers = rewritten(model={"name": "UNet"}, optimizer=two).config["train"]["optimizer"]
    assert [spec["args"]["params"] for spec in optimizers] == ["#@model.parameters()"] * 2


def test_handlers_get_their_objects() -> None:
    result = explicit(
        {
            "train": {
                "model": {"name": "UNet"},
                "lr_scheduler": {"name": "StepLR"},
                "handlers": [
                    {"name": "LrScheduleHandler"},
                    {"name": "ValidationHandler", "args": {"interval": 1}},
                    {"name": "CheckpointLoader", "args": {"load_path": "a.pt", "load_dict": ["model"]}},
                    {"name": "CheckpointSaver", "args": {"save_dict": ["model", "lr_scheduler", "train_conf"]}},
                    {"path": "mine.Saver", "args": {"save_dict": ["model"]}},
                ],
            },
            "validate": {"evaluator": {"name": "SupervisedEvaluator"}},
        },
        {},
        CATALOGUE,
    )
    args = [spec["args"] for spec in result.config["train"]["handlers"]]
    assert args == [
        {"lr_scheduler": "@lr_scheduler"},
        {"interval": 1, "validator": "@evaluator"},
        {"load_path": "a.pt", "load_dict": {"model": "@model"}},
        {"save_dict": {"model": "@model", "lr_scheduler": "@lr_scheduler", "train_conf": "@conf"}},
        {"save_dict": {"model": "@model"}},
    ]


def test_metrics_are_split_and_their_paths_remembered() -> None:
    result = rewritten(metrics=[{"name": "Accuracy"}, {**DICE, "is_key_metric": True, "log_label": "dice"}])
    train = result.config["train"]
    assert list(train) == ["key_metric", "additional_metrics"]
    assert train["key_metric"]["log_label"] == "dice" and "is_key_metric" not in train["key_metric"]
    assert train["key_metric"]["args"]["output_transform"] == "#monai.handlers.from_engine(['pred', 'label'])"
    assert train["additional_metrics"] == [{"name": "Accuracy"}]
    assert result.before("train.key_metric.args.x") == "train.metrics[1].args.x"
    assert result.before("train.additional_metrics[0]") == "train.metrics[0]"


def test_first_metric_is_the_key_where_none_says_so() -> None:
    result = rewritten(metrics=[{"name": "Accuracy"}, DICE])
    assert result.config["train"]["key_metric"] == {"name": "Accuracy"}
    assert any("none is_key_metric" in note for note in result.notes)


def test_two_key_metrics_are_a_problem() -> None:
    (problem,) = rewritten(metrics=[{**DICE, "is_key_metric": True}] * 2).problems
    assert (problem.path, problem.rule) == ("train.metrics", "of the metrics one is the key metric")


def test_function_that_needs_the_batch_is_a_problem_where_it_stands() -> None:
    metric = {"name": "MeanDice", "is_key_metric": True, "args": {"output_transform": "lambda x: x['pred'].mean()"}}
    (problem,) = rewritten(metrics=[{"name": "Accuracy"}, metric]).problems
    assert problem.path == "train.metrics[1].args.output_transform"
    assert "list of items" in problem.remedy


def test_every_rewrite_is_said_once() -> None:
    stats = {"name": "StatsHandler", "args": {"output_transform": "lambda x: x['loss']"}}
    notes = rewritten(model={"name": "UNet"}, optimizer=[{"name": "Adam"}] * 2, handlers=[stats, dict(stats)]).notes
    assert len(notes) == len(set(notes)) == 3


def implicit_of(config: dict[str, Any]) -> dict[str, Any]:
    """Return the tiny config of 4.1 as 4.0 wrote it."""
    config = copy.deepcopy(config)
    train, validate = config["train"], config["validate"]
    for section in (train, validate):
        del section["dataset"]["args"], section["dataloader"]["args"]["dataset"]
    del train["optimizer"]["args"]["params"], train["lr_scheduler"]["args"]["optimizer"]
    del train["handlers"][0]["args"]["lr_scheduler"], train["handlers"][1]["args"]["validator"]
    train["handlers"][2]["args"]["output_transform"] = "lambda x: x['loss']"
    train["trainer"]["args"] = {"max_epochs": "{epochs}"}
    validate["handlers"][1]["args"]["save_dict"] = ["model", "train_conf"]
    metric = validate.pop("key_metric")
    metric["args"]["output_transform"] = "lambda x: (x['pred'], x['label'])"
    validate["metrics"] = [{**metric, "is_key_metric": True}]
    del validate["evaluator"]["args"]
    return config


def test_both_styles_have_one_normal_form(tiny_config: dict[str, Any], make_archive: Callable[..., Path]) -> None:
    root = make_archive(tiny_config)
    environment = {"DATA_ROOT": ".", "DATASET_JSON": "d.json", "MMAR_CKPT_DIR": "models"}
    new = check_training(root, tiny_config, environment, check_data=False).require()
    old = check_training(root, implicit_of(tiny_config), environment, check_data=False).require()
    assert new.notes == [] and len(old.notes) > 5
    for section in ("train", "validate"):
        for spec in old.config[section]["pre_transforms"]:
            assert spec["args"].pop("image_only", None) in (None, False)  # a default of that time
        assert old.config[section] == new.config[section]


def test_problem_in_the_old_style_is_where_the_file_has_it(
    tiny_config: dict[str, Any], make_archive: Callable[..., Path]
) -> None:
    config = implicit_of(tiny_config)
    config["validate"]["metrics"][0]["args"]["include_backgroundd"] = True
    saver = {"name": "SegmentationSaver", "args": {"output_transform": "lambda x: x['pred']", "output_dirr": "x"}}
    config["validate"]["handlers"].insert(0, saver)
    config["validate"]["handlers"][1]["args"]["tag_namee"] = "x"
    found = check_training(make_archive(config), config, check_data=False).problems
    assert [problem.path for problem in found if "has no arg" in problem.rule] == [
        "validate.handlers[0].args.output_dirr",
        "validate.handlers[1].args.tag_namee",
        "validate.metrics[0].args.include_backgroundd",
    ]


@pytest.mark.parametrize("values", [{"MEDL_VERSION": "0.1.0"}, {"CLARA_TRAIN_VERSION": "4.1.0"}])
def test_todays_styles_leave_nothing_unsaid(values: dict[str, Any], tiny_config: dict[str, Any]) -> None:
    config = implicit_of(tiny_config)
    assert "params" not in in_todays_words(config, values, CATALOGUE).config["train"]["optimizer"]["args"]


def test_defaults_are_of_the_time_of_the_config(tiny_config: dict[str, Any]) -> None:
    def delimiter(values: dict[str, Any], config: dict[str, Any]) -> Any:
        config = copy.deepcopy(config)
        config["validate"]["handlers"].append({"name": "MetricsSaver", "args": {"save_dir": "x"}})
        made = in_todays_words(config, values, CATALOGUE).config
        load = made["train"]["pre_transforms"][0]["args"].get("image_only")
        return made["validate"]["handlers"][-1]["args"].get("delimiter"), load

    assert delimiter({}, tiny_config) == (None, None)
    assert delimiter({"CLARA_TRAIN_VERSION": "4.1.0"}, tiny_config) == (None, False)
    assert delimiter({"CLARA_TRAIN_VERSION": "4.0"}, tiny_config) == ("\t", False)
    assert delimiter({}, implicit_of(tiny_config)) == ("\t", False)
    assert delimiter({"MEDL_VERSION": "0.1.0", "CLARA_TRAIN_VERSION": "4.0"}, tiny_config) == (None, None)
