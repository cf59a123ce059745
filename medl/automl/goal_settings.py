"""Objectives, constraints and the stopping rule of a search's config: read, and held against what trainings log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from medl.automl.goals import Constraint, Goals, Objective
from medl.conf.json_path import child
from medl.conf.sections import class_name
from medl.errors import Problem, near_names

OBJECTIVES, CONSTRAINTS, STOPPING, METRIC, MODE = "objectives", "constraints", "stopping", "metric", "mode"
GOAL_SETTINGS = (METRIC, MODE, STOPPING)
"""First-level values that ``--set`` may give too."""

MEASURED = ("params_m", "gflops", "memory_mb")
"""What is measured of a configuration before it is trained: millions of parameters, billions of operations of one
forward pass, megabytes of memory in training."""

TRAIN_LOSS = "train_loss"
"""Logged by every training."""

_MODES = ("max", "min")

PlaceOf = Callable[[str], tuple[str, str]]
"""From a first-level key to the file and the JSON path at which the user wrote it."""


def with_goal_settings(config: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config with what ``--set`` says of metric, mode and stopping; a metric there replaces objectives.

    >>> with_goal_settings({"objectives": [{"metric": "a"}]}, {"metric": "b", "stopping": "median"})
    {'metric': 'b', 'stopping': {'name': 'median'}}
    """
    made = {**config, **{key: settings[key] for key in (METRIC, MODE, STOPPING) if key in settings}}
    if METRIC in settings:
        made.pop(OBJECTIVES, None)
        if MODE not in settings:
            made.pop(MODE, None)  # it was the other metric's
    if isinstance(made.get(STOPPING), str):
        made[STOPPING] = {"name": made[STOPPING]}
    return made


def read_goals(config: Mapping[str, Any]) -> Goals:
    """Return the goals of a search's config; what breaks a rule is left out, :func:`goal_problems` says it."""
    objectives = tuple(
        Objective(entry["metric"], entry.get("mode", "max"), _number(entry.get("reference")))
        for _, entry in _objectives(config)
        if isinstance(entry.get("metric"), str) and entry.get("mode", "max") in _MODES
    )
    given = config.get(CONSTRAINTS)
    constraints = tuple(
        Constraint(name, *(_number(bounds.get(key)) for key in ("max", "min", "penalty")))
        for name, bounds in (given if isinstance(given, Mapping) else {}).items()
        if isinstance(bounds, Mapping)
    )
    return Goals(objectives, constraints)


