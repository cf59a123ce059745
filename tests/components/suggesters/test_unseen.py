"""unseen: every point once, then nothing."""

from __future__ import annotations

from random import Random

from medl.automl.defs import SearchSpace
from medl.components.suggesters.unseen import key, unseen
from medl.testing.spaces import ENUM_ONLY, FLOAT_ONLY, enum_range


def test_every_point_comes_once_and_then_none():
    seen = set()
    for _ in range(18):
        point = unseen(ENUM_ONLY, seen, Random(0))
        assert not ENUM_ONLY.faults(point)
        assert key(point) not in seen
        seen.add(key(point))
    assert unseen(ENUM_ONLY, seen, Random(0)) is None


def test_a_space_with_floats_never_ends():
    seen = {key(unseen(FLOAT_ONLY, set(), Random(n))) for n in range(50)}
    assert unseen(FLOAT_ONLY, seen, Random(0)) is not None


def test_the_last_point_of_a_larger_space_is_found():
    space = SearchSpace((enum_range("a", *range(60)), enum_range("b", *range(60))))
    points = [{"net.enum.train.model$0:a": a, "net.enum.train.model$0:b": b} for a in range(60) for b in range(60)]
    last = points.pop(1234)
    assert unseen(space, {key(point) for point in points}, Random(0)) == last
