"""What the first transform reads of each item, and which items lack it."""

from __future__ import annotations

from typing import Any

import pytest

from medl.conf.item_keys import SHOWN, item_key_problems, read_keys

LOAD = {"name": "LoadImaged", "args": {"keys": ["image", "label"]}}


@pytest.mark.parametrize(
    ("transforms", "keys"),
    [
        ([LOAD], ("image", "label")),
        ([{"name": "LoadImageD", "args": {"keys": "image"}}], ("image",)),
        ([{"name": "Identityd", "disabled": True}, LOAD], ("image", "label")),
        ([{"path": "mine.Before"}, LOAD], ()),
        ([{"name": "LoadImaged", "args": {"keys": "label", "allow_missing_keys": True}}], ()),
        ([{"name": "LoadImaged", "args": {"keys": "@keys"}}], ()),
        ([], ()),
    ],
)
def test_keys_are_those_of_a_loading_transform_that_comes_first(transforms: list[Any], keys: tuple[str, ...]) -> None:
    assert read_keys({"train": {"pre_transforms": transforms}}, "train") == keys
    assert read_keys({}, "train") == ()


def test_item_that_lacks_a_key_is_named() -> None:
    items = [("training[0]", {"image": "a", "label": "b"}), ("training[1]", {"image": "a", "lable": "b"})]
    (problem,) = item_key_problems(items, ("image", "label"), "d.json", "training")
    assert (problem.path, problem.near) == ("training[1]", ("lable",))


def test_key_that_no_item_has_is_said_once() -> None:
    items = [(f"training[{i}]", {"image": "a", "lable": "b"}) for i in range(30)]
    (problem,) = item_key_problems(items, ("image", "label"), "d.json", "training")
    assert (problem.path, problem.near) == ("training", ("lable",))


def test_many_items_end_in_a_number() -> None:
    items: list[tuple[str, dict[str, Any]]] = [("training[0]", {"image": "a", "label": "b"})]
    items += [(f"training[{i}]", {"image": "a"}) for i in range(1, 31)]
    problems = item_key_problems(items, ("image", "label"), "d.json", "training")
    assert len(problems) == SHOWN + 1 and problems[-1].rule.startswith("20 more")
    assert item_key_problems([], ("label",), "d.json", "training") == []
