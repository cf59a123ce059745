"""Where the value of each searched name goes: the component's own arg, a first-level value, and every ``apply``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medl.automl.prl import Steps
from medl.automl.search_sections import Item, Sections, aliases

ABSENT: Any = object()
"""What :func:`read` gives where there is no value."""

_SECTIONS = ("train", "validate", "search", "apply", "lr_search")


@dataclass(frozen=True)
class Placement:
    """One place that one searched name sets.

    Attributes:
        item: the search item.
        position: of the name in the item.
        steps: the way to the component; empty for the first level.
        target: an arg, ``@disabled``, or the name of a first-level value.
        place: the JSON path of what asks for it (search item or ``apply`` entry), for messages.
    """

    item: Item
    position: int
    steps: Steps
    target: str
    place: str


def placements(config: Mapping[str, Any], sections: Sections) -> list[Placement]:
    """Return every place that the search sets: those of the items in their order, then those of ``apply``.

    An ``apply`` of an alias that nothing searched defines is left out.
    """
    found = [
        Placement(item, position, item.steps, name.arg, item.place)
        for item in sections.items
        for position, name in enumerate(item.names)
        if item.steps or is_first_level_value(config, name.arg)
    ]
    named = aliases(sections.items)
    for use in sections.uses:
        for item, position in named.get(use.alias, ())[:1]:
            found.append(Placement(item, position, use.steps, use.target, use.place))
    return found


def is_first_level_value(config: Mapping[str, Any], name: str) -> bool:
    """Return whether the config has a first-level value of that name (a section is none)."""
    return name in config and name not in _SECTIONS


def component(config: Mapping[str, Any], steps: Steps) -> Any:
    """Return what lies at ``steps``."""
    node: Any = config
    for step in steps:
        node = node[step]
    return node


def read(config: Mapping[str, Any], steps: Steps, target: str) -> Any:
    """Return the value that stands at a place, or :data:`ABSENT`; a missing attribute ``@disabled`` is ``False``."""
    node = component(config, steps)
    if not steps:
        return node.get(target, ABSENT)
    if target.startswith("@"):
        return node.get(target[1:], False)
    return own_args(node).get(target, ABSENT)


def write(config: dict[str, Any], steps: Steps, target: str, value: Any) -> None:
    """Put a value at a place, in the given config; a key that is missing is added as the last one."""
    node = component(config, steps)
    if not steps:
        node[target] = value
    elif target.startswith("@"):
        node[target[1:]] = value
    else:
        if not isinstance(node.get("args"), dict):
            node["args"] = {}
        own_args(node)[target] = value


def own_args(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the args of a component as they are in force: ``args.class_attributes`` replaces ``args``."""
    args = node.get("args")
    if not isinstance(args, dict):
        return {}
    inner = args.get("class_attributes")
    return inner if isinstance(inner, dict) else args
