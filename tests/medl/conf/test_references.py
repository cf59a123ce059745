from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.conf.references import dependencies, expand_refs, find_cycles, one_spelling, reference_problems


def component(name: str, **args: Any) -> dict[str, Any]:
    return {"name": name, "args": args}


def refs(train: list[dict[str, Any]], validate: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[Any]]:
    config = {"train": {"pre_transforms": train}, "validate": {"pre_transforms": validate}}
    before = copy.deepcopy(config)
    result, problems = expand_refs(config, "c.json")
    assert config == before
    return result["validate"]["pre_transforms"], problems


def test_a_ref_takes_the_args_but_not_the_search() -> None:
    searched = {**component("Spacingd", pixdim=1), "search": [1], "apply": {"pixdim": "a"}}
    expanded, problems = refs([searched], [{"ref": "Spacingd"}])
    assert expanded == [component("Spacingd", pixdim=1)] and not problems


@pytest.mark.parametrize("name", ["Spacingd", "SpacingD", "SpacingDict", "monai.transforms.Spacingd"])
@pytest.mark.parametrize("ref", ["Spacingd", "SpacingD", "SpacingDict"])
def test_the_spellings_of_a_dictionary_transform_are_one(name: str, ref: str) -> None:
    expanded, problems = refs([component("Other"), component(name)], [{"ref": ref}])
    assert expanded == [component(name)] and not problems


def test_an_alias_comes_before_a_class_name_and_the_first_of_several_counts() -> None:
    train = [component("Scaled", a=1), component("Scaled#second", a=2), component("Otherd#Scaled", a=3)]
    expanded, _ = refs(train, [{"ref": "second"}, {"ref": "Scaled"}, {"ref": "Otherd"}])
    assert [spec["args"]["a"] for spec in expanded] == [2, 3, 3]


def test_the_same_key_comes_first() -> None:
    train = {"pre_transforms": [component("CastToTyped", a=1)], "post_transforms": [component("CastToTyped", a=2)]}
    result, _ = expand_refs({"train": train, "validate": {"post_transforms": [{"ref": "CastToTyped"}]}})
    assert result["validate"]["post_transforms"] == [component("CastToTyped", a=2)]


def test_disabled_follows_and_the_ref_s_own_wins() -> None:
    train = [{**component("A"), "disabled": True}, component("B")]
    expanded, _ = refs(train, [{"ref": "A"}, {"ref": "A", "disabled": False}, {"ref": "B", "disabled": True}])
    assert [spec.get("disabled") for spec in expanded] == [True, False, True]


def test_a_ref_to_one_component() -> None:
    config = {"train": {"inferer": component("SimpleInferer")}, "validate": {"inferer": {"ref": "SimpleInferer"}}}
    assert expand_refs(config)[0]["validate"]["inferer"] == component("SimpleInferer")


def test_all_wrong_refs_are_told() -> None:
    config = {
        "train": {"pre_transforms": [component("Spacingd"), {"ref": "Spacingd"}]},
        "validate": {"pre_transforms": [{"ref": "Spacngd"}, {"ref": "Spacingd", "args": {}}]},
    }
    result, problems = expand_refs(config, "c.json")
    assert [problem.path for problem in problems] == [
        "train.pre_transforms[1].ref",
        "validate.pre_transforms[0].ref",
        "validate.pre_transforms[1]",
    ]
    assert problems[1].near == ("Spacingd",)
    assert result == config


def test_one_spelling_keeps_other_names() -> None:
    assert [one_spelling(name) for name in ("D", "UNet", "Dict")] == ["D", "UNet", "Dict"]


TRAIN = {
    "model": component("UNet"),
    "optimizer": component("Adam", params="#@model.parameters()", lr=0.1),
    "handlers": [
        component("ValidationHandler", validator="@evaluator"),
        {**component("Off", x="@trainer"), "disabled": True},
    ],
    "trainer": component("SupervisedTrainer", network="@model", handlers="@handlers", flag="#@epochs > 1"),
}
VALIDATE = {
    "handlers": [component("CheckpointSaver", save_dict={"model": "@model", "conf": ["@conf"]})],
    "evaluator": component("SupervisedEvaluator", network="@model", val_handlers="@handlers"),
}
CONFIG = {"epochs": 2, "train": TRAIN, "validate": VALIDATE}


def test_dependencies_follow_the_scope_rule() -> None:
    graph = dependencies(CONFIG)
    assert graph["train", "optimizer"] == (("train", "model"),)
    assert graph["train", "handlers"] == (("validate", "evaluator"),)
    assert graph["validate", "evaluator"] == (("train", "model"), ("validate", "handlers"))
    assert graph["train", "trainer"] == (("train", "model"), ("train", "handlers"))
    assert not reference_problems(CONFIG)


def test_circles_are_told_once() -> None:
    config = {
        "train": {"a": component("A", x="@b"), "b": component("B", x="#[@c]"), "c": component("C", x="lambda x: @a")}
    }
    (problem,) = find_cycles(config, "c.json")
    assert problem.value == "train.a -> train.b -> train.c -> train.a"
    (own,) = find_cycles({"train": {"a": component("A", x="@a")}})
    assert own.value == "train.a -> train.a"


def test_everything_wrong_with_marks_is_told_at_once() -> None:
    config = {
        "epochs": 1,
        "train": {
            "model": component(
                "UNet", a=["@modell", {"b": "@model.parameters()"}], c="lambda x: x.__class__", d="#len(@loss)"
            ),
            "optimizer": component("Adam", params="#getattr(@model, 'a')", lr="lambda_lr", label="label"),
            "amp": "@train",
        },
    }
    problems = reference_problems(config, "c.json")
    assert {problem.path: problem.near for problem in problems} == {
        "train.model.args.a[0]": ("model",),
        "train.model.args.a[1].b": (),
        "train.model.args.c": (),
        "train.model.args.d": (),
        "train.optimizer.args.params": (),
        "train.amp": (),
    }
    assert all(problem.file == "c.json" and str(problem) for problem in problems)


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3), max_size=6))
def test_a_circle_is_found_where_there_is_one(graph: dict[str, list[str]]) -> None:
    graph = {key: [other for other in others if other in graph] for key, others in graph.items()}
    config = {"train": {key: component(key, x=["@" + other for other in others]) for key, others in graph.items()}}
    reached = {key: set(others) for key, others in graph.items()}
    for _ in graph:
        reached = {key: others.union(*(reached[other] for other in others)) for key, others in reached.items()}
    assert bool(find_cycles(config)) == any(key in others for key, others in reached.items())


@pytest.mark.parametrize(("value", "shown"), [("@chans", False), ("#@chans + 1", True)])
def test_an_unknown_reference_is_said_once_and_far_names_are_not_offered(value: str, shown: bool) -> None:
    config = {"train": {"model": component("Net", channels=value), "handlers": []}}
    (problem,) = reference_problems(config, "c.json")
    text = str(problem)
    assert text.count("@chans") == 1 + shown
    assert "Did you mean" not in text
    assert 'Add "chans" to a section' in text
    (problem, *_) = reference_problems({"train": {"model": component("Net", x="@handlrs"), "handlers": []}}, "c.json")
    assert 'Did you mean "handlers"?' in str(problem)
