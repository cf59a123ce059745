"""What only a process with torch knows of the machine that it computes on."""

from __future__ import annotations

from typing import Any

import torch


def torch_facts() -> dict[str, Any]:
    """Return ``threads``, ``packages`` (CUDA, cuDNN) and ``hardware`` (the CPU kernels that torch chose, the GPUs)."""
    packages: dict[str, str] = {}
    hardware: dict[str, Any] = {"cpu_capability": torch.backends.cpu.get_cpu_capability()}
    if torch.cuda.is_available():
        hardware["gpus"] = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        packages["cuda"] = str(torch.version.cuda)
        packages["cudnn"] = str(torch.backends.cudnn.version())
    return {"threads": torch.get_num_threads(), "packages": packages, "hardware": hardware}
