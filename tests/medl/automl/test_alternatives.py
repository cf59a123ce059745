from __future__ import annotations

from typing import Any

import pytest

from medl.automl.space import search_problems


def config(search: list[dict[str, Any]], *losses: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**more, "search": search, "train": {"loss": list(losses)}}


def enum(args: list[str], *choices: list[Any]) -> dict[str, Any]:
    return {"domain": "transform", "type": "enum", "args": args, "targets": list(choices)}


def loss(alias: str | None = None, **more: Any) -> dict[str, Any]:
    apply = {"apply": {"@disabled": alias}} if alias else {}
    return {"name": "DiceLoss", "args": {}, **apply, **more}


TOGETHER = enum(["a", "b"], [True, False], [False, True])


@pytest.mark.parametrize(
    "good",
    [
        config([TOGETHER], loss("a"), loss("b")),
        config([TOGETHER], loss("a"), loss("b"), loss(disabled=True)),
        config([TOGETHER], loss("a"), loss("b"), loss(disabled="{off}"), off=True),
        config([enum(["a"], [True])], loss("a"), loss()),
        config([TOGETHER], loss("a"), loss("b"), loss(disabled="{from_the_environment}")),
    ],
)
def test_lists_in_which_every_choice_leaves_one(good: dict[str, Any]) -> None:
    assert search_problems(good) == []


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (config([enum(["a"], [True], [False]), enum(["b"], [True], [False])], loss("a"), loss("b")), "there is none"),
        (config([enum(["a", "b"], [True, False], [False, False])], loss("a"), loss("b")), "there are 2"),
        (config([TOGETHER], loss("a"), loss("b"), loss()), "there are 2"),
        (config([enum(["a"], [False], [True])], loss("a"), loss(disabled=True)), "search[0] = [true] there is none"),
    ],
)
def test_lists_of_which_some_choice_leaves_none_or_several(broken: dict[str, Any], words: str) -> None:
    problems = search_problems(broken, None, "c.json")
    assert [problem.path for problem in problems] == ["train.loss"]
    assert words in str(problems[0])
    assert "Switch them together" in str(problems[0])


def test_lists_of_transforms_are_no_alternatives() -> None:
    off = {"name": "RandFlipd", "args": {}, "apply": {"@disabled": "a"}}
    both = {"search": [enum(["a"], [True], [False])], "train": {"pre_transforms": [off, off]}}
    assert search_problems(both) == []
