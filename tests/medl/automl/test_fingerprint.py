"""Which parts of a run differ."""

from __future__ import annotations

import pytest

from medl.automl.fingerprint import differing, fingerprint

PARTS = {
    "config": {"a": 1, "b": [1, 2]},
    "data_list": ["x"],
    "objective": "dice",
    "controller": {"name": "R"},
    "space": [],
}


def test_the_order_of_keys_does_not_count_and_the_order_of_lists_does():
    assert fingerprint(config={"a": 1, "b": 2}) == fingerprint(config={"b": 2, "a": 1})
    assert fingerprint(config=[1, 2]) != fingerprint(config=[2, 1])


@pytest.mark.parametrize("part", list(PARTS))
def test_a_changed_part_is_named(part):
    changed = fingerprint(**{**PARTS, part: "other"})
    assert differing(fingerprint(**PARTS), changed) == (part.replace("_", " "),)


def test_the_same_differs_in_nothing_and_missing_parts_are_named():
    assert differing(fingerprint(**PARTS), fingerprint(**PARTS)) == ()
    assert differing(fingerprint(a=1, b=2), fingerprint(a=1, c=2)) == ("c", "b")


def test_nan_has_no_fingerprint():
    with pytest.raises(ValueError):
        fingerprint(config=float("nan"))
