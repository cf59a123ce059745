"""Conditions of search items: from aliases and concrete values, as they are written, to parameters and their values.

A parameter that is not searched in this run keeps the config's own value, so what is asked of it is known before: the
item that asks is either searched without that condition, or not at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from medl.automl.defs import Condition
from medl.automl.placement import ABSENT, is_first_level_value, placements, read
from medl.automl.search_sections import Item, Sections, aliases
from medl.conf.json_path import child
from medl.errors import Problem, near_names, show_value

Owner = tuple[Item, int]
"""A search item, and the place in its args of the name that an alias means."""


def with_conditions(config: Mapping[str, Any], sections: Sections, file: str = "") -> Sections:
    """Return the sections with each parameter's ``when``, items that can never count among those that are off.

    Problems are added: an alias that nothing defines, a value that the parameter cannot have, a parameter without
    single values, and items whose conditions run in a circle.
    """
    everything = (*sections.off, *sections.items)
    if not any(item.when for item in everything):
        return sections
    owners = {alias: found[-1] for alias, found in aliases(everything).items()}  # one that is searched before one off
    problems: list[Problem] = []
    for item in everything:
        problems += _problems(item, owners, file)
    if not problems:
        problems += _circles(everything, owners, file)
    if problems:
        return dataclasses.replace(sections, problems=(*sections.problems, *problems))
    resolver = _Resolver(config, sections, owners, file)
    made = [(item, resolver.conditions(item)) for item in sections.items]
    items = tuple(
        dataclasses.replace(item, parameter=dataclasses.replace(item.parameter, when=when))
        for item, when in made
        if when is not None
    )
    off = (*sections.off, *(item for item, when in made if when is None))
    return dataclasses.replace(sections, items=items, off=off, problems=(*sections.problems, *resolver.problems))


class _Resolver:
    """Says what is left of an item's conditions once those on values that stay are decided."""

    def __init__(self, config: Mapping[str, Any], sections: Sections, owners: Mapping[str, Owner], file: str):
        self.config = config
        self.sections = sections
        self.owners = owners
        self.file = file
        self.searched = {item.place for item in sections.items}
        self.problems: list[Problem] = []
        self._known: dict[str, tuple[Condition, ...] | None] = {}

    def conditions(self, item: Item) -> tuple[Condition, ...] | None:
        """Return the conditions on what is searched; ``None`` where one on a value that stays does not hold."""
        if item.place not in self._known:
            self._known[item.place] = self._decided(item)
        return self._known[item.place]

    def _decided(self, item: Item) -> tuple[Condition, ...] | None:
        left: list[Condition] = []
        for alias, values in item.when.items():
            owner, position = self.owners[alias]
            if owner.place in self.searched:
                if self.conditions(owner) is None:
                    return None
                left.append(Condition(owner.parameter.prl, tuple(_indices(owner, position, values))))
                continue
            own = self._own(owner, position)
            if own is ABSENT:
                rule = f'"{alias}" is not searched, so its own value decides about this item, but the config has none'
                place = child(f"{item.place}.when", alias)
                self.problems.append(Problem(rule, self.file, place, remedy="Write the value into the config."))
                return None
            if not any(same_value(own, value) for value in values):
                return None
        return tuple(left)

    def _own(self, owner: Item, position: int) -> Any:
        """Return the config's own value of a name that is not searched, or :data:`ABSENT`."""
        sections = dataclasses.replace(self.sections, items=(owner,))
        for placement in placements(self.config, sections):
            if placement.position == position:
                value = read(self.config, placement.steps, placement.target)
                if isinstance(value, str) and value[:1] == "{" and is_first_level_value(self.config, value[1:-1]):
                    value = self.config[value[1:-1]]
                return value
        return ABSENT


def same_value(one: Any, other: Any) -> bool:
    """Return whether two JSON values are the same: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_value, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_value(one[key], other[key]) for key in one)
    return bool(one == other)


def _problems(item: Item, owners: Mapping[str, Owner], file: str) -> list[Problem]:
    found = []
    for alias, values in item.when.items():
        place = child(f"{item.place}.when", alias)
        if alias not in owners:
            remedy = "" if near_names(alias, owners) else 'Name the item it depends on: "arg#alias" in its args.'
            rule = f'no search item defines the alias "{alias}"'
            found.append(Problem(rule, file, place, near=near_names(alias, owners), remedy=remedy))
            continue
        owner, position = owners[alias]
        if owner.parameter.kind == "float":
            rule = f'a condition asks for single values, but "{alias}" is searched in a range of floats'
            found.append(Problem(rule, file, place, remedy='Make it an "enum" or an "int".'))
            continue
        for value in values:
            if not _indices(owner, position, (value,)):
                found.append(_no_such_value(alias, owner, position, value, Problem("", file, place)))
    return found


def _no_such_value(alias: str, owner: Item, position: int, value: Any, at: Problem) -> Problem:
    parameter = owner.parameter
    near: tuple[str, ...] = ()
    if parameter.kind == "int":
        span = parameter.targets[0]
        steps = f" in steps of {span.step}" if span.step > 1 else ""
        remedy = f"It is between {span.min} and {span.max}{steps}."
    else:
        choices = [choice[position] for choice in parameter.targets]
        texts = [choice for choice in choices if isinstance(choice, str)]
        near = near_names(value, texts) if isinstance(value, str) else ()
        remedy = f"It can be {', '.join(show_value(choice, 30) for choice in choices)}."
    rule = f'a condition lists values that "{alias}" can have'
    return dataclasses.replace(at, rule=rule, value=value, remedy=remedy, near=near)


def _indices(owner: Item, position: int, values: tuple[Any, ...]) -> list[int]:
    """Return the values of the space that have one of these concrete values: whole numbers, or indices of choices."""
    parameter = owner.parameter
    if parameter.kind == "int":
        return [int(v) for v in dict.fromkeys(v for v in values if isinstance(v, int) and not parameter.fault(v))]
    return [
        index
        for index, choice in enumerate(parameter.targets)
        if any(same_value(choice[position], value) for value in values)
    ]


def _circles(items: tuple[Item, ...], owners: Mapping[str, Owner], file: str) -> list[Problem]:
    """Return a problem for each item that depends on itself, through others perhaps."""
    parents = {item.place: {owners[alias][0].place for alias in item.when} for item in items}
    found = []
    for item in items:
        above, reached = set(parents[item.place]), set[str]()
        while above:
            place = above.pop()
            reached.add(place)
            above |= parents.get(place, set()) - reached
        if item.place in reached:
            through = sorted(reached - {item.place})
            rule = "the conditions of search items do not run in a circle, but this one depends on itself"
            rule += f" through {' and '.join(through)}" if through else ""
            found.append(Problem(rule, file, f"{item.place}.when"))
    return found
