from __future__ import annotations

import numpy as np
import pytest
import torch

from medl.train.out_of_memory import is_out_of_memory


def raised(function) -> BaseException:
    with pytest.raises((RuntimeError, MemoryError)) as caught:
        function()
    return caught.value


def test_real_allocators():
    assert is_out_of_memory(raised(lambda: torch.empty(2**55)))
    assert is_out_of_memory(raised(lambda: np.empty(2**55)))


def test_in_what_caused_it():
    error = RuntimeError("Seems to be OOM")
    assert not is_out_of_memory(error)
    error.__cause__ = torch.OutOfMemoryError("CUDA out of memory")
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error", [RuntimeError("sizes differ"), ValueError("out of memory of the past"), KeyError("a")]
)
def test_other_errors(error):
    assert not is_out_of_memory(error)
