from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from medl.conf.graph import ObjectGraph, Site
from medl.errors import ConfigError, TrainingError

MADE: list[str] = []


class Thing:
    """What every component of these tests becomes."""

    def __init__(self, **args: Any):
        self.args = args
        MADE.append(args.pop("id", ""))

    def parameters(self) -> list[int]:
        return [1, 2]


def broken(**args: Any) -> None:
    raise args["error"]


def resolve_class(spec: Mapping[str, Any], path: str) -> Callable[..., Any]:
    return {"Thing": Thing, "dict": dict, "broken": broken}[spec["name"]]


def graph(train: dict[str, Any], validate: dict[str, Any] | None = None, **more: Any) -> ObjectGraph:
    MADE.clear()
    first = more.pop("first", {})
    config = {**first, "train": train, "validate": validate or {}}
    return ObjectGraph(config, resolve_class=resolve_class, file="c.json", **more)


def thing(**args: Any) -> dict[str, Any]:
    return {"name": "Thing", "args": args}


def problem_of(objects: ObjectGraph, key: str, section: str = "train") -> Any:
    with pytest.raises(ConfigError) as caught:
        objects.get(section, key)
    (problem,) = caught.value.problems
    assert problem.file == "c.json"
    return problem


def test_objects_are_built_once_when_needed_across_sections() -> None:
    objects = graph(
        {
            "handlers": [thing(id="handler", validator="@evaluator")],
            "optimizer": thing(id="optimizer", params="#@model.parameters()"),
            "model": thing(id="model"),
            "trainer": thing(id="trainer", all=["@handlers", {"m": "@model"}], optimizer="@optimizer"),
        },
        {"evaluator": thing(id="evaluator", network="@model", handlers="@handlers"), "handlers": []},
    )
    assert MADE == []
    trainer = objects.get("train", "trainer")
    assert MADE == ["model", "evaluator", "handler", "optimizer", "trainer"]
    model = objects.get("train", "model")
    assert trainer.args["all"][1]["m"] is model
    assert trainer.args["all"][0][0].args["validator"] is objects.get("validate", "evaluator")
    assert trainer.args["optimizer"].args["params"] == [1, 2]
    assert objects.get("validate", "evaluator").args == {"network": model, "handlers": []}


def test_values_conf_functions_and_nested_components() -> None:
    nested = {"name": "Thing", "args": {"x": "@model"}}
    objects = graph(
        {
            "model": thing(),
            "loss": thing(epochs="#@epochs + 1", text="@epochs", conf="@conf", f="lambda x: x + @epochs", inner=nested),
        },
        first={"epochs": 3},
    )
    args = objects.get("train", "loss").args
    assert (args["epochs"], args["text"], args["f"](1)) == (4, 3, 4)
    assert args["conf"] is objects.config
    assert args["inner"] == {"name": "Thing", "args": {"x": objects.get("train", "model")}}
    assert graph({"a": thing(c="@conf")}, conf="wrapped").get("train", "a").args == {"c": "wrapped"}


def test_disabled_gives_nothing() -> None:
    off = {**thing(id="off"), "disabled": True}
    objects = graph(
        {
            "lr_scheduler": off,
            "handlers": [off, thing(id="on"), {**thing(id="one"), "disabled": 1}],
            "x": thing(y="@lr_scheduler"),
        }
    )
    assert objects.get("train", "x").args == {"y": None}
    assert len(objects.get("train", "handlers")) == 2
    assert MADE == ["", "on", "one"]
    assert objects.get("train", "absent") is None and objects.get("nowhere", "model") is None


def test_rank() -> None:
    train = {
        "handlers": [{**thing(id="zero"), "rank": 0}, thing(id="all"), {**thing(id="one"), "rank": 1}],
        "model": {**thing(), "rank": 0},
    }
    assert len(graph(train).get("train", "handlers")) == 2
    assert MADE == ["zero", "all"]
    assert graph(train, rank=1).get("train", "model") is None


def test_alternatives() -> None:
    off = {**thing(id="off"), "disabled": True}
    objects = graph(
        {"loss": [off, thing(id="on")], "model": [off, off], "optimizer": [thing(), thing()], "x": thing(y="@loss")}
    )
    assert objects.get("train", "x").args["y"] is objects.get("train", "loss")
    assert MADE == ["on", ""]
    assert problem_of(objects, "model").path == "train.model"
    assert "2 of 2" in problem_of(objects, "optimizer").rule


