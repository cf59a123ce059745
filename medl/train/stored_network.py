"""Networks as files: a TorchScript, or a checkpoint with the config of its training in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from medl.conf.catalogue import Catalogue
from medl.conf.component import ALLOWED_PACKAGES, class_of, user_folders
from medl.conf.era import era_of
from medl.conf.graph import ObjectGraph
from medl.conf.sections import is_component, is_disabled
from medl.conf.translate import translate
from medl.conf.variables import resolve_variables
from medl.errors import ConfigError, Problem
from medl.train.first_weights import differences

_AS_COMPONENT = 'Name the network in the config ("model": {"name": …}) and load the weights with a CheckpointLoader.'


def load_torchscript(path: Path, device: torch.device, *, file: str, place: str) -> torch.nn.Module:
    """Return the network of a TorchScript file.

    Args:
        path: the file.
        device: where it is to compute.
        file: the config's name.
        place: the JSON path of the file's name in it.

    Raises:
        ConfigError: the file cannot be read, or is no TorchScript.
    """
    try:
        network: torch.nn.Module = torch.jit.load(str(path), map_location=device)
    except (RuntimeError, ValueError, OSError) as error:
        rule = f"{path} is no TorchScript that can be read ({_first_line(error)})"
        remedy = "Export it again with commands/export.sh."
        raise ConfigError(Problem(rule, file, place, remedy=remedy)) from error
    print(f"loaded TorchScript model from path: {path}", flush=True)
    return network


def load_checkpoint(
    path: Path,
    device: torch.device,
    *,
    custom: Path,
    root: Path,
    packages: tuple[str, ...] = (),
    file: str = "",
    place: str = "",
) -> torch.nn.Module:
    """Return the network of a checkpoint, built from the ``train_conf`` in it, with its weights.

    Args:
        path: the checkpoint: ``model`` (weights) and ``train_conf`` (the config of its training).
        device: where it is to compute.
        custom: the folder of the user's own classes.
        root: the archive's folder, for variables in the stored config.
        packages: further packages that components may come from.
        file: the config's name.
        place: the JSON path of the file's name in it.

    Raises:
        ConfigError: the file is no such checkpoint, or weights and network do not fit.
    """
    stored = read_checkpoint(path, file=file, place=place)
    conf = stored.get("train_conf")
    if not isinstance(conf, dict) or "model" not in stored:
        rule = f"{path} does not say what its network is: it was saved without train_conf"
        raise ConfigError(Problem(rule, file, place, remedy=_AS_COMPONENT))
    network = build_network(conf, custom=custom, root=root, packages=packages, file=f"{path}: train_conf")
    try:
        network.load_state_dict(stored["model"])
    except (RuntimeError, TypeError, AttributeError) as error:
        rule = f"the checkpoint {path} does not fit its own train_conf: {differences(error) or _first_line(error)}"
        raise ConfigError(Problem(rule, file, place, remedy=_AS_COMPONENT)) from error
    return network.to(device)


def read_checkpoint(path: Path, *, file: str = "", place: str = "") -> dict[str, Any]:
    """Return what is in a checkpoint; nothing in it is run.

    Raises:
        ConfigError: it cannot be read, or holds something else than names and values.
    """
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        rule = f"{path} is no checkpoint that can be read ({type(error).__name__}: {_first_line(error)})"
        raise ConfigError(Problem(rule, file, place, remedy="Name another one with --set MMAR_CKPT=FILE.")) from error
    if not isinstance(stored, Mapping):
        rule = f"{path} holds no weights by name but {type(stored).__name__}"
        raise ConfigError(Problem(rule, file, place, remedy=_AS_COMPONENT))
    return dict(stored)


def build_network(
    conf: Mapping[str, Any], *, custom: Path, root: Path, packages: tuple[str, ...] = (), file: str = ""
) -> torch.nn.Module:
    """Return the network of a training's config, with new weights.

    Args:
        conf: the config, resolved or as Clara stored it: with variables and old names.
        custom: the folder of the user's own classes.
        root: the archive's folder.
        packages: further packages that components may come from.
        file: the config's name in messages.

    Raises:
        ConfigError: there is no network in it, or it cannot be built.
    """
    train = conf.get("train")
    given = train.get("model") if isinstance(train, Mapping) else None
    specs: list[Any] = given if isinstance(given, list) else [given]
    enabled = [one for one in specs if is_component(one) and not is_disabled(one)]
    if len(enabled) != 1:
        rule = "the config has one model"
        raise ConfigError(Problem(rule, file, "train.model", f"{len(enabled)} enabled", remedy=_AS_COMPONENT))
    values = {name: value for name, value in conf.items() if not isinstance(value, (dict, list))}
    alone = resolve_variables({**values, "train": {"model": enabled[0]}}, {}, {}, root, file).config
    catalogue = Catalogue.load()
    era = era_of(conf, values)
    today = translate(alone, catalogue, file, monai=era.monai if era else None)
    if today.problems:
        raise ConfigError(today.problems)
    folders = user_folders(custom)

    def resolve(spec: Mapping[str, Any], path: str) -> Any:
        return class_of(
            spec,
            catalogue=catalogue,
            folders=folders,
            packages=(*ALLOWED_PACKAGES, *packages),
            role="model",
            file=file,
            path=path,
        )

    network = ObjectGraph(today.config, resolve_class=resolve, file=file).get("train", "model")
    assert isinstance(network, torch.nn.Module)
    return network


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[0].split())[:200].rstrip(". ") if lines else "it is empty"
