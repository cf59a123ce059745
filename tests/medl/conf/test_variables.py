from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.conf.variables import DEFAULTS, Resolved, resolve_variables
from medl.errors import ConfigError, Problem

ROOT = Path("/archive/commands/..")


def resolve(config: dict[str, Any], environment: dict[str, Any] | None = None, **settings: Any) -> Resolved:
    return resolve_variables(config, environment or {}, settings, ROOT, "config/c.json")


def problems_of(
    config: dict[str, Any], environment: dict[str, Any] | None = None, **settings: Any
) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        resolve(config, environment, **settings)
    return caught.value.problems


def test_precedence_default_config_environment_set() -> None:
    config = {"a": 1, "b": 1, "c": 1, "amp": True, "x": {"l": ["{a}", "{b}", "{c}", "{d}", "{amp}", "{use_gpu}"]}}
    resolved = resolve(config, {"b": 2, "c": 2, "d": 2}, c=3, stray="")
    assert resolved.config["x"]["l"] == [1, 2, 3, 2, True, True]
    assert {name: resolved.config[name] for name in "abc"} == {"a": 1, "b": 2, "c": 3}
    assert "d" not in resolved.config and resolved.variables["stray"] == ""
    sources = {name: resolved.sources[name] for name in ("a", "b", "c", "use_gpu")}
    assert sources == {"a": "config", "b": "environment", "c": "--set", "use_gpu": "default"}


def test_the_type_stays_where_the_text_is_the_variable() -> None:
    config = {"rate": 0.5, "on": True, "n": 3, "text": "t", "x": ["{rate}", "{on}", "{n}", "{text}", "{n}/{rate}-{on}"]}
    values = resolve(config).config["x"]
    assert values == [0.5, True, 3, "t", "3/0.5-True"]
    assert [type(value) for value in values[:3]] == [float, bool, int]


def test_determinism_is_a_variable_and_other_objects_are_not() -> None:
    config = {"seed": 7, "determinism": {"random_seed": "{seed}"}, "x": {"d": "{determinism}"}}
    resolved = resolve(config)
    assert resolved.config["x"]["d"] == {"random_seed": 7} == resolved.variables["determinism"]
    resolved.config["x"]["d"]["random_seed"] = 8
    assert resolved.config["determinism"] == {"random_seed": 7}
    assert problems_of({"list": [1], "x": "{list}"})[0].value == "{list}"


def test_paths_of_the_archive() -> None:
    environment = {"MMAR_CKPT": "models/m.pt", "MMAR_EMPTY": "", "MMAR_ABS": "/m", "DATA_ROOT": "data", "OTHER": "data"}
    variables = resolve({"MMAR_OWN": "own", "DATASET_JSON": "config/d.json"}, environment, MMAR_SET="set").variables
    assert variables["MMAR_CKPT"] == "/archive/commands/../models/m.pt"
    assert variables["MMAR_SET"] == "/archive/commands/../set"
    assert variables["MMAR_EMPTY"] == "" and variables["MMAR_ABS"] == "/m"
    assert variables["MMAR_OWN"] == "own" and variables["OTHER"] == "data"
    assert variables["DATA_ROOT"] == "/archive/commands/../data"
    assert variables["DATASET_JSON"] == "/archive/commands/../config/d.json"
    assert variables["MMAR_CKPT_DIR"] == "/archive/commands/../models"
    assert variables["MMAR_ROOT"] == "/archive/commands/.."


def test_an_overridden_path_is_put_back() -> None:
    resolved = resolve({"MMAR_CKPT_DIR": "own", "x": "{MMAR_CKPT_DIR}/a"}, {"MMAR_CKPT_DIR": "models"})
    assert resolved.config == {"MMAR_CKPT_DIR": "/archive/commands/../models", "x": "/archive/commands/../models/a"}


def test_the_config_s_own_variables_may_use_others() -> None:
    resolved = resolve(
        {"name": "{kind}_{n}", "kind": "a", "n": 1, "DATA_ROOT": "{kind}", "x": "{name} {DATA_ROOT}"}, n=2
    )
    assert resolved.config["x"] == "a_2 /archive/commands/../a"
    assert resolved.variables["name"] == "a_2"


