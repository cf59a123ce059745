"""What refers to what: ``ref`` in validate, ``@name`` in args, and circles of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from medl.conf.expression import Expression, ExpressionError, parse_expression
from medl.conf.json_path import child, walk
from medl.conf.late import without_late
from medl.conf.marks import Mark, mark_of
from medl.conf.sections import (
    CONF,
    SECTIONS,
    Place,
    alias,
    args_of,
    class_name,
    components,
    is_component,
    is_disabled,
)
from medl.errors import Problem, near_names

Node = tuple[str, str]
"""Section and key of an object, such as ``("train", "model")``."""

_OF_ITS_OWN = frozenset({"ref", "disabled", "rank"})
"""What may stand beside ``ref``."""

_NOT_COPIED = frozenset({"search", "apply"})
"""A copied component takes the values of a search over; it is not searched a second time."""


def expand_refs(config: Mapping[str, Any], file: str = "") -> tuple[dict[str, Any], list[Problem]]:
    """Return a copy of the config with each ``{"ref": X}`` of validate made a copy of train's X, and the problems.

    X is an alias (what follows ``#`` in a name), else a class name; ``Spacingd``, ``SpacingD`` and ``SpacingDict`` are
    one. Of several with that name one without an alias counts, then the first under the same key, else the first in
    train. The ref's own
    ``disabled`` and ``rank`` win; otherwise what refers to a disabled component is disabled too. A ref that is wrong
    stays as it is.
    """
    result = copy.deepcopy(dict(config))
    problems: list[Problem] = []
    known = [place for place in components(config) if place.section == "train" and "ref" not in place.spec]
    for place in components(config):
        if "ref" not in place.spec:
            continue
        problem = _ref_problem(place, known, file)
        if problem is not None:
            problems.append(problem)
            continue
        found = _referred(place, known)
        assert found is not None  # _ref_problem says so otherwise
        new = {key: copy.deepcopy(value) for key, value in found.spec.items() if key not in _NOT_COPIED}
        new.update({key: value for key, value in place.spec.items() if key in ("disabled", "rank")})
        content = result[place.section]
        if place.index is None:
            content[place.key] = new
        else:
            content[place.key][place.index] = new
    return result, problems


def _ref_problem(place: Place, known: list[Place], file: str) -> Problem | None:
    ref = place.spec["ref"]
    path = child(place.path, "ref")
    if place.section != "validate":
        return Problem(rule='"ref" stands in validate, for a component of train', file=file, path=path, value=ref)
    extra = [key for key in place.spec if key not in _OF_ITS_OWN]
    if extra:
        return Problem(
            rule=f'beside "ref" stand only "disabled" and "rank", not {" and ".join(extra)}',
            file=file,
            path=place.path,
            value=place.spec,
            remedy="Write the component out in place of the ref where it has to differ.",
        )
    if _referred(place, known) is None:
        names = [name for other in known for name in (alias(other.spec), class_name(other.spec)) if name]
        return Problem(
            rule='"ref" is the class name, or the alias after "#", of a component in train',
            file=file,
            path=path,
            value=ref,
            near=near_names(ref, names),
            remedy="" if names else "There is no component in train.",
        )
    return None


def _referred(place: Place, known: list[Place]) -> Place | None:
    ref = str(place.spec["ref"]).strip()
    same_key_first = sorted(known, key=lambda other: other.key != place.key)
    spelling = one_spelling(ref.partition("#")[0].rpartition(".")[2])
    for same in (
        lambda spec: alias(spec) == ref,
        lambda spec: class_name(spec) == ref and not alias(spec),
        lambda spec: class_name(spec) == ref,
        lambda spec: spelling in (one_spelling(class_name(spec)), one_spelling(alias(spec))),
    ):
        for other in same_key_first:
            if same(other.spec):
                return other
    return None


def one_spelling(name: str) -> str:
    """Return a class name with MONAI's spellings of dictionary transforms made one.

    >>> {one_spelling(name) for name in ("Spacingd", "SpacingD", "SpacingDict")}
    {'Spacingd'}
    """
    for ending in ("Dict", "D"):
        if name.endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)] + "d"
    return name


def marked(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Give section, key, JSON path and text of everything in the sections that is resolved when objects are built.

    That is: texts in args, however deep, and in members that are no components.
    """
    for section in SECTIONS:
        content = config.get(section)
        for key, value in content.items() if isinstance(content, dict) else ():
            path = child(section, key)
            items = (
                [(child(path, i), item) for i, item in enumerate(value)] if isinstance(value, list) else [(path, value)]
            )
            for item_path, item in items:
                inside, inside_path = item, item_path
                if is_component(item):
                    where, inside = args_of(item)
                    inside_path = f"{item_path}.{where}"
                for text_path, text in walk(inside, inside_path):
                    if isinstance(text, str) and text[:1] in ("@", "#", "l"):
                        yield section, key, text_path, text


def names_in(text: str) -> frozenset[str]:
    """Return the names that a text refers to with ``@``; none where its code is wrong."""
    mark = mark_of(text)
    if mark is Mark.REFERENCE:
        return frozenset({text[1:]})
    if not mark.is_code:
        return frozenset()
    try:
        return parse_expression(text).references
    except ExpressionError:
        return frozenset()


def target(config: Mapping[str, Any], section: str, name: str) -> Node | None:
    """Return the object that ``@name`` means in a section: the section's own, else another's, else None."""
    for place in (section, *(other for other in SECTIONS if other != section)):
        content = config.get(place)
        if isinstance(content, dict) and name in content:
            return place, name
    return None


def dependencies(config: Mapping[str, Any]) -> dict[Node, tuple[Node, ...]]:
    """Return each object with those that it refers to before it is built, in document order.

    Disabled components need nothing; the trainer of a handler is given to it later.
    """
    needed: dict[Node, dict[Node, None]] = {}
    for section in SECTIONS:
        content = config.get(section)
        for key in content if isinstance(content, dict) else ():
            needed[section, key] = {}
    for section, key, _, text in marked(_built_from(without_disabled(config))):
        for name in sorted(names_in(text)):
            other = target(config, section, name)
            if other is not None:
                needed[section, key][other] = None
    return {node: tuple(others) for node, others in needed.items()}


def _built_from(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config without the references that are followed once everything is built."""
    result = dict(config)
    for section in SECTIONS:
        content = result.get(section)
        handlers = content.get("handlers") if isinstance(content, dict) else None
        if isinstance(content, dict) and isinstance(handlers, list):
            kept = [without_late("handlers", item) if is_component(item) else item for item in handlers]
            result[section] = {**content, "handlers": kept}
    return result


def without_disabled(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config with disabled components replaced by null; nothing else is copied."""
    result = dict(config)
    for section in SECTIONS:
        content = result.get(section)
        if isinstance(content, dict):
            result[section] = {key: _enabled(value) for key, value in content.items()}
    return result


def _enabled(value: Any) -> Any:
    if isinstance(value, list):
        return [None if is_component(item) and is_disabled(item) else item for item in value]
    return None if is_component(value) and is_disabled(value) else value


def find_cycles(config: Mapping[str, Any], file: str = "") -> list[Problem]:
    """Return the circles of references, each once."""
    graph = dependencies(config)
    problems: list[Problem] = []
    done: set[Node] = set()
    for start in graph:
        if start in done:
            continue
        chain: list[Node] = [start]
        waiting: list[Iterator[Node]] = [iter(graph[start])]
        while waiting:
            following = next(waiting[-1], None)
            if following is None:
                waiting.pop()
                done.add(chain.pop())
            elif following in chain:
                circle = [*chain[chain.index(following) :], following]
                handler = any(key == "handlers" for _, key in circle) and any(key == "trainer" for _, key in circle)
                remedy = "Take one of these references away."
                if handler:
                    remedy += " A handler that stops the training is MONAI's EarlyStopHandler, or one with set_trainer."
                problems.append(
                    Problem(
                        rule="references form no circle",
                        file=file,
                        path=child(*following),
                        value=" -> ".join(child(*node) for node in circle),
                        remedy=remedy,
                    )
                )
            elif following not in done:
                chain.append(following)
                waiting.append(iter(graph[following]))
    return problems


def reference_problems(config: Mapping[str, Any], file: str = "") -> list[Problem]:
    """Return what is wrong with ``@name``, ``#expression`` and ``lambda`` texts: grammar, unknown names, circles."""
    problems: list[Problem] = []
    for section, _, path, text in marked(config):
        mark = mark_of(text)
        if mark.is_code:
            parsed = _parsed(text, file, path)
            if isinstance(parsed, Problem):
                problems.append(parsed)
                continue
            names = sorted(parsed.references)
        elif mark is Mark.REFERENCE:
            names = [text[1:]]
        elif text.startswith("@"):
            problems.append(
                Problem(
                    rule='a reference is "@" and one name, nothing else',
                    file=file,
                    path=path,
                    value=text,
                    remedy=f'Write "#{text}" for code that uses an object.',
                )
            )
            continue
        else:
            continue
        for name in names:
            if target(config, section, name) is None and name != CONF and (name in SECTIONS or name not in config):
                problems.append(_unknown(config, name, text, file, path))
    return problems + find_cycles(config, file)


def _parsed(text: str, file: str, path: str) -> Expression | Problem:
    try:
        return parse_expression(text)
    except ExpressionError as error:
        return error.problem(text, file, path)


def _unknown(config: Mapping[str, Any], name: str, text: str, file: str, path: str) -> Problem:
    contents = [config[section] for section in SECTIONS if isinstance(config.get(section), dict)]
    known = [key for content in contents for key in content]
    known += [key for key in config if key not in SECTIONS]
    near = near_names(name, [*known, CONF], cutoff=0.7)
    problem = Problem(
        rule=f'"@{name}" names a key of train or validate, or a first-level value',
        file=file,
        path=path,
        near=near,
        remedy="" if near else f'Add "{name}" to a section, or take the reference away.',
    )
    return problem if text == f"@{name}" else replace(problem, value=text)  # the rule shows a plain reference
