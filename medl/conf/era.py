"""Which Clara Train a config was written for, so that what was left unsaid then can be said now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medl.conf.references import marked, names_in
from medl.conf.sections import SECTIONS, args_of, components

MEDL_VERSION = "MEDL_VERSION"
"""The first-level value of configs that were written for medl: nothing in them is an old default."""

CLARA_TRAIN_VERSION = "CLARA_TRAIN_VERSION"
"""The first-level value of Clara Train's configs, such as "4.1.0"."""

Version = tuple[int, ...]


@dataclass(frozen=True)
class Era:
    """What a config was written for.

    Attributes:
        clara: Clara Train's version, such as ``4.0``.
        monai: the version of MONAI in it; ``(0, 5)`` or ``(0, 8)``.
        implicit: whether the config is in 4.0's style, where nothing refers to anything by ``@``.
    """

    clara: str
    monai: Version
    implicit: bool


def version(text: Any) -> Version:
    """Return the numbers of a version, empty where it has none.

    >>> version("4.1.0"), version(4.1), version("new")
    ((4, 1, 0), (4, 1), ())
    """
    parts = str(text).strip().split(".")
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else ()


def era_of(config: Mapping[str, Any], in_force: Mapping[str, Any]) -> Era | None:
    """Return the Clara Train that a config was written for, or ``None`` where it was written for none.

    Args:
        config: a config, variables already in.
        in_force: the first-level values, those of environment.json among them.
    """
    if in_force.get(MEDL_VERSION) is not None:
        return None
    given = version(in_force.get(CLARA_TRAIN_VERSION, ""))
    if given[:1] == (4,) and given[1:2] not in ((), (0,)):
        return Era("4.1", (0, 8), implicit=False)
    implicit = _is_implicit(config)
    return Era("4.0", (0, 5), implicit) if implicit or given[:1] == (4,) else None


def _is_implicit(config: Mapping[str, Any]) -> bool:
    """Return whether no ``@`` stands anywhere and an engine does not say which network it runs."""
    if any(names_in(text) for _, _, _, text in marked(config)):
        return False
    for place in components({key: config[key] for key in SECTIONS if key in config}):
        if place.key in ("trainer", "evaluator"):
            args = args_of(place.spec)[1]
            if isinstance(args, dict) and "network" not in args and "networks" not in args:
                return True
    return False
