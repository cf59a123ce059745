"""What a training runs on: packages, processor, GPUs, and how much memory it took. Imports nothing heavy."""

from __future__ import annotations

import os
import platform
import resource
import sys
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import medl

PACKAGES = (
    *("torch", "monai", "pytorch-ignite", "numpy", "scipy", "nibabel", "pillow", "scikit-image", "itk", "pydicom"),
    *("einops", "torchvision", "optuna", "horovod"),
)
"""What a result depends on, as far as it is installed."""

INSTRUCTION_SETS = ("avx", "avx2", "fma", "avx512f", "avx512_bf16", "amx_tile", "asimd", "sve")
"""By these MKL and oneDNN choose their kernels, so bit for bit needs the same ones."""


@lru_cache(maxsize=1)
def packages() -> dict[str, str]:
    """Return the version of each package that a result depends on and that is installed."""
    found = {"python": platform.python_version(), "medl": medl.__version__}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@lru_cache(maxsize=1)
def hardware() -> dict[str, Any]:
    """Return the machine: processor, its instruction sets, cores that may be used, memory in GiB, GPUs."""
    model, flags = "", ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:
            for line in stream:
                name, _, value = line.partition(":")
                if name.strip() == "model name" and not model:
                    model = value.strip()
                elif name.strip() in ("flags", "Features") and not flags:
                    flags = value.strip()
                if model and flags:
                    break
    except OSError:
        pass  # not Linux: what platform says is all there is
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    return {
        "host": platform.node(),
        "machine": platform.machine(),
        "system": platform.platform(),
        "cpu": model or platform.processor(),
        "instruction_sets": sorted(set(flags.split()).intersection(INSTRUCTION_SETS)),
        "cpu_capability": None,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "gpus": _gpus(),
    }


def _gpus() -> list[str]:
    """Return the model of each GPU, as the NVIDIA driver says it."""
    found = []
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        found += [line.partition(":")[2].strip() for line in lines if line.startswith("Model:")]
    return found


def memory_peak() -> dict[str, float]:
    """Return the most memory that this process had, in MB (10^6 bytes), and those that it started.

    ``rss_mb``: this process; ``children_rss_mb``: the largest of its children that ended, or all that there are still,
    whichever is more; ``gpu_mb``, ``gpu_reserved_mb``: of its GPU, where torch used one.
    """
    found = {"rss_mb": _high_water("self") or _most(resource.RUSAGE_SELF), "children_rss_mb": children_peak()}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        found["gpu_mb"] = torch.cuda.max_memory_allocated() / 1e6
        found["gpu_reserved_mb"] = torch.cuda.max_memory_reserved() / 1e6
    return {name: round(value, 1) for name, value in found.items()}


def children_peak() -> float:
    """Return the most memory of the largest child that ended, or of all that there are still, in MB (10^6 bytes)."""
    return round(max(_most(resource.RUSAGE_CHILDREN), sum(_high_water(child) for child in _children())), 1)


def _most(who: int) -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(who).ru_maxrss * unit / 1e6


def _high_water(pid: str) -> float:
    """Return the peak of a process's resident memory in MB; ``ru_maxrss`` would count its parent's before the exec."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as stream:
            for line in stream:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024 / 1e6
    except (OSError, ValueError, IndexError):
        pass
    return 0.0


def _children() -> list[str]:
    found: list[str] = []
    for path in Path("/proc/self/task").glob("*/children"):
        try:
            found += path.read_text(encoding="ascii").split()
        except OSError:
            continue
    return found
