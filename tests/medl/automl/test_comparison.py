"""Two records side by side."""

from __future__ import annotations

import copy
from typing import Any

from medl.automl.comparison import compared_result, data_differences, differences

ROW = {"last": 0.5, "last_epoch": 3, "min": 0.25, "min_epoch": 1, "max": 0.5, "max_epoch": 3}
RECORD: dict[str, Any] = {
    "packages": {"python": "3.11.7", "numpy": "2.0", "cuda": "13.0"},
    "code": {"medl": "1", "commit": "c" * 40, "dirty": False, "sha256": "a", "custom": {"n.py": "1"}, "imported": {}},
    "hardware": {"cpu": "x", "instruction_sets": ["avx"], "cpu_capability": "AVX2", "gpus": [], "machine": "m"},
    "threads": 2,
    "ranks": 1,
    "launcher": "python",
    "seed": 1,
    "key_metric": {"name": "dice", "best": 0.5, "best_epoch": 3, "last": 0.5},
    "metrics": {"dice": ROW, "loss": ROW},
    "metrics_sha256": "m",
    "checkpoints": {"final_model.pt": {"weights_sha256": "w"}},
    "outcome": {"status": "ok", "values": {"dice": 0.5}},
}


def changed(**parts: Any) -> dict[str, Any]:
    made = copy.deepcopy(RECORD)
    for name, value in parts.items():
        made[name] = {**made[name], **value} if isinstance(value, dict) else value
    return made


def test_the_same_is_the_same():
    found = compared_result(RECORD, RECORD)
    assert found.same and "best dice is the same, bit for bit: 0.5 (epoch 3)" in found.lines
    assert "weights: final_model.pt the same" in found.lines
    assert differences(RECORD, RECORD) == []


def test_the_last_bit_counts():
    other = {"dice": {**ROW, "last": 0.5000000000000001}}
    found = compared_result(RECORD, changed(metrics=other, metrics_sha256="n"))
    assert not found.same
    assert "last dice was 0.5, is 0.5000000000000001: a difference of +1.11e-16" in found.lines
    gone = compared_result(RECORD, changed(key_metric=None, metrics_sha256="n") | {"metrics": {}})
    assert not gone.same and "dice: it is not in both records" in gone.lines


def test_without_a_score_every_value_counts():
    was = changed(key_metric=None, outcome={"values": {}})
    assert compared_result(was, was).same
    assert not compared_result(was, changed(checkpoints={"final_model.pt": {"weights_sha256": "v"}})).same


def test_each_difference_has_a_line():
    now = changed(
        packages={"numpy": "2.1", "cuda": None},
        code={"sha256": "b", "dirty": True, "custom": {"n.py": "2", "o.py": "1"}},
        hardware={"cpu_capability": "AVX512"},
        threads=4,
    )
    assert differences(RECORD, now) == [
        'cuda: recorded "13.0", now none',
        'numpy: recorded "2.0", now "2.1"',
        f"medl's code: recorded 1 at commit {'c' * 12}, now 1 at commit {'c' * 12} "
        "with changes that were not committed",
        "custom/n.py has changed",
        "custom/o.py is new",
        'cpu capability: recorded "AVX2", now "AVX512"',
        "threads: recorded 2, now 4",
    ]


def test_data_that_changed_are_named():
    was = [{"list": "l", "list_sha256": "1", "files": {"a[0].image": "1", "a[1].image": "2", "a[2].image": None}}]
    now = [{"list": "l", "list_sha256": "2", "files": {"a[0].image": "9", "a[2].image": "3", "a[3].image": "4"}}]
    assert data_differences(was, now, {"a[0].image": "x.nii"}) == [
        "data list l: its content has changed",
        "data: a[0].image (x.nii) has changed",
        "data: a[1].image is gone",
        "data: a[3].image is new",
        "data: of 1 files the record has no hash",
    ]
    assert data_differences(was, was, {}) == ["data: of 1 files the record has no hash"]
    assert "no hashes" in data_differences(None, now, {})[0]
    many = [{"list": "l", "list_sha256": "1", "files": {f"a[{n}].image": str(n) for n in range(40)}}]
    others = [{"list": "l", "list_sha256": "1", "files": {f"a[{n}].image": "x" for n in range(40)}}]
    assert data_differences(many, others, {})[-1] == "data: and 30 more files"
