from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.automl.geometry import search_warnings
from medl.automl.search_grammar import read_sections
from medl.automl.search_sections import Name, json_path, walk
from medl.automl.space import apply_values, find_search_space, own_values, search_problems
from medl.conf.catalogue import Catalogue

CATALOGUE = Catalogue.load()

GOOD = {"domain": "net", "type": "enum", "args": ["act"], "targets": [["relu"], ["prelu"]]}


def with_item(**changes: Any) -> dict[str, Any]:
    item = {key: value for key, value in {**GOOD, **changes}.items() if value is not KeyError}
    return {"train": {"model": {"name": "UNet", "args": {}, "search": [item]}}}


def only_problem(config: dict[str, Any]) -> tuple[str, str]:
    problems = search_problems(config, None, "config/config_train.json")
    assert len(problems) == 1, [str(problem) for problem in problems]
    assert problems[0].file == "config/config_train.json"
    return problems[0].path, str(problems[0])


def test_the_item_that_the_broken_ones_start_from_is_good() -> None:
    assert search_problems(with_item()) == []


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"domain": "loss"}, "domain", ['"lr", "net" or "transform"', 'got "loss"']),
        ({"domain": "transfrom"}, "domain", ['Did you mean "transform"?']),
        ({"domain": ["net"]}, "domain", ['"lr", "net" or "transform"']),
        ({"domain": KeyError}, "", ['needs "domain"']),
        ({"type": "integer"}, "type", ['"float", "int" or "enum"', 'got "integer"', 'Did you mean "int"']),
        ({"type": KeyError}, "", ['needs "type"']),
        ({"args": KeyError}, "", ['needs "args"']),
        ({"targets": KeyError}, "", ['needs "targets"']),
        ({"argss": ["act"]}, "argss", ['no key "argss"', 'Did you mean "args"']),
        ({"args": []}, "args", ["at least one name"]),
        ({"args": {"act": 1}}, "args", ["a name or a list"]),
        ({"args": "act,norm"}, "args", ["Name several args in a list"]),
        ({"args": ["act", 3]}, "args[1]", ["a searched name is"]),
        ({"args": ["act#"]}, "args[0]", ["a searched name is"]),
        ({"args": ["act#a#b"]}, "args[0]", ["a searched name is"]),
        ({"args": ["@"]}, "args[0]", ["a searched name is"]),
        ({"targets": []}, "targets", ["at least one choice"]),
        ({"targets": "relu"}, "targets", ["at least one choice"]),
        (
            {"targets": [["relu"], "prelu"]},
            "targets[1]",
            ["one value for each of its args (act)", "[[first], [second]]"],
        ),
        ({"targets": [["relu", "batch"]]}, "targets[0]", ["one value for each", "[[[8, 16]], [[16, 32]]]"]),
        ({"args": ["act", "norm"], "targets": [["relu"]]}, "targets[0]", ["(act, norm)"]),
        ({"type": "float"}, "targets", ["[min, max]"]),
        ({"type": "float", "targets": [0.1]}, "targets", ["[min, max]"]),
        ({"type": "float", "targets": [[0.1, 0.2]]}, "targets", ["Leave out the inner brackets"]),
        ({"type": "float", "targets": [0.2, 0.1]}, "targets", ["min <= max", "Exchange the two"]),
        (
            {"type": "float", "targets": ["{low}", 0.1]},
            "targets",
            ["two finite numbers", "variables are not read here"],
        ),
        ({"type": "float", "targets": [True, 2]}, "targets", ["two finite numbers"]),
        ({"type": "float", "targets": [0, float("inf")]}, "targets", ["two finite numbers"]),
        ({"type": "float", "targets": [float("nan"), 1]}, "targets", ["two finite numbers"]),
        ({"type": "float", "targets": [0, 10**400]}, "targets", ["two finite numbers"]),
    ],
)
def test_broken_items(changes: dict[str, Any], place: str, words: list[str]) -> None:
    path, text = only_problem(with_item(**changes))
    prefix = "train.model.search[0]"
    assert path.startswith(prefix)
    assert path == (f"{prefix}.{place}" if place else prefix)
    for word in words:
        assert word in text


