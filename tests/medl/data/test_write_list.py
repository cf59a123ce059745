from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from medl.data.write_list import parted, present_labels, relative, write_list
from medl.errors import ConfigError


def parts(items, patients=None, **more):
    options = {"validation": 0.25, "test": 0.0, "count": 0, "seed": 0, **more}
    return parted(items, [frozenset({1})] * len(items), patients or {}, **options)


ITEMS = [{"image": f"{i}.nii"} for i in range(8)]


def test_lists_and_patients():
    lists = parts(ITEMS)
    assert {name: len(items) for name, items in lists.items()} == {"training": 6, "validation": 2}
    assert "patient" not in lists["training"][0]
    patients = {f"{i}.nii": f"Doe {i // 2}" for i in range(8)}
    lists = parts(ITEMS, patients)
    where = {part: {item["patient"] for item in items} for part, items in lists.items()}
    assert not where["training"] & where["validation"] and "Doe" not in str(lists)


def test_folds_leave_out_the_test():
    lists = parts(ITEMS, test=0.25, count=3)
    assert set(lists) == {"training", "test"} and {item["fold"] for item in lists["training"]} == {0, 1, 2}
    assert all("fold" not in item for item in lists["test"])


def test_an_image_twice_is_refused():
    with pytest.raises(ConfigError, match="listed once"):
        parts([*ITEMS, ITEMS[0]])


def test_labels_by_their_voxels_and_classes(nifti, tmp_path):
    array = np.zeros((4, 5, 3), np.uint8)
    array[0, 0, 0] = 2
    nifti("l/a.nii.gz", array)
    items = [{"label": "l/a.nii.gz"}, {"label": 3}, {"label": "benign"}, {}, {"label": [0, 1]}]
    assert present_labels(items, tmp_path) == [
        frozenset({2.0}),
        frozenset({3}),
        frozenset({"benign"}),
        frozenset(),
        frozenset({"0:0", "1:1"}),
    ]
    with pytest.raises(ConfigError, match=r"l/none\.nii"):
        present_labels([{"label": "l/none.nii"}], tmp_path)


def test_paths_are_relative_and_inside(tmp_path):
    item = {"image": [tmp_path / "a/b.nii"], "label": 1}
    assert relative([item], tmp_path) == [{"image": ["a/b.nii"], "label": 1}]
    with pytest.raises(ConfigError, match="--base"):
        relative([{"image": Path("/elsewhere/a.nii")}], tmp_path)


def test_nothing_is_overwritten(tmp_path):
    write_list(tmp_path / "x/d.json", {"training": ITEMS}, labels={"0": "b"}, description="d")
    content = json.loads((tmp_path / "x/d.json").read_text())
    assert list(content) == ["description", "labels", "training"]
    with pytest.raises(ConfigError, match="overwritten"):
        write_list(tmp_path / "x/d.json", {}, labels={}, description="")
