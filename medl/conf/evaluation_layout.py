"""How a config of ``medl.apps.evaluate`` is laid out: flat, with the keys that stand in a training's ``validate``.

Inside it has one section, ``validate``, so that everything that reads a training config reads it too.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from medl.errors import Problem

SECTION = "validate"
"""The section in which the components of a flat config stand inside."""

KEYS = (
    "model",
    "pre_transforms",
    "dataset",
    "dataloader",
    "inferer",
    "handlers",
    "post_transforms",
    "key_metric",
    "additional_metrics",
    "metrics",
    "iteration",
    "evaluator",
)
"""The keys that hold components."""

_VALUES = frozenset({"determinism", "allowed_packages", "search", "lr_search", "train", SECTION})
"""Objects and lists at the first level that are no components."""

_WORDS = {
    "validate has no key": "the config has no key",
    "names a key of train or validate": "names a key of the config",
    " to a section": " to the config",
    "but validate has none": "but the config has none",
}
"""How something is said of a config with sections, and how of a flat one."""

_INSIDE = re.compile(rf"\b{SECTION}\.(?=[a-z_]+)")


def lifted(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a flat config with its components in a section ``validate``.

    >>> lifted({"amp": True, "model": {"name": "UNet"}, "mine": [{"path": "my.Thing"}]})
    {'amp': True, 'validate': {'model': {'name': 'UNet'}, 'mine': [{'path': 'my.Thing'}]}}
    """
    inside = {
        key: value
        for key, value in config.items()
        if key in KEYS or (isinstance(value, (dict, list)) and key not in _VALUES)
    }
    return {**{key: value for key, value in config.items() if key not in inside}, SECTION: inside}


def flat_path(path: str) -> str:
    """Return the JSON path in the flat config of a place in the lifted one.

    >>> flat_path("validate.handlers[0].args"), flat_path("epochs")
    ('handlers[0].args', 'epochs')
    """
    return "" if path == SECTION else path.removeprefix(f"{SECTION}.")


def flat_problem(problem: Problem) -> Problem:
    """Return a problem of the lifted config in the words of the flat one."""
    rule, remedy = flat_text(problem.rule), flat_text(problem.remedy)
    value, path = problem.value, flat_path(problem.path)
    if isinstance(value, str) and " -> " in value:  # a circle of references
        value = _INSIDE.sub("", value)
    return dataclasses.replace(problem, rule=rule, remedy=remedy, path=path, value=value)


def flat_text(text: str) -> str:
    """Return a sentence about the lifted config in the words of the flat one."""
    for inside, flat in _WORDS.items():
        text = text.replace(inside, flat)
    return _INSIDE.sub("", text)
