"""A trained archive as a MONAI Bundle: configs, weights and TorchScript in one new folder."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import medl
from medl.conf.catalogue import Catalogue
from medl.errors import ConfigError
from medl.mmar.archive import MMAR
from medl.mmar.bundle import TRAIN_CONFIG, inference_config, metadata, portable_config, readme
from medl.mmar.bundle_training import train_config
from medl.mmar.files import write_json, write_text
from medl.train.checkpoints import save_checkpoint
from medl.train.export import Exported, export, output_of, refuse_existing

_PACKAGES = ("monai", "numpy", "pytorch-ignite", "nibabel")


def export_bundle(
    mmar: MMAR,
    config: Mapping[str, Any],
    raw: Mapping[str, Any],
    values: Mapping[str, Any],
    network: torch.nn.Module,
    shape: Sequence[int],
    target: Path,
    *,
    file: str,
    verify: bool = True,
) -> Exported:
    """Write a bundle; its folder appears under its name when it is complete.

    Args:
        mmar: the archive; its ``custom/`` goes along where the bundle needs it.
        config: the checked config in its normal form.
        raw: the config as it is in its file, from which ``medl new --from-bundle`` makes an archive again.
        values: what environment.json and the command line set besides.
        network: with its weights, on the CPU.
        shape: of the input that it is tried with.
        target: the new folder.
        file: the config's name, for messages.
        verify: whether the TorchScript in it is run and compared.

    Raises:
        ConfigError: the target exists, or something in the config has no meaning in a bundle.
        ExportError: the network cannot be exported.
    """
    refuse_existing(target)
    output = output_of(network, shape)
    classification = output.ndim == 2
    inference, own_code = inference_config(config, Catalogue.load(), file, classification=classification)
    versions = {name: version(name) for name in _PACKAGES}
    versions |= {"torch": torch.__version__.partition("+")[0], "medl": medl.__version__}
    described = metadata(
        name=mmar.name,
        input_shape=shape,
        output_shape=tuple(output.shape),
        classification=classification,
        versions=versions,
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        part = Path(folder) / "bundle"
        for name in ("configs", "models", "docs"):
            (part / name).mkdir(parents=True)
        write_json(part / "configs" / "inference.json", inference)
        write_json(part / "configs" / "metadata.json", described)
        write_json(part / "configs" / TRAIN_CONFIG, portable_config(raw, values, mmar.root))
        note = _write_training(part, config, file, mmar.root, classification=classification)
        write_text(part / "docs" / "README.md", readme(mmar.name, own_code=own_code, trains=not note))
        if (own := mmar.root / "docs" / "license.txt").is_file():
            shutil.copyfile(own, part / "LICENSE")
        if own_code and mmar.custom.is_dir():
            shutil.copytree(mmar.custom, part / "custom", ignore=shutil.ignore_patterns("__pycache__", ".gitkeep"))
        save_checkpoint(part / "models" / "model.pt", network.state_dict())
        exported = export(network, shape, part / "models" / "model.ts", verify=verify)
        refuse_existing(target)
        os.replace(part, target)
    return dataclasses.replace(exported, notes=(*exported.notes, note)) if note else exported


def _write_training(part: Path, config: Mapping[str, Any], file: str, root: Path, *, classification: bool) -> str:
    """Write train.json, and return why there is none: an export does not fail for it."""
    try:
        made = train_config(config, Catalogue.load(), file, root, classification=classification)
    except ConfigError as error:
        first, more = error.problems[0], len(error.problems) - 1
        others = f" (and {more} more)" if more else ""
        return f"configs/train.json is left out: {first.path}: {first.rule}{others}."
    write_json(part / "configs" / "train.json", made)
    return ""
