"""What a config leaves unsaid: data lists, devices, file names, composed transforms, named metrics."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import IterableDataset, Subset

from medl.conf.data_list import read_data_list
from medl.conf.native_score import is_native
from medl.conf.ranks import per_rank
from medl.conf.sections import args_of, class_name, enabled
from medl.errors import ConfigError, Problem
from medl.mmar.archive import MMAR
from medl.train.case_names import CaseNames
from medl.train.checkpoints import make_atomic, saver_defaults
from medl.train.conf_state import ConfState
from medl.train.data_fraction import fraction_of, share
from medl.train.device import Device, require_device
from medl.train.distributed import Ranks
from medl.train.empty_labels import put_under_rule
from medl.train.native_space import in_millimetres
from medl.train.partition import own_batch, own_dataset, own_part

_OUTPUT_DIRS = ("save_dir", "log_dir", "output_dir")
"""Args that name a folder to write to; relative ones lie in the archive, wherever the process was started."""


@dataclass(frozen=True)
class Parts:
    """What the objects of one training have in common.

    Attributes:
        mmar: the archive.
        config: the checked config in its normal form.
        variables: its resolved first-level values.
        file: the config's name, for messages.
        folder: where checkpoints and metrics go.
        ranks: this process.
        device: where tensors live, and how exact they are.
    """

    mmar: MMAR
    config: dict[str, Any]
    variables: Mapping[str, Any]
    file: str
    folder: Path
    ranks: Ranks
    device: Device

    @property
    def conf(self) -> ConfState:
        """What ``@conf`` stands for."""
        return ConfState(self.config)

    def say(self, line: str) -> None:
        """Print what happens to this rank alone."""
        rank = f"rank {self.ranks.rank}: " if self.ranks.size > 1 else ""
        print(f"medl: {rank}{line}", flush=True)


def complete_args(
    parts: Parts, section: str, key: str, spec: Mapping[str, Any], cls: Any, args: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the args of one component with what Clara adds unasked; the user's own always win.

    Several ranks get their own part of the data and their own share of the batch.

    Args:
        parts: what the objects have in common.
        section: ``train`` or ``validate``.
        key: the section's key that the component stands under.
        spec: the component as the config has it.
        cls: its class.
        args: its resolved args.

    Raises:
        ConfigError: the data list cannot be read, or not be shared among the ranks; there is no such device.
    """
    args = dict(args)
    if key == "dataset" and "data_list_key" in spec and "data" not in args:
        args["data"] = listed_items(parts, spec)
    if (section, key) == ("train", "dataset") and isinstance(args.get("data"), list):
        args["data"] = [args["data"][index] for index in _share(parts, len(args["data"]))]
    if parts.ranks.size > 1 and key == "dataset" and isinstance(args.get("data"), list):
        args["data"] = own_part(args["data"], parts.ranks, section, file=parts.file, path=f"{section}.dataset")
    if parts.ranks.size > 1 and (section, key) == ("train", "dataloader"):
        path_of_batch = f"{section}.dataloader.args.batch_size"
        args["batch_size"] = own_batch(
            args.get("batch_size", 1), parts.ranks, parts.variables, file=parts.file, path=path_of_batch
        )
    if key == "trainer" and parts.ranks.backend == "ddp" and isinstance(args.get("network"), torch.nn.Module):
        args["network"] = _averaging_network(args["network"])
    if key in ("trainer", "evaluator"):
        if isinstance(args.get("device"), str | int | torch.device):
            require_device(args["device"], parts.file, f"{section}.{key}.args.device")
        args.setdefault("device", parts.device.device)
        if args.get("amp") and parts.device.device.type == "cpu":
            args["amp"] = False
    if key == "handlers":
        bases = {base.__name__ for base in getattr(cls, "__mro__", ())}
        if "CheckpointSaver" in bases:
            args = saver_defaults(args)
        if "MetricsSaver" in bases:
            args.setdefault("batch_transform", CaseNames(_data_folder(parts)))
        if "TensorBoardHandler" in bases and not args.get("summary_writer"):
            args.setdefault("log_dir", str(parts.folder))
        if "CheckpointLoader" in bases:
            args.setdefault("map_location", parts.device.device)
            if isinstance(args.get("load_path"), str):
                args["load_path"] = str(parts.mmar.root / args["load_path"])
    if key in ("handlers", "post_transforms"):
        for name in _OUTPUT_DIRS:
            if isinstance(args.get(name), str):
                args[name] = str(parts.mmar.root / args[name])
    return args


def listed_items(parts: Parts, spec: Mapping[str, Any]) -> list[Any]:
    """Return the items of a dataset's data list, all of them.

    Raises:
        ConfigError: the list cannot be read.
    """
    path = parts.mmar.root / str(spec["data_list_file_path"])
    base = parts.mmar.root / str(spec.get("data_file_base_dir") or path.parent)
    return read_data_list(path, str(spec["data_list_key"]), base, str(spec["data_list_file_path"]))


