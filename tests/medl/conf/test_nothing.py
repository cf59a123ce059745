"""What cannot do without a component that is disabled."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from medl.conf.catalogue import Catalogue
from medl.conf.nothing import nothing_problems


def paths(config: dict[str, Any]) -> list[str]:
    return [problem.path for problem in nothing_problems(config, Catalogue.load(), "c.json")]


def test_every_component_enabled_is_fine(tiny_config: dict[str, Any]) -> None:
    assert paths(tiny_config) == []


@pytest.mark.parametrize(
    ("section", "key", "path"),
    [
        ("train", "dataset", "train.dataloader.args.dataset"),
        ("train", "dataloader", "train.trainer.args.train_data_loader"),
        ("validate", "dataloader", "validate.evaluator.args.val_data_loader"),
        ("validate", "key_metric", "validate.handlers[1].args.save_key_metric"),
    ],
)
def test_needed_arg_that_refers_to_nothing(tiny_config: dict[str, Any], section: str, key: str, path: str) -> None:
    tiny_config[section][key]["disabled"] = True
    assert paths(tiny_config) == [path]


def test_message_says_what_to_do(tiny_config: dict[str, Any]) -> None:
    tiny_config["train"]["model"]["disabled"] = True
    first, *_ = nothing_problems(tiny_config, Catalogue.load(), "c.json")
    assert str(first).endswith(
        'SupervisedTrainer needs the arg "network", but train.model is disabled. Enable train.model.'
    )


def test_arg_with_a_default_may_be_nothing(tiny_config: dict[str, Any]) -> None:
    tiny_config["train"]["inferer"]["disabled"] = True
    assert paths(tiny_config) == []


def test_what_a_search_switches_is_left_to_the_job(tiny_config: dict[str, Any]) -> None:
    config = copy.deepcopy(tiny_config)
    config["train"]["dataset"].update(disabled=True, apply={"@disabled": "a"})
    assert paths(config) == []


def test_saver_by_a_metric_that_is_not_given(tiny_config: dict[str, Any]) -> None:
    del tiny_config["validate"]["evaluator"]["args"]["key_val_metric"]
    assert paths(tiny_config) == ["validate.handlers[1].args.save_key_metric"]
    tiny_config["validate"]["handlers"][1]["args"]["save_key_metric"] = False
    assert paths(tiny_config) == []
