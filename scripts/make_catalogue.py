#!/usr/bin/env python3
"""Write config/catalogue.json: every component that a config may name, with its module, parameters and defaults.

It imports MONAI, torch and ignite as they are installed, so that reading a config needs none of them::

    python scripts/make_catalogue.py            # rewrite the file
    python scripts/make_catalogue.py --check    # exit 1 where the file differs

What ``**kwargs`` stand for is no part of a signature: config/open_classes.json says it, by hand.
"""

from __future__ import annotations

import argparse
import enum
import importlib
import inspect
import json
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

CONFIG = Path(__file__).resolve().parent.parent / "config"

PACKAGES = (
    # In the order in which a bare name is looked up: MONAI, then torch, then ignite. MONAI's own optimizers come after
    # torch's schedulers, because monai's ExponentialLR and LinearLR are parts of its learning rate finder.
    "monai.transforms",
    "monai.networks.nets",
    "monai.losses",
    "monai.handlers",
    "monai.inferers",
    "monai.data",
    "monai.engines",
    "monai.metrics",
    "monai.apps.datasets",
    "monai.apps.deepgrow.transforms",
    "torch.optim",
    "torch.optim.lr_scheduler",
    "monai.optimizers",
    "torch.nn",
    "ignite.metrics",
    "ignite.handlers",
)
ROOTS = ("monai.", "torch.", "ignite.")


def kind_of(thing: Any, package: str) -> str:
    """Return what a class or factory can be in a config, such as ``transform``.

    It is ``other`` where it only serves another component, as a sampler does; empty where it has no place in a config.
    """
    import ignite.handlers
    import ignite.metrics
    import monai.engines
    import monai.inferers
    import monai.transforms
    import torch

    if not inspect.isclass(thing):
        return "network"
    bases = {
        "transform": monai.transforms.Transform,
        "inferer": monai.inferers.Inferer,
        "trainer": monai.engines.Trainer,
        "evaluator": monai.engines.Evaluator,
        "metric": ignite.metrics.Metric,
        "optimizer": torch.optim.Optimizer,
        "lr_scheduler": torch.optim.lr_scheduler.LRScheduler,
        "dataloader": torch.utils.data.DataLoader,
        "dataset": torch.utils.data.Dataset,
    }
    for kind, base in bases.items():
        if issubclass(thing, base):
            return kind
    by_package = {
        "monai.networks.nets": "network",
        "monai.losses": "loss",
        "monai.metrics": "tensor_metric",
        "monai.handlers": "handler",
        "ignite.handlers": "handler",
    }
    if package in by_package:
        return by_package[package]
    if package == "torch.nn" and issubclass(thing, torch.nn.Module):
        return "loss" if thing.__module__ == "torch.nn.modules.loss" else "module"
    if package == "monai.transforms" and "__call__" in vars(thing):
        return "transform"
    return "other" if package in ("monai.data", "monai.inferers", "monai.engines") else ""


