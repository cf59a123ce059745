"""What makes a run that run: a short text per part, so that a difference can be named."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medl.automl.defs import SearchSpace
from medl.automl.events import space_to_json
from medl.automl.goals import Goals
from medl.conf.load import read_json
from medl.errors import ConfigError


def fingerprint(**parts: Any) -> str:
    """Return ``name=hash`` for each part, in the order given; the order of keys inside a part does not count.

    Args:
        parts: JSON values by name; for a run ``config``, ``data_list``, ``objective``, ``controller`` (with its args),
            ``space``.

    Raises:
        TypeError, ValueError: a part has no JSON form.

    >>> fingerprint(config={"a": 1, "b": 2}) == fingerprint(config={"b": 2, "a": 1})
    True
    """
    return " ".join(f"{name}={_digest(part)}" for name, part in parts.items())


def run_fingerprint(
    config: Mapping[str, Any],
    environment: Mapping[str, Any],
    jobs: Mapping[str, Any],
    checked: Mapping[str, Any],
    controller: Mapping[str, Any],
    space: SearchSpace,
    goals: Goals,
    stopping: Mapping[str, Any] | None,
) -> str:
    """Return what makes the run that run; where data and archive lie does not, so both may be moved.

    Args:
        config: the train config as it is in the file, with the changes of its search items.
        environment: the content of environment.json.
        jobs: the settings that are variables of the jobs.
        checked: the train config in its normal form.
        controller: the controller's entry, under its own name and the names of its args.
        space: what is searched.
        goals: what the search is after.
        stopping: the rule that ends running jobs.
    """
    places = ("DATA_ROOT", "DATASET_JSON")
    variables = {name: value for name, value in {**environment, **jobs}.items() if name not in places}
    lists: dict[str, Any] = {}
    objective: dict[str, Any] = {"direction": "larger is better"}
    for section in ("train", "validate"):
        content = checked.get(section)
        if not isinstance(content, Mapping):
            continue
        dataset = content.get("dataset")
        for spec in dataset if isinstance(dataset, list) else [dataset]:
            if isinstance(spec, Mapping) and isinstance(spec.get("data_list_file_path"), str):
                with contextlib.suppress(ConfigError):
                    lists[f"{section}.{spec.get('data_list_key')}"] = read_json(Path(spec["data_list_file_path"]))
        objective[section] = content.get("key_metric")
    # what only newer configs can say is left out where it is not said, so that runs of older ones go on
    if goals.objectives or goals.constraints:
        objective["goals"] = dataclasses.asdict(goals)
    if stopping is not None:
        objective["stopping"] = dict(stopping)
    return fingerprint(
        config={"config": config, "variables": variables},
        data_list=lists,
        objective=objective,
        controller=controller,
        space=space_to_json(space),
    )


def _digest(part: Any) -> str:
    text = json.dumps(part, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differing(old: str, new: str) -> tuple[str, ...]:
    """Return the names of the parts in which two fingerprints differ, in the order of the new one."""
    before, after = _parts(old), _parts(new)
    names = [*after, *(name for name in before if name not in after)]
    return tuple(name.replace("_", " ") for name in names if before.get(name) != after.get(name))


def _parts(text: str) -> dict[str, str]:
    return {name: digest for name, _, digest in (word.partition("=") for word in text.split())}