def read_stopping(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the stopping rule, ``{"name": "median", "args": {…}}``; ``None`` where there is none."""
    spec = config.get(STOPPING)
    if not isinstance(spec, Mapping) or spec.get("disabled") is True:
        return None
    return {"name": spec.get("name"), "args": dict(spec.get("args") or {})}


def goal_problems(config: Mapping[str, Any], place_of: PlaceOf) -> list[Problem]:
    """Return what is wrong with objectives, constraints and stopping, beyond what the schema says.

    Args:
        config: a search's config, settings in.
        place_of: where the user wrote a first-level key, for messages.
    """
    found: list[Problem] = []

    def add(rule: str, key: str, *steps: str | int, **more: Any) -> None:
        file, path = place_of(key)
        for step in steps:
            path = child(path, step)
        found.append(Problem(rule, file, path, **more))

    if METRIC in config and OBJECTIVES in config:
        add('the objectives are said once, as "metric" or as "objectives"', METRIC, remedy="Remove one of them.")
    if MODE in config and METRIC not in config:
        add(
            '"mode" goes with "metric"',
            MODE,
            value=config[MODE],
            remedy='Name the metric too, such as "val_mean_dice".',
        )
    seen: set[str] = set()
    for steps, entry in _objectives(config):
        name = entry.get("metric")
        if isinstance(name, str) and name in seen:
            add(f'a metric is one objective, but "{name}" is there twice', str(steps[0]), *steps[1:])
        elif isinstance(name, str):
            seen.add(name)
    constraints = config.get(CONSTRAINTS)
    for name, bounds in (constraints if isinstance(constraints, Mapping) else {}).items():
        if name not in MEASURED:
            rule = f'nothing measures "{name}" before a training'
            near = near_names(name, MEASURED)
            add(rule, CONSTRAINTS, name, near=near, remedy=f"A constraint is on {', '.join(MEASURED)}.")
        low, high = (_number(bounds.get(key)) if isinstance(bounds, Mapping) else None for key in ("min", "max"))
        if low is not None and high is not None and low > high:
            add("a constraint needs min <= max", CONSTRAINTS, name, value=dict(bounds), remedy="Exchange the two.")
    found += _stopping_problems(config, *place_of(STOPPING))
    return found


def metric_problems(
    config: Mapping[str, Any], train_config: Mapping[str, Any], train_file: str, place_of: PlaceOf
) -> list[Problem]:
    """Return the objectives that no training of the config logs.

    Args:
        config: a search's config, settings in.
        train_config: the train config in its normal form.
        train_file: its name, for messages.
        place_of: where the user wrote a first-level key.
    """
    known = logged_metrics(train_config)
    found = []
    for steps, entry in _objectives(config) if known is not None else ():
        name = entry.get("metric")
        if not isinstance(name, str) or name in (known or ()):
            continue
        file, path = place_of(str(steps[0]))
        for step in (*steps[1:], *((METRIC,) if len(steps) > 1 else ())):
            path = child(path, step)
        rule = f'no training logs the metric "{name}"'
        remedy = (
            f"{train_file} logs {', '.join(known or ())}; another one is added to validate.additional_metrics, "
            f'with "log_label": "{name}".'
        )
        found.append(Problem(rule, file, path, near=near_names(name, known or ()), remedy=remedy))
    return found


def logged_metrics(train_config: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the names that a training writes to ``metrics.jsonl``; ``None`` where a user's own evaluator may add some.

    Those of the validation first, its key metric before all.
    """
    found: list[str] = []
    for section in ("validate", "train"):
        content = train_config.get(section)
        if not isinstance(content, Mapping):
            continue
        engines = [content.get(key) for key in ("evaluator", "trainer")]
        if any(isinstance(engine, Mapping) and "path" in engine for engine in engines):
            return None
        for key in ("key_metric", "additional_metrics"):
            value = content.get(key)
            for spec in value if isinstance(value, list) else [value]:
                if isinstance(spec, Mapping) and spec.get("disabled") is not True:
                    found.append(str(spec.get("log_label") or class_name(spec)))
    return tuple(dict.fromkeys([*found, TRAIN_LOSS]))


def weights_warning(goals: Goals, train_config: Mapping[str, Any], train_file: str) -> str | None:
    """Return that ``model.pt`` follows another metric than the search does; ``None`` where it follows the same one.

    Args:
        goals: what the search is after.
        train_config: the train config in its normal form.
        train_file: its name, for messages.
    """
    validate = train_config.get("validate")
    names = logged_metrics(train_config)
    if not goals.objectives or not isinstance(validate, Mapping) or not names:
        return None
    first = goals.objectives[0]
    kept = (names[0], False)  # the metric by which the best weights are chosen, and whether it is to be small
    handlers = validate.get("handlers")
    for spec in handlers if isinstance(handlers, list) else []:
        if isinstance(spec, Mapping) and class_name(spec) == "CheckpointSaver" and spec.get("disabled") is not True:
            args = spec.get("args") or {}
            if args.get("save_key_metric"):
                kept = (args.get("key_metric_name") or names[0], args.get("key_metric_negative_sign") is True)
    if kept == (first.metric, first.mode == "min"):
        return None
    size = {True: "smallest", False: "largest"}
    if first.metric == TRAIN_LOSS:
        remedy = "the best weights follow metrics of the validation only"
    else:
        sign = ', "key_metric_negative_sign": true' if first.mode == "min" else ""
        remedy = f'give the CheckpointSaver of validate "key_metric_name": "{first.metric}"{sign}'
    return (
        f"{train_file}: model.pt keeps the epoch with the {size[kept[1]]} {kept[0]}, but the search looks for the "
        f"{size[first.mode == 'min']} {first.metric}, which may be another epoch's: {remedy}"
    )


def _objectives(config: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """Yield each objective and the steps to it."""
    listed = config.get(OBJECTIVES)
    if METRIC in config:
        yield (METRIC,), {"metric": config[METRIC], "mode": config.get(MODE, "max")}
    elif isinstance(listed, list):
        for index, entry in enumerate(listed):
            if isinstance(entry, Mapping):
                yield (OBJECTIVES, index), entry


def _stopping_problems(config: Mapping[str, Any], file: str, path: str) -> list[Problem]:
    spec = read_stopping(config)
    if spec is None:
        return []
    from medl.automl.stopping_rule import RULES, stopping_rule

    if spec["name"] not in RULES:
        name = str(spec["name"])
        rule = f'no stopping rule has the name "{name}"'
        return [
            Problem(rule, file, child(path, "name"), near=near_names(name, RULES), remedy=f"Known: {', '.join(RULES)}.")
        ]
    try:
        stopping_rule(spec)
    except ValueError as error:
        first = str(error).partition(" ")[0]
        place = child(path, "args")
        return [Problem(str(error).rstrip("."), file, child(place, first) if first in spec["args"] else place)]
    return []


def _number(value: Any) -> float | None:
    return None if isinstance(value, bool) or not isinstance(value, int | float) else cast(float, value)
