"""The rule for classes that a case does not have, the same for every score.

Label and prediction both empty: left out and counted. One of them empty: an overlap is 0, a distance is NaN (so it
does not enter the mean) and counted. Where nothing is left, there is no score: the mean is NaN, not MONAI's 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from monai.metrics import DiceMetric, HausdorffDistanceMetric, MeanIoU, SurfaceDiceMetric, SurfaceDistanceMetric

OVERLAPS = (DiceMetric, MeanIoU, SurfaceDiceMetric)
DISTANCES = (HausdorffDistanceMetric, SurfaceDistanceMetric)


class EmptyLabels:
    """Puts one of MONAI's metrics under the rule, and counts.

    Args:
        metric: computes a value per case and class; it stays the same object.

    Attributes:
        both: values left out in this pass because label and prediction were empty.
        one: values where one of them was.
    """

    def __init__(self, metric: Any):
        self.both = self.one = 0
        self._metric = metric
        self._alone = 0.0 if isinstance(metric, OVERLAPS) else float("nan")
        self._compute, self._reset = metric._compute_tensor, metric.reset
        metric._compute_tensor, metric.reset, metric.empty_labels = self._values, self.reset, self
        self._mean, metric.aggregate = metric.aggregate, self._aggregate

    @staticmethod
    def of(handler: Any) -> EmptyLabels | None:
        """Return what was counted for a metric of an engine, or ``None`` where the rule says nothing about it."""
        found = getattr(vars(handler).get("metric_fn"), "empty_labels", None)
        return found if isinstance(found, EmptyLabels) else None

    def reset(self) -> None:
        """Begin a pass over the data."""
        self.both = self.one = 0
        self._reset()

    def as_tensor(self) -> torch.Tensor:
        """Return both counts."""
        return torch.tensor([self.both, self.one], dtype=torch.float64)

    def words(self, both: int, one: int) -> str:
        """Return two counts as a sentence."""
        alone = "0" if self._alone == 0.0 else "left out as NaN"
        left_out = f"{both} value{'s' * (both != 1)} left out (class in neither label nor prediction)"
        return f"{left_out}, {one} {alone} (class in one of them)."

    def _values(self, y_pred: torch.Tensor, y: torch.Tensor | None = None, **words: Any) -> Any:
        values = self._compute(y_pred, y, **words)
        if y is None or not isinstance(values, torch.Tensor) or values.ndim != 2:
            return values
        empty_pred, empty_label = (self._empty(part, values.shape) for part in (y_pred, y))
        if empty_pred is None or empty_label is None:
            return values
        both, one = empty_pred & empty_label, empty_pred ^ empty_label
        self.both += int(both.sum())
        self.one += int(one.sum())
        values = values.masked_fill(both, float("nan"))
        return values.masked_fill(one, self._alone)

    def _aggregate(self, *given: Any, **words: Any) -> Any:
        """Return the metric's own mean, with NaN for what has no value to be the mean of."""
        result = self._mean(*given, **words)
        values = self._metric.get_buffer()
        values = values[0] if isinstance(values, (list, tuple)) and values else values
        if not isinstance(values, torch.Tensor) or values.ndim != 2 or not values.numel():
            return result
        return (
            tuple([_without_score(result[0], values), *result[1:]])
            if isinstance(result, (tuple, list))
            else (_without_score(result, values))
        )

    def _empty(self, part: torch.Tensor, shape: Sequence[int]) -> torch.Tensor | None:
        """Return for each case and class whether it has no voxel, shaped as the values, or ``None`` if that is unclear.

        Args:
            part: one channel per class, or one channel of class numbers; ``(batch, channels, *space)``.
            shape: of the values: ``(batch, classes)``, with or without the background.
        """
        part = part.as_subclass(torch.Tensor)
        first = 0 if getattr(self._metric, "include_background", True) else 1
        if part.shape[1] == 1 and shape[1] + first > 1:
            numbers = range(first, first + shape[1])
            return torch.stack([~(part == number).flatten(1).any(1) for number in numbers], dim=1)
        if part.shape[1] > 1:
            part = part[:, first:]
        return ~part.flatten(2).any(2) if tuple(part.shape[:2]) == tuple(shape) else None


def _without_score(mean: Any, values: torch.Tensor) -> Any:
    """Return a mean, or means per class or case, with NaN where every value was left out.

    Args:
        mean: what a metric aggregated.
        values: what from, ``(cases, classes)``.
    """
    if not isinstance(mean, torch.Tensor) or mean.shape == values.shape:
        return mean
    nothing = values.isnan()
    if mean.numel() == 1:
        gone = nothing.all().reshape(mean.shape)
    elif mean.shape == values.shape[1:]:
        gone = nothing.all(0)
    elif mean.shape == values.shape[:1]:
        gone = nothing.all(1)
    else:
        return mean
    return mean.masked_fill(gone.to(mean.device), float("nan"))


def put_under_rule(handler: Any) -> Any:
    """Return a metric of a config, under the rule if it is one that the rule speaks of."""
    metric = vars(handler).get("metric_fn")
    if isinstance(metric, (*OVERLAPS, *DISTANCES)) and not hasattr(metric, "empty_labels"):
        EmptyLabels(metric)
    return handler
