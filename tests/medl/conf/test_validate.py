"""Schemas and the messages of what breaks them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from medl.assets import asset
from medl.conf.validate import schema, schema_problems
from medl.errors import Problem

COMPONENT = {"name": "X"}
TRAIN = {"train": {"model": COMPONENT, "trainer": COMPONENT}}


def one(value: Any, name: str = "config_train") -> Problem:
    (problem,) = schema_problems(value, name, "c.json")
    assert problem.file == "c.json"
    return problem


def with_train(**more: Any) -> dict[str, Any]:
    return {"train": {**TRAIN["train"], **more}}


@pytest.mark.parametrize("path", sorted(asset("config").glob("*.schema.json")), ids=lambda p: p.name)
def test_schema_is_a_schema(path: Any) -> None:
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "value",
    [
        TRAIN,
        {"epochs": 3, "amp": True, "roi": "x", "_comment": [1], "//": {}, **TRAIN},
        {"determinism": {"random_seed": 0}, "search": [], "lr_search": [0.1, 1], **TRAIN},
        with_train(loss=[{**COMPONENT, "disabled": True}, COMPONENT]),
        with_train(handlers=[{"ref": "X"}, {"path": "a.B#c", "rank": 0, "_note": 1}]),
        with_train(own={"anything": 1}),
    ],
)
def test_good_config_has_no_problem(value: Any) -> None:
    assert schema_problems(value, "config_train") == []


@pytest.mark.parametrize(
    ("value", "path", "rule", "near"),
    [
        ([], "", "a training config is an object", ()),
        ({}, "", 'the key "train" is needed', ()),
        ({"tran": {}}, "tran", "a first-level value is a variable", ("train",)),
        ({"train": {"model": COMPONENT}}, "train", 'the key "trainer" is needed', ()),
        ({"train": {"model": COMPONENT, "triner": COMPONENT}}, "train", 'the key "trainer" is needed', ("triner",)),
        ({"train": [1]}, "train", "the section is an object", ()),
        ({**TRAIN, "epochs": 0}, "epochs", "a whole number, at least 1", ()),
        ({**TRAIN, "epochs": 1.5}, "epochs", "a whole number, at least 1", ()),
        ({**TRAIN, "epochs": True}, "epochs", "a whole number, at least 1", ()),
        ({**TRAIN, "amp": "on"}, "amp", "true or false", ()),
        ({**TRAIN, "amp": 2}, "amp", "true or false", ()),
        ({**TRAIN, "learning_rate": 0}, "learning_rate", "a number above 0", ()),
        ({**TRAIN, "learning_rate": "a"}, "learning_rate", "a number above 0", ()),
        ({**TRAIN, "determinism": 1}, "determinism", "determinism is an object", ()),
        ({**TRAIN, "determinism": {"random_seed": -1}}, "determinism.random_seed", "random_seed is", ()),
        (with_train(handlers=COMPONENT), "train.handlers", "a list of components", ()),
        (with_train(handlers=["X"]), "train.handlers[0]", "a component is an object", ()),
        (with_train(loss=[]), "train.loss", "at least 1 items", ()),
        (with_train(loss={}), "train.loss", 'one of "name", "path", "ref"', ()),
        (with_train(loss={"nmae": "X"}), "train.loss.nmae", 'there is no key "nmae" here', ("name",)),
        (with_train(loss={"name": "X", "disable": 1}), "train.loss.disable", "there is no key", ("disabled",)),
        (with_train(loss={"name": ""}), "train.loss.name", "the text is not empty", ()),
        (with_train(loss={"name": 3}), "train.loss.name", "the value is a text", ()),
        (with_train(loss={"path": "X"}), "train.loss.path", 'path is "module.Class"', ()),
        (with_train(loss={"name": "X", "args": [1]}), "train.loss.args", "args is an object", ()),
        (with_train(loss={"name": "X", "disabled": "no"}), "train.loss.disabled", "disabled is true or false", ()),
        (with_train(loss={"name": "X", "rank": -1}), "train.loss.rank", "rank is a whole number", ()),
        (with_train(loss={"name": "X", "search": {}}), "train.loss.search", "search is a list", ()),
        (with_train(loss={"name": "X", "apply": []}), "train.loss.apply", "apply is an object", ()),
    ],
)
def test_broken_config_says_rule_place_and_near_name(value: Any, path: str, rule: str, near: tuple[str, ...]) -> None:
    problems = [p for p in schema_problems(value, "config_train", "c.json") if p.path == path]
    assert len(problems) == 1, problems
    assert rule in problems[0].rule
    assert problems[0].near == near
    assert problems[0].file == "c.json"


def test_number_in_quotes_is_told_how_to_write_it() -> None:
    assert one({**TRAIN, "epochs": "5"}).remedy == "Write it without the quotes."
    assert one({**TRAIN, "amp": "true"}).remedy == "Write it without the quotes."
    assert one({**TRAIN, "amp": "maybe"}).remedy == ""


def test_all_problems_come_at_once_in_document_order() -> None:
    value = {"epochs": 0, "train": {"trainer": {"nme": "X"}, "model": {"name": 1}}, "amp": 3}
    paths = [problem.path for problem in schema_problems(value, "config_train")]
    assert paths == ["epochs", "train.trainer.nme", "train.model.name", "amp"]


@pytest.mark.parametrize(
    ("value", "path", "rule", "near"),
    [
        ({"executor": COMPONENT}, "", 'the key "controller" is needed', ()),
        ({"executor": COMPONENT, "controler": COMPONENT}, "controler", "a first-level value", ("controller",)),
        ({"executor": [], "controller": COMPONENT}, "executor", "a component is an object", ()),
        ({"executor": COMPONENT, "controller": COMPONENT, "handlers": {}}, "handlers", "a list of components", ()),
        ({"executor": COMPONENT, "controller": {**COMPONENT, "arg": {}}}, "controller.arg", "no key", ("args",)),
        ({"executor": COMPONENT, "controller": COMPONENT, "baseline": "x"}, "baseline", "true or false", ()),
    ],
)
def test_broken_search_config(value: Any, path: str, rule: str, near: tuple[str, ...]) -> None:
    problems = [p for p in schema_problems(value, "config_automl", "c.json") if p.path == path]
    assert len(problems) == 1, problems
    assert rule in problems[0].rule
    assert problems[0].near == near


def test_environment_is_flat() -> None:
    assert schema_problems({"DATA_ROOT": "data", "MMAR_CKPT": "", "x": 1, "y": None}, "environment") == []
    assert one({"DATA_ROOT": 3}, "environment").path == "DATA_ROOT"
    assert one({"own": [1]}, "environment").rule.startswith("a value of the environment is")
    problem = one({"PROCESSING_TASK": "segmentatoin"}, "environment")
    assert problem.near == ("segmentation",)
    assert problem.rule.startswith('the value is one of "segmentation"')


def test_template_keeps_its_schemas() -> None:
    config = asset("mmar_template") / "config"
    for name in ("config_train", "config_automl", "environment"):
        value = json.loads((config / f"{name}.json").read_text(encoding="utf-8"))
        unset = [p for p in schema_problems(value, name) if not re.fullmatch(r"\{\w+\}", str(p.value))]
        assert unset == [], "only what is still a variable may differ"


def test_data_list_schema() -> None:
    good = {"name": "x", "training": [{"image": ["a", "b"], "label": 3}], "test": ["a.nii"]}
    assert schema_problems(good, "dataset") == []
    assert one({"training": [{"label": "a"}]}, "dataset").path == "training[0]"
    assert one({"training": {}}, "dataset").path == "training"


ROW = {
    "job": "W1_1_J1",
    "trial": "r1",
    "attempt": 1,
    "worker": "W1",
    "status": "ok",
    "score": 0.5,
    "start": "2024-01-01T00:00:00+00:00",
    "end": None,
    "epochs": [1, 2],
    "epoch": 2,
    "max_epoch": 2,
    "time_per_epoch_s": 0.5,
    "eta_s": None,
    "values": {"lr.float.$0:learning_rate": [0.1]},
    "reason": "",
}


def test_summary_schema() -> None:
    summary = {"run_id": "a", "status": "running", "best": None, "jobs": [ROW]}
    assert schema_problems(summary, "summary") == []
    assert one({**summary, "jobs": [{**ROW, "status": "okay"}]}, "summary").near == ("ok",)
    assert one({**summary, "jobs": [{**ROW, "epochs": [1]}]}, "summary").path == "jobs[0].epochs"
    without = {key: value for key, value in ROW.items() if key != "eta_s"}
    assert one({**summary, "jobs": [without]}, "summary").rule == 'the key "eta_s" is needed'


def test_unknown_schema() -> None:
    with pytest.raises(FileNotFoundError):
        schema("config_trian")
