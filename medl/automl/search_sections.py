"""The search sections of a config as data: items, uses, and the ways to them; who reads them is search_grammar.py."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from medl.automl.defs import ParameterRange
from medl.automl.prl import Steps
from medl.conf.json_path import child
from medl.errors import Problem

LEARNING_RATE = "learning_rate"
DISABLED = "@disabled"

_CLOSED = ("args", "search", "apply", "lr_search")
"""Keys of a component behind which no further component is looked for."""


@dataclass(frozen=True)
class Name:
    """One searched name: ``prob#shared`` is the arg ``prob`` with the alias ``shared``."""

    arg: str
    alias: str | None = None


@dataclass(frozen=True)
class Item:
    """One search item.

    Attributes:
        steps: the way to the component that carries it; empty for the first level.
        place: the item's JSON path, for messages.
        names: what it sets, with aliases.
        parameter: the same as the rest of the engine sees it; its ``when`` is filled in once all items are read.
        when: the item's conditions as they are written: alias to concrete values.
        enabled: whether it is searched; one that is not may be switched on for a run.
    """

    steps: Steps
    place: str
    names: tuple[Name, ...]
    parameter: ParameterRange
    when: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    enabled: bool = True


@dataclass(frozen=True)
class Use:
    """One entry of an ``apply``: the value named ``alias`` also goes to ``target`` of the component at ``steps``."""

    steps: Steps
    place: str
    target: str
    alias: str


@dataclass(frozen=True)
class Sections:
    """All search sections of a config in document order, first-level items first.

    Attributes:
        items: what is searched.
        uses: the entries of ``apply``.
        problems: what breaks the grammar.
        off: items that are eligible but not searched: the config's own values stay.
    """

    items: tuple[Item, ...]
    uses: tuple[Use, ...]
    problems: tuple[Problem, ...]
    off: tuple[Item, ...] = ()


def aliases(items: Iterable[Item]) -> dict[str, list[tuple[Item, int]]]:
    """Return every alias with the names it stands for, as item and position (more than one is a mistake).

    ``prob#shared`` defines ``shared``. At the first level a name is its own alias: ``learning_rate``, a free ``myLoss``
    and ``@myLoss``, which is ``myLoss`` too.
    """
    found: dict[str, list[tuple[Item, int]]] = {}
    for item in items:
        for position, name in enumerate(item.names):
            words = [name.alias] if name.alias is not None else []
            if not item.steps:
                words.append(name.arg.removeprefix("@"))
            for word in dict.fromkeys(words):
                found.setdefault(word, []).append((item, position))
    return found


def walk(node: Any, steps: Steps = ()) -> Iterator[tuple[Steps, dict[str, Any]]]:
    """Yield every object of a config in document order, but none inside args, search sections and remarks."""
    if isinstance(node, dict):
        yield steps, node
        for key, value in node.items():
            if key not in _CLOSED and not is_comment(key):
                yield from walk(value, (*steps, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, (*steps, index))


def json_path(*steps: str | int) -> str:
    """Return the steps as messages show them, such as ``train.pre_transforms[2].search[0]``."""
    return functools.reduce(child, steps, "")


def is_comment(key: str) -> bool:
    """Return whether a key is a remark, such as ``__model`` or ``//``: what stands there is nothing to be built."""
    return key.startswith(("_", "//", "#"))
