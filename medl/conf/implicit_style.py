"""Clara Train 4.0's style, in which much was left unsaid, rewritten into 4.1's; nothing downstream knows of it.

In 4.0 an optimizer had no ``params``, a data loader no ``dataset``, handlers no objects; ``save_dict`` and
``load_dict`` were lists of names; ``metrics`` was one list with an ``is_key_metric`` in it; trainer and evaluator had
hardly any args; functions were given a whole batch (see :mod:`medl.conf.collated`).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from medl.conf.catalogue import Catalogue
from medl.conf.collated import decollated
from medl.conf.json_path import child
from medl.conf.old_args import CannotTranslate
from medl.conf.references import target
from medl.conf.rewriting import Rewriting
from medl.conf.sections import CONF, SECTIONS, Place, args_of, class_name, components, full_name, is_component
from medl.errors import Problem

UNSAID: Mapping[str, Mapping[str, str]] = {
    "optimizer": {"params": "#@model.parameters()"},
    "lr_scheduler": {"optimizer": "@optimizer"},
    "dataset": {"transform": "@pre_transforms"},
    "dataloader": {"dataset": "@dataset"},
    "LrScheduleHandler": {"lr_scheduler": "@lr_scheduler"},
    "ValidationHandler": {"validator": "@evaluator"},
    "EarlyStopHandler": {"trainer": "@trainer"},
    "trainer": {
        "train_data_loader": "@dataloader",
        "network": "@model",
        "loss_function": "@loss",
        "optimizer": "@optimizer",
        "inferer": "@inferer",
        "postprocessing": "@post_transforms",
        "key_train_metric": "@key_metric",
        "additional_metrics": "@additional_metrics",
        "train_handlers": "@handlers",
        "iteration_update": "@iteration",
    },
    "evaluator": {
        "val_data_loader": "@dataloader",
        "network": "@model",
        "inferer": "@inferer",
        "postprocessing": "@post_transforms",
        "key_val_metric": "@key_metric",
        "additional_metrics": "@additional_metrics",
        "val_handlers": "@handlers",
        "iteration_update": "@iteration",
    },
}
"""A section's key, or a handler's class, to the args that were given unasked."""

SHARED = frozenset({"model", "loss", "optimizer", "lr_scheduler", "trainer", "evaluator"})
"""What one section may take from the other; everything else is its own."""

ENGINE_VALUES: Mapping[str, Mapping[str, str]] = {
    "trainer": {"max_epochs": "epochs", "amp": "amp"},
    "evaluator": {"amp": "amp"},
}
"""Args of engines that came from first-level values."""

NAME_LISTS = ("save_dict", "load_dict")
"""Args of handlers that were lists of names."""

STORED_CONF = "train_conf"
"""The name in ``save_dict`` under which a checkpoint keeps its config."""

FUNCTIONS = ("output_transform", "batch_transform")
"""Args that are functions over a batch."""


def explicit(config: Mapping[str, Any], in_force: Mapping[str, Any], catalogue: Catalogue, file: str = "") -> Rewriting:
    """Return a config in 4.0's style as one in 4.1's.

    Args:
        config: the config, variables already in.
        in_force: its first-level values.
        catalogue: knows what a class takes.
        file: the name shown in problems.
    """
    result = Rewriting(copy.deepcopy(dict(config)))
    result.note("the config is in the style of Clara Train 4.0; it is read as follows.")
    for section in SECTIONS:
        if isinstance(result.config.get(section), dict):
            _split_metrics(result, section, file)
    for place in components(result.config):
        if place.key in ("handlers", "key_metric", "additional_metrics", "metrics"):
            _decollate(result, place, file)
        if place.key == "handlers":
            _name_objects(result, place)
    for place in components(result.config):
        _say_unsaid(result, place, catalogue)
        if place.key in ENGINE_VALUES:
            _give_values(result, place, in_force)
    return result


def _split_metrics(result: Rewriting, section: str, file: str) -> None:
    """Make ``metrics`` into ``key_metric`` and ``additional_metrics``."""
    content = result.config[section]
    metrics = content.get("metrics")
    if not isinstance(metrics, list) or "key_metric" in content or "additional_metrics" in content:
        return
    path = child(section, "metrics")
    keys = [index for index, item in enumerate(metrics) if is_component(item) and item.get("is_key_metric") is True]
    if len(keys) > 1:
        rule = "of the metrics one is the key metric"
        remedy = 'Leave "is_key_metric" at one of them.'
        result.problems.append(Problem(rule, file, path, f"{len(keys)} of {len(metrics)}", remedy=remedy))
    key = keys[0] if keys else 0
    made: dict[str, Any] = {}
    others: list[Any] = []
    for index, item in enumerate(metrics):
        if isinstance(item, dict):
            item.pop("is_key_metric", None)
        if index == key:
            made["key_metric"] = item
            result.paths[child(section, "key_metric")] = child(path, index)
        else:
            result.paths[child(child(section, "additional_metrics"), len(others))] = child(path, index)
            others.append(item)
    if others:
        made["additional_metrics"] = others
    result.config[section] = {
        new: value
        for name, old in content.items()
        for new, value in (made.items() if name == "metrics" else ((name, old),))
    }
    if metrics:
        why = "" if keys else ": none is_key_metric, so the first one is"
        names = "key_metric and additional_metrics" if others else "key_metric"
        result.note(f"{section}.metrics is now {names}{why}.")


def _decollate(result: Rewriting, place: Place, file: str) -> None:
    """Make functions over a batch into functions over its items."""
    where, args = args_of(place.spec)
    if not isinstance(args, dict):
        return
    for name in FUNCTIONS:
        text = args.get(name)
        if not isinstance(text, str):
            continue
        try:
            new = decollated(text)
        except CannotTranslate as error:
            path = result.before(f"{place.path}.{where}.{name}")
            remedy = "Write it for a list of items: \"lambda x: ([i['pred'] for i in x], [i['label'] for i in x])\"."
            result.problems.append(Problem(str(error), file, path, remedy=remedy))
            continue
        if new != text:
            args[name] = new
            result.note(f'{name} "{text}" is now "{new}".')


def _name_objects(result: Rewriting, place: Place) -> None:
    """Make lists of names into objects by name."""
    args = args_of(place.spec)[1]
    for name in NAME_LISTS:
        given = args.get(name) if isinstance(args, dict) else None
        if isinstance(given, list) and given and all(isinstance(item, str) for item in given):
            args[name] = {item: f"@{CONF}" if item == STORED_CONF else f"@{item}" for item in given}
            shown = ", ".join(f'"{key}": "{value}"' for key, value in args[name].items())
            result.note(f"{class_name(place.spec)}: {name} is now {{{shown}}}.")


def _say_unsaid(result: Rewriting, place: Place, catalogue: Catalogue) -> None:
    """Write out the args that were given unasked, where there is what they refer to and the class takes them."""
    given = UNSAID.get(class_name(place.spec) if place.key == "handlers" else place.key)
    where, args = args_of(place.spec)
    if given is None or not isinstance(args, dict) or not full_name(place.spec):
        return
    entry = None if place.spec.get("path") else catalogue.find(full_name(place.spec), place.key)
    added = []
    for arg, text in given.items():
        name = text.lstrip("#@").partition(".")[0]
        node = target(result.config, place.section, name)
        there = node is not None and (name in SHARED or node[0] == place.section)
        if there and arg not in args and (entry is None or entry.signature.takes(arg)):
            added.append(f'{arg} "{text}"')
            args[arg] = text
    if added:
        if where == "args":
            place.spec["args"] = args
        what = class_name(place.spec) if place.key == "handlers" else f"{place.section}.{place.key}"
        result.note(f"{what} is given {', '.join(added)}.")


def _give_values(result: Rewriting, place: Place, in_force: Mapping[str, Any]) -> None:
    """Give an engine the first-level values that it took by itself."""
    where, args = args_of(place.spec)
    if not isinstance(args, dict):
        return
    for arg, name in ENGINE_VALUES[place.key].items():
        if arg not in args and in_force.get(name) is not None:
            args[arg] = in_force[name]
            if where == "args":
                place.spec["args"] = args
            result.note(f'{place.section}.{place.key} is given {arg} "{{{name}}}".')
