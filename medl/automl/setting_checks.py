"""What the command line and environment.json say of a search, held against the machine and the archive."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from medl.automl.findings import Findings
from medl.automl.hardware import visible_gpus
from medl.automl.launch import LAUNCHERS, chosen_launcher
from medl.automl.parts import EXECUTOR
from medl.automl.search_config import SETTING
from medl.automl.search_files import is_ours
from medl.automl.settings import RUN_SETTINGS
from medl.automl.worker_spec import WorkerSpec, parse_workers
from medl.errors import ConfigError, Problem, near_names
from medl.horovod import INSTALL, horovod_fault
from medl.mmar.archive import MMAR
from medl.mmar.run_folder import RunFolder

SLIP = 0.8
"""From this likeness on (0 to 1) an unknown setting is one of the search's, misspelt."""

ENVIRONMENT = "config/environment.json"


def read_workers(
    settings: Mapping[str, Any], automl: Mapping[str, Any], file: str, found: Findings
) -> tuple[tuple[WorkerSpec, ...], int]:
    """Return the workers and how many GPUs there are."""
    gpus = len(visible_gpus())
    workers: tuple[WorkerSpec, ...] = ()
    with found.step():
        workers = parse_workers(settings.get("workers", "0"), gpus)
    launcher = launcher_of(automl)
    wanted = set()
    for worker in workers if is_ours(automl, file, EXECUTOR) else ():  # another one may use a worker's ids as it likes
        try:
            wanted.add(chosen_launcher(launcher, len(worker.slots), worker.hosts))
        except ValueError as error:
            if launcher in LAUNCHERS:  # else the check of the executor's args says so
                found.add(str(error), SETTING, "workers", value=settings.get("workers"))
    if "horovodrun" in wanted and (fault := horovod_fault()) is not None:
        found.add(
            "a worker with several ids trains through Horovod",
            SETTING,
            "workers",
            value=f"{settings.get('workers', '0')}: {fault}",
            remedy=f"Install it with {INSTALL}, or give each worker one id, such as workers=0:1.",
        )
    return workers, gpus


def launcher_of(automl: Mapping[str, Any]) -> str:
    """Return the ``launcher`` among the executor's args."""
    executor = automl.get("executor")
    args = executor.get("args") if isinstance(executor, Mapping) else None
    return str(args.get("launcher", "auto")) if isinstance(args, Mapping) else "auto"


def run_folder(mmar: MMAR, work_dir: str | None, settings: Mapping[str, Any]) -> RunFolder:
    """Return the run's folder, which need not exist.

    Raises:
        ConfigError: there is no run_id, or the folder cannot be written to.
    """
    if not settings.get("run_id"):
        rule = "a search needs a run_id, the name of its folder"
        raise ConfigError(Problem(rule, SETTING, "run_id", remedy="Add run_id=a after --set."))
    parent = mmar.runs if work_dir is None else mmar.root / os.path.expanduser(work_dir)
    folder = RunFolder(parent, settings["run_id"])
    existing = next((place for place in (folder.root, *folder.root.parents) if place.exists()), None)
    if existing is not None and not (existing.is_dir() and os.access(existing, os.W_OK)):
        raise ConfigError(
            Problem(
                f"the run's folder {folder.root} has to be writable",
                value=f"{existing} is not a folder that can be written to",
                remedy="Make it writable, or give MMARHandler another work_dir.",
            )
        )
    return folder


def check_checkpoints(environment: Mapping[str, Any], jobs: Mapping[str, Any], found: Findings) -> None:
    """Jobs that share one folder of checkpoints would overwrite each other's."""
    for file, values in ((ENVIRONMENT, environment), (SETTING, jobs)):
        value = values.get("MMAR_CKPT_DIR")
        if isinstance(value, str) and os.path.isabs(value):
            found.add(
                "in a search each job has its own MMAR_CKPT_DIR, so it is relative to the archive",
                file,
                "MMAR_CKPT_DIR",
                value=value,
                remedy='Write "models".',
            )


def check_shadowed(
    names: Sequence[str], environment: Mapping[str, Any], jobs: Mapping[str, Any], found: Findings
) -> None:
    """Check that no variable stands over a searched value."""
    for file, values, remedy in (
        (SETTING, jobs, "Leave it out of --set, or take the search out of the config."),
        (ENVIRONMENT, environment, "Take it out of environment.json, whose values win over the config's."),
    ):
        for name in names:
            if name in values:
                rule = f"{name} is searched, so no other value may stand over it"
                found.add(rule, file, name, value=values[name], remedy=remedy)


def unknown_settings(jobs: Mapping[str, Any], mmar: MMAR, found: Findings) -> list[str]:
    """Return a line for each setting that no config has and that looks like one of the search; a near one is wrong."""
    configs = ""
    for path in sorted(mmar.config.glob("*.json")):
        with contextlib.suppress(OSError):
            configs += path.read_text(encoding="utf-8", errors="replace")
    lines = []
    for name in jobs:
        if re.search(rf'"{re.escape(name)}"|{{{re.escape(name)}}}', configs):
            continue
        if near := near_names(name, RUN_SETTINGS, count=1, cutoff=SLIP):
            rule = "no setting of the search and no variable of any config has this name"
            found.add(rule, SETTING, name, near=near)
        elif near := near_names(name, RUN_SETTINGS, count=1):
            lines.append(f'--set {name}: a variable of the jobs; did you mean "{near[0]}"?')
    return lines
