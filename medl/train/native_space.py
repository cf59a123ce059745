"""Predictions in the geometry of the label as it is in its file, so that their scores compare between trainings."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.data.utils import affine_to_spacing
from monai.metrics import HausdorffDistanceMetric, SurfaceDiceMetric, SurfaceDistanceMetric
from monai.transforms import Compose, Invertd, InvertibleTransform, MapTransform, ResampleToMatch

IMAGE, LABEL, PRED = "image", "label", "pred"
_GEOMETRY = ("monai.transforms.spatial.", "monai.transforms.croppad.")


class NativeSpace:
    """The first post transform: takes the network's output back through the image's transforms, to the untouched label.

    The output is interpolated linearly before classes are made of it. The label is read again from its file; what
    changes its values in ``pre_transforms`` is done, what changes its geometry is not. Where image and label differ in
    geometry, the output is resampled to the label's.

    Args:
        pre_transforms: those of the case that was predicted.
    """

    def __init__(self, pre_transforms: Compose):
        self.invert = Invertd(keys=PRED, transform=pre_transforms, orig_keys=IMAGE, nearest_interp=False)
        self.label = Compose(list(label_transforms(pre_transforms)))
        self.match = ResampleToMatch(mode="bilinear", padding_mode="border")

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return a case with prediction and label in the label's own geometry; a case without one as it is."""
        item = dict(data)
        label = item.get(LABEL)
        path = label.meta.get("filename_or_obj") if isinstance(label, MetaTensor) else None
        if not path:
            return item
        item = dict(self.invert(item))
        native = self.label({LABEL: str(path)})[LABEL]
        item[LABEL] = native.to(item[PRED].device)
        if not same_geometry(item[PRED], native):
            item[PRED] = self.match(item[PRED], img_dst=item[LABEL])
        return item


def label_transforms(transforms: Compose) -> Iterator[Any]:
    """Give the transforms that load the label and change its values, without those that change its geometry."""
    for one in transforms.flatten().transforms:
        if not isinstance(one, MapTransform) or LABEL not in one.keys or _changes_geometry(one):
            continue
        alone = copy.copy(one)
        alone.allow_missing_keys = True
        yield alone


def _changes_geometry(transform: Any) -> bool:
    module = type(transform).__module__
    own = not module.startswith("monai.")
    return module.startswith(_GEOMETRY) or (own and isinstance(transform, InvertibleTransform))


def same_geometry(one: Any, other: Any, tolerance: float = 1e-3) -> bool:
    """Return whether two images have the same voxels, to within ``tolerance`` mm in their affines."""
    if one.shape[1:] != other.shape[1:] or not (isinstance(one, MetaTensor) and isinstance(other, MetaTensor)):
        return False
    return bool(np.allclose(np.asarray(one.affine.cpu()), np.asarray(other.affine.cpu()), atol=tolerance))


def in_millimetres(metric: Any) -> Any:
    """Return a surface metric that takes each case's voxel spacing from its label, so that distances are in mm.

    Args:
        metric: one of MONAI's; it stays the same object. Others are returned as they are.
    """
    if not isinstance(metric, (HausdorffDistanceMetric, SurfaceDistanceMetric, SurfaceDiceMetric)):
        return metric
    compute = metric._compute_tensor

    def spaced(y_pred: torch.Tensor, y: torch.Tensor, **words: Any) -> Any:
        spacing = spacing_of(y)
        if spacing is not None:
            words.setdefault("spacing", spacing)
        return compute(y_pred.as_subclass(torch.Tensor), y.as_subclass(torch.Tensor), **words)

    metric._compute_tensor = spaced
    return metric


def spacing_of(batch: torch.Tensor) -> list[float] | None:
    """Return the voxel spacing in mm of a batch of one geometry, ``(batch, channels, *space)``; ``None`` if unknown."""
    affine = getattr(batch, "affine", None)
    if affine is None:
        return None
    matrix = torch.as_tensor(affine)
    matrix = matrix[0] if matrix.ndim == 3 else matrix
    return [float(value) for value in affine_to_spacing(matrix.cpu().double(), r=batch.ndim - 2)]
