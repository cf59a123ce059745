"""A network with its trained weights: from an archive's train config, a checkpoint alone, or a TorchScript."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from medl.conf.catalogue import Catalogue
from medl.conf.check import check_training
from medl.conf.load import read_object
from medl.errors import ConfigError, Problem
from medl.mmar.archive import MMAR
from medl.train.build import object_graph
from medl.train.device import Device
from medl.train.distributed import Ranks
from medl.train.first_weights import differences
from medl.train.implicit import Parts

WEIGHTS = "model"
"""Where a checkpoint has the network's weights; MONAI's reader looks there too."""
CONF = "train_conf"
"""Where a checkpoint has the config that it was trained with."""
TRAIN_CONFIG = "config/config_train.json"
"""What says what the network is where a checkpoint does not, relative to the archive."""
_AS_COMPONENT = 'Name the network in the config ("model": {"name": …}) and load the weights with a CheckpointLoader.'
_OBJECT = re.compile(r"(?:Unsupported global: GLOBAL|Unsupported class) ([\w.]+)")


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
    mmar: MMAR,
    device: torch.device,
    *,
    packages: Sequence[str] = (),
    file: str = "",
    place: str = "",
) -> torch.nn.Module:
    """Return the network of a checkpoint, built from the config inside it, with its weights.

    Where it carries none (``save_dict`` had no ``train_conf``), the archive's own train config says what it is.

    Args:
        path: the checkpoint.
        mmar: whose ``custom/`` may have the network's class.
        device: where it is to compute.
        packages: further packages that components may come from.
        file: the name of the config that names the checkpoint.
        place: the JSON path of the checkpoint's name in it.

    Raises:
        ConfigError: the file is no such checkpoint, or weights and network do not fit.
    """
    with _said_of(path, file, place, "Name another one with --set MMAR_CKPT=FILE."):
        checkpoint = read_checkpoint(path)
        weights = weights_of(checkpoint, path)
    with _said_of(path, file, place, _AS_COMPONENT):
        allowed = {"allowed_packages": list(packages)}
        if CONF not in checkpoint and (mmar.root / TRAIN_CONFIG).is_file():
            print(f"medl: {path} carries no {CONF}; its network is built from {TRAIN_CONFIG}.", flush=True)
            given, source, where = read_object(mmar.root / TRAIN_CONFIG, TRAIN_CONFIG), TRAIN_CONFIG, TRAIN_CONFIG
        else:
            given, source, where = conf_of(checkpoint, path), f"{path}: {CONF}", f"its own {CONF}"
        config = network_conf(given, mmar, path, allowed)
        network = built_network(mmar, config, allowed, file=source, device=device)
        load_weights(network, weights, path, where)
    return network


@contextlib.contextmanager
def _said_of(path: Path, file: str, place: str, remedy: str) -> Iterator[None]:
    """Give problems of a checkpoint the place in the config that names it, and what can be done there."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(
            [
                dataclasses.replace(
                    problem,
                    rule=problem.rule if str(path) in problem.rule else f"{problem.file or path}: {problem.rule}",
                    file=file,
                    path=place,
                    remedy=remedy,
                )
                for problem in error.problems
            ]
        ) from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return what a checkpoint holds; nothing in it is run.

    Raises:
        ConfigError: there is no such file, or it is none that can be read: truncated, TorchScript, or with objects in
            it that are not weights and plain values.
    """
    if not path.is_file():
        remedy = "Train first, or name another one with --model_path."
        raise ConfigError(Problem("the checkpoint has to exist", file=str(path), remedy=remedy))
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EIO):
            raise  # of a truncated file torch says "Invalid argument"
        raise ConfigError(Problem(_unreadable(path, error), file=str(path))) from error
    if not isinstance(content, Mapping):
        rule = f"a checkpoint holds weights by name, not a {type(content).__name__}"
        raise ConfigError(Problem(rule, file=str(path)))
    return dict(content)


def _unreadable(path: Path, error: Exception) -> str:
    text = " ".join(str(error).split())
    if "TorchScript" in text:
        return "this is TorchScript, which is exported already; the checkpoint that it was made of is needed"
    if found := _OBJECT.search(text):
        return f"it holds a Python object ({found[1]}) besides weights and plain values, which is never loaded"
    size, said = path.stat().st_size, _first_line(error)
    return f"it is no checkpoint that can be read: {size} bytes, truncated or damaged ({type(error).__name__}: {said})"


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[0].split())[:200].rstrip(". ") if lines else "it is empty"


def weights_of(checkpoint: Mapping[str, Any], path: Path) -> dict[str, torch.Tensor]:
    """Return the network's weights in a checkpoint: under ``model``, or the checkpoint itself.

    Raises:
        ConfigError: there are none.
    """
    found = checkpoint.get(WEIGHTS, checkpoint)
    if not isinstance(found, Mapping) or not any(isinstance(value, torch.Tensor) for value in found.values()):
        names = ", ".join(map(str, list(checkpoint)[:5])) or "nothing"
        rule = f'a checkpoint has the network\'s weights under "{WEIGHTS}", but this one has {names}'
        raise ConfigError(Problem(rule, file=str(path)))
    prefix = "module."  # of a network that was saved inside torch's DistributedDataParallel
    if all(str(name).startswith(prefix) for name in found):
        return {str(name)[len(prefix) :]: value for name, value in found.items()}
    return dict(found)


def conf_of(checkpoint: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return the config inside a checkpoint, as far as it describes the network.

    Raises:
        ConfigError: it has none.
    """
    conf = checkpoint.get(CONF)
    if isinstance(conf, Mapping):
        train = conf.get("train")
        if isinstance(train, Mapping) and "model" in train:
            return dict(conf)
        if "model" in conf:
            values = {name: value for name, value in conf.items() if not isinstance(value, dict | list)}
            return {**values, "train": {"model": conf["model"]}}
    rule = f'a checkpoint has the config of its network under "{CONF}", but this one was saved without {CONF}'
    raise ConfigError(Problem(rule, file=str(path), remedy="Give the train config with -c."))


