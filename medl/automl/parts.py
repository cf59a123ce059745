"""The components that a search's config names: their roles, where their classes are, and their args as written."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from medl.automl.api import Controller, Executor, Handler
from medl.automl.controller_names import controller_name, near_controllers, renamed_args
from medl.conf.signature import NameMissing, Sources
from medl.errors import Problem, near_names


@dataclass(frozen=True)
class Role:
    """One role of a search: its word, where its classes are listed, and what they must be."""

    word: str
    package: str
    table: str
    contract: type

    def classes(self) -> dict[str, str]:
        """Return the built-in classes: name to dotted path."""
        return dict(getattr(importlib.import_module(self.package), self.table))


# medl never imports its components: a name is looked up by text, as a user's own class is
CONTROLLER = Role("controller", "medl.components.controllers", "CONTROLLERS", Controller)
EXECUTOR = Role("executor", "medl.components.executors", "EXECUTORS", Executor)
HANDLER = Role("handler", "medl.components.handlers", "HANDLERS", Handler)
ROLES = (CONTROLLER, EXECUTOR, HANDLER)


@dataclass(frozen=True)
class Part:
    """One component of config_automl.json that is enabled.

    Attributes:
        role: what it is.
        place: its JSON path.
        dotted: the dotted path of its class.
        args: what its class is given, by the names that the class has.
        written: those names to the ones that the config has, where they may differ.
        twice: args, as written, that say again what another one says.
    """

    role: Role
    place: str
    dotted: str
    args: Mapping[str, Any]
    written: Mapping[str, str] = field(default_factory=dict)
    twice: tuple[str, ...] = ()

    @property
    def is_ours(self) -> bool:
        """Whether its class is one of medl's."""
        return self.dotted in self.role.classes().values()


def read_parts(
    config: Mapping[str, Any], file: str, sources: Sources | None = None
) -> tuple[list[Part], list[Problem]]:
    """Return the enabled components with the dotted path of each class, and what is wrong with their names.

    What breaks the schema is left out silently: :func:`medl.automl.assemble.automl_problems` says it.

    Args:
        config: the config.
        file: its name, for messages.
        sources: where classes are looked up; without them a controller's args keep the names that are written.
    """
    parts: list[Part] = []
    problems: list[Problem] = []
    places: list[tuple[Role, str, Any]] = [(role, role.word, config.get(role.word)) for role in (CONTROLLER, EXECUTOR)]
    handlers = config.get("handlers")
    if isinstance(handlers, list):
        places += [(HANDLER, f"handlers[{index}]", spec) for index, spec in enumerate(handlers)]
    for role, place, spec in places:
        if not isinstance(spec, Mapping):
            continue
        if spec.get("disabled") is True:
            if role is not HANDLER:
                rule = f"a search needs its {role.word}, so it cannot be disabled"
                problems.append(Problem(rule, file, f"{place}.disabled"))
            continue
        dotted, found = dotted_path(role, place, spec, file)
        problems += found
        if dotted:
            args = spec.get("args", {})
            parts.append(_part(role, place, dotted, args if isinstance(args, Mapping) else {}, sources))
    return parts, problems


def accepted_args(dotted: str, sources: Sources) -> tuple[str, ...]:
    """Return the names of the args that a class has; none where that is not known."""
    try:
        return sources.signature(dotted).names
    except NameMissing:  # the check of the class says it
        return ()


def _part(role: Role, place: str, dotted: str, args: Mapping[str, Any], sources: Sources | None) -> Part:
    if role is not CONTROLLER or sources is None:
        return Part(role, place, dotted, args)
    made, written, twice = renamed_args(args, accepted_args(dotted, sources))
    return Part(role, place, dotted, made, written, tuple(twice))


def dotted_path(role: Role, place: str, spec: Mapping[str, Any], file: str) -> tuple[str, list[Problem]]:
    """Return the dotted path of a component's class, and what is wrong with its name; ``path`` wins over ``name``."""
    if "path" in spec:
        path = spec["path"]
        dotted = path.partition("#")[0] if isinstance(path, str) else ""
        return (dotted, []) if "." in dotted and all(dotted.split(".")) else ("", [])  # the schema says it
    name = spec.get("name")
    if not isinstance(name, str) or not name:
        return "", []
    known = role.classes()
    bare = name.partition("#")[0]
    if role is CONTROLLER and "." not in bare:
        bare = controller_name(bare, known)
    if bare in known or "." in bare:
        return known.get(bare, bare), []
    others = [other.word for other in ROLES if other is not role and bare in other.classes()]
    if others:
        rule = f'"{bare}" is {article(others[0])}, not {article(role.word)}'
        return "", [Problem(rule, file, f"{place}.name", remedy=f"Known here: {', '.join(known)}.")]
    return "", [
        Problem(
            f'no {role.word} has the name "{bare}"',
            file,
            f"{place}.name",
            near=near_controllers(bare, known) if role is CONTROLLER else _near_stems(bare, known, role),
            remedy=f'Known: {", ".join(known)}. For your own class write "path": "my_module.{bare}" and put the module '
            "into the archive's custom/ folder or on PYTHONPATH.",
        )
    ]


def _near_stems(name: str, known: Iterable[str], role: Role) -> tuple[str, ...]:
    """Return the names that are near, perhaps but for the role at their end: ``Stats`` means ``StatsHandler``."""
    if near := near_names(name, known):
        return near
    ending = role.word.capitalize()
    stems = {full.removesuffix(ending): full for full in known}
    return tuple(stems[stem] for stem in near_names(name, stems))


def article(word: str) -> str:
    """Return a word with the article that it has."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
