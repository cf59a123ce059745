"""The rules, on validations whose answer is known."""

from __future__ import annotations

import pytest

from medl.automl.stopping_rule import MedianRule, stopping_rule


def fed(rule, *jobs):
    for number, values in enumerate(jobs):
        for epoch, value in enumerate(values, start=1):
            assert rule.judge(f"J{number}", epoch, value) == ""
    return rule


def test_the_median_is_of_the_others_running_averages_and_compared_with_the_best_so_far():
    rule = fed(MedianRule(warmup_epochs=0, min_trials=3), [0.2, 0.4, 0.9], [0.4, 0.6, 0.9], [0.6, 0.8, 0.9])
    # by epoch 2 the averages are 0.3, 0.5, 0.7: the median is 0.5, and what came after does not count
    assert rule.judge("late", 1, 0.45) == ""
    assert rule.judge("late", 2, 0.1).startswith("its best by epoch 2 is 0.45, below 0.5, the median of 3")
    assert rule.judge("good", 1, 0.5) == ""
    assert rule.judge("good", 2, 0.0) == "", "its best so far is the median"


def test_no_job_ends_in_the_warmup_or_among_too_few():
    rule = fed(MedianRule(warmup_epochs=2, min_trials=2), [1.0] * 4, [1.0] * 3)
    assert [bool(rule.judge("poor", epoch, 0.0)) for epoch in (1, 2, 3, 4)] == [False, False, True, False]


def test_the_threshold_is_in_the_metrics_own_unit():
    rule = stopping_rule({"name": "threshold", "args": {"value": 0.5, "epoch": 3}})
    assert [bool(rule.judge("a", epoch, 0.4)) for epoch in (1, 2, 3)] == [False, False, True]
    assert not any(rule.judge("b", epoch, value) for epoch, value in ((1, 0.6), (3, 0.1), (4, 0.1)))
    small = stopping_rule({"name": "threshold", "args": {"value": 2.0}}, minimize=True)
    assert small.judge("a", 1, -1.5) == ""
    assert small.judge("b", 1, -2.5) == "its best by epoch 1 is 2.5, the threshold from epoch 1 on 2"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"name": "medain"}, "name must be one of median, threshold, but got 'medain'; did you mean median"),
        ({}, "name must be"),
        ({"name": "median", "args": {"patience": 3}}, "patience is no arg of the stopping rule median"),
        ({"name": "threshold"}, "value is missing"),
        ({"name": "threshold", "args": {"value": "x"}}, "value must be a number"),
        ({"name": "median", "args": {"min_trials": 0}}, "min_trials must be a whole number of at least 1"),
    ],
)
def test_what_is_wrong_is_named_first(spec, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        stopping_rule(spec)
