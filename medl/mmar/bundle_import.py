"""An archive made of a MONAI Bundle: its network, weights, transforms and inferer in the template's training.

Nothing of the bundle is run: references are followed, and what a bundle computes (``$…``) is taken over only where it
means a value or a function that a config here may have.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medl.conf.catalogue import Catalogue
from medl.conf.check import check_training
from medl.conf.expression import ExpressionError, parse_expression
from medl.conf.json_path import child
from medl.conf.load import read_object
from medl.errors import ConfigError, MedlError, Problem
from medl.mmar.archive import MMAR, create
from medl.mmar.bundle import IMAGE, LABEL, TRAIN_CONFIG
from medl.mmar.bundle_file import config_files, read_config
from medl.mmar.copied import copy_folder, require_inside
from medl.mmar.files import write_json

CONFIGS = ("train", "inference", "evaluate")
"""Where a bundle may describe its network, best first."""
NETWORK = ("network_def", "network", "net")
BEFORE = ("preprocessing", "train#preprocessing", "validate#preprocessing")
AFTER = ("validate#postprocessing", "postprocessing")
INFERER = ("inferer", "validate#inferer")
_SPATIAL = ("monai.transforms.spatial.", "monai.transforms.croppad.")
_FOR_LABELS = ("LoadImage", "EnsureChannelFirst", "EnsureType", "EnsureTyped")
_INTERPOLATING = frozenset(
    f"{prefix}{name}d"
    for prefix in ("", "Rand")
    for name in ("Spacing", "Resize", "Zoom", "Rotate", "Affine", "ResampleToMatch", "GridDistortion")
)
_WHOLE_REFERENCE = re.compile(r"[@%]([\w#:]+)")
_LEFT_OUT = ("Invert", "SaveImage", "Lambda")
_MARKS = ("_target_", "_disabled_", "_requires_", "_desc_", "_mode_")


@dataclass
class _Bundle:
    """One config of a bundle, with its references followed."""

    content: Mapping[str, Any]
    file: str
    problems: list[Problem] = field(default_factory=list)

    def find(self, places: tuple[str, ...]) -> tuple[str, Any]:
        """Return the first of the places that there is, and its value; an empty text where there is none."""
        for place in places:
            try:
                return place, self._at(place)
            except KeyError:
                continue
        return "", None

    def _at(self, place: str) -> Any:
        value: Any = self.content
        for name in re.split(r"#|::", place):
            if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
                value = value[int(name)]
            elif isinstance(value, Mapping) and name in value:
                value = value[name]
            else:
                raise KeyError(place)
        return value

    def plain(self, value: Any, path: str, depth: int = 0) -> Any:
        """Return a value with references followed; what only a bundle can compute is a problem."""
        if depth > 32:
            self.problems.append(Problem("references have to end somewhere", self.file, path))
            return None
        if isinstance(value, Mapping):
            return {str(key): self.plain(item, child(path, str(key)), depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self.plain(item, child(path, index), depth + 1) for index, item in enumerate(value)]
        if not isinstance(value, str) or value[:1] not in ("@", "$", "%"):
            return value
        text = value[1:].strip() if value.startswith("$") else value
        if found := _WHOLE_REFERENCE.fullmatch(text):
            try:
                return self.plain(self._at(found[1]), path, depth + 1)
            except KeyError:
                rule = f'"{text}" names nothing in the bundle'
                self.problems.append(Problem(rule, self.file, path))
                return None
        try:  # a number, a list of numbers …
            return json.loads(text.replace("None", "null").replace("True", "true").replace("False", "false"))
        except ValueError:
            pass
        if text.startswith("lambda"):
            try:
                parse_expression(text)
                return text
            except ExpressionError:
                pass
        rule = "a config is data: what a bundle computes cannot be taken over"
        remedy = "Write the value itself into the bundle's config, then make the archive."
        self.problems.append(Problem(rule, self.file, path, value, remedy))
        return None

    def component(self, value: Any, path: str, catalogue: Catalogue) -> dict[str, Any] | None:
        """Return a component in this config language, ``None`` where it is disabled or none."""
        if isinstance(value, Mapping):  # the training has a device for all
            value = {key: item for key, item in value.items() if key != "device"}
        made = self.plain(value, path)
        if not isinstance(made, dict) or not isinstance(made.get("_target_"), str) or made.get("_disabled_") is True:
            return None
        target = made["_target_"]
        entry = catalogue.find(target)
        name = {"name": entry.name} if entry is not None else {"path" if "." in target else "name": target}
        return {**name, "args": {key: item for key, item in made.items() if key not in _MARKS}}


def archive_from_bundle(bundle_dir: str | os.PathLike[str], target: str | os.PathLike[str]) -> list[str]:
    """Make an archive of a bundle, and return what to know about it, a line each.

    A bundle that medl exported gives its train config back as it was. Any other gives the template's training with the
    bundle's network, transforms, inferer and weights.

    Args:
        bundle_dir: the bundle.
        target: the new archive; must not exist, or be an empty folder.

    Raises:
        ConfigError: it is no bundle, or something in it cannot be taken over; all problems.
        MedlError: the target is in the way.
    """
    bundle, target = Path(bundle_dir), Path(target)
    configs = bundle / "configs"
    if not configs.is_dir():
        remedy = "Give the folder that has configs/ and models/ in it."
        raise ConfigError(Problem("a MONAI Bundle is a folder with configs/ in it", file=str(bundle), remedy=remedy))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise MedlError(f"{target} exists; a new archive never overwrites a folder. Choose another place.")
    catalogue = Catalogue.load()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
        mmar = create(Path(folder) / "archive")
        shutil.rmtree(mmar.root / "data")  # the template's; in a folder of our own making
        (mmar.root / "data").mkdir()
        notes = _fill(mmar, bundle, catalogue)
        if target.exists():
            target.rmdir()
        os.rename(mmar.root, target)
    return notes


def _fill(mmar: MMAR, bundle: Path, catalogue: Catalogue) -> list[str]:
    homes = _homes(bundle)
    for path in (bundle / "configs").iterdir():
        if path.is_file():
            require_inside(path, bundle, homes)
    own = bundle / "configs" / TRAIN_CONFIG
    if own.is_file():
        file, config = f"configs/{TRAIN_CONFIG}", read_object(own)
        notes = [f"the training is the one that made the bundle ({file})."]
    else:
        config, file = _template_with(mmar, bundle, catalogue)
        notes = [f"the network, transforms and inferer are those of {file}; loss, optimizer and epochs the template's."]
    switch = "dont_load_ckpt_model"
    has_weights = (bundle / "models" / "model.pt").is_file()
    if isinstance(config.get(switch), bool) and not (has_weights and own.is_file()):
        config[switch] = not has_weights
    if config.get(switch) is False:
        notes.append(f"train.sh begins with the bundle's weights; {switch}=true begins with none.")
    elif not has_weights:
        notes.append("the bundle has no models/model.pt, so the archive has no weights.")
    for name in ("model.pt", "model.ts"):
        if (weights := bundle / "models" / name).is_file():
            shutil.copyfile(require_inside(weights, bundle, homes), mmar.models / name)
    for name in ("custom", "scripts"):
        if (code := bundle / name).is_dir():
            place = mmar.custom if name == "custom" else mmar.custom / name
            copy_folder(code, place, inside=[bundle, *homes])
            notes.append(f"the bundle's own Python ({name}/) is in custom/: read it before you run it.")
    if (licence := bundle / "LICENSE").is_file():
        shutil.copyfile(require_inside(licence, bundle, homes), mmar.root / "docs" / "license.txt")
    environment = read_object(mmar.environment)
    check_training(mmar.root, config, environment, {}, file, catalogue, own_values=True, check_data=False).require()
    write_json(mmar.train_config, config)
    notes.append("name your data: DATA_ROOT and DATASET_JSON in config/environment.json.")
    return notes


def _homes(bundle: Path) -> list[Path]:
    """Return where a bundle's links may lead besides itself: the files of the hub's cache that it lies in."""
    folder = bundle.resolve()
    return [folder.parent.parent / "blobs"] if folder.parent.name == "snapshots" else []


def _template_with(mmar: MMAR, bundle: Path, catalogue: Catalogue) -> tuple[dict[str, Any], str]:
    """Return the template's train config with a bundle's parts in it, and the bundle's file that they are from."""
    for path in config_files(bundle / "configs", CONFIGS):
        file = f"configs/{path.name}"
        source = _Bundle(read_config(path, file), file)
        place, network = source.find(NETWORK)
        if place and isinstance(network, Mapping) and "_target_" in network:
            break
    else:
        has = ", ".join(sorted(path.name for path in (bundle / "configs").iterdir())) or "nothing"
        names = "train.json or inference.json (or .yaml)"
        rule = f"a bundle's {names} describes its network under network_def, but configs/ has {has}"
        raise ConfigError(Problem(rule, file=str(bundle)))
    model = source.component(network, place, catalogue)
    if source.problems or model is None:
        raise ConfigError(source.problems or [Problem("a bundle's network is enabled", source.file, place)])
    config = read_object(mmar.train_config)
    config.pop("search", None)
    train, validate = config["train"], config["validate"]
    train["model"] = model
    if before := _transforms(source, BEFORE, catalogue):
        train["pre_transforms"] = [with_label(spec, catalogue) for spec in before]
        random = [s for s in train["pre_transforms"] if str(s.get("name", "")).startswith("Rand")]
        validate["pre_transforms"] = [dict(s) for s in train["pre_transforms"] if s not in random]
    classes = model["args"].get("out_channels")
    for spec in validate["post_transforms"]:
        if spec.get("name") == "AsDiscreted" and isinstance(classes, int):
            spec["args"]["to_onehot"] = classes
    place, inferer = source.find(INFERER)
    if place and (made := source.component(inferer, place, catalogue)) is not None:
        allowed = {"roi_size", "sw_batch_size", "overlap", "mode", "padding_mode", "cval", "sigma_scale"}
        made["args"] = {key: value for key, value in made["args"].items() if key in allowed}
        validate["inferer"] = made
        window = made["args"].get("roi_size")
        if isinstance(window, list) and not any("Rand" in str(s.get("name")) for s in train["pre_transforms"]):
            keys = {"keys": [IMAGE, LABEL]}
            train["pre_transforms"] += [
                {"name": "SpatialPadd", "args": {**keys, "spatial_size": window}},
                {"name": "RandSpatialCropd", "args": {**keys, "roi_size": window, "random_size": False}},
            ]
    if source.problems:
        raise ConfigError(source.problems)
    return config, source.file


