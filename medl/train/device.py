"""Which device a training uses and how exact it is, from the config's switches and from what the machine has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from medl.errors import ConfigError, Problem
from medl.train.distributed import Ranks


@dataclass(frozen=True)
class Device:
    """What is in force.

    Attributes:
        device: where tensors live.
        amp: whether mixed precision is on.
        cudnn_benchmark: whether cuDNN tries its kernels out.
        tf32: whether matrix products and convolutions may use TF32.
    """

    device: torch.device
    amp: bool
    cudnn_benchmark: bool
    tf32: bool


def choose_device(variables: Mapping[str, Any], ranks: Ranks, say: Callable[[str], None]) -> Device:
    """Return the device that the config asks for, or the CPU where there is no GPU.

    Args:
        variables: the resolved first-level values: ``use_gpu`` (true), ``amp`` (false), ``cudnn_benchmark`` (false),
            ``tf32`` (true).
        ranks: this process; each has the GPU of its local rank.
        say: told, in one line each, what cannot be had.
    """
    use_gpu = flag(variables, "use_gpu", default=True)
    if use_gpu and not torch.cuda.is_available():
        say("use_gpu: no GPU is visible, so the training runs on the CPU.")
        use_gpu = False
    amp = flag(variables, "amp", default=False)
    if amp and not use_gpu:
        say("amp: mixed precision needs a GPU, so it is off.")
        amp = False
    device = torch.device("cuda", ranks.local_rank) if use_gpu else torch.device("cpu")
    chosen = Device(
        device, amp, flag(variables, "cudnn_benchmark", default=False), flag(variables, "tf32", default=True)
    )
    if use_gpu:
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark = chosen.cudnn_benchmark
        torch.backends.cudnn.allow_tf32 = chosen.tf32
        torch.backends.cuda.matmul.allow_tf32 = chosen.tf32
    return chosen


def require_device(device: Any, file: str, path: str) -> None:
    """Find out now whether this machine has the device that a config names.

    Args:
        device: a device or its name, such as ``cuda:1``.
        file: the config's name.
        path: where the device stands in it.

    Raises:
        ConfigError: there is no such device here.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        count = torch.cuda.device_count()
        shown = str(device) if isinstance(device, torch.device) else device
        raise ConfigError(
            Problem(
                rule=f"the device has to be one of this machine, which has {count or 'no'} GPU{'s' * (count != 1)}",
                file=file,
                path=path,
                value=shown,
                remedy='Leave "device" out: each process then takes its own GPU, or the CPU where there is none.',
            )
        ) from error


def flag(variables: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """Return a switch of the config's first level; 0 and 1 count as well.

    Raises:
        ConfigError: it is something else.
    """
    value = variables.get(name, default)
    if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise ConfigError(
        Problem(
            rule=f'"{name}" is true or false',
            path=name,
            value=value,
            remedy=f"Set it with --set {name}=true or in the config.",
        )
    )