def test_class_attributes_replace_args() -> None:
    spec = {"name": "Thing", "args": {"class_attributes": {"a": "@epochs"}, "b": 1}}
    assert graph({"loss": spec}, first={"epochs": 2}).get("train", "loss").args == {"a": 2}


def test_a_plain_value_of_a_section() -> None:
    assert graph({"a": ["@b", 1], "b": True}).get("train", "a") == [True, 1]


def test_adapters_add_what_is_implicit() -> None:
    sites: list[Site] = []

    def remember(site: Site, build: Callable[..., Any]) -> Any:
        sites.append(site)
        return build(device="cpu", lr=1)

    objects = graph(
        {
            "trainer": thing(lr=2),
            "pre_transforms": [thing(id="a"), {**thing(id="b"), "disabled": True}],
            "model": {**thing(), "disabled": True},
            "key_metric": {**thing(), "log_label": "dice"},
            "handlers": [thing()],
            "loss": thing(),
        },
        adapters={
            "trainer": remember,
            "model": remember,
            "pre_transforms": lambda site, build: tuple(build()),
            "key_metric": lambda site, build: {site.spec["log_label"]: build()},
            "handlers[]": lambda site, build: build(of=site.graph.get("train", "trainer")),
            "*": lambda site, build: build(star=site.key),
        },
    )
    trainer = objects.get("train", "trainer")
    assert trainer.args == {"device": "cpu", "lr": 2}
    assert [(site.section, site.key, site.path) for site in sites] == [("train", "trainer", "train.trainer")]
    (transform,) = objects.get("train", "pre_transforms")
    assert transform.args == {"star": "pre_transforms"}
    assert objects.get("train", "model") is None
    assert list(objects.get("train", "key_metric")) == ["dice"]
    assert objects.get("train", "handlers")[0].args == {"of": trainer}
    assert objects.get("train", "loss").args == {"star": "loss"}


def test_a_circle_is_an_error_and_not_a_hang() -> None:
    problem = problem_of(graph({"a": thing(x="@b"), "b": thing(x="#[@a]")}), "a")
    assert "train.a -> train.b -> train.a" in problem.rule


def test_an_unknown_name_is_told_with_a_near_one() -> None:
    problem = problem_of(graph({"model": thing(), "loss": thing(a=[{"b": "@modell"}])}), "loss")
    assert problem.path == "train.loss.args.a[0].b" and problem.near == ("model",)


def test_bad_code_is_told_with_its_place() -> None:
    problem = problem_of(graph({"loss": thing(a="#().__class__")}), "loss")
    assert problem.path == "train.loss.args.a" and "__class__" in problem.rule


def test_what_a_class_raises_is_told_and_attached() -> None:
    objects = graph({"loss": {"name": "broken", "args": {"error": "@cause"}}, "cause": {"name": "Thing"}})
    objects._built["train", "cause"] = ValueError("no such reduction")
    with pytest.raises(ConfigError, match=r"train\.loss\.args") as caught:
        objects.get("train", "loss")
    assert "broken cannot be built" in str(caught.value) and "ValueError: no such reduction" in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)
    objects._built["train", "cause"] = TrainingError("epoch 3")
    with pytest.raises(TrainingError):
        objects.get("train", "loss")


def test_args_are_an_object() -> None:
    assert problem_of(graph({"loss": {"name": "Thing", "args": [1]}}), "loss").path == "train.loss.args"


def test_a_failing_adapter_is_told() -> None:
    def adapter(site: Site, build: Callable[..., Any]) -> Any:
        raise KeyError("image")

    assert "KeyError" in problem_of(graph({"dataset": thing()}, adapters={"dataset": adapter}), "dataset").rule


def test_what_is_disabled_is_left_out_of_objects_and_lists() -> None:
    off = {**thing(id="schedule"), "disabled": True}
    saver = thing(save_dict={"model": "@model", "schedule": "@schedule", "note": None}, both=["@schedule", "@model"])
    objects = graph({"model": thing(id="model"), "schedule": off, "saver": {**saver}, "sole": thing(it="@schedule")})
    args, model = objects.get("train", "saver").args, objects.get("train", "model")
    assert args == {"save_dict": {"model": model, "note": None}, "both": [model]}
    assert objects.get("train", "sole").args == {"it": None}  # an arg is still given


def test_wrapped_error_is_told_with_what_it_came_from() -> None:
    inner, outer = KeyError("no label"), RuntimeError(f"applying transform {Thing()!r}")
    outer.__cause__ = inner
    rule = problem_of(graph({"model": {"name": "broken", "args": {"error": outer}}}), "model").rule
    assert "RuntimeError: applying transform Thing <- KeyError: 'no label'" in rule
