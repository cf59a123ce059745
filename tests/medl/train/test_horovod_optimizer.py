"""What travels between ranks. Horovod's optimizer itself is in test_several_ranks.py."""

from __future__ import annotations

import pytest
import torch

from medl.train.horovod_optimizer import Bfloat16AsFloat32


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_only_bfloat16_is_widened(dtype: torch.dtype) -> None:
    gradient = torch.tensor([1.5, -2.0], dtype=dtype)
    sent, kept = Bfloat16AsFloat32.compress(gradient)
    assert sent.dtype is (torch.float32 if dtype is torch.bfloat16 else dtype)
    assert torch.equal(Bfloat16AsFloat32.decompress(sent, kept), gradient)
