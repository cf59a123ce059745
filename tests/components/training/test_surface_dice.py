from __future__ import annotations

import torch
from monai.data import MetaTensor

from medl.components.training.surface_dice import NormalizedSurfaceDice


def planes(position: int) -> MetaTensor:
    """Return a half space as one-hot masks; voxels of 1 x 1 x 2 mm; ``(2, 8, 8, 8)``."""
    mask = torch.zeros(8, 8, 8)
    mask[..., :position] = 1
    return MetaTensor(torch.stack([1 - mask, mask]), affine=torch.diag(torch.tensor([1.0, 1.0, 2.0, 1.0])))


def test_the_tolerance_is_in_mm() -> None:
    for tolerance, moved, whole in ((2.0, 1, True), (1.9, 1, False), (4.0, 2, True)):
        handler = NormalizedSurfaceDice(tolerance, save_details=False)
        handler.update(([planes(3 + moved)], [planes(3)]))
        assert (handler.compute() == 1.0) is whole


def test_each_class_has_its_tolerance() -> None:
    handler = NormalizedSurfaceDice([0.5, 2.0], include_background=True)
    handler.metric_fn([planes(4)], [planes(3)])
    background, class_1 = handler.metric_fn.get_buffer()[0].tolist()
    assert background < 1.0 and class_1 == 1.0
