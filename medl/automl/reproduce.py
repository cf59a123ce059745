"""A recorded training made again: its chain of jobs in a new archive, with the recorded launch."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medl.automl.comparison import data_differences
from medl.automl.launch import Launch, training_argv, training_env
from medl.automl.left_behind import first_weights, places, resolved_config
from medl.automl.lived_schedule import FOLDER, SEGMENTS
from medl.automl.process import describe_end, start
from medl.conf.data_list import listed_files
from medl.conf.load import read_object
from medl.errors import MedlError, RunError
from medl.mmar.archive import MMAR
from medl.mmar.data_hashes import data_lists, data_of
from medl.mmar.files import write_json
from medl.mmar.record import RECORD_FILE, read_record, without_secrets
from medl.mmar.stats import models_folder

MODELS = "models"
"""Where the last job of the chain is trained, whatever MMAR_CKPT_DIR was."""
_READABLE = 2
"""The lowest version of a record that tells enough."""
_POLL_S = 0.2
_TIME_LIMIT = "max_train_time"


@dataclass(frozen=True)
class Recorded:
    """A training and its record.

    Attributes:
        archive: where it was trained.
        record: what it wrote of itself, or its search did.
        path: the record's file.
    """

    archive: MMAR
    record: Mapping[str, Any]
    path: Path

    @property
    def epochs(self) -> tuple[int, int]:
        """The first and the last epoch that it trained."""
        first, last = self.record["outcome"]["epochs"]
        return int(first), int(last)


@dataclass(frozen=True)
class Step:
    """One training of the chain.

    Attributes:
        name: of the job.
        epochs: the first and the last one.
        launch: how it is started.
        folder: of its checkpoints.
    """

    name: str
    epochs: tuple[int, int]
    launch: Launch
    folder: Path


def recorded(path: Path) -> Recorded:
    """Return the training that a folder holds: a job's, ``best/``, an archive's, or its folder of checkpoints.

    Raises:
        RunError: there is no record of a training that ended well, or it tells too little.
    """
    archive, file = _record_file(Path(os.path.abspath(path)))
    record = read_record(file)
    if record is None:
        raise RunError(f"{file} is no record of a training.")
    if record.get("version", 0) < _READABLE:
        raise RunError(f"{file} was written by an older medl and tells too little to make the training again.")
    outcome = record["outcome"]
    if outcome is None:
        raise RunError(f"{file} tells of a training that runs, or whose process was killed: there is no result yet.")
    if outcome["status"] not in ("ok", "no_score") or not outcome.get("epochs"):
        why = f": {outcome['reason']}" if outcome.get("reason") else ""
        raise RunError(
            f"{file} tells of a training that ended as {outcome['status']}{why}. It has no result to compare."
        )
    return Recorded(archive, record, file)


def _record_file(path: Path) -> tuple[MMAR, Path]:
    mmar = MMAR(path)
    if not path.is_dir():
        raise RunError(f"there is no folder {path}.")
    if mmar.record.is_file() and mmar.config.is_dir():
        return mmar, mmar.record
    if not mmar.config.is_dir() and (path / RECORD_FILE).is_file():  # a folder of checkpoints
        for parent in path.parents:
            if (parent / "config").is_dir():
                return MMAR(parent), path / RECORD_FILE
    variables: dict[str, Any] = {}
    for file in (mmar.train_config, mmar.environment):
        if file.is_file():
            variables |= read_object(file, str(file))
    for folder in dict.fromkeys((models_folder(path, variables), mmar.models)):
        if (folder / RECORD_FILE).is_file():
            return mmar, folder / RECORD_FILE
    raise RunError(
        f"{path} has no {RECORD_FILE}, neither in the folder nor beside its checkpoints: nothing was trained in it, "
        "or by an older medl."
    )


def new_folder(original: Recorded) -> Path:
    """Return a folder beside the archive that does not exist: ``<archive>.reproduced``, or that with a number."""
    root = original.archive.root
    target, number = root.with_name(f"{root.name}.reproduced"), 1
    while os.path.lexists(target):
        number += 1
        target = root.with_name(f"{root.name}.reproduced-{number}")
    return target


def make_archive(original: Recorded, target: Path) -> MMAR:
    """Make the archive in which the chain is trained again: recorded configs, custom code, first weights, no results.

    Args:
        original: the training.
        target: the new folder; must not exist.

    Raises:
        RunError: the folder exists, or lies inside the archive, or the configs of a job before are gone.
    """
    source, record = original.archive, original.record
    if os.path.lexists(target):
        raise RunError(f"{target} exists; nothing is ever overwritten. Give another folder with --to.")
    if target.is_relative_to(source.root):
        raise RunError(f"{target} lies inside the archive {source.root}. Give another folder with --to.")
    config, environment = _without_limit(*_configs(original))
    pairs = {"": (config, environment)}
    for number, segment in enumerate(record["lineage"], start=1):
        folder = source.config / SEGMENTS / str(number)
        if not (folder / "config_train.json").is_file():
            raise RunError(
                f"{folder} is gone: without the configs of {segment['job']} its epochs cannot be made again."
            )
        pairs[f"{SEGMENTS}/{number}"] = _without_limit(*_read(folder))
    mmar = source.clone(target, {})
    for name, (own, variables) in pairs.items():
        variables = {**variables, **places(variables, own, source.root, target)}
        write_json(mmar.config / name / "config_train.json", own)
        write_json(mmar.config / name / "environment.json", variables)
        if (weights := first_weights(own, variables, source.root)) is not None:
            (mmar.root / weights).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.root / weights, mmar.root / weights)
    return mmar


def _configs(original: Recorded) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the recorded config and environment; the files' own where these are the same but for what is masked."""
    record = original.record
    config, environment = dict(record["config"]), dict(record["environment"])
    if record["job"] is not None:
        there = _read(original.archive.config)
        masked = without_secrets({"config": there[0], "environment": there[1]})
        return (
            there[0] if masked["config"] == config else config,
            there[1] if masked["environment"] == environment else environment,
        )
    return config, {**environment, **record["settings"]}


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    found = []
    for name in ("config_train.json", "environment.json"):
        found.append(read_object(folder / name, str(folder / name)) if (folder / name).is_file() else {})
    return found[0], found[1]


