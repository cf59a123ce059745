"""What a run changes of the search that a config describes: parameters on or off, other ranges, some domains only.

The changes are made to the search items of the config, before anything reads them; so a run with changes is the run of
a config in which they are written down, and everything that says what a config searches holds for it.
Source of the names: NVIDIA TAO's AutoML settings.
"""

from __future__ import annotations

import copy
import dataclasses
import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from medl.automl import prl
from medl.automl.search_grammar import read_sections
from medl.automl.search_item import DOMAINS, read_item
from medl.automl.search_sections import LEARNING_RATE, Item, aliases
from medl.conf.json_path import child
from medl.errors import Problem, near_names

ADDED = "additional_automl_parameters"
REMOVED = "remove_default_automl_parameters"
RANGES = "custom_automl_ranges"
DOMAINS_KEY = "domains"
SPACE_SETTINGS = (ADDED, REMOVED, RANGES, DOMAINS_KEY)
"""First-level values of the search's config, and settings, that change the space."""

RANGE_KEYS = ("valid_min", "valid_max", "valid_options", "option_weights", "disable_list")

PlaceOf = Callable[[str], tuple[str, str]]
"""From a first-level key to the file and the JSON path at which the user wrote it."""


@dataclass(frozen=True)
class SpaceChanges:
    """What a run changes; a parameter is named by its alias or its locator.

    Attributes:
        added: switched on.
        removed: switched off.
        ranges: other bounds, choices and weights, by parameter; the keys are those of :data:`RANGE_KEYS`.
        domains: only these are searched; all of them where there is none.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    ranges: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    domains: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.ranges or self.domains)


def read_changes(config: Mapping[str, Any]) -> SpaceChanges:
    """Return what a search's config changes; what breaks its schema is left out, the schema's check says it."""
    ranges = config.get(RANGES)
    found = {
        name: dict(change)
        for name, change in (ranges if isinstance(ranges, Mapping) else {}).items()
        if isinstance(change, Mapping)
    }
    return SpaceChanges(
        added=_texts(config.get(ADDED)),
        removed=_texts(config.get(REMOVED)),
        ranges=found,
        domains=tuple(word for word in _texts(config.get(DOMAINS_KEY)) if word in DOMAINS),
    )


def changed_config(
    config: Mapping[str, Any], changes: SpaceChanges | None, place_of: PlaceOf = lambda key: ("", key)
) -> tuple[dict[str, Any], list[Problem]]:
    """Return the train config with the changes in its search items, and what is wrong with the changes.

    Args:
        config: a train config as it is in the file; it is not changed.
        changes: ``None`` or empty ones return the config as it is.
        place_of: where the user wrote a key, for messages.
    """
    if not changes:
        return dict(config), []
    editor = _Editor(config, place_of)
    for key, names, on in ((ADDED, changes.added, True), (REMOVED, changes.removed, False)):
        for index, name in enumerate(names):
            editor.switch(name, on, key, index)
    both = [name for name in changes.added if name in changes.removed]
    for name in both:
        rule = f'a parameter is switched on or off, but "{name}" is in {ADDED} too'
        editor.problem(rule, REMOVED, changes.removed.index(name))
    for name, change in changes.ranges.items():
        editor.change_range(name, change)
    if changes.domains:
        editor.keep(changes.domains)
    return editor.config, editor.problems


class _Editor:
    """A copy of a config whose search items are changed one by one."""

    def __init__(self, config: Mapping[str, Any], place_of: PlaceOf):
        self.config: dict[str, Any] = copy.deepcopy(dict(config))
        _write_out_sugar(self.config)
        sections = read_sections(self.config)
        self.items = (*sections.items, *sections.off)
        self.broken = bool(sections.problems)  # an item that is not read may be the one that is named
        self.place_of = place_of
        self.problems: list[Problem] = []

    def problem(self, rule: str, key: str, *steps: str | int, **more: Any) -> None:
        file, path = self.place_of(key)
        for step in steps:
            path = child(path, step)
        self.problems.append(Problem(rule, file, path, **more))

    def find(self, name: str, key: str, *steps: str | int) -> Item | None:
        """Return the item of an alias or a locator; where there is none, or several, that is a problem."""
        named = aliases(self.items)
        found = {item.place: item for item, _ in named.get(name, ())}
        found |= {item.place: item for item in self.items if _same_place(name, item)}
        if len(found) == 1:
            return next(iter(found.values()))
        if found:
            rule = f'"{name}" is the alias of {len(found)} search items: {", ".join(found)}'
            self.problem(rule, key, *steps, remedy="Name the one that is meant by its locator.")
        elif not self.broken:
            known = [*named, *(item.parameter.prl for item in self.items)]
            rule = f'no search item has the alias or the locator "{name}"'
            near = near_names(name, known) or _by_arg(name, self.items)
            self.problem(
                rule, key, *steps, near=near, remedy="" if near or not known else f"Known: {', '.join(known)}."
            )
        return None

    def switch(self, name: str, on: bool, key: str, index: int) -> None:
        item = self.find(name, key, index)
        if item is not None:
            _switch(self.raw(item), on)

    def change_range(self, name: str, change: Mapping[str, Any]) -> None:
        item = self.find(name, RANGES, name)
        unknown = [key for key in change if key not in RANGE_KEYS and not key.startswith(("_", "//", "#"))]
        if item is None or unknown:  # the schema's check tells unknown keys
            return
        raw = self.raw(item)
        before = len(self.problems)
        changed = self.with_range(name, raw, change, len(item.names))
        _, problems = read_item(changed, item.steps, prl.parse(item.parameter.prl).index, "")
        for problem in problems if len(self.problems) == before else ():
            self.problem(problem.rule, RANGES, *_written(name, problem.path, change), **_rest(problem))
        if len(self.problems) == before:
            raw.clear()
            raw.update(changed)

    def with_range(self, name: str, raw: Mapping[str, Any], change: Mapping[str, Any], count: int) -> dict[str, Any]:
        """Return the item with other bounds, choices and weights."""
        made = copy.deepcopy(dict(raw))
        if isinstance(change.get("disable_list"), bool):
            made["continuous"] = change["disable_list"]
            if not change["disable_list"]:
                for key in ("continuous", "valid_min", "valid_max", "scale"):
                    made.pop(key, None)
            else:
                made.pop("weights", None)
        bounds = {key: change[key] for key in ("valid_min", "valid_max") if key in change}
        if raw.get("type") in ("float", "int"):
            for key, value in bounds.items():
                made["targets"][("valid_min", "valid_max").index(key)] = value
            if "valid_options" in change:
                rule = f'"valid_options" are for an "enum" search, but "{name}" is searched in a range'
                self.problem(rule, RANGES, name, "valid_options", remedy="Give valid_min and valid_max.")
        else:
            made |= bounds
            if "valid_options" in change:
                made["targets"] = _choices(change["valid_options"], count)
                made.pop("weights", None)
        if "option_weights" in change:
            made["weights"] = change["option_weights"]
        return made

    def keep(self, domains: Sequence[str]) -> None:
        """Switch off what is of another domain."""
        for item in self.items:
            if item.parameter.domain not in domains:
                _switch(self.raw(item), False)

    def raw(self, item: Item) -> dict[str, Any]:
        """Return the item as it stands in the copy."""
        node: Any = self.config
        for step in item.steps:
            node = node[step]
        found: dict[str, Any] = node["search"][prl.parse(item.parameter.prl).index]
        return found


def _write_out_sugar(config: dict[str, Any]) -> None:
    """Write ``lr_search`` as the first-level item that it is short for, with the same locator."""
    search = config.get("search", [])
    if isinstance(config.get("lr_search"), list) and isinstance(search, list):
        item = {"domain": "lr", "type": "float", "args": [LEARNING_RATE], "targets": config.pop("lr_search")}
        config["search"] = [*search, item]


def _switch(raw: dict[str, Any], on: bool) -> None:
    """Switch an item; one that is as it should be stays as it is written."""
    if raw.get("enabled", True) is not on:
        raw["enabled"] = on


def _same_place(name: str, item: Item) -> bool:
    """Return whether a locator is the item's, whatever its type says: a list may have become a range."""
    try:
        named, own = prl.parse(name), prl.parse(item.parameter.prl)
    except ValueError:
        return False
    return (named.domain, named.path, named.index, named.args) == (own.domain, own.path, own.index, own.args)


