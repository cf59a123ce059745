"""The record of a run: one fact a line, written before it is acted on, and read back after any kind of end.

A line is a JSON object: ``n`` (running number from 1), ``time`` (ISO-8601 with zone), ``type`` and what the type
needs, then ``crc`` (CRC-32 of the line without that key). The types:

==================== ===============================================================================================
``run_started``      run_id, fingerprint, controller, workers, max_rounds, baseline, baseline_values, space, epochs,
                     goals, warnings (where there are some)
``run_resumed``      workers, max_rounds: an engine took the run up again; nothing runs at this moment
``recommended``      after (null, or the job whose outcome the controller was given), recommendations (perhaps none),
                     asked: how many events there were when it was asked
``job_started``      job, trial, worker, attempt, values (concrete)
``job_reported``     job, attempt, epoch, values, decision, reason: it was told of a validation, and what it said;
                     perhaps after the job ended, always before its outcome is in a ``recommended``
``job_ended``        job, attempt, outcome
``job_interrupted``  job, attempt, reason: something from outside ended it; it runs again
``job_retried``      job, attempt, fault, counts, outcome: the attempt failed (its own fault where it counts); it runs
                     again, and the controller hears nothing of it
``stop_asked``       reason: nothing more starts, running jobs finish
``queue_dropped``    trials, reason
``worker_suspended`` worker, reason: it is given no new job, in later calls of the engine neither
``worker_resumed``   worker, reason: it is given jobs again
``abort_asked``      job, attempt, reason: a person ends this job; its ``job_ended`` follows, also after a restart
``run_paused``       reason, status: the engine leaves before the end (a signal, a broken controller); the run can go on
``run_ended``        status, reason: final
==================== ===============================================================================================

The controller's calls were in the order of ``recommended`` and ``job_reported``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import zlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from medl.automl.defs import (
    Condition,
    FloatRange,
    IntRange,
    JobStatus,
    Outcome,
    ParameterRange,
    Recommendation,
    SearchResult,
    SearchSpace,
)
from medl.automl.goals import Constraint, Goals, Objective
from medl.errors import RunError
from medl.masked import masked_value

Event = dict[str, Any]

_CRC = ',"crc":"'
_TAIL = len(_CRC) + len('00000000"}')


def now() -> str:
    """Return the present moment, ISO-8601 with zone, to the millisecond."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


def _encode(event: Event) -> bytes:
    body = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f'{body[:-1]}{_CRC}{zlib.crc32(body.encode()):08x}"}}\n'.encode()


def _decode(line: bytes) -> Event | None:
    """Return the event of a line without its newline, or ``None`` where the line is damaged."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return None
    body = text[:-_TAIL] + "}"
    if text[-_TAIL:] != f'{_CRC}{zlib.crc32(body.encode()):08x}"}}':
        return None
    try:
        event = json.loads(body)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _scan(path: Path) -> tuple[list[Event], int, str | None]:
    """Return the events, the number of good bytes, and what was left of a line that was being written."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return [], 0, None
    events: list[Event] = []
    position = 0
    while position < len(data):
        end = data.find(b"\n", position)
        stop = len(data) if end < 0 else end
        event = _decode(data[position:stop])
        number = len(events) + 1
        if event is None or event.get("n") != number:
            if 0 <= end < len(data) - 1:
                raise RunError(
                    f"{path}: line {number} is damaged, and it is not the last one: the record cannot be trusted. "
                    "Restore the file from a copy, or start another run with another run_id."
                )
            return events, position, f"line {number}, {len(data) - position} bytes"
        events.append(event)
        position = len(data) if end < 0 else end + 1
    return events, position, None


def read_events(path: Path) -> tuple[list[Event], str | None]:
    """Return the events of a log in their order, and which torn tail was left out (``None``: the log is whole).

    Only the last line may be torn: a fact is acted on after its line is safe on disk, so nothing follows from half a
    line. A missing file has no events.

    Raises:
        RunError: a line before the last one is damaged, or the file cannot be read.
    """
    try:
        events, _, torn = _scan(path)
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}.") from error
    return events, torn