def _without_limit(config: dict[str, Any], environment: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return both without a limit of time: the recorded epochs count, also on a slower machine."""
    config.pop(_TIME_LIMIT, None)
    environment.pop(_TIME_LIMIT, None)
    return config, environment


def steps(original: Recorded, mmar: MMAR, environ: Mapping[str, str]) -> list[Step]:
    """Return the trainings of the chain, the oldest first; nothing is started.

    Args:
        original: the training.
        mmar: what :func:`make_archive` made.
        environ: the environment that the processes get, with the recorded number of threads.
    """
    record = original.record
    starts = [*(segment["start"] for segment in record["lineage"]), _start(record)]
    found = []
    for number, how in enumerate(starts, start=1):
        last = number == len(starts)
        epochs = original.epochs if last else tuple(record["lineage"][number - 1]["epochs"])
        folder = MODELS if last else f"{FOLDER}/{number}"
        words = [f"MMAR_CKPT_DIR={folder}"]
        if not last or epochs[1] != record["max_epoch"]:  # else its config says so itself
            words.append(f"until_epoch={epochs[1]}")
        if number > 1:
            before = f"{FOLDER}/{number - 1}"
            words.append(f"start_from={before}/resume.pt")
            words.append(f"start_best={before}/model.pt" if how == "resume" else "start_best=")
        configs = "config" if last else f"config/{SEGMENTS}/{number}"
        name = str(record["job"] or original.archive.name) if last else str(record["lineage"][number - 1]["job"])
        found.append(Step(name, epochs, _launch(record, mmar, words, configs, environ), mmar.root / folder))
    return found


def _start(record: Mapping[str, Any]) -> str:
    if not record["lineage"]:
        return "nothing"
    return "inherit" if (record["recommendation"] or {}).get("inherit_from") else "resume"


def _launch(
    record: Mapping[str, Any], mmar: MMAR, words: list[str], configs: str, environ: Mapping[str, str]
) -> Launch:
    ranks, launcher = int(record["ranks"]), str(record["launcher"])
    argv = training_argv(mmar.root, launcher, ranks, settings=words, configs=configs)
    slots = record["slots"] if record["slots"] and len(record["slots"]) >= ranks else list(range(ranks))
    env = training_env(environ, slots, record["threads"] or 1, mmar.custom)
    if record["slots"] is None:  # no search chose the GPUs
        env.pop("CUDA_VISIBLE_DEVICES", None)
        if "CUDA_VISIBLE_DEVICES" in environ:
            env["CUDA_VISIBLE_DEVICES"] = environ["CUDA_VISIBLE_DEVICES"]
    return Launch(argv, env, launcher, ranks)


def run(step: Step, mmar: MMAR, log: Path) -> None:
    """Train one step to its end.

    Raises:
        RunError: it failed; the text says why.
    """
    process = start(step.launch.argv, env=step.launch.env, cwd=mmar.root, log=log, header=step.launch.header)
    try:
        while (code := process.wait(_POLL_S)) is None:
            pass
    except BaseException:
        process.stop()
        process.wait(15.0)
        raise
    if code:
        raise RunError(f"{step.name} could not be trained again: {describe_end(code, log)}. All of it is in {log}.")


def changed_data(original: Recorded, mmar: MMAR) -> list[str]:
    """Return what differs in the data that the new archive reads, one line each; reads what is not known yet."""
    config, environment = _read(mmar.config)
    resolved = resolved_config(config, environment, mmar.root)
    if resolved is None:
        raise RunError(f"{mmar.config} breaks a rule of this medl: medl check {mmar.root} says which.")
    paths: dict[str, str] = {}
    for (file, folder), keys in data_lists(resolved, mmar.root).items():
        for key in keys:
            try:
                paths |= {
                    place: os.path.relpath(path, folder) for place, path in listed_files(Path(file), key, Path(folder))
                }
            except MedlError:
                continue
    return data_differences(original.record["data"], data_of(resolved, mmar.root), paths)


def result(mmar: MMAR) -> Mapping[str, Any]:
    """Return the record of the training that was made again.

    Raises:
        RunError: it wrote none.
    """
    record = read_record(mmar.models / RECORD_FILE)
    if record is None or record["outcome"] is None:
        raise RunError(f"{mmar.models} has no record of the training that was made again.")
    return record
