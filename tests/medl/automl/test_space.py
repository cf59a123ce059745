from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.automl import prl
from medl.automl.defs import FloatRange, SearchSpace
from medl.automl.space import apply_values, find_search_space, own_values, searched_variables
from medl.errors import ConfigError

GOLDEN = Path(__file__).parents[2] / "golden"
CASES = sorted(path.parent for path in GOLDEN.glob("*/values.json"))


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def item(kind: str, args: Any, targets: Any, domain: str = "net") -> dict[str, Any]:
    return {"domain": domain, "type": kind, "args": args, "targets": targets}


def test_the_golden_cases_are_there() -> None:
    assert len(CASES) >= 25


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(case: Path) -> None:
    config, values = load(case / "config_train.json"), load(case / "values.json")
    space, problems = find_search_space(config)
    assert problems == []
    assert set(values) <= {parameter.prl for parameter in space.parameters}
    before = json.dumps(config)
    # as text, so that the order of keys and 1 against 1.0 or true count
    assert json.dumps(apply_values(config, values), indent=2) + "\n" == (case / "expected.json").read_text()
    assert json.dumps(config) == before, "the given config must not change"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_generated_config_searches_nothing(case: Path) -> None:
    space, problems = find_search_space(load(case / "expected.json"))
    assert (space, problems) == (SearchSpace(()), [])


def test_space_is_in_document_order_first_level_first() -> None:
    config = {
        "train": {
            "optimizer": {"name": "Adam", "args": {}, "search": [item("float", ["weight_decay"], [0, 1], "lr")]},
            "model": {"name": "UNet", "args": {}, "search": [item("enum", "act", [["relu"], ["prelu"]])]},
        },
        "lr_search": [0.001, 0.1],
        "learning_rate": 0.01,
        "epochs": 3,
        "search": [item("enum", ["epochs"], [[3], [4], [5]], "lr")],
    }
    space, problems = find_search_space(config)
    assert problems == []
    assert space.targets == {
        "lr.enum.$0:epochs": [[3], [4], [5]],
        "lr.float.$1:learning_rate": [FloatRange(0.001, 0.1)],
        "lr.float.train.optimizer$0:weight_decay": [FloatRange(0.0, 1.0)],
        "net.enum.train.model$0:act": [["relu"], ["prelu"]],
    }
    assert list(space.targets) == [parameter.prl for parameter in space.parameters]
    assert [parameter.domain for parameter in space.parameters] == ["lr", "lr", "lr", "net"]


def test_aliases_are_not_part_of_the_locator() -> None:
    config = {"train": {"model": {"name": "UNet", "args": {}, "search": [item("float", ["dropout#d"], [0, 1])]}}}
    space, _ = find_search_space(config)
    assert [(p.prl, p.args) for p in space.parameters] == [("net.float.train.model$0:dropout", ("dropout",))]


def test_a_config_without_search_has_an_empty_space() -> None:
    assert find_search_space({"train": {"model": {"name": "UNet", "args": {}}}}) == (SearchSpace(()), [])


def test_search_sections_can_be_kept() -> None:
    config = load(GOLDEN / "alternatives" / "config_train.json")
    applied = apply_values(config, {"transform.enum.$0:noDice,noCe": 1}, remove_search=False)
    assert applied["search"] == config["search"]
    assert applied["train"]["loss"][0]["apply"] == {"@disabled": "noDice"}
    assert applied["train"]["loss"][0]["disabled"] is True


def test_values_outside_the_space_are_refused_together() -> None:
    config = load(GOLDEN / "several_items_on_one_component" / "config_train.json")
    with pytest.raises(ConfigError) as caught:
        apply_values(
            config, {"net.enum.train.model$0:act": 2, "net.float.train.model$2:dropout": 0.7, "no.such$0:x": 1}
        )
    text = str(caught.value)
    assert "between 0 and 1, but got 2" in text
    assert "between 0.0 and 0.5, but got 0.7" in text
    assert "no such parameter" in text


def test_a_broken_config_is_not_rewritten() -> None:
    config = {"train": {"model": {"name": "UNet", "args": {}, "search": [item("float", ["dropout"], [1, 0])]}}}
    with pytest.raises(ConfigError, match="min <= max"):
        apply_values(config, {})


def test_places_do_not_share_a_list() -> None:
    config = {
        "train": {
            "model": {"name": "UNet", "args": {}, "search": [item("enum", ["channels#c"], [[[8, 16]], [[4, 8]]])]},
            "inferer": {"name": "SlidingWindowInferer", "args": {}, "apply": {"roi_size": "c"}},
        }
    }
    applied = apply_values(config, {"net.enum.train.model$0:channels": 0})
    applied["train"]["model"]["args"]["channels"].append(32)
    assert applied["train"]["inferer"]["args"]["roi_size"] == [8, 16]
    assert config["train"]["model"]["search"][0]["targets"][0] == [[8, 16]]


def test_own_values_are_what_the_config_says() -> None:
    config = {
        "learning_rate": 0.01,
        "lr_search": [0.001, 0.1],
        "search": [item("enum", ["@off", "free"], [[True, 1], [False, 2]])],
        "train": {
            "optimizer": {
                "name": "Adam",
                "args": {"lr": "{learning_rate}"},
                "search": [item("float", ["lr"], [0, 1], "lr")],
            },
            "model": {
                "name": "UNet",
                "args": {"act": "relu", "channels": [8, 16], "norm": "{elsewhere}"},
                "search": [item("enum", ["act", "norm"], [["a", "b"]]), item("enum", ["channels"], [[[1]]])],
            },
            "loss": {"name": "DiceLoss", "apply": {"@disabled": "off", "smooth_nr": "free"}, "args": {"smooth_nr": 7}},
        },
    }
    space, _ = find_search_space(config)
    assert own_values(config, space) == {
        "net.enum.$0:@off,free": [False, 7],
        "lr.float.$1:learning_rate": [0.01],
        "lr.float.train.optimizer$0:lr": [0.01],
        "net.enum.train.model$0:act,norm": ["relu", "{elsewhere}"],
        "net.enum.train.model$1:channels": [[8, 16]],
    }


