"""A MONAI Bundle's train.json: the training of a config in the bundle's words, for MONAI alone to run.

What medl adds to a training is not in it (see docs/export.md). Source: the MONAI Bundle specification,
https://docs.monai.io/en/stable/mb_specification.html.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medl.conf.catalogue import Catalogue
from medl.conf.json_path import child
from medl.conf.sections import CONF, SECTIONS, class_name, is_component, is_disabled
from medl.errors import ConfigError, Problem
from medl.mmar.bundle import Translation

_NAMES = {"pre_transforms": "preprocessing", "post_transforms": "postprocessing"}
"""What a section's key is called in a bundle, where not the same."""
_OTHER = {"train": "validate", "validate": "train"}


def train_config(
    config: Mapping[str, Any], catalogue: Catalogue, file: str, root: Path, *, classification: bool
) -> dict[str, Any]:
    """Return a bundle's train.json.

    Args:
        config: the checked config in its normal form.
        catalogue: the components.
        file: the config's name, for messages.
        root: the archive; files inside it are named relative to the bundle.
        classification: whether labels are classes of cases, and so no files.

    Raises:
        ConfigError: something in it has no meaning in a bundle; all problems.
    """
    problems: list[Problem] = []
    made: dict[str, Any] = {}
    for section in SECTIONS:
        content = config.get(section, {})
        to = Translation(config, catalogue, file, _references(config, section))
        made[section] = {}
        for key in content:
            if (section, key) != ("train", "model"):
                built = _built(to, section, key, classification=classification)
                made[section][_NAMES.get(key, key)] = _in_the_bundle(built, root)
        if section == "train":
            model, path = to.one("train", "model")
            if model is None:
                raise ConfigError(Problem("a train config has a model that is not disabled", file, "train.model"))
            network = to.component(model, path)
        problems += to.problems
    if problems:
        raise ConfigError(problems)
    epochs = config.get("epochs")
    trainer = made["train"].get("trainer")
    if isinstance(trainer, dict) and trainer.get("max_epochs") == epochs:
        trainer["max_epochs"] = "@epochs"
    determinism = config.get("determinism")
    seed = determinism.get("random_seed", 0) if isinstance(determinism, Mapping) else None
    return {
        "imports": ["$import monai", "$import torch"],
        "bundle_root": ".",
        "dataset_dir": "$@bundle_root + '/data'",
        "data_list": "$@dataset_dir + '/dataset.json'",
        "epochs": epochs,
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "network_def": network,
        "network": "$@network_def.to(@device)",
        **made,
        "initialize": [f"$monai.utils.set_determinism(seed={int(seed)})"] if seed is not None else [],
        "run": ["$@train::trainer.run()"],
        "finalize": [],
    }


def _references(config: Mapping[str, Any], section: str) -> dict[str, str]:
    """Return what ``@name`` in a section is called in the bundle: its own key first, then the other section's."""
    names = {"device": "device"}
    for place in (_OTHER[section], section):
        names.update({key: f"{place}::{_NAMES.get(key, key)}" for key in config.get(place, {})})
    return {**names, "model": "network"}


def _built(to: Translation, section: str, key: str, *, classification: bool) -> Any:
    """Return what stands for a key in the bundle; ``None`` where all of it is disabled."""
    path, value = child(section, key), to.config[section][key]
    if isinstance(value, list) and key not in ("key_metric", "dataset", "loss", "optimizer", "lr_scheduler"):
        several = [
            (spec, child(path, index))
            for index, spec in enumerate(value)
            if is_component(spec) and not is_disabled(spec)
        ]
        if key == "additional_metrics":
            return {_label(spec): to.component(spec, place) for spec, place in several} or None
        if several and key in ("trainer", "evaluator", "dataloader", "inferer", "iteration"):
            return _one(to, section, key, *several[0])
        parts = [_one(to, section, key, spec, place) for spec, place in several]
        return (
            {"_target_": "monai.transforms.Compose", "transforms": parts} if key in _NAMES and parts else parts or None
        )
    spec, place = to.one(section, key)
    if spec is None:
        return None if is_component(value) or isinstance(value, list) else to.value(value, path)
    made = _one(to, section, key, spec, place)
    if key == "dataset" and "data" not in made and isinstance(spec.get("data_list_key"), str):
        made["data"] = _data(to, spec["data_list_key"], place, classification=classification)
    return {_label(spec): made} if key == "key_metric" else made


def _one(to: Translation, section: str, key: str, spec: Mapping[str, Any], path: str) -> dict[str, Any]:
    made = to.component(_without_conf(spec), path)
    if key in ("trainer", "evaluator"):
        made.setdefault("device", "@device")
    if class_name(spec) == "CheckpointLoader":
        made.setdefault("map_location", "@device")
    return made


def _without_conf(value: Any) -> Any:
    """Return a value without ``@conf``, which is this library's: the config inside a checkpoint."""
    if isinstance(value, Mapping):
        return {key: _without_conf(item) for key, item in value.items() if item != f"@{CONF}"}
    return [_without_conf(item) for item in value] if isinstance(value, list) else value


def _data(to: Translation, name: str, path: str, *, classification: bool) -> str:
    if ":" in name:
        to.problems.append(
            Problem("MONAI's reader of data lists knows no folds", to.file, f"{path}.data_list_key", name)
        )
    words = f"is_segmentation={not classification}, data_list_key={name!r}, base_dir=@dataset_dir"
    return f"$monai.data.load_decathlon_datalist(@data_list, {words})"


def _label(spec: Mapping[str, Any]) -> str:
    return str(spec.get("log_label") or class_name(spec))


def _in_the_bundle(value: Any, root: Path) -> Any:
    """Return a value with places inside the archive relative to the bundle."""
    if isinstance(value, dict):
        return {key: _in_the_bundle(item, root) for key, item in value.items()}
    if isinstance(value, list):
        return [_in_the_bundle(item, root) for item in value]
    if isinstance(value, str) and os.path.isabs(value) and Path(os.path.normpath(value)).is_relative_to(root):
        return os.path.relpath(value, root)
    return value
