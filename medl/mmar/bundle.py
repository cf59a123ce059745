"""The files of a MONAI Bundle that say how to use an archive's network: inference.json, metadata.json, README.

No weights are read here; :mod:`medl.train.export_bundle` puts them beside. Source: the MONAI Bundle specification,
https://docs.monai.io/en/stable/mb_specification.html.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medl.conf.catalogue import Catalogue
from medl.conf.json_path import child
from medl.conf.marks import Mark, mark_of
from medl.conf.sections import ONE_COMPONENT, args_of, full_name, is_component, is_disabled
from medl.errors import ConfigError, Problem

NAMES = {
    "pre_transforms": "preprocessing",
    "post_transforms": "postprocessing",
    "model": "network",
    "inferer": "inferer",
    "device": "device",
}
"""What a config's object is called in a bundle."""

IMAGE, LABEL, PRED = "image", "label", "pred"
SCHEMA = "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
TRAIN_CONFIG = "config_train.json"
"""The archive's own train config in the bundle's configs/: what an archive is made of again."""
DATA_PLACES = ("DATA_ROOT", "DATASET_JSON")
PLACE_VARIABLES = {"data_list_file_path": "{DATASET_JSON}", "data_file_base_dir": "{DATA_ROOT}"}
"""What a dataset's places are called where they are another machine's."""
PER_KEY = frozenset(
    "mode padding_mode align_corners dtype argmax to_onehot threshold rounding softmax sigmoid other allow_smaller "
    "num_components is_onehot min_size applied_labels independent constant_values allow_missing_key meta_keys "
    "offset factor nonzero channel_wise subtrahend divisor orig_keys nearest_interp to_tensor device recompute_affine "
    "orig_meta_keys meta_key_postfix transform".split()
)
"""Args of dictionary transforms that may have a value for each key."""
_SPATIAL = ("monai.transforms.spatial.", "monai.transforms.croppad.")
_REFERENCE = re.compile(r"@([A-Za-z_]\w*)")


