"""The examples of docs/search.md are true."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from medl.automl.space import apply_values, find_search_space
from medl.conf.catalogue import Catalogue

GUIDE = Path(__file__).parents[2] / "docs" / "search.md"
CATALOGUE = Catalogue.load()


class Example(NamedTuple):
    config: dict[str, Any]
    kind: str
    """What the block behind the config holds: locators, problems, or a generated config with its values."""
    words: str
    text: str


def examples() -> list[Example]:
    blocks = re.findall(
        r"^```(\w+)(?: generated ([^\n]*))?\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.M | re.S
    )
    found: list[Example] = []
    config: dict[str, Any] = {}
    for kind, words, text in blocks:
        if kind == "json" and not words:
            config = json.loads(text)
        else:
            found.append(Example(config, kind, words, text))
    assert sum(kind == "json" and not words for kind, words, _ in blocks) == sum(e.kind != "json" for e in found)
    return found


def of_kind(kind: str) -> list[Example]:
    return [example for example in examples() if example.kind == kind]


def test_every_kind_of_example_is_there() -> None:
    assert [len(of_kind(kind)) for kind in ("prl", "json", "text")] == [8, 2, 1]


@pytest.mark.parametrize("example", of_kind("prl"))
def test_examples_are_good_and_have_the_locators_shown(example: Example) -> None:
    space, problems = find_search_space(example.config, CATALOGUE)
    assert problems == []
    assert [parameter.prl for parameter in space.parameters] == example.text.split()


@pytest.mark.parametrize("example", of_kind("json"))
def test_generated_configs_are_those_shown(example: Example) -> None:
    applied = apply_values(example.config, json.loads(example.words))
    assert json.dumps(applied) == json.dumps(json.loads(example.text))


@pytest.mark.parametrize("example", of_kind("text"))
def test_broken_examples_give_the_problems_shown(example: Example) -> None:
    _, problems = find_search_space(example.config, CATALOGUE, "config/config_train.json")
    assert "".join(f"{problem}\n" for problem in problems) == example.text
