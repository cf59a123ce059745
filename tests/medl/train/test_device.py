"""Which device, and how exact."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from medl.errors import ConfigError
from medl.train.device import choose_device, flag, require_device
from medl.train.distributed import Ranks


def choose(**variables: Any) -> tuple[Any, list[str]]:
    said: list[str] = []
    return choose_device(variables, Ranks(), said.append), said


@pytest.fixture
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.usefixtures("_no_gpu")
def test_without_a_gpu_the_cpu_is_used_and_said_in_one_line() -> None:
    chosen, said = choose(amp=True)
    assert chosen.device == torch.device("cpu") and not chosen.amp
    assert [line.split(":")[0] for line in said] == ["use_gpu", "amp"]


def test_a_cpu_that_was_asked_for_needs_no_word() -> None:
    chosen, said = choose(use_gpu=False, tf32=False, cudnn_benchmark=True)
    assert said == []
    assert (chosen.device.type, chosen.amp, chosen.tf32, chosen.cudnn_benchmark) == ("cpu", False, False, True)


@pytest.mark.parametrize("device", ["cuda:99", "cudda", torch.device("cuda", 99)])
def test_a_device_that_is_not_there_is_named(device: Any) -> None:
    with pytest.raises(ConfigError) as raised:
        require_device(device, "config/config_train.json", "train.trainer.args.device")
    assert f'"{device}"' in str(raised.value) and "train.trainer.args.device" in str(raised.value)
    require_device("cpu", "", "")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_with_a_gpu_the_switches_are_thrown() -> None:
    chosen, said = choose(use_gpu=True, amp=True, cudnn_benchmark=True, tf32=False)
    assert said == [] and chosen.device == torch.device("cuda", 0) and chosen.amp
    assert torch.backends.cudnn.benchmark and not torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize(("value", "meant"), [(True, True), (False, False), (1, True), (0, False)])
def test_one_and_zero_are_switches_too(value: object, meant: bool) -> None:
    assert flag({"amp": value}, "amp", default=not meant) is meant


@pytest.mark.parametrize("value", ["maybe", 2, None, 0.5])
def test_anything_else_is_no_switch(value: object) -> None:
    with pytest.raises(ConfigError, match="amp"):
        flag({"amp": value}, "amp", default=False)
