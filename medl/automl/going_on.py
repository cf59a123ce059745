"""What a command means for a run that exists: it goes on, has ended, or is refused, with the values that changed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from medl.automl.core import Core, Refine, StartJob
from medl.automl.events import Event, EventLog, outcome_from_json
from medl.automl.fingerprint import differing
from medl.errors import RunError, show_value
from medl.masked import masked_value
from medl.mmar.files import write_json
from medl.mmar.run_folder import RunFolder

SHOWN = 8
"""Changed values that are shown."""

PLACES = ("DATA_ROOT", "DATASET_JSON", "MMAR_ROOT")
"""Variables that may change: they say where things lie, not what they are."""

_ABSENT = object()


def begun(events: Sequence[Event]) -> bool:
    """Return whether a run has started any job; one that has not begins anew, with any configuration."""
    return any(event["type"] == "job_started" for event in events)


def refusal(
    folder: RunFolder, events: Sequence[Event], fingerprint: str, configs: Mapping[str, Any] | None = None
) -> str:
    """Return why a run does not go on with a configuration, and what was changed; an empty text where it does.

    Args:
        folder: of the run.
        events: its record.
        fingerprint: of the configuration.
        configs: what the run's ``config.json`` would hold, to be compared with what it holds.
    """
    if not begun(events) or (recorded := events[0].get("fingerprint", "")) == fingerprint:
        return ""
    names = differing(recorded, fingerprint)
    text = (
        f'the run "{folder.run_id}" was made with another {" and ".join(names) or "configuration"}, so its jobs do not '
        f"compare with new ones. Start another run (run_id={folder.run_id}2), or restore what was changed. "
        f"({folder.root})"
    )
    lines = _changes(folder, configs, names) if configs is not None else []
    more = [f"… and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n  ".join([text, *lines[:SHOWN], *more])


def open_log(
    folder: RunFolder, fingerprint: str, configs: Mapping[str, Any] | None, say: Callable[[str], None]
) -> EventLog:
    """Return the log of a run that begins or goes on with a configuration; an unused one is put aside.

    Raises:
        RunError: the run does not go on with this configuration, or its log is damaged.
    """
    log = EventLog(folder.events)
    if log.torn is not None:
        say(f"the record's last line was half written and is dropped ({log.torn}): nothing had come of it yet")
    if log.events and not begun(log.events):
        log.close()  # nothing was trained: this configuration begins anew
        os.replace(folder.events, folder.events.with_name(f"{folder.events.name}.unused"))
        log = EventLog(folder.events)
    if reason := refusal(folder, log.events, fingerprint, configs):
        log.close()
        raise RunError(reason)
    return log


def clear_leftovers(folder: RunFolder) -> None:
    """Remove what an engine was writing when it was killed. Hold the run's lock."""
    for half in folder.root.glob(".*.tmp"):
        half.unlink(missing_ok=True)


def keep_configs(folder: RunFolder, configs: Mapping[str, Any]) -> None:
    """Write what a run begins with. Hold its lock: another engine's run may be in the folder.

    Raises:
        RunError: it cannot be written.
    """
    try:
        write_json(folder.config, masked_value(dict(configs)))
    except OSError as error:
        raise RunError(
            f"{folder.config} cannot be written: {error.strerror}. Make room or the folder writable."
        ) from error


def recorded_scores(events: Sequence[Event]) -> dict[str, float]:
    """Return job to score, larger better, of the jobs of a log that have one."""
    ended = {event["job"]: outcome_from_json(event["outcome"]) for event in events if event["type"] == "job_ended"}
    return {job: outcome.score for job, outcome in ended.items() if outcome.objectives}


def _changes(folder: RunFolder, configs: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Return ``controller.args.max_rounds: 8 → 4`` for each value of the parts that differ."""
    try:
        old = json.loads(folder.config.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # the parts' names have to do
        return []
    lines: list[str] = []
    if "controller" in names:
        before, after = (_inside(value, "automl", "config", "controller") for value in (old, configs))
        lines += _differences(before, after, "controller")
    if {"config", "objective", "space"} & set(names):
        before, after = (_inside(value, "train", "config") for value in (old, configs))
        lines += _differences(before, after, "")
        shown = {line.partition(":")[0] for line in lines}  # a setting stands over a config's value of its name
        before, after = (_inside(value, "settings") for value in (old, configs))
        lines += [line for line in _differences(before, after, "") if line.partition(":")[0] not in shown]
    return lines


def _inside(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _differences(old: Any, new: Any, path: str) -> Iterator[str]:
    """Yield a line for each value in which two JSON values differ; where data and archive lie does not count."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            if key not in PLACES:
                place = f"{path}.{key}" if path else str(key)
                yield from _differences(old.get(key, _ABSENT), new.get(key, _ABSENT), place)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(before, after, f"{path}[{index}]")
    elif (old != new or isinstance(old, bool) != isinstance(new, bool)) and not (_is_place(old) and _is_place(new)):
        yield f"{path}: {_shown(old)} → {_shown(new)}"


def _is_place(value: Any) -> bool:
    return isinstance(value, str) and os.path.isabs(value)


def _shown(value: Any) -> str:
    return "(not there)" if value is _ABSENT else show_value(value, 60)


def what_goes_on(folder: RunFolder, events: Sequence[Event], workers: Sequence[str], max_rounds: int | None) -> str:
    """Return what the same command does with a run that has begun: in jobs, and the next one.

    Args:
        folder: of the run.
        events: its record, of the same fingerprint.
        workers: names of the workers that would run its jobs.
        max_rounds: the cap on recommendations.
    """
    if events[-1]["type"] == "run_ended":
        return f'the run "{folder.run_id}" has ended: nothing would be trained. ({folder.root})'
    core = Core()
    for event in events:
        core.replay(event)
    ended = sum(job.outcome is not None for job in core.jobs.values())
    for job in list(core.running.values()):
        core.replay({"type": "job_interrupted", "job": job, "attempt": core.jobs[job].attempt})
    core.replay({"type": "run_resumed", "workers": [{"name": name} for name in workers], "max_rounds": max_rounds})
    again = len(core.again)
    lines = [
        f'the run "{folder.run_id}" goes on: {ended} job{"s" * (ended != 1)} ended, {again} interrupted '
        f"run{'s' * (again == 1)} again, {len(core.queue)} recommended wait. ({folder.root})"
    ]
    due = core.due()
    if due and isinstance(due[0], StartJob):
        lines.append(f"next: {due[0].job} starts on {due[0].worker}, attempt {due[0].attempt}")
    if due and isinstance(due[-1], Refine):
        lines.append(f"next: the controller is given the outcome of {due[-1].job}")
    return "\n".join(lines)
