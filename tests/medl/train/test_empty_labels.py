"""One rule for classes that a case does not have."""

from __future__ import annotations

import math
import warnings

import pytest
import torch
from monai.handlers import HausdorffDistance, MeanDice
from monai.metrics import DiceMetric

from medl.train.empty_labels import EmptyLabels, put_under_rule


def masks(*full: bool) -> torch.Tensor:
    """Return one-hot masks: background, then a class for each word, full or empty; ``(1, classes, 4, 4, 4)``."""
    made = torch.zeros(1, len(full) + 1, 4, 4, 4)
    for index, there in enumerate(full, start=1):
        made[0, index, 1:3, 1:3, 1:3] = float(there)
    made[:, 0] = 1 - made[:, 1:].amax(1)
    return made


PRED, LABEL = masks(True, True, False, False), masks(True, False, True, False)


@pytest.mark.parametrize("background", [False, True])
def test_overlaps_are_0_where_one_is_empty_and_left_out_where_both_are(background: bool) -> None:
    handler = put_under_rule(MeanDice(include_background=background))
    values = handler.metric_fn(PRED, LABEL)[0, int(background) :]
    assert values[:3].tolist() == [1.0, 0.0, 0.0] and math.isnan(values[3])
    count = EmptyLabels.of(handler)
    assert count is not None and (count.both, count.one) == (1, 2)
    if not background:
        assert handler.metric_fn.aggregate()[0 if isinstance(handler.metric_fn.aggregate(), tuple) else ...] == (
            pytest.approx(1 / 3)
        )
    handler.reset()
    assert (count.both, count.one) == (0, 0)


def test_distances_are_nan_where_one_is_empty() -> None:
    handler = put_under_rule(HausdorffDistance(percentile=95))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = handler.metric_fn(PRED, LABEL)[0]
    assert values[0] == 0 and all(math.isnan(value) for value in values[1:])
    count = EmptyLabels.of(handler)
    assert count is not None and (count.both, count.one) == (1, 2)
    assert "2 left out as NaN" in count.words(count.both, count.one)


def test_labels_as_class_numbers() -> None:
    metric = DiceMetric(include_background=False, num_classes=5)
    EmptyLabels(metric)
    values = metric(PRED.argmax(1, keepdim=True), LABEL.argmax(1, keepdim=True))[0]
    # where classes overlap the first one stays: 1 in both, 2 and 3 in none
    assert values[0] == 1 and all(math.isnan(value) for value in values[1:])


def test_other_metrics_stay() -> None:
    from ignite.metrics import Accuracy

    accuracy = Accuracy()
    assert put_under_rule(accuracy) is accuracy and EmptyLabels.of(accuracy) is None


@pytest.mark.parametrize(("handler", "background"), [(MeanDice, False), (HausdorffDistance, False)])
def test_where_everything_is_left_out_there_is_no_mean(handler: type, background: bool) -> None:
    metric = put_under_rule(handler(include_background=background)).metric_fn
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metric(masks(False, False), masks(False, False))
    result = metric.aggregate()
    assert math.isnan(result[0] if isinstance(result, tuple) else result), "MONAI's own is 0"
    metric.reset()
    metric(masks(True, False), masks(True, False))
    result = metric.aggregate()
    assert (result[0] if isinstance(result, tuple) else result) == (1 if handler is MeanDice else 0)


def test_a_class_that_no_case_has_has_no_mean() -> None:
    metric = DiceMetric(include_background=False, reduction="mean_batch")
    EmptyLabels(metric)
    metric(masks(True, False), masks(True, False))
    values = metric.aggregate()
    assert values[0] == 1 and math.isnan(values[1])
