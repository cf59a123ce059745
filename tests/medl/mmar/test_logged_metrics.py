"""Every metric in short."""

from __future__ import annotations

from medl.mmar.logged_metrics import metrics_hash, metrics_table

LINES = [
    {"epoch": 1, "losses": {"loss": 2.0}, "time_s": 1.0},
    {"epoch": 2, "losses": {"loss": 1.0}, "metrics": {"dice": 0.5}, "time_s": 2.0},
    {"epoch": 3, "losses": {"loss": 1.5}, "metrics": {"dice": 0.5}, "train_metrics": {"dice": 0.9}},
]


def test_last_smallest_and_largest():
    table = metrics_table(LINES)
    loss = {"last": 1.5, "last_epoch": 3, "min": 1.0, "min_epoch": 2, "max": 2.0, "max_epoch": 1}
    assert table["loss"] == loss
    assert table["dice"] == {"last": 0.5, "last_epoch": 3, "min": 0.5, "min_epoch": 2, "max": 0.5, "max_epoch": 2}
    assert metrics_table([]) == {}


def test_the_hash_is_of_the_values_and_not_of_the_time():
    assert metrics_hash([]) is None
    slower = [{**line, "time_s": 9.0} for line in LINES]
    assert metrics_hash(slower) == metrics_hash(LINES)
    other = [*LINES[:2], {**LINES[2], "losses": {"loss": 1.5000000000000002}}]
    assert metrics_hash(other) != metrics_hash(LINES)