def _share(parts: Parts, count: int) -> list[int]:
    """Return which training items are used, and say so where not all are: at least one batch."""
    fraction = fraction_of(parts.variables, parts.file)
    if fraction is None or fraction == 1:
        return list(range(count))
    loader = enabled(parts.config["train"].get("dataloader")) or {}
    args = args_of(loader)[1]
    batch = args.get("batch_size", 1) if isinstance(args, Mapping) else 1
    least = batch if isinstance(batch, int) and not isinstance(batch, bool) else 1
    least *= parts.ranks.size if per_rank(parts.variables) else 1
    determinism = parts.variables.get("determinism")
    seed = determinism.get("random_seed", 0) if isinstance(determinism, Mapping) else 0
    found = share(count, fraction, int(seed), max(least, parts.ranks.size))
    if parts.ranks.writes:
        line = f"{len(found)} of {count} training items; the validation list stays whole"
        print(f"medl: data_fraction {fraction:g}: {line}", flush=True)
    return found


def _averaging_network(network: torch.nn.Module) -> torch.nn.Module:
    """Return a network that averages its gradients over the ranks.

    The trainer alone runs it: savers, optimizer and evaluator know the one of the config. Buffers stay each rank's own,
    as under Horovod; :mod:`medl.train.same_weights` sees to them.
    """
    wrapper = torch.nn.parallel.DistributedDataParallel
    # the name since torch 2.13, which warns of the older one
    named = inspect.signature(wrapper).parameters
    name = "forward_sync_buffers" if "forward_sync_buffers" in named else "broadcast_buffers"
    return wrapper(network, **{name: False})


def finish_component(parts: Parts, section: str, key: str, value: Any, args: Mapping[str, Any]) -> Any:
    """Return one component as the others need it: networks and losses on the device, savers that write whole files.

    Args:
        parts: what the objects have in common.
        section: ``train`` or ``validate``.
        key: the section's key that the component stands under.
        value: the component as it was built.
        args: what it was built from.
    """
    from monai.handlers import CheckpointLoader, CheckpointSaver

    from medl.train.first_weights import say_what_fails
    from medl.train.load_image import name_unreadable
    from medl.train.window_memory import with_less_memory

    if (section, key) == ("train", "dataset") and not isinstance(args.get("data"), list) and _is_cut(parts, value):
        value = Subset(value, _share(parts, len(value)))
    if key == "dataset" and parts.ranks.size > 1 and not isinstance(args.get("data"), list):
        return own_dataset(value, parts.ranks, section, file=parts.file, path=f"{section}.dataset")
    if key == "optimizer" and parts.ranks.backend == "horovod":
        from medl.train.horovod_optimizer import averaging

        return averaging(value)
    if key in ("model", "loss") and isinstance(value, torch.nn.Module):
        return value.to(parts.device.device)
    if key == "pre_transforms":
        return name_unreadable(value, _data_folder(parts))
    if (section, key) == ("validate", "inferer"):
        return with_less_memory(value, f"{'validate.' if 'train' in parts.config else ''}inferer", parts.say)
    if key in ("key_metric", "additional_metrics"):
        if section == "validate" and is_native(parts.variables):
            in_millimetres(vars(value).get("metric_fn"))
        return put_under_rule(value)
    if key == "handlers" and isinstance(value, CheckpointSaver):
        return make_atomic(value)
    if key == "handlers" and isinstance(value, CheckpointLoader):
        switch = "dont_load_ckpt_model" in parts.variables
        return say_what_fails(value, parts.file, f"{section}.handlers", has_switch=switch)
    return value


def _data_folder(parts: Parts) -> Path:
    return parts.mmar.root / str(parts.variables.get("DATA_ROOT") or "")


def _is_cut(parts: Parts, dataset: Any) -> bool:
    """Return whether a dataset that found its items itself is to give a share of them.

    Raises:
        ConfigError: it is, but has no length.
    """
    fraction = fraction_of(parts.variables, parts.file)
    if fraction is None or fraction == 1:
        return False
    if isinstance(dataset, IterableDataset) or not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        rule = "data_fraction needs a dataset that has a length and gives items by their place"
        remedy = "Give the dataset a data list (data_list_key), or leave data_fraction out."
        raise ConfigError(Problem(rule, parts.file, "train.dataset", type(dataset).__name__, remedy))
    return True


def composed(values: list[Any]) -> Any:
    """Return a list of transforms as one, or ``None`` where there are none."""
    from monai.transforms import Compose

    return Compose(values) if values else None


def log_label(spec: Mapping[str, Any]) -> str:
    """Return the name of a metric in logs and files: its ``log_label``, else its class's name."""
    return str(spec.get("log_label") or class_name(spec))
