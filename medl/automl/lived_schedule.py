"""The schedule that a job's weights lived through: the chain of jobs before it, and a script that trains it again.

Each job that goes on from another one carries the configs of all jobs before it, so its archive, and a copy of it, can
be trained again when the others are gone::

    config/segments/1/config_train.json   the first job's, as it was generated; epochs 1 to 3
    config/segments/1/environment.json
    config/segments/2/...                 the next job's; epochs 4 to 6
    config/config_train.json              its own; from epoch 7
    commands/replay.sh                    trains the segments one after the other, into models/replay/
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from medl.errors import RunError
from medl.mmar.archive import MMAR
from medl.mmar.files import write_text

SEGMENTS = "segments"
"""Folder under config/ with the configs of the jobs before."""
REPLAY = "replay.sh"
"""Script under commands/ that trains all segments again."""
FOLDER = "models/replay"
"""Where it trains, so that the job's own weights stay."""


@dataclass(frozen=True)
class Segment:
    """One job of a chain, for as many of its epochs as the next one went on from.

    Attributes:
        job: its name.
        epochs: the first and the last (1-based, inclusive).
        values: PRL to concrete values that were in force.
        start: how it began: from nothing, going on as the same trial, or with another trial's weights.
    """

    job: str
    epochs: tuple[int, int]
    values: Mapping[str, Any]
    start: Literal["nothing", "resume", "inherit"] = "nothing"

    def to_json(self) -> dict[str, Any]:
        """Return it as ``record.json`` has it."""
        return {"job": self.job, "epochs": list(self.epochs), "values": dict(self.values), "start": self.start}


def lived(parent: MMAR) -> list[Segment]:
    """Return the segments that a job's weights lived through by its end, its own the last, as its record has them.

    Raises:
        RunError: it has no record of a training that ended.
    """
    record = _record(parent)
    epochs = (record.get("outcome") or {}).get("epochs")
    if epochs is None:
        raise RunError(f"{parent.record} tells of no training that ended, so nothing can go on from it.")
    before = [
        Segment(one["job"], (one["epochs"][0], one["epochs"][1]), one["values"], one["start"])
        for one in record.get("lineage", ())
    ]
    recommendation = record["recommendation"]
    start: Literal["nothing", "resume", "inherit"] = "nothing"
    if before:
        start = "inherit" if recommendation.get("inherit_from") else "resume"
    return [*before, Segment(record["job"], (epochs[0], epochs[1]), record["values"], start)]


def carry_on(parent: MMAR, job: MMAR, segments: Sequence[Segment], start: Literal["resume", "inherit"]) -> None:
    """Lay the configs of the jobs before into a job's archive, and the script that trains all of it again.

    Args:
        parent: the job that it goes on from.
        job: its own archive.
        segments: what :func:`lived` says of the parent.
        start: how the job goes on from it.
    """
    target = job.config / SEGMENTS
    if target.exists():  # of a searched archive that was a job itself
        shutil.rmtree(target)
    target.mkdir()
    for number in range(1, len(segments)):
        shutil.copytree(parent.config / SEGMENTS / str(number), target / str(number))
    own = target / str(len(segments))
    own.mkdir()
    for path in (parent.train_config, parent.environment):
        shutil.copyfile(path, own / path.name)
    job.commands.mkdir(exist_ok=True)
    script = job.commands / REPLAY
    write_text(script, replay_script(segments, start))
    os.chmod(script, 0o755)


def replay_script(segments: Sequence[Segment], start: Literal["resume", "inherit"]) -> str:
    """Return the script that trains the segments before a job, and then the job, each from what the last one kept.

    Args:
        segments: those before the job, the oldest first.
        start: how the job goes on from the last one.
    """
    lines = [
        "#!/usr/bin/env bash",
        "# Train again what this archive's weights lived through, segment by segment, into models/replay/:",
        *(f"#   epochs {one.epochs[0]} to {one.epochs[1]}: {one.job}, {_short(one.values)}" for one in segments),
        f"#   from epoch {segments[-1].epochs[1] + 1}: this archive's own config",
        "set -euo pipefail",
        "# shellcheck source=commands/set_env.sh",
        'source "$(dirname "${BASH_SOURCE[0]}")/set_env.sh"',
        "train() {",
        '  "$PYTHON" -u -m medl.apps.train -m "$MMAR_ROOT" -c "$1/config_train.json" -e "$1/environment.json" \\',
        '    --write_train_stats --set "${@:2}"',
        "}",
    ]
    starts = [*(one.start for one in segments), start]
    for number, how in enumerate(starts, start=1):
        words = [f"MMAR_CKPT_DIR={FOLDER}/{number}"]
        if number <= len(segments):
            words.append(f"until_epoch={segments[number - 1].epochs[1]}")
        if number > 1:
            words.append(f"start_from={FOLDER}/{number - 1}/resume.pt")
            words.append(f"start_best={FOLDER}/{number - 1}/model.pt" if how == "resume" else "start_best=")
        place = f"config/{SEGMENTS}/{number}" if number <= len(segments) else "config"
        lines.append(f"train {place} {' '.join(words)}" + (' "$@"' if number == len(starts) else ""))
    return "\n".join(lines) + "\n"


def _short(values: Mapping[str, Any]) -> str:
    """Return the values in one line of ASCII, which a comment of a script can hold."""
    shown = {prl: concrete[0] if len(concrete) == 1 else list(concrete) for prl, concrete in values.items()}
    return json.dumps(shown)[:400]


def _record(job: MMAR) -> dict[str, Any]:
    try:
        record = json.loads(Path(job.record).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{job.record} cannot be read ({error}), so nothing can go on from that job.") from error
    if not isinstance(record, dict):
        raise RunError(f"{job.record} is no record of a job.")
    return record
