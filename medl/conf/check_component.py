"""The check of one component: that its class exists and may be named there, and that its args fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medl.conf.catalogue import ROLES, Catalogue, serves
from medl.conf.component import ALLOWED_PACKAGES, place_problem
from medl.conf.parameters import UNKNOWN, Signature
from medl.conf.refused_args import refused_args
from medl.conf.sections import Place, args_of, full_name
from medl.conf.signature import NameMissing, Sources
from medl.errors import Problem, near_names

REMEDIES: Mapping[tuple[str, str], str] = {
    ("optimizer", "params"): 'Write "params": "#@model.parameters()".',
    ("lr_scheduler", "optimizer"): 'Write "optimizer": "@optimizer".',
    ("dataset", "data"): "Name the data list beside args: data_list_file_path, data_list_key and data_file_base_dir.",
    ("dataset", "transform"): 'Write "transform": "@pre_transforms".',
    ("dataloader", "dataset"): 'Write "dataset": "@dataset".',
    ("trainer", "max_epochs"): 'Write "max_epochs": "{epochs}".',
    ("trainer", "train_data_loader"): 'Write "train_data_loader": "@dataloader".',
    ("trainer", "network"): 'Write "network": "@model".',
    ("trainer", "optimizer"): 'Write "optimizer": "@optimizer".',
    ("trainer", "loss_function"): 'Write "loss_function": "@loss".',
    ("evaluator", "val_data_loader"): 'Write "val_data_loader": "@dataloader".',
    ("evaluator", "network"): 'Write "network": "@model".',
    ("handlers", "validator"): 'Write "validator": "@evaluator".',
    ("handlers", "lr_scheduler"): 'Write "lr_scheduler": "@lr_scheduler".',
    ("handlers", "save_dict"): 'Write "save_dict": {"model": "@model"}.',
    ("handlers", "load_dict"): 'Write "load_dict": {"model": "@model"}.',
}
"""Section key and missing arg to what to write; the args that the older, implicit style left out."""

_NEEDED_KIND = {
    "metric": "a metric that an engine can run, from monai.handlers or ignite.metrics",
    "lr_scheduler": "a learning rate scheduler",
    "dataloader": "a data loader",
    "handler": "a handler",
    "inferer": "an inferer",
    "optimizer": "an optimizer",
    "evaluator": "an evaluator",
}
_TENSOR_METRICS = {
    "DiceMetric": "MeanDice",
    "HausdorffDistanceMetric": "HausdorffDistance",
    "SurfaceDistanceMetric": "SurfaceDistance",
    "ConfusionMatrixMetric": "ConfusionMatrix",
    "ROCAUCMetric": "ROCAUC",
    "MeanIoU": "MeanIoUHandler",
    "MSEMetric": "MeanSquaredError",
    "MAEMetric": "MeanAbsoluteError",
    "RMSEMetric": "RootMeanSquaredError",
    "PSNRMetric": "PeakSignalToNoiseRatio",
}


@dataclass
class ComponentCheck:
    """Checks components one after the other, keeping the sources it has read.

    Args:
        catalogue: the components that are known.
        folders: where the user's own modules lie.
        packages: further packages that ``path`` may name.
        file: the name shown in problems.
    """

    catalogue: Catalogue
    folders: tuple[Path, ...]
    packages: Collection[str] = ()
    file: str = ""
    sources: Sources = field(init=False)

    def __post_init__(self) -> None:
        self.sources = Sources(self.folders)

    def problems(self, place: Place) -> list[Problem]:
        """Return what is wrong with the component's class and args; nothing is imported."""
        label = full_name(place.spec)
        if not label:
            return []  # a ref, or a shape that the schema has said already
        found: list[Problem] = []
        signature = self._signature(label, place, found)
        where, args = args_of(place.spec)
        if not isinstance(args, dict):
            return found
        found += signature.problems(
            args,
            label.rpartition(".")[2],
            self.file,
            f"{place.path}.{where}",
            given=_given(place),
            remedies={arg: text for (key, arg), text in REMEDIES.items() if key == place.key},
        )
        if not self._is_own(label, place):
            found += refused_args(
                args,
                folders=self.folders,
                packages=(*ALLOWED_PACKAGES, *self.packages),
                file=self.file,
                path=f"{place.path}.{where}",
            )
        return found

    def _signature(self, label: str, place: Place, found: list[Problem]) -> Signature:
        """Return what the class takes, adding to ``found`` what is wrong with its name."""
        by_path = bool(place.spec.get("path"))
        path = f"{place.path}.{'path' if by_path else 'name'}"
        own = self._is_own(label, place)
        entry = None if own else self.catalogue.find(label, place.key)
        if entry is not None and ("." in label or not by_path):
            if not serves(entry, place.key):
                found.append(self._wrong_kind(entry.name, entry.kind, place, path))
                return UNKNOWN
            return entry.signature
        if "." not in label:
            rule = f'there is no component "{label}"'
            remedy = 'A class of your own is named by "path": "module.Class", its module in custom/.'
            if by_path:
                rule, remedy = (
                    'path is "module.Class"',
                    f'Write "name": "{label}" for a class of MONAI, torch or ignite.',
                )
            near = self.catalogue.near(label, place.key)
            found.append(Problem(rule=rule, file=self.file, path=path, near=near, remedy=remedy))
            return UNKNOWN
        refused = place_problem(label, self.folders, (*ALLOWED_PACKAGES, *self.packages), self.file, path)
        if refused is not None:
            near = tuple(f"{module}.{label.rpartition('.')[2]}" for module in self._near_modules(label))
            found.append(dataclasses.replace(refused, near=refused.near or near))
            return UNKNOWN
        try:
            return self.sources.signature(label)
        except NameMissing as error:
            near = error.near
            if not near and not own:  # what MONAI has says nothing about the user's own module
                near = tuple(self._dotted(name) for name in self.catalogue.near(label, place.key))
            found.append(Problem(rule=error.reason, file=self.file, path=path, value=label, near=near))
            return UNKNOWN

    def _is_own(self, label: str, place: Place) -> bool:
        """Return whether a class is the user's own, from custom/ or PYTHONPATH."""
        module = label.rpartition(".")[0]
        return bool(place.spec.get("path")) and self.sources.module_file(module, installed=False) is not None

    def _wrong_kind(self, name: str, kind: str, place: Place, path: str) -> Problem:
        wanted = ROLES[place.key][0]
        remedy, near = "", tuple(self.catalogue.near(name, place.key, others=False))
        if wanted == "metric" and kind == "tensor_metric":
            near = (_TENSOR_METRICS[name],) if name in _TENSOR_METRICS else near
            remedy = "Classes of monai.metrics work on tensors, not in an engine."
        needed, is_a = _NEEDED_KIND.get(wanted, _a(wanted)), _a(kind.replace("_", " "))
        return Problem(
            rule=f"{place.key} needs {needed}, but {name} is {is_a}",
            file=self.file,
            path=path,
            near=near,
            remedy=remedy,
        )

    def _near_modules(self, label: str) -> tuple[str, ...]:
        """Return modules of the user's own that may have been meant."""
        names = [
            entry.stem
            for folder in self.folders
            if folder.is_dir()
            for entry in sorted(folder.iterdir())
            if entry.suffix == ".py" or (entry / "__init__.py").is_file()
        ]
        return near_names(label.rpartition(".")[0], names)

    def _dotted(self, name: str) -> str:
        entry = self.catalogue.find(name)
        return f"{entry.packages[0]}.{entry.name}" if entry is not None and entry.packages else name


def _a(noun: str) -> str:
    """Return a noun with its article."""
    return f"{'an' if noun[:1] in tuple('aeio') else 'a'} {noun}"


def _given(place: Place) -> tuple[str, ...]:
    """Return the args that training gives by itself."""
    if place.key in ("trainer", "evaluator"):
        return ("device",)
    if place.key == "dataset" and "data_list_file_path" in place.spec:
        return ("data",)
    return ()
