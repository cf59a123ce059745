"""record.json: what a job was made of and what came of it, enough to make it again."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import medl
from medl.masked import masked_value
from medl.mmar.archive import MMAR
from medl.mmar.files import write_json

VERSION = 1
"""Of the record's layout; a reader that knows a lower number reads what it knows."""

PACKAGES = ("torch", "monai", "pytorch-ignite", "numpy", "nibabel", "optuna", "horovod")
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
    """Return the machine: processor, its instruction sets, cores that may be used, memory in GiB."""
    model, flags = "", ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:
            for line in stream:
                name, _, value = line.partition(":")
                if name.strip() == "model name" and not model:
                    model = value.strip()
                elif name.strip() in ("flags", "Features") and not flags:
                    flags = value.strip()
    except OSError:
        pass  # not Linux: what platform says is all there is
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    return {
        "host": platform.node(),
        "machine": platform.machine(),
        "system": platform.platform(),
        "cpu": model or platform.processor(),
        "instruction_sets": sorted(set(flags.split()).intersection(INSTRUCTION_SETS)),
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


def file_hash(path: Path) -> str | None:
    """Return the SHA-256 of a file's bytes, or ``None`` where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def job_record(
    *,
    job: str,
    attempt: int,
    worker: str,
    recommendation: Mapping[str, Any],
    values: Mapping[str, Any],
    config: Mapping[str, Any],
    resolved_config: Mapping[str, Any] | None,
    environment: Mapping[str, Any],
    argv: Sequence[str],
    slots: Sequence[int],
    threads: int | None,
    data_list: Mapping[str, Any],
    lineage: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return a job's record as it stands before the job runs; its outcome is filled in by :func:`close_record`.

    It is valid against ``config/record.schema.json``.

    Args:
        job: its name.
        attempt: counted from 1.
        worker: its worker's name.
        recommendation: the trial's id, and the jobs that weights come from.
        values: PRL to the concrete values.
        config: the generated train config, variables as text.
        resolved_config: the same as it is trained: variables in, old names translated, refs expanded; ``None`` where
            it breaks a rule.
        environment: the generated environment.json.
        argv: the command line.
        slots: the worker's GPU ids or CPU slots.
        threads: computing threads per process, where they were set.
        data_list: the data list's file and the hash of its content.
        lineage: the jobs that its weights lived through before, the oldest first.
    """
    return {
        "version": VERSION,
        "job": job,
        "attempt": attempt,
        "worker": worker,
        "recommendation": dict(recommendation),
        "values": {prl: list(concrete) for prl, concrete in values.items()},
        "seed": _seed(config, environment),
        "config": dict(config),
        "resolved_config": None if resolved_config is None else dict(resolved_config),
        "environment": dict(environment),
        "argv": list(argv),
        "python": sys.executable,
        "slots": list(slots),
        "threads": threads,
        "data_list": dict(data_list),
        "lineage": [dict(segment) for segment in lineage],
        "packages": packages(),
        "hardware": hardware(),
        "start": _now(),
        "end": None,
        "wall_s": None,
        "checkpoint": None,
        "timings": {},
        "outcome": None,
    }


def close_record(
    record: Mapping[str, Any],
    *,
    outcome: Mapping[str, Any],
    wall_s: float,
    checkpoint: str | None,
    timings: Mapping[str, float],
) -> dict[str, Any]:
    """Return the record with what came of the job.

    Args:
        record: of :func:`job_record`.
        outcome: status, values, epoch, reason.
        wall_s: wall seconds of the job.
        checkpoint: its best weights, relative to the job's archive.
        timings: seconds per phase, as the training measured them.
    """
    return {
        **record,
        "end": _now(),
        "wall_s": round(wall_s, 3),
        "checkpoint": checkpoint,
        "timings": dict(timings),
        "outcome": dict(outcome),
    }


def write_record(mmar: MMAR, record: Mapping[str, Any]) -> None:
    """Write ``record.json`` of a job's archive, whole or not at all."""
    write_json(mmar.record, masked_value(record))


def _seed(config: Mapping[str, Any], environment: Mapping[str, Any]) -> Any:
    """Return the seed in force (environment.json outranks the config), or ``None`` where nothing fixes one."""
    determinism = environment.get("determinism", config.get("determinism"))
    return determinism.get("random_seed") if isinstance(determinism, Mapping) else None


def _now() -> str:
    return datetime.now(timezone.utc).astimezone().isoformat(timespec="milliseconds")
