"""What a run changes of the search that a config describes."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from medl.automl.defs import FloatRange, IntRange, SearchSpace
from medl.automl.space import find_search_space
from medl.automl.space_changes import SpaceChanges, changed_config, read_changes

ACT = "net.enum.train.model$0:act"
DEPTH = "net.int.train.model$1:num_res_units"
WIDTHS = "net.enum.train.model$2:dropout"


def config() -> dict[str, Any]:
    search = [
        {
            **{"domain": "net", "type": "enum", "args": ["act#act"], "targets": [["relu"], ["prelu"], ["elu"]]},
            "weights": [1, 1, 2],
        },
        {"domain": "net", "type": "int", "args": ["num_res_units"], "targets": [0, 4], "enabled": False},
        {"domain": "net", "type": "enum", "args": ["dropout"], "targets": [[0.0], [0.1], [0.3]]},
    ]
    transform = {"domain": "transform", "type": "float", "args": ["prob#p"], "targets": [0, 1]}
    return {
        "learning_rate": 0.1,
        "lr_search": [0.001, 0.1],
        "train": {
            "model": {"name": "UNet", "args": {}, "search": search},
            "pre_transforms": [{"name": "RandFlipd", "args": {}, "search": [transform]}],
        },
    }


def changed(**changes: Any) -> SearchSpace:
    given = config()
    before = copy.deepcopy(given)
    made, problems = changed_config(given, SpaceChanges(**changes))
    assert problems == [], [str(problem) for problem in problems]
    assert given == before
    space, wrong = find_search_space(made)
    assert wrong == [], [str(problem) for problem in wrong]
    return space


def refused(**changes: Any) -> list[tuple[str, str]]:
    _, problems = changed_config(config(), SpaceChanges(**changes), lambda key: ("c.json", key))
    return [(problem.path, str(problem)) for problem in problems]


def args(space: SearchSpace) -> list[str]:
    return [parameter.args[0] for parameter in space.parameters]


def test_nothing_changes_without_changes():
    assert changed_config(config(), None) == (config(), [])
    assert changed_config(config(), SpaceChanges()) == (config(), [])
    assert args(changed()) == ["learning_rate", "act", "dropout", "prob"]


def test_items_are_switched_by_alias_and_by_locator():
    assert args(changed(added=(DEPTH,))) == ["learning_rate", "act", "num_res_units", "dropout", "prob"]
    assert args(changed(added=("act",))) == args(changed())  # it is on
    assert args(changed(removed=("act", "learning_rate", "p"))) == ["dropout"]
    assert args(changed(added=(DEPTH,), removed=(ACT,))) == ["learning_rate", "num_res_units", "dropout", "prob"]


def test_only_some_domains():
    assert args(changed(domains=("lr", "transform"))) == ["learning_rate", "prob"]
    assert args(changed(domains=("net",), added=(DEPTH,))) == ["act", "num_res_units", "dropout"]


def test_bounds_choices_and_weights():
    space = changed(
        added=(DEPTH,),
        ranges={
            "learning_rate": {"valid_max": 0.5},
            DEPTH: {"valid_min": 1, "valid_max": 2},
            "act": {"valid_options": ["relu", "gelu"], "option_weights": [3, 1]},
            "p": {"valid_min": 0.25},
        },
    )
    assert space["lr.float.$0:learning_rate"].targets == (FloatRange(0.001, 0.5),)
    assert space[DEPTH].targets == (IntRange(1, 2),)
    assert (space[ACT].targets, space[ACT].weights) == ((("relu",), ("gelu",)), (0.75, 0.25))
    assert space["transform.float.train.pre_transforms.#1$0:prob"].targets == (FloatRange(0.25, 1),)


def test_options_without_weights_drop_the_old_ones_and_weights_alone_keep_the_options():
    assert changed(ranges={"act": {"valid_options": [["gelu"]]}})[ACT].weights is None
    assert changed(ranges={"act": {"option_weights": [2, 1, 1]}})[ACT].weights == (0.5, 0.25, 0.25)


def test_a_list_becomes_a_range():
    space = changed(ranges={WIDTHS: {"disable_list": True, "valid_max": 0.5}})
    assert space["net.float.train.model$2:dropout"].targets == (FloatRange(0.0, 0.5),)
    # and is still named by the locator it then has
    space = changed(removed=("net.float.train.model$2:dropout",))
    assert "dropout" not in args(space)


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"added": ("atc",)}, "additional_automl_parameters[0]", ['no search item has the alias or the locator "atc"']),
        ({"added": ("actt",)}, "additional_automl_parameters[0]", ['mean "act"']),
        ({"removed": ("num_res_units",)}, "remove_default_automl_parameters[0]", [f'mean "{DEPTH}"']),
        ({"added": ("act",), "removed": ("act",)}, "remove_default_automl_parameters[0]", ["on or off"]),
        ({"ranges": {"dropot": {"valid_min": 0}}}, "custom_automl_ranges.dropot", ["mean"]),
        ({"ranges": {"p": {"valid_min": 2}}}, "custom_automl_ranges.p.valid_min", ["min <= max"]),
        ({"ranges": {"p": {"valid_options": [1]}}}, "custom_automl_ranges.p.valid_options", ['for an "enum"']),
        ({"ranges": {"p": {"option_weights": [1]}}}, "custom_automl_ranges.p.option_weights", ['"enum"']),
        ({"ranges": {"act": {"option_weights": [1]}}}, "custom_automl_ranges.act.option_weights", ["there are 3"]),
        ({"ranges": {"act": {"valid_min": 1}}}, "custom_automl_ranges.act.valid_min", ['"continuous": true']),
        ({"ranges": {"act": {"disable_list": True}}}, "custom_automl_ranges.act.disable_list", ["a list of numbers"]),
    ],
)
def test_wrong_changes_are_placed_where_they_are_written(changes: dict[str, Any], path: str, words: list[str]):
    found = refused(**changes)
    assert [place for place, _ in found] == [path], found
    assert [word for word in words if word not in found[0][1]] == [], found[0][1]


def test_what_is_written_is_read():
    written = {
        "additional_automl_parameters": ["a"],
        "remove_default_automl_parameters": ["b"],
        "custom_automl_ranges": {"c": {"valid_min": 1}, "d": 3},
        "domains": ["lr", "loss"],
    }
    assert read_changes(written) == SpaceChanges(("a",), ("b",), {"c": {"valid_min": 1}}, ("lr",))
    assert not read_changes({"domains": "lr"})
    assert json.dumps(read_changes({}).ranges) == "{}"