class EventLog:
    """The one writer of a log. Opening drops a torn tail; hold the run's lock meanwhile.

    Args:
        path: the log; made where there is none.

    Attributes:
        events: all events so far, those found at the opening included.
        torn: the tail that was dropped at the opening, or ``None``.

    Raises:
        RunError: the log is damaged or cannot be written.
    """

    def __init__(self, path: Path):
        self.path = path
        self._good = 0
        try:
            self.events, self._good, self.torn = _scan(path)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            os.ftruncate(self._file, self._good)
            if self._good and os.pread(self._file, 1, self._good - 1) != b"\n":  # a whole line that lost its end only
                os.pwrite(self._file, b"\n", self._good)
                self._good += 1
            os.fsync(self._file)
            folder = os.open(path.parent, os.O_RDONLY)  # a new file's name is safe only when its folder is
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> RunError:
        return RunError(
            f"{self.path} cannot be written: {error.strerror}. Make room or the folder writable, "
            "then give the same command again: the run goes on."
        )

    def append(self, event: Mapping[str, Any]) -> Event:
        """Write one event and return it as it was written, numbered and timed, once it is safe on disk.

        Raises:
            RunError: the disk is full or the file cannot be written; the log then ends with the event before.
            ValueError: the event holds NaN, infinity or what JSON has no form for.
        """
        full: Event = {"n": len(self.events) + 1, "time": now(), **masked_value(event)}
        line = _encode(full)
        try:
            done = 0
            while done < len(line):
                done += os.pwrite(self._file, line[done:], self._good + done)
            os.fsync(self._file)
        except OSError as error:
            with contextlib.suppress(OSError):  # the torn tail that may be left is dropped at the next opening
                os.ftruncate(self._file, self._good)
            raise self._failure(error) from error
        self._good += len(line)
        decoded = json.loads(line)  # what a reader will see, not what the caller may go on changing
        del decoded["crc"]
        self.events.append(decoded)
        return decoded

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def recommendation_to_json(recommendation: Recommendation, space: SearchSpace) -> Event:
    """Return a recommendation as the log holds it, with its concrete values; numpy numbers become plain ones.

    Values that the space does not know stay as they are, so that they can be complained about.
    """
    values: dict[str, Any] = {}
    kinds = {p.prl: p.kind for p in space.parameters}
    given: Mapping[str, Any] = recommendation.result.values
    for prl, value in given.items():
        values[prl] = value
        if not isinstance(value, bool):
            with contextlib.suppress(AttributeError, TypeError, ValueError):
                values[prl] = float(value) if kinds.get(prl) == "float" else value.__index__()
    return {
        "id": recommendation.id,
        "values": values,
        "until_epoch": recommendation.until_epoch,
        "resume_from": recommendation.resume_from,
        "inherit_from": recommendation.inherit_from,
        **({} if recommendation.horizon is None else {"horizon": recommendation.horizon}),
        **({"variables": dict(recommendation.variables)} if recommendation.variables else {}),
    }


def recommendation_from_json(data: Mapping[str, Any], space: SearchSpace) -> Recommendation:
    """Return the recommendation that the log holds."""
    return Recommendation(
        id=data["id"],
        result=SearchResult(space, dict(data["values"])),
        until_epoch=data.get("until_epoch"),
        resume_from=data.get("resume_from"),
        inherit_from=data.get("inherit_from"),
        horizon=data.get("horizon"),
        variables=data.get("variables", {}),
    )


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as the log holds it."""
    return {
        "recommendation_id": outcome.recommendation_id,
        "status": str(outcome.status),
        "values": dict(outcome.values),
        **({"minimize": sorted(outcome.minimize)} if outcome.minimize else {}),
        "constraints": dict(outcome.constraints),
        **({"violations": dict(outcome.violations)} if outcome.violations else {}),
        "epoch": outcome.epoch,
        "cost_s": outcome.cost_s,
        "info": dict(outcome.info),
        "reason": outcome.reason,
    }


def outcome_from_json(data: Mapping[str, Any]) -> Outcome:
    """Return the outcome that the log holds."""
    minimize = frozenset(data.get("minimize", ()))
    return Outcome(**{**data, "status": JobStatus(data["status"]), "minimize": minimize})


def goals_to_json(goals: Goals) -> dict[str, Any]:
    """Return goals as the log holds them; empty where there are none."""
    found: dict[str, Any] = {}
    for name, items in (("objectives", goals.objectives), ("constraints", goals.constraints)):
        if items:
            found[name] = [{k: v for k, v in dataclasses.asdict(item).items() if v is not None} for item in items]
    return found


def goals_from_json(data: Mapping[str, Any]) -> Goals:
    """Return the goals that the log holds."""
    objectives = tuple(Objective(**item) for item in data.get("objectives", ()))
    return Goals(objectives, tuple(Constraint(**item) for item in data.get("constraints", ())))


def space_to_json(space: SearchSpace) -> list[dict[str, Any]]:
    """Return a space as the log holds it; a range's targets as ``[min, max]``, with the step of an int."""
    found = []
    for p in space.parameters:
        entry: dict[str, Any] = {"prl": p.prl, "domain": p.domain, "kind": p.kind, "args": list(p.args)}
        if p.kind == "enum":
            entry["targets"] = [list(choice) for choice in p.targets]
        else:
            entry["targets"] = [p.targets[0].min, p.targets[0].max]
        if p.kind == "int":
            entry["targets"].append(p.targets[0].step)
        # what only newer configs can say is left out where it is not said, so that older records compare equal
        if p.scale != "linear":
            entry["scale"] = p.scale
        if p.weights is not None:
            entry["weights"] = list(p.weights)
        if p.when:
            entry["when"] = [{"prl": condition.prl, "values": list(condition.values)} for condition in p.when]
        found.append(entry)
    return found


def space_from_json(data: list[dict[str, Any]]) -> SearchSpace:
    """Return the space that the log holds."""
    ranges: dict[str, type[FloatRange] | type[IntRange]] = {"float": FloatRange, "int": IntRange}
    return SearchSpace(
        tuple(
            ParameterRange(
                prl=p["prl"],
                domain=p["domain"],
                kind=p["kind"],
                args=tuple(p["args"]),
                targets=tuple(tuple(choice) for choice in p["targets"])
                if p["kind"] == "enum"
                else (ranges[p["kind"]](*p["targets"]),),
                scale=p.get("scale", "linear"),
                weights=tuple(p["weights"]) if "weights" in p else None,
                when=tuple(Condition(one["prl"], tuple(one["values"])) for one in p.get("when", ())),
            )
            for p in data
        )
    )
