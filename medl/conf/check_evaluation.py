"""The check of a validation or an inference: every problem that can be seen without running anything, all at once.

Like :mod:`medl.conf.check`, it imports neither torch nor MONAI nor the user's code.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medl.conf.catalogue import Catalogue
from medl.conf.channel_first import channel_warnings
from medl.conf.check import (
    ENVIRONMENT_FILE,
    Checked,
    checkpoint_problems,
    data_problems,
    named_packages,
    ordered,
    structure_problems,
    with_values,
    without_comments,
)
from medl.conf.check_component import ComponentCheck
from medl.conf.component import user_folders
from medl.conf.evaluation_layout import SECTION, flat_path, flat_problem, flat_text, lifted
from medl.conf.item_keys import read_keys
from medl.conf.json_path import child
from medl.conf.native_score import native_problems
from medl.conf.nothing import nothing_problems
from medl.conf.references import expand_refs, reference_problems
from medl.conf.sections import alternative_problems, class_name, components, is_component, is_disabled
from medl.conf.tensorflow_era import tensorflow_problem
from medl.conf.today import in_todays_words
from medl.errors import Problem

MODEL_FILES: Mapping[str, str] = {
    "ts_path": "Make it with commands/export.sh, name another with --set MMAR_TORCHSCRIPT=FILE, or use the checkpoint: "
    "dont_load_ts_model=true dont_load_ckpt_model=false.",
    "ckpt_path": "Train first, or name another with --set MMAR_CKPT=FILE.",
}
"""What a model may be in place of a component (a TorchScript; a checkpoint that says what its network is), and what to
do where there is no such file."""


def check_evaluation(
    mmar_root: Path,
    config: dict[str, Any],
    environment: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    file: str = "config/config_validation.json",
    catalogue: Catalogue | None = None,
    *,
    environment_file: str = ENVIRONMENT_FILE,
    check_data: bool = True,
) -> Checked:
    """Return what is wrong with a flat config, and its normal form.

    In the normal form the components stand in one section, ``validate``, and ``model`` is the alternative in use.

    Args:
        mmar_root: the archive.
        config: the config as it is in the file.
        environment: the content of environment.json.
        settings: the variables of ``--set``.
        file: the config's name in messages.
        catalogue: the components; loaded where it is not given.
        environment_file: the environment's name in messages.
        check_data: whether data lists are read, and their files and the weights looked for.
    """
    mmar_root = Path(mmar_root)
    environment, settings = dict(environment or {}), dict(settings or {})
    catalogue = catalogue or Catalogue.load()
    config = without_comments(config)
    if "train" in config and "evaluator" not in config:
        return Checked(None, config, problems=[_training_config(file)])
    resolved, values, in_force, problems = with_values(
        config, environment, settings, mmar_root, "config_evaluate", file, environment_file
    )
    old = tensorflow_problem({**values, **in_force}, file)
    if old is not None:  # what else is wrong comes from that
        return Checked(resolved, values, problems=[old])

    today = in_todays_words(lifted(values), in_force, catalogue, file)
    found = list(today.problems)
    said = {problem.path for problem in problems} | {flat_path(problem.path) for problem in found}
    normal, ref_problems = expand_refs(today.config, file)
    packages = named_packages(values, environment)
    check = ComponentCheck(catalogue, user_folders(mmar_root / "custom"), packages, file)
    inside = list(ref_problems)
    for place in components(today.config):
        inside += [p for p in check.problems(place) if flat_path(today.before(p.path)) not in said]
    chosen = _choose_model(normal)
    inside += _model_problems(normal, chosen, mmar_root, file, look=check_data)
    inside += reference_problems(normal, file)
    inside += alternative_problems(normal, file)
    inside += nothing_problems(normal, catalogue, file)
    inside += structure_problems(normal, in_force, file)
    inside += native_problems(normal, in_force, file)
    found += [dataclasses.replace(p, path=today.before(p.path)) for p in inside]
    if check_data:
        found += checkpoint_problems(normal, file)
        for place in components(normal):
            if place.key == "dataset" and not is_disabled(place.spec):
                found += data_problems(place, mmar_root, file, read_keys(normal, place.section))
    problems += [
        flat if problem.file == file else dataclasses.replace(flat, path=problem.path)
        for problem, flat in ((problem, flat_problem(problem)) for problem in found)
    ]
    warnings = _warnings(normal, chosen, file) if not problems else []
    warnings += [flat_text(text) for text in channel_warnings(normal, catalogue, file)] if not problems else []
    notes = [flat_text(note) for note in today.notes]
    return Checked(resolved, normal, notes, ordered(problems, config, (environment_file, file)), warnings)


def _training_config(file: str) -> Problem:
    return Problem(
        rule="a config of validation or inference has its components at the first level, and an evaluator",
        file=file,
        path="train",
        remedy="This is a training's. Give config/config_validation.json or config/config_inference.json with -c.",
    )


def _choose_model(config: dict[str, Any]) -> str:
    """Leave of the alternatives for the model the first that is not disabled; return where it stood in the config."""
    section = config[SECTION]
    path = child(SECTION, "model")
    given = section.get("model")
    if not isinstance(given, list):
        return path
    for index, item in enumerate(given):
        if isinstance(item, dict) and not is_disabled(item):
            section["model"] = item
            return child(path, index)
    section["model"] = {"disabled": True}
    return path


def _model_problems(config: Mapping[str, Any], path: str, root: Path, file: str, *, look: bool) -> list[Problem]:
    """Return why there is no model: all alternatives are disabled, or the file does not exist."""
    model = config[SECTION].get("model")
    if not isinstance(model, dict):  # said by the schema
        return []
    if is_disabled(model):
        rule, remedy = (
            "one of the alternatives for the model is enabled",
            "Set dont_load_ckpt_model=false, for example.",
        )
        return [Problem(rule, file, path, "all are disabled", remedy)]
    for key, remedy in MODEL_FILES.items():
        given = model.get(key)
        whole = os.path.join(root, given) if isinstance(given, str) else ""
        if look and whole and not os.path.isfile(whole):
            return [Problem("the file of the model has to exist", file, child(path, key), whole, remedy)]
    return []


def _warnings(config: Mapping[str, Any], path: str, file: str) -> list[str]:
    """Return what may not be meant: a network with random weights."""
    model = config[SECTION].get("model")
    handlers = config[SECTION].get("handlers") or ()
    loads = any(
        is_component(spec) and not is_disabled(spec) and (spec.get("path") or class_name(spec) == "CheckpointLoader")
        for spec in handlers
    )
    if is_component(model) and not loads and not model.get("path"):
        return [f"{file}: {flat_path(path)}: no CheckpointLoader in handlers: the weights are random ones."]
    return []
