from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medl.data.split import folds, shares, split
from medl.errors import ConfigError

PARTS = {"training": 0.6, "validation": 0.2, "test": 0.2}


@given(
    st.lists(st.tuples(st.integers(0, 8), st.frozensets(st.integers(1, 3))), min_size=30, max_size=60),
    st.integers(0, 5),
)
def test_patients_stay_together_and_every_item_has_a_part(items, seed):
    patients, labels = [f"p{p}" for p, _ in items], [present for _, present in items]
    try:
        parts = split(patients, labels, PARTS, seed)
    except ConfigError:
        assert len(set(patients)) < 12  # few patients of many items may leave a part empty, and that is said
        return
    assert set(parts) == set(PARTS)
    where = {}
    for patient, part in zip(patients, parts, strict=True):
        assert where.setdefault(patient, part) == part


def test_labels_are_spread():
    labels = [frozenset({1})] * 10 + [frozenset()] * 40 + [frozenset({1, 2})] * 10
    patients = [f"p{i:02d}" for i in range(60)]
    parts = split(patients, labels, PARTS, 3)
    assert Counter(parts) == {"training": 36, "validation": 12, "test": 12}
    rare = Counter(part for part, present in zip(parts, labels, strict=True) if 2 in present)
    assert rare == {"training": 6, "validation": 2, "test": 2}


def test_the_seed_decides_and_the_order_of_items_does_not():
    patients = [f"p{i:02d}" for i in range(40)]
    labels = [frozenset({i % 3}) for i in range(40)]
    first = dict(zip(patients, split(patients, labels, PARTS, 1), strict=True))
    order = random.Random(0).sample(range(40), 40)
    again = split([patients[i] for i in order], [labels[i] for i in order], PARTS, 1)
    assert first == dict(zip([patients[i] for i in order], again, strict=True))
    assert first != dict(zip(patients, split(patients, labels, PARTS, 2), strict=True))


def test_folds_are_even():
    found = folds([f"p{i}" for i in range(23)], [frozenset({1})] * 23, 5, 0)
    assert sorted(Counter(found).values()) == [4, 4, 5, 5, 5] and set(found) == set(range(5))


def test_empty_parts_are_refused_by_name():
    with pytest.raises(ConfigError, match='"test" is not empty'):
        split(["a"] * 5 + ["b"] * 5, [frozenset()] * 10, {"training": 0.8, "validation": 0.15, "test": 0.05}, 0)
    with pytest.raises(ConfigError, match=r'"fold 2" is not empty.*Ask for fewer folds'):
        folds(["a", "b"], [frozenset()] * 2, 3, 0)
    with pytest.raises(ConfigError, match="at least 2"):
        folds(["a", "b"], [frozenset()] * 2, 1, 0)


def test_shares():
    assert shares(0.2, 0) == {"training": 0.8, "validation": 0.2}
    for wrong in ((0.5, 0.5), (-0.1, 0), (1.0, 0.0)):
        with pytest.raises(ConfigError):
            shares(*wrong)