def _transforms(source: _Bundle, places: tuple[str, ...], catalogue: Catalogue) -> list[dict[str, Any]]:
    place, value = source.find(places)
    path = place
    if isinstance(value, Mapping) and "transforms" in value:
        value, path = value["transforms"], f"{place}#transforms"
    if isinstance(value, str):  # "$@train#deterministic_transforms + @train#random_transforms"
        parts = [part.strip() for part in value.lstrip("$").split("+")]
        found = [source.plain(part, path) for part in parts]
        value = [item for part in found if isinstance(part, list) for item in part]
    made = []
    for index, spec in enumerate(value if isinstance(value, list) else []):
        one = source.component(spec, child(path, index), catalogue)
        if one is not None and not str(one.get("name", "")).startswith(_LEFT_OUT):
            made.append(one)
    return made


def with_label(spec: dict[str, Any], catalogue: Catalogue) -> dict[str, Any]:
    """Return a transform of images that does to the label what has to be done to both, without interpolating it."""
    name, args = str(spec.get("name", "")), spec["args"]
    entry = catalogue.find(name)
    both = name.startswith(_FOR_LABELS) or (entry is not None and entry.module.startswith(_SPATIAL))
    if args.get("keys") not in (IMAGE, [IMAGE]) or not both:
        return spec
    made = {**args, "keys": [IMAGE, LABEL]}
    mode = made.get("mode")
    if name in _INTERPOLATING:
        made["mode"] = [(mode[0] if isinstance(mode, list) else mode) or "bilinear", "nearest"]
    return {**spec, "args": made}