class Translation:
    """Components of a config as a bundle has them.

    Args:
        config: the checked config in its normal form.
        catalogue: the components.
        file: the config's name, for messages.
        names: what ``@name`` is called in the bundle.
    """

    def __init__(self, config: Mapping[str, Any], catalogue: Catalogue, file: str, names: Mapping[str, str] = NAMES):
        self.config = config
        self.names = names
        self.catalogue = catalogue
        self.file = file
        self.problems: list[Problem] = []
        self.own_code = False

    def one(self, section: str, key: str) -> tuple[dict[str, Any] | None, str]:
        """Return the enabled component of a key, or ``None``, and its JSON path."""
        path, value = child(section, key), self.config.get(section, {}).get(key)
        if isinstance(value, list) and key in ONE_COMPONENT:
            for index, item in enumerate(value):
                if is_component(item) and not is_disabled(item):
                    return item, child(path, index)
            return None, path
        return (value, path) if is_component(value) and not is_disabled(value) else (None, path)

    def component(self, spec: Mapping[str, Any], path: str) -> dict[str, Any]:
        """Return a component with ``_target_`` and its args."""
        name = full_name(spec)
        entry = self.catalogue.find(name)
        if entry is None:
            self.own_code = True
        where, args = args_of(spec)
        made = {key: self.value(item, child(child(path, where), key)) for key, item in args.items()}
        if entry is not None:  # torch.optim takes the names of its modules away
            name = f"torch.optim.{entry.name}" if "torch.optim" in entry.packages else entry.dotted
        return {"_target_": name, **made}

    def value(self, value: Any, path: str) -> Any:
        """Return a value with its marks in the bundle's words; a text that a bundle would run is a problem."""
        if isinstance(value, dict):
            return {key: self.value(item, child(path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, child(path, index)) for index, item in enumerate(value)]
        if not isinstance(value, str):
            return value
        mark = mark_of(value)
        if mark is Mark.PLAIN:
            if value[:1] in ("$", "%", "@"):
                self._refuse(path, value, "a bundle takes a text that begins with $, % or @ for code")
            return value
        for name in _REFERENCE.findall(value):
            if name not in self.names:
                kind = " for inference" if self.names is NAMES else ""
                self._refuse(path, value, f'a bundle{kind} has no "{name}"')
        text = _REFERENCE.sub(lambda found: f"@{self.names.get(found[1], found[1])}", value)
        return {Mark.REFERENCE: text, Mark.EXPRESSION: "$" + text[1:].strip(), Mark.LAMBDA: "$" + text}[mark]

    def transforms(self, key: str) -> list[dict[str, Any]]:
        """Return the validation's transforms of a key as they are without labels."""
        specs = self.config.get("validate", {}).get(key) or self.config.get("train", {}).get(key) or []
        section = "validate" if self.config.get("validate", {}).get(key) else "train"
        made = []
        for index, spec in enumerate(specs):
            if not is_component(spec) or is_disabled(spec) or full_name(spec).rpartition(".")[2].startswith("Rand"):
                continue
            one = without_label(self.component(spec, child(child(section, key), index)))
            if one is not None:
                made.append(one)
        return made

    def is_spatial(self, made: Mapping[str, Any]) -> bool:
        """Return whether a transform changes an image's geometry."""
        return str(made["_target_"]).startswith(_SPATIAL)

    def _refuse(self, path: str, value: str, rule: str) -> None:
        remedy = "Write a function in custom/ and name it with path."
        self.problems.append(Problem(rule, self.file, path, value, remedy))


def without_label(made: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a transform that leaves labels alone, ``None`` where it does nothing else.

    >>> without_label({"_target_": "T", "keys": ["image", "label"], "mode": ["bilinear", "nearest"]})
    {'_target_': 'T', 'keys': ['image'], 'mode': ['bilinear']}
    """
    keys = made.get("keys")
    if keys == LABEL:
        return None
    if not isinstance(keys, list) or LABEL not in keys:
        result = dict(made)
    else:
        kept = [index for index, key in enumerate(keys) if key != LABEL]
        if not kept:
            return None
        result = {
            name: [value[index] for index in kept]
            if name == "keys" or (name in PER_KEY and isinstance(value, list) and len(value) == len(keys))
            else value
            for name, value in made.items()
        }
    for name, value in made.items():  # what crops around the label has none
        if name in ("source_key", "label_key") and value == LABEL:
            return None
    return result


def inference_config(
    config: Mapping[str, Any], catalogue: Catalogue, file: str, *, classification: bool
) -> tuple[dict[str, Any], bool]:
    """Return a bundle's inference.json, and whether it needs the archive's ``custom/``.

    Args:
        config: the checked config in its normal form.
        catalogue: the components.
        file: the config's name, for messages.
        classification: whether the network gives classes of a case rather than of its voxels.

    Raises:
        ConfigError: something in it has no meaning in a bundle; all problems.
    """
    to = Translation(config, catalogue, file)
    model, model_path = to.one("train", "model")
    if model is None:
        raise ConfigError(Problem("a train config has a model that is not disabled", file, "train.model"))
    network = to.component(model, model_path)
    before, after = to.transforms("pre_transforms"), to.transforms("post_transforms")
    inferer, inferer_path = to.one("validate", "inferer")
    made_inferer = (
        to.component(inferer, inferer_path)
        if inferer is not None
        else {"_target_": "monai.inferers.inferer.SimpleInferer"}
    )
    if to.problems:
        raise ConfigError(to.problems)
    handlers: list[dict[str, Any]] = [
        {
            "_target_": "monai.handlers.CheckpointLoader",
            "load_path": "$@bundle_root + '/models/model.pt'",
            "load_dict": {"model": "@network"},
            "map_location": "@device",
        }
    ]
    if classification:
        handlers.append(
            {
                "_target_": "monai.handlers.ClassificationSaver",
                "output_dir": "@output_dir",
                "batch_transform": "$lambda batch: [item['image'].meta for item in batch]",
                "output_transform": "$monai.handlers.from_engine(['pred'])",
            }
        )
    else:
        after = _as_label_map(after, invert=any(to.is_spatial(one) for one in before))
    return {
        "imports": ["$import glob", "$import os", "$import torch"],
        "bundle_root": ".",
        "output_dir": "$@bundle_root + '/eval'",
        "dataset_dir": "$@bundle_root + '/data'",
        "file_pattern": "*.nii.gz" if not classification else "*",
        "datalist": "$sorted(glob.glob(os.path.join(@dataset_dir, @file_pattern)))",
        "data": "$[{'image': path} for path in @datalist]",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "network_def": network,
        "network": "$@network_def.to(@device)",
        "preprocessing": {"_target_": "monai.transforms.Compose", "transforms": before},
        "dataset": {"_target_": "monai.data.Dataset", "data": "@data", "transform": "@preprocessing"},
        "dataloader": {
            "_target_": "monai.data.DataLoader",
            "dataset": "@dataset",
            "batch_size": 1,
            "shuffle": False,
            "num_workers": 0,
        },
        "inferer": made_inferer,
        "postprocessing": {"_target_": "monai.transforms.Compose", "transforms": after},
        "handlers": handlers,
        "evaluator": {
            "_target_": "monai.engines.SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@dataloader",
            "network": "@network",
            "inferer": "@inferer",
            "postprocessing": "@postprocessing",
            "val_handlers": "@handlers",
        },
        "initialize": [],
        "run": ["$@evaluator.run()"],
        "finalize": [],
    }, to.own_code


def _as_label_map(after: Sequence[Mapping[str, Any]], *, invert: bool) -> list[dict[str, Any]]:
    """Return post transforms that save one label map per case, in the geometry of its image."""
    made: list[dict[str, Any]] = []
    names = [str(one["_target_"]).rpartition(".")[2] for one in after]
    if invert and not any(name.startswith("Invert") for name in names):
        made.append(
            {
                "_target_": "monai.transforms.Invertd",
                "keys": PRED,
                "transform": "@preprocessing",
                "orig_keys": IMAGE,
                "nearest_interp": False,
                "to_tensor": True,
            }
        )
    for one in after:
        one = dict(one)
        if str(one["_target_"]).rpartition(".")[2].startswith("AsDiscrete") and _is_on(one.get("argmax")):
            one.pop("to_onehot", None)  # that is for the metrics
        made.append(one)
    if not any(name.startswith("SaveImage") for name in names):
        save = {"_target_": "monai.transforms.SaveImaged", "keys": PRED, "output_dir": "@output_dir"}
        made.append({**save, "output_postfix": "seg", "resample": False, "separate_folder": False})
    return made


def _is_on(value: Any) -> bool:
    return value is True or (isinstance(value, list) and any(one is True for one in value))


def metadata(
    *,
    name: str,
    input_shape: Sequence[int],
    output_shape: Sequence[int],
    classification: bool,
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """Return a bundle's metadata.json.

    Args:
        name: of the archive.
        input_shape: that the network was tried with: batch, channels, size.
        output_shape: what it gave.
        classification: whether the network gives classes of a case.
        versions: package to version: ``monai``, ``torch``, ``numpy``, ``pytorch-ignite``, ``nibabel``, ``medl``.
    """
    channels = {str(index): f"class {index}" for index in range(output_shape[1])}
    return {
        "schema": SCHEMA,
        "version": "0.1.0",
        "changelog": {"0.1.0": f"exported from a model archive by medl {versions['medl']}"},
        "monai_version": versions["monai"],
        "pytorch_version": versions["torch"],
        "numpy_version": versions["numpy"],
        "required_packages_version": {package: versions[package] for package in ("pytorch-ignite", "nibabel")},
        "name": name,
        "task": "classification" if classification else "segmentation",
        "description": f"The network of the model archive {name}",
        "authors": "",
        "copyright": "",
        "network_data_format": {
            "inputs": {
                IMAGE: {
                    "type": "image",
                    "format": "magnitude",
                    "num_channels": input_shape[1],
                    "spatial_shape": list(input_shape[2:]),
                    "dtype": "float32",
                    "value_range": [],
                    "is_patch_data": not classification,
                    "channel_def": {str(index): f"image {index}" for index in range(input_shape[1])},
                }
            },
            "outputs": {
                PRED: {
                    "type": "probabilities" if classification else "image",
                    "format": "classes" if classification else "segmentation",
                    "num_channels": output_shape[1],
                    "spatial_shape": list(output_shape[2:]),
                    "dtype": "float32",
                    "value_range": [],
                    "is_patch_data": not classification,
                    "channel_def": channels,
                }
            },
        },
    }


def portable_config(raw: Mapping[str, Any], values: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return a train config that names no place of this machine.

    Args:
        raw: the config as it is in its file, or as it is inside a checkpoint.
        values: what environment.json and the command line set; those that are no places go into the config.
        root: the archive; paths inside it become relative to it.
    """

    def is_place(name: str) -> bool:
        return name.startswith("MMAR_") or name in DATA_PLACES

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: PLACE_VARIABLES[key] if key in PLACE_VARIABLES and _is_absolute(item) else moved(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [moved(item) for item in value]
        if _is_absolute(value):
            with contextlib.suppress(ValueError):
                return os.path.normpath(Path(value).relative_to(root)) if value else value
        return value

    own = {key: value for key, value in values.items() if not is_place(key) and not isinstance(value, dict | list)}
    kept = {key: value for key, value in raw.items() if not is_place(key)}
    return {**own, **moved(kept), **{key: value for key, value in own.items() if key in kept}}


def _is_absolute(value: Any) -> bool:
    return isinstance(value, str) and os.path.isabs(value)


def readme(name: str, *, own_code: bool, trains: bool = False) -> str:
    """Return the bundle's README.

    Args:
        name: of the archive.
        own_code: whether it needs the classes in ``custom/``.
        trains: whether it has a train.json.
    """
    path = "PYTHONPATH=custom " if own_code else ""
    train = f"""Train with MONAI alone, on a folder with dataset.json and its images; checkpoints go to models/:

    {path}python -m monai.bundle run --config_file configs/train.json --dataset_dir FOLDER

"""
    train = train if trains else ""
    return f"""# {name}

Run in this folder; the predictions go to eval/:

    {path}python -m monai.bundle run --config_file configs/inference.json --dataset_dir FOLDER_OF_IMAGES

{train}Check and export:

    {path}python -m monai.bundle verify_net_in_out network_def --meta_file configs/metadata.json \\
        --config_file configs/inference.json
    {path}python -m monai.bundle ckpt_export network_def --filepath models/again.ts --ckpt_file models/model.pt \\
        --meta_file configs/metadata.json --config_file configs/inference.json

Train further with medl: `medl new --from-bundle . ARCHIVE` makes a model archive of this bundle.
"""
