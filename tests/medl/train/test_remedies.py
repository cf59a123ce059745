"""Errors as torch and MONAI raise them, and what to do about each."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, list_data_collate
from monai.losses import DiceLoss
from monai.networks.nets import UNet
from monai.transforms import AsDiscreted

from medl.train.remedies import remedy


def unet(dims: int, *channels: int) -> UNet:
    return UNet(dims, in_channels=1, out_channels=2, channels=channels, strides=(2,) * (len(channels) - 1))


SIZES: list[Any] = [{"image": np.zeros((1, 4, 4))}, {"image": np.zeros((1, 4, 5))}]


@pytest.mark.parametrize(
    ("fail", "word"),
    [
        (lambda: list_data_collate(SIZES), "RandSpatialCropd"),
        (lambda: next(iter(DataLoader(Dataset(SIZES), batch_size=2, num_workers=1))), "batch_size to 1"),
        (lambda: unet(3, 4, 8)(torch.zeros(2, 1, 8, 8)), "spatial_dims"),
        (lambda: unet(2, 4, 8)(torch.zeros(2, 1, 8, 8, 8)), "spatial_dims"),
        (lambda: unet(2, 4, 8)(torch.zeros(2, 3, 8, 8)), "in_channels"),
        (lambda: unet(2, 4, 8, 16)(torch.zeros(2, 1, 6, 6)), "DivisiblePadd"),
        (lambda: AsDiscreted("label", to_onehot=2)({"label": torch.full((1, 4, 4), 3.0)}), "to_onehot"),
        (lambda: DiceLoss(softmax=True)(torch.zeros(2, 2, 4, 4), torch.ones(2, 1, 4, 4)), "to_onehot_y"),
    ],
)
def test_a_known_error_has_a_remedy(fail: Callable[[], Any], word: str) -> None:
    with pytest.raises(Exception) as raised, contextlib.redirect_stdout(io.StringIO()):
        fail()
    assert word in remedy([raised.value])


def test_any_other_has_none() -> None:
    assert remedy([IndexError("index 3 is out of bounds for dimension 0 with size 2"), ValueError("no")]) == ""
