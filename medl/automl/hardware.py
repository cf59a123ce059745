"""What this machine offers to jobs: GPUs and CPU threads. Neither torch nor a GPU library is needed to say so."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path


def visible_gpus(environ: Mapping[str, str] | None = None, root: Path = Path("/")) -> tuple[str, ...]:
    """Return the GPUs that jobs may use, as CUDA_VISIBLE_DEVICES names them; empty where there is none.

    A worker's GPU id is a place in this tuple. With CUDA_VISIBLE_DEVICES set these are its entries (on a machine with
    GPUs), so that the ids count from 0 within it, as CUDA's own do; else the numbers of the GPUs that the driver shows.

    Args:
        environ: the environment; this process's own where not given.
        root: where /dev and /proc are looked for.
    """
    environ = os.environ if environ is None else environ
    present = _present(root)
    asked = environ.get("CUDA_VISIBLE_DEVICES")
    if asked is None or not present:
        return tuple(str(number) for number in range(present))
    names: list[str] = []
    for name in (word.strip() for word in asked.split(",")):
        # as CUDA reads it: nothing counts from the first entry on that names no device
        if not name or (name.lstrip("-").isdigit() and not 0 <= int(name) < present):
            break
        names.append(name)
    return tuple(names)


def _present(root: Path) -> int:
    devices = [path for path in (root / "dev").glob("nvidia[0-9]*") if re.fullmatch(r"nvidia\d+", path.name)]
    if devices:
        return len(devices)
    command = shutil.which("nvidia-smi") if root == Path("/") else None
    if command is None or not ((root / "dev/dxg").exists() or (root / "proc/driver/nvidia").exists()):
        return 0
    try:  # WSL has no device file per GPU
        answer = subprocess.run([command, "-L"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in answer.stdout.splitlines())


def cores(root: Path = Path("/")) -> int:
    """Return how many CPU cores this process may use: its affinity, or its container's quota where that is less."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = (root / "sys/fs/cgroup/cpu.max").read_text().split()
        count = min(count, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no such file, or no limit ("max")
        pass
    return count


def fair_threads(available: int, ranks: int) -> int:
    """Return how many threads each of ``ranks`` processes gets of ``available`` cores; never under 1."""
    return max(1, available // max(1, ranks))
