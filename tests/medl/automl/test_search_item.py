"""One search item beyond Clara's grammar: whole numbers, scales, weights, continuous lists, switched off items."""

from __future__ import annotations

from typing import Any

import pytest

from medl.automl.defs import FloatRange, IntRange, ParameterRange
from medl.automl.search_item import read_item
from medl.automl.space import find_search_space

INT = {"domain": "net", "type": "int", "args": ["depth"], "targets": [1, 9]}
FLOAT = {"domain": "lr", "type": "float", "args": ["lr"], "targets": [0.0001, 0.01]}
ENUM = {"domain": "net", "type": "enum", "args": ["act"], "targets": [["relu"], ["prelu"], ["elu"]]}
LIST = {"domain": "net", "type": "enum", "continuous": True, "args": ["width"], "targets": [[8], [32], [16]]}


def good(item: dict[str, Any], **changes: Any) -> ParameterRange:
    made, problems = read_item({**item, **changes}, ("train", "model"), 0, "p")
    assert problems == [], [str(problem) for problem in problems]
    assert made is not None
    return made.parameter


def wrong(item: dict[str, Any], **changes: Any) -> tuple[str, str]:
    made, problems = read_item({**item, **changes}, ("train", "model"), 0, "p", "c.json")
    assert made is None
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0].path, str(problems[0])


def test_whole_numbers():
    assert good(INT).targets == (IntRange(1, 9),)
    assert good(INT, step=4).targets == (IntRange(1, 9, 4),)
    assert good(INT, step=4, args=["a", "b"]).concrete(5) == [5, 5]
    assert good(INT).prl == "net.int.train.model$0:depth"
    assert good(INT, targets=[-3, -3]).size == 1


def test_scales():
    assert (good(FLOAT).scale, good(FLOAT, scale="linear").scale) == ("linear", "linear")
    assert good(FLOAT, scale="log").scale == "log"
    assert good(INT, scale="log", step=1).scale == "log"
    assert good(LIST, scale="log").scale == "log"


def test_weights_are_normalised():
    weights = good(ENUM, weights=[1, 2, 1]).weights
    assert weights == (0.25, 0.5, 0.25)
    assert good(ENUM).weights is None
    assert good(ENUM, weights=[1e308, 1e308, 1e308]).weights == pytest.approx([1 / 3] * 3)
    four = good(ENUM, targets=[[1], [2], [3], [4]], weights=[1, 2, 2, 1]).weights
    assert [round(weight or 0, 2) for weight in four or ()] == [0.17, 0.33, 0.33, 0.17]  # as TAO documents it


def test_a_continuous_list_is_a_float_range():
    made = good(LIST)
    assert (made.kind, made.targets, made.prl) == ("float", (FloatRange(8.0, 32.0),), "net.float.train.model$0:width")
    assert good(LIST, targets=[1, 4, 2]).targets == (FloatRange(1.0, 4.0),)
    assert good(LIST, valid_min=4, valid_max=64.5).targets == (FloatRange(4.0, 64.5),)
    assert good(LIST, args=["a", "b"], targets=[[1, 1], [3, 3]]).concrete(2.5) == [2.5, 2.5]
    assert good(LIST, continuous=False).kind == "enum"


@pytest.mark.parametrize(
    ("item", "changes", "place", "words"),
    [
        (INT, {"targets": [1, 2.5]}, "targets", ["two whole numbers", '"type": "float" takes fractions']),
        (INT, {"targets": [True, 2]}, "targets", ["two whole numbers"]),
        (INT, {"targets": [5, 2]}, "targets", ["Exchange the two"]),
        (INT, {"targets": [0, 2**60]}, "targets", ["two whole numbers"]),
        (INT, {"targets": ["{low}", 3]}, "targets", ["variables are not read here"]),
        (INT, {"step": 0}, "step", ["at least 1"]),
        (INT, {"step": True}, "step", ["at least 1"]),
        (INT, {"step": 2, "scale": "log"}, "step", ['Remove "step"']),
        (INT, {"targets": [0, 5], "scale": "log"}, "scale", ["above 0", "begins at 0"]),
        (INT, {"weights": [1]}, "weights", ['search of type "enum", not "int"']),
        (INT, {"steps": 2}, "steps", ['Did you mean "step"']),
        (INT, {"continuous": True}, "continuous", ["makes a range of a list"]),
        (FLOAT, {"step": 2}, "step", ['search of type "int", not "float"']),
        (FLOAT, {"scale": "logarithmic"}, "scale", ['"linear" or "log"']),
        (FLOAT, {"scale": "Log"}, "scale", ['Did you mean "log"']),
        (FLOAT, {"targets": [-1, 1], "scale": "log"}, "scale", ["above 0"]),
        (FLOAT, {"valid_min": 0}, "valid_min", ["The bounds of a range are its targets"]),
        (ENUM, {"scale": "log"}, "scale", ["have no scale"]),
        (ENUM, {"weights": [1, 2]}, "weights", ["one number for each choice", "there are 3"]),
        (ENUM, {"weights": [1, 0, 2]}, "weights", ["above 0", "Leave out the choices"]),
        (ENUM, {"weights": [1, -1, 2]}, "weights", ["above 0"]),
        (ENUM, {"weights": 3}, "weights", ["a list of numbers"]),
        (ENUM, {"weights": [1e-320, 1e308, 1]}, "weights", ["too far apart"]),
        (ENUM, {"valid_max": 3}, "valid_max", ['"continuous": true']),
        (ENUM, {"continuous": True}, "targets[0]", ["a list of numbers"]),
        (ENUM, {"enabled": 1}, "enabled", ["true or false"]),
        (LIST, {"continuous": "yes"}, "continuous", ["true or false"]),
        (LIST, {"weights": [1, 1, 1]}, "weights", ["no choices"]),
        (LIST, {"valid_min": "low"}, "valid_min", ["a finite number"]),
        (LIST, {"valid_min": 33}, "valid_min", ["min <= max"]),
        (LIST, {"targets": []}, "targets", ["a list of numbers"]),
        (LIST, {"args": ["a", "b"], "targets": [[1, 2]]}, "targets[0]", ["All names of the item get the same number"]),
        (ENUM, {"when": ["a"]}, "when", ["an object of aliases"]),
        (ENUM, {"when": {"a": "x"}}, "when.a", ["Put it into brackets"]),
        (ENUM, {"when": {"a": []}}, "when.a", ["at least one value"]),
    ],
)
def test_broken_items(item: dict[str, Any], changes: dict[str, Any], place: str, words: list[str]):
    path, text = wrong(item, **changes)
    assert path == f"p.{place}"
    assert [word for word in words if word not in text] == [], text


def test_all_problems_of_an_item_come_at_once():
    _, problems = read_item({**ENUM, "domain": "x", "scale": "log", "weights": [1], "when": 3, "more": 1}, (), 0, "p")
    assert len(problems) == 5


def test_an_item_that_is_off_is_checked_but_not_searched():
    off = {**ENUM, "enabled": False}
    config = {"train": {"model": {"name": "UNet", "args": {}, "search": [off, {**INT, "args": ["num_res_units"]}]}}}
    space, problems = find_search_space(config)
    assert problems == []
    assert [parameter.prl for parameter in space.parameters] == ["net.int.train.model$1:num_res_units"]
    off["targets"] = ["relu"]
    assert [problem.path for problem in find_search_space(config)[1]] == ["train.model.search[0].targets[0]"]