@pytest.mark.parametrize(
    ("config", "place", "words"),
    [
        ({"train": {"model": {"name": "UNet", "search": GOOD}}}, "train.model.search", ["Put the item into a list"]),
        ({"train": {"model": {"name": "UNet", "search": ["act"]}}}, "train.model.search[0]", ["is an object with"]),
        ({"train": {"search": [GOOD]}}, "train.search", ["beside a component's name and args"]),
        ({"train": {"model": {"args": {}, "search": [GOOD]}}}, "train.model.search", ['has a "name" or a "path"']),
        ({"search": 3}, "search", ["a list of items"]),
        (
            {"train": {"model": {"name": "UNet", "args": {"norm": {"search": [GOOD]}}}}},
            "train.model.args.norm.search",
            ["not inside them"],
        ),
        ({"train": {"my.model": {"name": "UNet", "search": [GOOD]}}}, 'train["my.model"].search', ['got "my.model"']),
        ({"learning_rate": 1, "lr_search": [1]}, "lr_search", ["[min, max]"]),
        ({"learning_rate": 1, "lr_search": {"min": 1}}, "lr_search", ["[min, max]"]),
        ({"learning_rate": 1, "lr_search": [0.1, 0.01]}, "lr_search", ["min <= max"]),
        ({"apply": {"act": "a"}}, "apply", ["beside a component"]),
        ({"train": {"apply": {"act": "a"}}}, "train.apply", ["beside a component"]),
        ({"train": {"model": {"name": "UNet", "apply": ["a"]}}}, "train.model.apply", ["own args to aliases"]),
        (
            {"train": {"model": {"name": "UNet", "apply": {"act": 1}}}},
            "train.model.apply.act",
            ["the name of an alias"],
        ),
        ({"train": {"model": {"name": "UNet", "apply": {"a#b": "c"}}}}, "train.model.apply.a#b", ["an apply goes to"]),
    ],
)
def test_broken_sections(config: dict[str, Any], place: str, words: list[str]) -> None:
    path, text = only_problem(config)
    assert path == place
    for word in words:
        assert word in text


def test_all_problems_come_at_once() -> None:
    config = with_item(domain="x", type="y", args=[], extra=1)
    config["lr_search"] = [2, 1]
    assert len(search_problems(config)) == 5


def test_remarks_are_skipped() -> None:
    config: dict[str, Any] = {
        "train": {
            "__model": {"name": "UNet", "search": [{**GOOD, "domain": "none"}]},
            "loss": {"name": "DiceLoss", "search": [{**GOOD, "args": "batch", "_why": "speed"}], "apply": {"//": "x"}},
        }
    }
    sections = read_sections(config)
    assert [item.parameter.prl for item in sections.items] == ["net.enum.train.loss$0:batch"]
    assert (sections.uses, sections.problems) == ((), ())


def test_names_are_read_with_their_aliases() -> None:
    sections = read_sections(with_item(args=["act#a", "@disabled"], targets=[["relu", True]]))
    assert sections.items[0].names == (Name("act", "a"), Name("@disabled", None))
    assert sections.items[0].parameter.args == ("act", "@disabled")


def test_walk_goes_in_document_order_and_not_into_args() -> None:
    config = {"b": [{"x": 1}, [{"y": {}}]], "a": {"args": {"in": {}}, "search": [{}]}}
    assert [json_path(*steps) for steps, _ in walk(config)] == ["", "b[0]", "b[1][0]", "b[1][0].y", "a"]


# Configs in which anything may stand anywhere.
words = st.sampled_from(
    ["prob", "prob#p", "p", "@disabled", "lr", "net", "float", "enum", "UNet", "RandZoomd", "{x}", "a.b", ""]
)
KEYS = (
    "search apply lr_search args targets domain type name path ref disabled train validate loss model x pre_transforms"
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS.split()) | words, inner, max_size=4)
    ),
    max_leaves=30,
)
searches = st.lists(
    st.fixed_dictionaries(
        {
            "domain": st.just("net") | anything,
            "type": st.sampled_from(["float", "enum"]) | anything,
            "args": st.lists(words, min_size=1, max_size=2) | anything,
            "targets": st.just([0, 1]) | st.lists(st.lists(anything, min_size=1, max_size=2), max_size=2) | anything,
        }
    ),
    max_size=2,
)
components = st.fixed_dictionaries(
    {"name": words | anything},
    optional={"search": searches | anything, "apply": st.dictionaries(words, words) | anything, "ref": words | anything}
    | {key: anything for key in ("args", "path", "disabled")},
)


@given(
    st.fixed_dictionaries(
        {
            "train": st.dictionaries(
                st.sampled_from(KEYS.split()), components | st.lists(components, max_size=3) | anything
            )
        },
        optional={
            "validate": st.dictionaries(st.sampled_from(KEYS.split()), st.lists(components, max_size=2) | anything)
        }
        | {"search": searches | anything, "lr_search": anything, "x": anything, "learning_rate": anything},
    )
)
def test_whatever_stands_there_is_told_and_not_raised(config: dict[str, Any]) -> None:
    space, problems = find_search_space(config, CATALOGUE, "c.json")
    for problem in problems:
        assert str(problem).startswith("c.json: ")
    search_warnings(config)
    if not problems:
        own_values(config, space, CATALOGUE)
        applied = apply_values(config, {})
        assert find_search_space(applied)[0].parameters == ()