def factories(package: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield the functions of ``monai.networks.nets`` that make a network: ``resnet50``, ``MedNeXtS`` and the like."""
    for name, thing in vars(package).items():
        if inspect.isfunction(thing) and re.match(r"resnet\d+$|MedNe[xX]t|vista3d\d+$", name):
            yield name, thing


def members(package: ModuleType) -> dict[Any, list[str]]:
    """Return class or factory to its public names in ``package``, in the order of their definition."""
    found: dict[Any, list[str]] = {}
    for name, thing in vars(package).items():
        if name.startswith("_") or not inspect.isclass(thing) or not thing.__module__.startswith(ROOTS):
            continue
        if not issubclass(thing, (enum.Enum, BaseException)):
            found.setdefault(thing, []).append(name)
    if package.__name__ == "monai.networks.nets":
        for name, thing in factories(package):
            found.setdefault(thing, []).append(name)
    return found


def default_text(value: Any) -> str:
    """Return a default as text which is the same on every machine: no addresses, no folders."""
    if isinstance(value, enum.Enum):
        return repr(str(value.value))
    if inspect.isclass(value) or inspect.isroutine(value):
        return f"{value.__module__}.{value.__qualname__}"
    text = re.sub(r" at 0x[0-9a-f]+", "", repr(value))
    return text if len(text) <= 80 else "..."


def parameters_of(thing: Any) -> tuple[list[list[str]], bool]:
    """Return the parameters as ``[name]`` (needed) or ``[name, default]``, and whether there are ``**kwargs``."""
    import torch

    function = thing
    if inspect.isclass(thing):
        if thing.__init__ is torch.nn.Module.__init__:  # its *args and **kwargs raise
            return [], False
        function = thing.__init__ if thing.__init__ is not object.__init__ else thing.__new__
        if function is object.__new__:
            return [], False
    parameters: list[list[str]] = []
    is_open = False
    signature = list(inspect.signature(function).parameters.values())
    for parameter in signature[1:] if inspect.isclass(thing) else signature:
        if parameter.kind is parameter.VAR_KEYWORD:
            is_open = True
        elif parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            default = [] if parameter.default is parameter.empty else [default_text(parameter.default)]
            parameters.append([parameter.name, *default])
    return parameters, is_open


def entries() -> list[dict[str, Any]]:
    """Return all components, in the order in which a bare name finds them."""
    found: dict[Any, dict[str, Any]] = {}
    for package_name in PACKAGES:
        package = importlib.import_module(package_name)
        for thing, names in members(package).items():
            own = thing.__name__
            name = own if own in names else names[0]
            if thing in found:
                found[thing]["packages"].append(package_name)
                continue
            kind = kind_of(thing, package_name)
            if not kind:
                continue
            try:
                parameters, is_open = parameters_of(thing)
            except (TypeError, ValueError):  # a builtin without a signature
                continue
            found[thing] = {
                "name": name,
                "module": thing.__module__,
                "packages": [package_name],
                "kind": kind,
                "aliases": [other for other in names if other != name],
                "parameters": parameters,
                "open": is_open,
            }
    return list(found.values())


def close(catalogue: list[dict[str, Any]], table: dict[str, dict[str, Any]]) -> None:
    """Write into each open entry what its further arguments are, by the hand-written table.

    Raises:
        ValueError: the table names a class that is gone, or that is not open.
    """
    by_name: dict[str, dict[str, Any]] = {}
    for entry in catalogue:
        by_name.setdefault(entry["name"], entry)
        by_name[f"{entry['module']}.{entry['name']}"] = entry

    was_open = {id(entry) for entry in catalogue if entry["open"]}

    def arguments(name: str, seen: tuple[str, ...] = ()) -> dict[str, list[str]]:
        """Return argument to parameter (``[name]`` or ``[name, default]``), own ones first."""
        if name not in by_name and "." in name:  # no component itself, but what one is like
            module, _, last = name.rpartition(".")
            parameters, _ = parameters_of(getattr(importlib.import_module(module), last))
            return {parameter[0]: parameter for parameter in parameters}
        if name not in by_name or name in seen:
            raise ValueError(f"open_classes.json: {name} is unknown, or like itself")
        entry = by_name[name]
        row = table.get(name, {}) if id(entry) in was_open else {}
        found = {parameter[0]: parameter for parameter in entry["parameters"]}
        for accepted in row.get("accepts", []):
            found.setdefault(accepted, [accepted, "..."])
        for other in row.get("like", []):
            for argument, parameter in arguments(other, (*seen, name)).items():
                if argument not in row.get("except", []):
                    found.setdefault(argument, parameter)
        return found

    closed = {}
    for name, row in table.items():
        if name not in by_name:
            raise ValueError(f"open_classes.json: {name} is no component any more")
        if id(by_name[name]) not in was_open:
            raise ValueError(f"open_classes.json: {name} has no **kwargs any more")
        if "any" not in row:
            closed[name] = list(arguments(name).values())
    for name, parameters in closed.items():
        entry = by_name[name]
        own = {parameter[0] for parameter in entry["parameters"]}
        # What a class passes on is needed too where the other class needs it.
        entry["parameters"] = [p for p in parameters if p[0] in own or len(p) == 1]
        entry["accepts"] = [p[0] for p in parameters if p[0] not in own and len(p) > 1]
        entry["open"] = False


def catalogue_text() -> str:
    """Return the file as text: JSON with one component a line, so that a difference is readable."""
    import ignite
    import monai
    import torch

    found = entries()
    table = json.loads((CONFIG / "open_classes.json").read_text(encoding="utf-8"))["classes"]
    close(found, table)
    versions = {
        "monai": monai.__version__,
        "torch": torch.__version__.split("+")[0],
        "pytorch-ignite": ignite.__version__,
    }
    lines = [json.dumps({key: value for key, value in entry.items() if value not in ([], False)}) for entry in found]
    body = ",\n    ".join(lines)
    return (
        '{\n  "about": "Made by scripts/make_catalogue.py; do not edit.",\n'
        f'  "versions": {json.dumps(versions)},\n  "components": [\n    {body}\n  ]\n}}\n'
    )


def main(argv: list[str] | None = None) -> int:
    """Write or compare the file; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 where the file is out of date")
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    text = catalogue_text()
    path = CONFIG / "catalogue.json"
    if options.check:
        same = path.is_file() and path.read_text(encoding="utf-8") == text
        print(f"{path} is up to date." if same else f"{path} is out of date: run python scripts/make_catalogue.py.")
        return 0 if same else 1
    path.write_text(text, encoding="utf-8")
    print(f"{path}: {text.count(chr(10)) - 6} components.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