def test_values_from_outside_keep_their_braces() -> None:
    resolved = resolve({"a": "", "x": ["{a}", "p/{a}"]}, {"a": "{b}"})
    assert resolved.config == {"a": "{b}", "x": ["{b}", "p/{b}"]}


def test_a_circle_is_told_once() -> None:
    problems = problems_of({"a": "{b}", "b": "{a}x", "c": "{c}", "x": ["{a}", "{b}"]})
    assert [problem.path for problem in problems] == ["a", "c"]
    assert "a -> b -> a" in problems[0].rule
    assert resolve({"c": "{c}"}, c=5).config == {"c": 5}


def test_code_and_keys_are_left_alone() -> None:
    config = {"x": {"{key}": ["#{'a': 1}", "lambda x: {'a': x}", "lambda_{n}"]}, "n": 1}
    assert resolve(config).config["x"] == {"{key}": ["#{'a': 1}", "lambda x: {'a': x}", "lambda_1"]}


def test_all_problems_are_told_at_once_with_place_and_near_name() -> None:
    config = {
        "epochs": 1,
        "train": {
            "a": ["{epoch}", "x{epochs.__class__}"],
            "b": "{epochs!r}{epochs:9}",
            "c": "{} {0} {epochs",
            "d": "}",
            "e": "{epochs[0]}",
        },
        "determinism": {"random_seed": 1},
        "f": "a{determinism}",
    }
    problems = problems_of(config)
    assert [(p.path, p.file) for p in problems if p.near] == [("train.a[0]", "config/c.json")]
    assert problems[0].near == ("epochs",)
    paths = {problem.path for problem in problems}
    assert paths == {"train.a[0]", "train.a[1]", "train.b", "train.c", "train.d", "train.e", "f"}


@pytest.mark.parametrize(
    ("text", "expected"), [("{{}}", "{}"), ("{{n}}", "{n}"), ("{{{n}}}", "{1}"), ("a{n}}}", "a1}"), ("", "")]
)
def test_double_braces_are_braces(text: str, expected: str) -> None:
    assert resolve({"n": 1, "x": {"y": text}}).config["x"]["y"] == expected


def test_the_given_config_is_not_changed() -> None:
    config = {"n": 1, "x": {"y": ["{n}", {"z": "{n}"}]}}
    resolve(config, n=2)
    assert config == {"n": 1, "x": {"y": ["{n}", {"z": "{n}"}]}}


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True).filter(lambda name: name not in DEFAULTS)
primitives = st.integers() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5)


@given(st.dictionaries(names, primitives, min_size=1, max_size=4), st.lists(st.text(max_size=6)), st.data())
def test_agrees_with_format_on_texts_of_plain_fields(
    values: dict[str, Any], literals: list[str], data: st.DataObject
) -> None:
    template = "a"
    for literal in literals:
        template += (
            literal.replace("{", "{{").replace("}", "}}") + "{" + data.draw(st.sampled_from(sorted(values))) + "}"
        )
    root = Path("/")
    resolved = resolve_variables({"x": {"y": template}}, {}, values, root)
    joined = {n: v for n, v in values.items() if not n.startswith("MMAR_")}
    if len(joined) == len(values):
        assert resolved.config["x"]["y"] == template.format(**values)


@given(st.text(st.sampled_from("{}ab_n .!:[]0é"), max_size=12))
def test_any_text_is_resolved_or_refused_as_the_rule_says(text: str) -> None:
    import re

    whole = re.fullmatch(r"(?:[^{}]|\{\{|\}\}|\{[A-Za-z_][A-Za-z0-9_]*\})*", text)
    allowed = {"n": 5, "x": {"y": text}}
    try:
        result = resolve(allowed).config["x"]["y"]
    except ConfigError as error:
        assert whole is None or any("has no value" in problem.rule for problem in error.problems)
    else:
        assert whole is not None
        assert result == (5 if text == "{n}" else text.format(n=5))
