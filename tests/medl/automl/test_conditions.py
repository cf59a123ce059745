"""Conditions of search items: what they become in the space, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from medl.automl.conditions import same_value
from medl.automl.defs import Condition, SearchSpace
from medl.automl.space import apply_values, find_search_space


def item(args: str, targets: Any, kind: str = "enum", **more: Any) -> dict[str, Any]:
    return {"domain": "net", "type": kind, "args": [args], "targets": targets, **more}


def config(*search: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "train": {
            "model": {"name": "UNet", "args": {"act": "relu"}, "search": list(search)},
            "loss": {"name": "DiceLoss", "args": {}},
            **more,
        }
    }


def space_of(value: dict[str, Any]) -> SearchSpace:
    space, problems = find_search_space(value)
    assert problems == [], [str(problem) for problem in problems]
    return space


def only(value: dict[str, Any]) -> tuple[str, str]:
    _, problems = find_search_space(value, None, "c.json")
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0].path, str(problems[0])


ACT = item("act#act", [["relu"], ["prelu"], ["elu"]])


def test_values_become_indices_and_the_parent_may_stand_later():
    space = space_of(config(item("dropout", [0, 1], "float", when={"act": ["prelu", "elu"]}), ACT))
    assert space.parameters[0].when == (Condition("net.enum.train.model$1:act", (1, 2)),)
    assert space.parameters[1].when == ()


def test_whole_numbers_a_position_of_several_args_and_two_conditions():
    several = {**item("act#act", None), "args": ["norm", "act#act"], "targets": [["a", 1], ["b", 2], ["c", 2]]}
    depth = item("num_res_units#depth", [0, 8], "int", step=4)
    space = space_of(config(several, depth, item("bias", [[True]], when={"act": [2.0], "depth": [0, 8]})))
    assert space.parameters[2].when == (
        Condition("net.enum.train.model$0:norm,act", (1, 2)),
        Condition("net.int.train.model$1:num_res_units", (0, 8)),
    )


def test_the_config_keeps_its_own_value_where_a_condition_does_not_hold():
    value = config(ACT, item("dropout", [0.5, 1], "float", when={"act": ["elu"]}))
    act, dropout = (p.prl for p in space_of(value).parameters)
    assert apply_values(value, {act: 2, dropout: 0.7})["train"]["model"]["args"] == {"act": "elu", "dropout": 0.7}
    assert apply_values(value, {act: 1, dropout: 0.7})["train"]["model"]["args"] == {"act": "prelu"}
    assert apply_values(value, {act: 1})["train"]["model"]["args"] == {"act": "prelu"}


def test_a_parent_that_is_off_is_decided_by_its_own_value():
    def searched(own: Any) -> list[str]:
        off = {**ACT, "enabled": False}
        child = item("dropout#d", [[0.1], [0.2]], when={"act": ["elu"]})
        value = config(off, child, item("bias", [[True], [False]], when={"d": [0.1]}))
        value["train"]["model"]["args"]["act"] = own
        return [p.args[0] for p in space_of(value).parameters]

    assert searched("elu") == ["dropout", "bias"]
    assert searched("relu") == []  # a child of what can never count cannot count either


def test_a_parent_that_is_off_and_has_no_value():
    path, text = only(config(item("norm#n", [["a"]], enabled=False), item("bias", [[True]], when={"n": ["a"]})))
    assert path == "train.model.search[1].when.n"
    assert "Write the value into the config" in text


def test_a_first_level_name_is_an_alias_and_its_variable_is_read():
    value = config(item("bias", [[True]], when={"deep": [True]}))
    value["search"] = [{**item("deep", [[True], [False]]), "enabled": False}]
    value["deep"] = True
    assert len(space_of(value).parameters) == 1
    value["deep"] = 1
    assert len(space_of(value).parameters) == 0


@pytest.mark.parametrize(
    ("search", "place", "words"),
    [
        ([ACT, item("bias", [[1]], when={"axt": ["relu"]})], "search[1].when.axt", ['alias "axt"', 'mean "act"']),
        ([item("bias", [[1]], when={"x": [1]})], "search[0].when.x", ['"arg#alias"']),
        ([ACT, item("bias", [[1]], when={"act": ["rel"]})], "search[1].when.act", ['got "rel"', 'mean "relu"']),
        ([ACT, item("bias", [[1]], when={"act": [1]})], "search[1].when.act", ['It can be "relu", "prelu", "elu"']),
        (
            [item("dropout#d", [0, 1], "float"), item("bias", [[1]], when={"d": [1]})],
            "search[1].when.d",
            ["range of floats"],
        ),
        (
            [item("num_res_units#n", [0, 4], "int", step=2), item("bias", [[1]], when={"n": [1]})],
            "search[1].when.n",
            ["between 0 and 4 in steps of 2"],
        ),
        ([item("bias#b", [[1]], when={"b": [1]})], "search[0].when", ["depends on itself"]),
    ],
)
def test_broken_conditions(search: list[dict[str, Any]], place: str, words: list[str]):
    path, text = only(config(*search))
    assert path == f"train.model.{place}"
    assert [word for word in words if word not in text] == [], text


def test_a_circle_is_told_for_each_of_its_items():
    a, b = item("act#a", [[1]], when={"b": [1]}), item("norm#b", [[1]], when={"a": [1]})
    _, problems = find_search_space(config(a, b, item("bias", [[1]], when={"a": [1]})))
    assert [problem.path for problem in problems] == ["train.model.search[0].when", "train.model.search[1].when"]
    assert "through train.model.search[1]" in str(problems[0])


def test_alternatives_are_counted_as_the_conditions_leave_them():
    losses = [
        {"name": "DiceLoss", "args": {}, "apply": {"@disabled": "one"}},
        {"name": "DiceCELoss", "args": {}, "disabled": True, "apply": {"@disabled": "two"}},
    ]
    value = config(ACT)
    value["train"]["loss"] = losses
    switch = {**item("one", [[True, False], [False, True]], when={"act": ["elu"]}), "args": ["one", "two"]}
    value["search"] = [switch]
    assert find_search_space(value)[1] == []
    losses[0]["disabled"] = True  # then none is left where the switch does not count
    assert 'search[0] = ["relu"]' in str(find_search_space(value)[1][0])


def test_numbers_are_compared_as_numbers_and_truth_as_truth():
    assert same_value([1, {"a": 2.0}], [1.0, {"a": 2}])
    assert not same_value(1, True)
    assert not same_value([1], [1, 2])
    assert not same_value({"a": 1}, {"b": 1})
