"""Normalized surface Dice in an engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from monai.handlers import IgniteMetricHandler
from monai.metrics import SurfaceDiceMetric

from medl.train.native_space import in_millimetres


class NormalizedSurfaceDice(IgniteMetricHandler):
    """The share of two surfaces that lie within a tolerance of each other, per class; from 0 to 1, higher is better.

    Distances are in mm, by the spacing of each case's label. A config names it by
    ``"path": "medl.components.training.surface_dice.NormalizedSurfaceDice"``.
    Source: Nikolov et al. (2021), J Med Internet Res 23(7):e26151; computed by MONAI's SurfaceDiceMetric.

    Args:
        tolerance: in mm, for each class that is scored; one number for all of two classes (background and one more).
        include_background: whether the first channel is scored; then it has a tolerance too.
        reduction: as MONAI's metrics have it.
        output_transform: gives prediction and label, one channel per class, such as
            ``#monai.handlers.from_engine(['pred', 'label'])``.
        save_details: whether the values of each case are kept for tables.
    """

    def __init__(
        self,
        tolerance: float | Sequence[float],
        include_background: bool = False,
        reduction: str = "mean",
        output_transform: Callable[..., Any] = lambda x: x,
        save_details: bool = True,
    ):
        thresholds = [float(tolerance)] if isinstance(tolerance, (int, float)) else [float(mm) for mm in tolerance]
        metric = SurfaceDiceMetric(
            class_thresholds=thresholds, include_background=include_background, reduction=reduction
        )
        super().__init__(metric_fn=in_millimetres(metric), output_transform=output_transform, save_details=save_details)