def test_own_value_of_an_arg_that_is_not_written_down_is_unknown_without_a_catalogue() -> None:
    config = {"train": {"model": {"name": "UNet", "search": [item("enum", ["act"], [["relu"], ["prelu"]])]}}}
    space, _ = find_search_space(config)
    assert own_values(config, space) == {"net.enum.train.model$0:act": [None]}


def test_searched_variables_are_the_replaced_first_level_values() -> None:
    config = {
        "learning_rate": 0.1,
        "epochs": 3,
        "lr_search": [0, 1],
        "search": [item("enum", ["free", "epochs"], [[1, 2]])],
        "train": {"loss": {"name": "DiceLoss", "apply": {"smooth_nr": "free"}}},
    }
    assert searched_variables(config) == ("epochs", "learning_rate")


def test_no_heavy_library_is_imported() -> None:
    code = (
        "import sys, medl.automl.space, medl.automl.geometry\n"
        "heavy = {'torch', 'monai', 'numpy', 'optuna', 'ignite', 'jsonschema'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


# Random configs: some components, each with some args, some of which are searched or take over an alias.

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.sampled_from(["relu", "{v}", "@x", "{{"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=5,
)
arg_names = st.lists(st.sampled_from(["prob", "act", "norm", "size", "name", "path"]), unique=True, max_size=5)


@st.composite
def searched_configs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return a config, values for some of its parameters, and the generated config they must give."""
    values: dict[str, Any] = {}
    aliases: dict[str, Any] = {}
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = []
    count = draw(st.integers(1, 4))
    for number in range(count):
        args = {name: draw(json_values) for name in draw(arg_names)}
        source: dict[str, Any] = {"name": f"Class{number}"}
        if draw(st.booleans()):
            source["disabled"] = draw(st.booleans())
        source["args"] = args
        expected = copy.deepcopy(source)
        searched = draw(st.lists(st.sampled_from([*args, "added"]), unique=True, max_size=3))
        search = []
        for index, group in enumerate([searched[:2], searched[2:]]):
            if not group:
                continue
            number_fits = not any(isinstance(args.get(arg), (bool, str)) for arg in group)
            kind = draw(st.sampled_from(["float", "enum"])) if number_fits else "enum"
            written = [f"{arg}#alias{number}{arg}" if draw(st.booleans()) else arg for arg in group]
            if kind == "float":
                low, high = sorted(number / 8 for number in draw(st.tuples(st.integers(-40, 40), st.integers(-40, 40))))
                targets: list[Any] = [low, high]
                value: Any = draw(st.floats(low, high))
                concrete = [value] * len(group)
            else:
                choice = st.lists(json_values, min_size=len(group), max_size=len(group))
                targets = draw(st.lists(choice, min_size=1, max_size=3))
                value = draw(st.integers(0, len(targets) - 1))
                concrete = targets[value]
            domain = draw(st.sampled_from(["lr", "net", "transform"]))
            search.append(item(kind, written, targets, domain))
            given_value = draw(st.booleans())
            if given_value:
                values[f"{domain}.{kind}.train.list.#{number + 1}${index}:{','.join(group)}"] = value
            for arg, word, single in zip(group, written, concrete, strict=True):
                if given_value:
                    expected["args"][arg] = copy.deepcopy(single)
                if "#" in word:
                    aliases[word.split("#")[1]] = (given_value, single)
        if search or draw(st.booleans()):
            at = draw(st.integers(0, len(source)))
            items = list(source.items())
            source = dict([*items[:at], ("search", search), *items[at:]])
        pairs.append((source, expected))
    for alias, (given_value, single) in aliases.items():
        source, expected = pairs[draw(st.integers(0, count - 1))]
        source.setdefault("apply", {})[f"new_{alias}"] = alias
        if given_value:
            expected["args"][f"new_{alias}"] = copy.deepcopy(single)
    rest = draw(st.dictionaries(st.sampled_from(["epochs", "x", "amp"]), st.integers(), max_size=3))
    tail = {"validate": {"handlers": [{"name": "H", "args": {"search": 1, "apply": 2}}]}}
    config = {**rest, "train": {"list": [source for source, _ in pairs]}, **tail}
    return config, values, {**rest, "train": {"list": [expected for _, expected in pairs]}, **tail}


@given(searched_configs())
def test_applied_configs_differ_at_the_located_values_only(drawn: tuple[dict[str, Any], ...]) -> None:
    config, values, expected = drawn
    before = json.dumps(config)
    space, problems = find_search_space(config)
    assert problems == []
    assert set(values) <= {parameter.prl for parameter in space.parameters}
    assert json.dumps(apply_values(config, values)) == json.dumps(expected)
    assert json.dumps(config) == before


@given(searched_configs())
def test_own_values_are_those_at_the_located_places(drawn: tuple[dict[str, Any], ...]) -> None:
    config = drawn[0]
    space, _ = find_search_space(config)
    for text, row in own_values(config, space).items():
        locator = prl.parse(text)
        args = config["train"]["list"][locator.steps[-1]]["args"]
        assert json.dumps(row) == json.dumps([args.get(arg) for arg in locator.args])
