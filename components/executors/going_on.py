"""What a job needs of the job that it goes on from: its last checkpoint, and the configs of all that came before."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from medl.automl.defs import JobStatus, Recommendation
from medl.automl.lived_schedule import Segment, carry_on, lived
from medl.conf.load import read_object
from medl.conf.sections import enabled
from medl.errors import RunError, show_value
from medl.mmar.archive import MMAR
from medl.mmar.run_folder import RunFolder
from medl.mmar.stats import RESUME_FILE, models_folder

from .interrupted import second_name

START_FILE = "start.pt"
"""What a job starts from: what the other one kept at its end."""
START_BEST_FILE = "start_best.pt"
"""The best weights of the same trial so far."""


@dataclass(frozen=True)
class Origin:
    """The job that another one goes on from.

    Attributes:
        job: its archive.
        folder: of its checkpoints.
        segments: what its weights lived through by its end.
        start: whether the trial goes on, or another one takes its weights over.
    """

    job: MMAR
    folder: Path
    segments: tuple[Segment, ...]
    start: Literal["resume", "inherit"]

    @property
    def epoch(self) -> int:
        """The last epoch that it was trained."""
        return self.segments[-1].epochs[1]

    def environment(self, checkpoints: str) -> dict[str, Any]:
        """Return the variables that make a training start there.

        Args:
            checkpoints: the new job's folder of checkpoints, relative to its archive.
        """
        found = {"start_from": f"{checkpoints}/{START_FILE}"}
        if self.start == "resume" and (self.folder / "model.pt").is_file():
            found["start_best"] = f"{checkpoints}/{START_BEST_FILE}"
        return found

    def give(self, job: MMAR, folder: Path) -> None:
        """Give a job's archive the files that it starts from, so that it can be run again when the other one is gone.

        Args:
            job: the new job's archive.
            folder: of its checkpoints.
        """
        folder.mkdir(parents=True, exist_ok=True)
        second_name(self.folder / RESUME_FILE, folder / START_FILE)
        if self.start == "resume" and (self.folder / "model.pt").is_file():
            second_name(self.folder / "model.pt", folder / START_BEST_FILE)
        carry_on(self.job, job, self.segments, self.start)


def origin_of(recommendation: Recommendation, run: RunFolder) -> Origin | None:
    """Return the job that a recommendation goes on from, or ``None`` where it begins from nothing.

    Where both are named, the weights are those of ``inherit_from``.

    Raises:
        RunError: that job has no checkpoint to go on from, or has come as far already.
    """
    name = recommendation.inherit_from or recommendation.resume_from
    if not name:
        return None
    job = run.job(name)
    if not job.record.is_file():
        raise RunError(f"{name} is to be gone on from, but {job.root} is gone or was never trained.")
    status = _status(job)
    if status not in (JobStatus.OK, JobStatus.NO_SCORE):
        raise RunError(f"{name} is to be gone on from, but it ended as {status}: only a whole training can go on.")
    segments = tuple(lived(job))
    variables = read_object(job.train_config, str(job.train_config))
    if job.environment.is_file():
        variables = {**variables, **read_object(job.environment, str(job.environment))}
    folder = models_folder(job.root, variables)
    if not (folder / RESUME_FILE).is_file():
        raise RunError(
            f"{name} is to be gone on from, but {folder / RESUME_FILE} is gone. "
            "A controller names in needs() the jobs whose checkpoints must stay."
        )
    origin = Origin(job, folder, segments, "inherit" if recommendation.inherit_from else "resume")
    if recommendation.until_epoch is not None and recommendation.until_epoch <= origin.epoch:
        raise RunError(
            f"until_epoch is {recommendation.until_epoch}, but {name} was trained to epoch {origin.epoch} already: "
            "what goes on from it ends later."
        )
    return origin


def same_network(origin: Origin, resolved: Mapping[str, Any] | None) -> None:
    """Find out whether a job has the network that it takes the weights of.

    Args:
        origin: the job that it goes on from.
        resolved: the new job's resolved config; where it breaks a rule the training says so.

    Raises:
        RunError: an arg of the network, or the network, is another one.
    """
    before = json.loads(origin.job.record.read_text(encoding="utf-8")).get("resolved_config")
    if resolved is None or not isinstance(before, Mapping):
        return
    networks = [enabled((one.get("train") or {}).get("model")) for one in (before, resolved)]
    if (found := _difference(networks[0], networks[1], "train.model")) is not None:
        path, was, now = found
        raise RunError(
            f"{path} is {show_value(now)}, but {origin.segments[-1].job} was trained with {show_value(was)}: "
            "weights go on in the same network only, so its args stay with them."
        )


def _difference(was: Any, now: Any, path: str) -> tuple[str, Any, Any] | None:
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in [*was, *(key for key in now if key not in was)]:
            if key not in ("search", "apply", "disabled"):
                found = _difference(was.get(key), now.get(key), f"{path}.{key}")
                if found is not None:
                    return found
        return None
    return None if was == now else (path, was, now)


def _status(job: MMAR) -> str:
    with contextlib.suppress(OSError, ValueError, AttributeError, TypeError):
        return str(json.loads(job.record.read_text(encoding="utf-8"))["outcome"]["status"])
    return "unfinished"


def lineage_of(origin: Origin | None) -> Sequence[Mapping[str, Any]]:
    """Return the segments before a job, as its record has them."""
    return [] if origin is None else [segment.to_json() for segment in origin.segments]
