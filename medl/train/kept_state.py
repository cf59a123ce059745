"""What a training keeps at the end of an epoch, so that it or another one can go on from there: reading the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from medl.errors import ConfigError, Problem
from medl.train.distributed import Ranks

_KEYS = frozenset({"seed", "epoch", "iteration", "epoch_length", "horizon", "model", "names"})
"""What every such file has."""


def read_kept(path: Path, ranks: Ranks, *, missing: str, remedy: str) -> dict[str, Any]:
    """Return what a training kept, the same on all ranks; tensors are on the CPU.

    Args:
        path: the file.
        ranks: this process; the first reads.
        missing: the rule that is broken where there is no such file.
        remedy: what to do where it cannot be read.

    Raises:
        ConfigError: there is no such file, or it cannot be read.
    """
    found: dict[str, Any] | Problem = _read(path, missing, remedy) if ranks.writes else {}
    found = ranks.from_first(found)
    if isinstance(found, Problem):
        raise ConfigError(found)
    return found


def _read(path: Path, missing: str, remedy: str) -> dict[str, Any] | Problem:
    if not path.is_file():
        return Problem(missing, file=str(path), remedy=remedy)
    try:
        value = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        said = str(error).strip().split("\n")[0].rstrip(". ") or "it is empty"
        return Problem(f"it cannot be read ({type(error).__name__}: {said})", file=str(path), remedy=remedy)
    if not isinstance(value, dict) or not value.keys() >= _KEYS:
        return Problem("it is not what a training keeps to go on from", file=str(path), remedy=remedy)
    return value
