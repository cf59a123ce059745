"""What a job's two configs hold: the searched values in their places, and data that are still found from the clone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medl.automl.goals import Goals
from medl.automl.left_behind import places
from medl.mmar.stats import SIZES


def json_text(value: Mapping[str, Any]) -> str:
    """Return a config as text: indented by 2, keys in their order."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def job_environment(
    *,
    source: Path,
    job: Path,
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
    settings: Mapping[str, Any],
    until_epoch: int | None = None,
    horizon: int | None = None,
    variables: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a job's environment.json.

    Args:
        source: the root of the archive that is searched.
        job: the root of the job's archive.
        config: the train config, variables as text.
        environment: the archive's environment.json.
        settings: variables of the command line that are for the jobs; they outrank the environment.
        until_epoch: the epoch at which the job stops, or ``None`` for the config's ``epochs``.
        horizon: the epoch to which the learning rate's schedule reaches, or ``None`` for the config's ``epochs``.
        variables: further values of this job alone, which come last.
    """
    made = {**environment, **settings}
    made |= places(made, config, source, job)
    if until_epoch is not None:
        made["until_epoch"] = until_epoch
    if horizon is not None:
        made["epochs"] = horizon
    return {**made, **(variables or {})}


def size_limits(goals: Goals) -> dict[str, dict[str, float]]:
    """Return the constraints that a training can measure before it begins, as its config has them."""
    bounds = ("max", "min", "penalty")
    return {
        one.name: {name: value for name in bounds if (value := getattr(one, name)) is not None}
        for one in goals.constraints
        if one.name in SIZES
    }