def _by_arg(name: str, items: Iterable[Item]) -> tuple[str, ...]:
    """Return the locators of the items that set an arg of that name or of a near one."""
    by_arg = {arg: item.parameter.prl for item in items for arg in item.parameter.args}
    near = near_names(name.rpartition(".")[2], by_arg)
    likest = difflib.get_close_matches(name, list(by_arg.values()), n=1)
    return tuple(dict.fromkeys([*(by_arg[arg] for arg in near), *likest]))[:3]


def _choices(options: Any, count: int) -> Any:
    """Return options as the choices of an item: of one that sets one arg, each may stand without its brackets."""
    if not isinstance(options, list) or count != 1:
        return options
    if options and all(isinstance(option, list) and len(option) == 1 for option in options):
        return options
    return [[option] for option in options]


def _written(name: str, path: str, change: Mapping[str, Any]) -> list[str]:
    """Return the steps to the key of a change that makes a problem of the changed item."""
    key = path.lstrip(".").partition(".")[0].partition("[")[0]
    meant = {
        "targets": ("valid_options", "valid_min", "valid_max", "disable_list"),
        "weights": ("option_weights", "valid_options"),
        "continuous": ("disable_list",),
        "scale": ("valid_min", "disable_list"),
    }.get(key, (key,))
    return [name, *[word for word in meant if word in change][:1]]


def _rest(problem: Problem) -> dict[str, Any]:
    given = {f.name: getattr(problem, f.name) for f in dataclasses.fields(problem)}
    return {key: given[key] for key in ("value", "remedy", "near")}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(word for word in value if isinstance(word, str)) if isinstance(value, list | tuple) else ()