def network_conf(
    conf: Mapping[str, Any], mmar: MMAR, path: Path, environment: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the config inside a checkpoint in today's names, checked as far as it describes the network.

    Args:
        conf: what :func:`conf_of` returned.
        mmar: whose ``custom/`` may have the network's class.
        path: the checkpoint, for messages.
        environment: the archive's own values, such as ``allowed_packages``.

    Raises:
        ConfigError: the network's part breaks a rule.
    """
    checked = check_training(
        mmar.root, dict(conf), environment, {}, f"{path}: {CONF}", Catalogue.load(), own_values=True, check_data=False
    )
    if problems := [problem for problem in checked.problems if problem.path.startswith("train.model")]:
        raise ConfigError(problems)
    return checked.config


def built_network(
    mmar: MMAR, config: dict[str, Any], variables: Mapping[str, Any], *, file: str, device: torch.device | str = "cpu"
) -> torch.nn.Module:
    """Return the untrained network of a checked config; nothing else of the config is built.

    Args:
        mmar: the archive.
        config: the config in its normal form.
        variables: its first-level values.
        file: its name, for messages.
        device: where the network shall be.

    Raises:
        ConfigError: there is none, or it cannot be built.
    """
    where = Device(torch.device(device), amp=False, cudnn_benchmark=False, tf32=False)
    parts = Parts(mmar, config, variables, file=file, folder=mmar.models, ranks=Ranks(), device=where)
    network = object_graph(parts, lambda key, graph: []).get("train", "model")
    if not isinstance(network, torch.nn.Module):
        rule = "a train config has a model that is a torch.nn.Module and not disabled"
        raise ConfigError(Problem(rule, file, "train.model"))
    return network


def load_weights(network: torch.nn.Module, weights: Mapping[str, torch.Tensor], path: Path, source: str) -> None:
    """Put weights into a network; all of them, and no others.

    Args:
        network: the network.
        weights: its state.
        path: the checkpoint, for messages.
        source: what the network was built from, for messages.

    Raises:
        ConfigError: they do not fit; the message has the first keys that differ.
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        said = differences(error) or str(error).split("\n")[0]
        rule = f"the checkpoint does not fit the network of {source}: {said}"
        remedy = "Give the config that it was trained with (-c), or take the one inside it: --from_checkpoint."
        raise ConfigError(Problem(rule, file=str(path), remedy=remedy)) from error
