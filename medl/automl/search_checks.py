"""What search sections mean together: aliases, args of the classes, values of ``@disabled``, two items for one arg."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from medl.automl.placement import (
    ABSENT,
    Placement,
    component,
    is_first_level_value,
    own_args,
    placements,
    read,
)
from medl.automl.prl import Steps
from medl.automl.search_sections import DISABLED, LEARNING_RATE, Sections, aliases, json_path
from medl.conf.sections import full_name
from medl.conf.translate import current_arg
from medl.errors import Problem, near_names

WHOLE_NUMBERS = ("epochs", "num_interval_per_valid", "until_epoch")
"""First-level values that a fraction would break."""


_KIND_WORDS = {"float": 'a "float" search', "int": 'an "int" search'}


class KnownParameter(Protocol):
    """One argument of a class."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def default(self) -> str | None:
        """Its default as Python source, where it has one."""
        ...


class KnownClass(Protocol):
    """What is asked of a catalogue's entry."""

    @property
    def name(self) -> str:
        """The class's own name."""
        ...

    @property
    def parameters(self) -> Sequence[KnownParameter]:
        """What its signature names."""
        ...

    @property
    def open(self) -> bool:
        """Whether it takes any further keyword."""
        ...

    @property
    def accepts(self) -> Collection[str]:
        """Further keywords that it takes."""
        ...


class ClassTable(Protocol):
    """What is asked of a catalogue of classes; :class:`medl.conf.catalogue.Catalogue` is one."""

    def find(self, name: str, role: str | None = None) -> KnownClass | None:
        """Return the class of that name or dotted path that serves under the key ``role``, or ``None``."""
        ...


def section_problems(
    config: Mapping[str, Any], sections: Sections, catalogue: ClassTable | None, file: str
) -> list[Problem]:
    """Return what does not fit together, in the order of the rules below."""
    places = placements(config, sections)
    eligible = placements(config, dataclasses.replace(sections, items=sections.off))
    return [
        *_alias_problems(config, sections, file),
        *_use_problems(sections, file),
        *_target_problems(config, [*places, *eligible], catalogue, file),
        *_repeated(config, places, catalogue, file),
    ]


def find_class(config: Mapping[str, Any], steps: Steps, catalogue: ClassTable | None) -> KnownClass | None:
    """Return what the catalogue knows of the class of a component; ``path`` wins over ``name``."""
    if catalogue is None or not steps:
        return None
    role = next((step for step in reversed(steps) if isinstance(step, str)), None)
    return catalogue.find(full_name(component(config, steps)), role)


def _alias_problems(config: Mapping[str, Any], sections: Sections, file: str) -> list[Problem]:
    """An alias is defined once; a first-level name is a value of the config, or some ``apply`` uses it."""
    found = []
    for alias, owners in aliases(sections.items).items():
        for item, _ in owners[1:]:
            rule = f'an alias is defined once, but "{alias}" is also defined at {owners[0][0].place}'
            found.append(Problem(rule, file, item.place, remedy="Choose another name for one of them."))
    used = {use.alias for use in sections.uses}
    values = [name for name, value in config.items() if not isinstance(value, (dict, list))]
    for item in (*sections.items, *sections.off):
        if item.steps:
            continue
        for name in item.names:
            free = name.arg.removeprefix("@")
            if free in used or name.alias in used or is_first_level_value(config, name.arg):
                continue
            remedy = 'Name a first-level value of this config, or use the name in a component\'s "apply".'
            if name.arg == LEARNING_RATE:
                remedy = 'Add "learning_rate" to the first level and refer to it: "lr": "{learning_rate}".'
            rule = (
                f'a first-level search sets a first-level value or an alias used by an apply; "{name.arg}" is neither'
            )
            near = near_names(free, [*values, *sorted(used)])
            found.append(Problem(rule, file, item.place, near=near, remedy=remedy))
    return found


def _use_problems(sections: Sections, file: str) -> list[Problem]:
    """An ``apply`` names an alias that is defined somewhere."""
    known = aliases((*sections.items, *sections.off))
    found = []
    for use in sections.uses:
        if use.alias not in known:
            remedy = f'Aliases are written without "@" in apply: "{use.alias[1:]}".' if use.alias[:1] == "@" else ""
            if not known:
                remedy = 'Define it in a search item, as "arg#alias" or at the first level.'
            rule = f'no search item defines the alias "{use.alias}"'
            found.append(Problem(rule, file, use.place, near=near_names(use.alias, known), remedy=remedy))
    return found


def _target_problems(
    config: Mapping[str, Any], places: list[Placement], catalogue: ClassTable | None, file: str
) -> list[Problem]:
    """A component's target is an arg of its class, or ``@disabled`` with the values true and false."""
    found = []
    for placement in places:
        found += _number_problems(config, placement, catalogue, file)
        if not placement.steps:
            continue
        node = component(config, placement.steps)
        target = placement.target
        if target == DISABLED:
            found += _disabled_problems(placement, file)
        elif target.startswith("@"):
            rule = f'the only attribute that can be searched is "{DISABLED}", but got "{target}"'
            remedy = f'An arg of the class has no "@": "{target[1:]}".'
            found.append(Problem(rule, file, placement.place, near=near_names(target, [DISABLED]), remedy=remedy))
        elif "ref" in node:
            rule = f'a component with "ref" takes its args from train, so "{target}" cannot be set here'
            found.append(Problem(rule, file, placement.place, remedy=f'Search it where "{node["ref"]}" is configured.'))
        else:
            found += _arg_problems(config, placement, catalogue, file)
    return found


