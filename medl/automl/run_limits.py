"""What a run allows its jobs and itself: attempts, time, and whether its GPUs may be another run's as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medl.automl.faults import MAX_ATTEMPTS

LIMIT_SETTINGS = ("max_attempts", "max_job_run_time", "max_sys_run_time", "share_gpus")
"""First-level names of a search's config, and settings after ``--set``."""


@dataclass(frozen=True)
class RunLimits:
    """The limits of a run; they may change when it goes on.

    Attributes:
        max_attempts: attempts of a job that end by its own fault, at least 1.
        max_job_run_time: seconds of one attempt of a job, ``None`` for any number.
        max_sys_run_time: seconds of one call of the engine, ``None`` for any number.
        share_gpus: whether GPUs may be used that another run has.
    """

    max_attempts: int = MAX_ATTEMPTS
    max_job_run_time: float | None = None
    max_sys_run_time: float | None = None
    share_gpus: bool = False


def read_limits(automl: Mapping[str, Any]) -> RunLimits:
    """Return the limits that a search's config has, settings in; its schema has said that they are sound."""
    given = {name: automl[name] for name in LIMIT_SETTINGS if automl.get(name) is not None}
    if "share_gpus" in given:
        given["share_gpus"] = bool(given["share_gpus"])
    return RunLimits(**given)