def _number_problems(
    config: Mapping[str, Any], placement: Placement, catalogue: ClassTable | None, file: str
) -> list[Problem]:
    """A range replaces a number: not true or a text; one of floats no first-level value that is a whole number."""
    kind = placement.item.parameter.kind
    if kind == "enum" or placement.target.startswith("@"):
        return []
    value = read(config, placement.steps, placement.target)
    if value is ABSENT and placement.steps:
        value = class_default(config, placement.steps, placement.target, catalogue)
    if kind == "float" and not placement.steps and placement.target in WHOLE_NUMBERS:
        wanted = "a whole number"
    elif isinstance(value, bool) or (isinstance(value, str) and value[:1] not in ("{", "#", "@")):
        wanted = "no number now"
    else:
        return []
    rule = f'the numbers of {_KIND_WORDS[kind]} take the place of a number, but "{placement.target}" is {wanted}'
    remedy = 'Use "type": "enum" with the values that it may take.'
    if wanted == "a whole number":
        remedy = 'Use "type": "int", or "type": "enum" with the values that it may take.'
    given = {} if value is ABSENT else {"value": value}
    return [Problem(rule, file, placement.place, remedy=remedy, **given)]


def _disabled_problems(placement: Placement, file: str) -> list[Problem]:
    parameter = placement.item.parameter
    rule = f'the values of "{DISABLED}" are true and false'
    if parameter.kind != "enum":
        remedy = f'Use "type": "enum" with "targets": [[true], [false]] in {placement.item.place}.'
        return [Problem(f"{rule}, not a range of {parameter.kind}s", file, placement.place, remedy=remedy)]
    for choice in parameter.targets:
        if not isinstance(choice[placement.position], bool):
            remedy = "" if placement.place == placement.item.place else f"The values stand in {placement.item.place}."
            return [Problem(rule, file, placement.place, value=choice[placement.position], remedy=remedy)]
    return []


def _arg_problems(
    config: Mapping[str, Any], placement: Placement, catalogue: ClassTable | None, file: str
) -> list[Problem]:
    entry = find_class(config, placement.steps, catalogue)
    if entry is None or entry.open:
        return []
    known = _keywords(entry)
    if today_name(config, placement.steps, placement.target, catalogue) in known:
        return []
    near = near_names(placement.target, known)
    if placement.target == DISABLED[1:]:
        near = (DISABLED,)
    rule = f'{entry.name} has no arg "{placement.target}"'
    return [Problem(rule, file, placement.place, near=near, remedy="" if near else f"Its args: {', '.join(known)}.")]


def _repeated(
    config: Mapping[str, Any], places: list[Placement], catalogue: ClassTable | None, file: str
) -> list[Problem]:
    """One place is set by one name only, an old spelling of an arg counting as today's."""
    first: dict[tuple[Steps, str], Placement] = {}
    found = []
    for placement in places:
        target = today_name(config, placement.steps, placement.target, catalogue)
        what = json_path(*placement.steps)
        text = f'"{target}"' + (f" of {what}" if what else "")
        earlier = first.setdefault((placement.steps, target), placement)
        if earlier is not placement:
            again = "set twice" if earlier.place == placement.place else f"also set by {earlier.place}"
            rule = f"an arg is set from one place only, but {text} is {again}"
            found.append(Problem(rule, file, placement.place, remedy="Remove one of them."))
        elif target != placement.target and target in own_args(component(config, placement.steps)):
            rule = f'"{placement.target}" is the old name of "{target}", which {what} has among its args'
            found.append(Problem(rule, file, placement.place, remedy=f'Search "{target}".'))
    return found


def today_name(config: Mapping[str, Any], steps: Steps, target: str, catalogue: ClassTable | None) -> str:
    """Return today's name of a component's arg: the same where its class is unknown or the name is today's already."""
    entry = find_class(config, steps, catalogue)
    if entry is None or catalogue is None or entry.open or target.startswith("@") or target in _keywords(entry):
        return target
    return current_arg(entry.name, target)


def class_default(config: Mapping[str, Any], steps: Steps, target: str, catalogue: ClassTable | None) -> Any:
    """Return the default of a component's arg, ``None`` where it has none, is not known or is no plain value."""
    entry = find_class(config, steps, catalogue)
    for parameter in entry.parameters if entry is not None else ():
        if parameter.name == target and parameter.default is not None:
            try:
                value = ast.literal_eval(parameter.default)
            except (ValueError, SyntaxError):
                return None
            return list(value) if isinstance(value, tuple) else value
    return None


def _keywords(entry: KnownClass) -> list[str]:
    return [*(parameter.name for parameter in entry.parameters), *entry.accepts]
