"""The search sections of a train config, read: every item and every ``apply``, and what breaks the grammar.

Read is the config as it stands in the file: variables are still text, old names are still old. What the items mean
together (aliases, args of the class, two items for one arg) is checked in :mod:`medl.automl.search_checks`.
Source: the Clara Train 4.1 AutoML user guide and the public example archives; ``lr_search`` is of 4.0.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from medl.automl import prl
from medl.automl.defs import Domain, FloatRange, ParameterRange
from medl.automl.prl import PRL, Steps
from medl.conf.json_path import child
from medl.conf.sections import is_component
from medl.errors import Problem, near_names

LEARNING_RATE = "learning_rate"
DISABLED = "@disabled"

_DOMAINS: tuple[str, ...] = get_args(Domain)
_KINDS: tuple[str, ...] = ("float", "enum")
_ITEM_KEYS = ("domain", "type", "args", "targets")
_NAME = re.compile(r"(?P<arg>@?[^\W\d]\w*)(?:#(?P<alias>[^\W\d]\w*))?")
_TARGET = re.compile(r"@?[^\W\d]\w*")
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
        parameter: the same as the rest of the engine sees it.
    """

    steps: Steps
    place: str
    names: tuple[Name, ...]
    parameter: ParameterRange


@dataclass(frozen=True)
class Use:
    """One entry of an ``apply``: the value named ``alias`` also goes to ``target`` of the component at ``steps``."""

    steps: Steps
    place: str
    target: str
    alias: str


@dataclass(frozen=True)
class Sections:
    """All search sections of a config in document order, first-level items first."""

    items: tuple[Item, ...]
    uses: tuple[Use, ...]
    problems: tuple[Problem, ...]


def read_sections(config: Mapping[str, Any], file: str = "") -> Sections:
    """Return the search sections of ``config``; items that break the grammar are left out and told as problems."""
    reader = _Reader(file)
    reader.read(config)
    return Sections(tuple(reader.items), tuple(reader.uses), tuple(reader.problems))


def walk(node: Any, steps: Steps = ()) -> Iterator[tuple[Steps, dict[str, Any]]]:
    """Yield every object of a config in document order, but none inside args, search sections and remarks."""
    if isinstance(node, dict):
        yield steps, node
        for key, value in node.items():
            if key not in _CLOSED and not _is_comment(key):
                yield from walk(value, (*steps, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, (*steps, index))


def json_path(*steps: str | int) -> str:
    """Return the steps as messages show them, such as ``train.pre_transforms[2].search[0]``."""
    return functools.reduce(child, steps, "")


def _is_comment(key: str) -> bool:
    """Return whether a key is a remark, such as ``__model`` or ``//``: what stands there is nothing to be built."""
    return key.startswith(("_", "//", "#"))


class _Reader:
    """Collects items, uses and problems while it goes through a config once."""

    def __init__(self, file: str):
        self.file = file
        self.items: list[Item] = []
        self.uses: list[Use] = []
        self.problems: list[Problem] = []

    def problem(self, rule: str, place: str, **more: Any) -> None:
        self.problems.append(Problem(rule, file=self.file, path=place, **more))

    def read(self, config: Mapping[str, Any]) -> None:
        for steps, node in walk(config):
            if "search" in node:
                self.read_search(node, steps)
            if not steps and "lr_search" in node:
                self.read_lr_search(node)
            if "apply" in node:
                self.read_apply(node, steps)
            if steps and "args" in node:
                self.find_hidden(node["args"], (*steps, "args"))

    def read_search(self, node: Mapping[str, Any], steps: Steps) -> None:
        place = json_path(*steps, "search")
        section = node["search"]
        if steps and not is_component(node) and ("name" in node or "args" in node):
            self.problem('a component that is searched has a "name" or a "path", which is a text', place)
            return
        if steps and not is_component(node):
            self.problem(
                "a search section stands beside a component's name and args or at the config's first level",
                place,
                remedy="Move it there.",
            )
            return
        if not isinstance(section, list):
            remedy = "Put the item into a list: [{…}]." if isinstance(section, dict) else ""
            self.problem("a search section is a list of items", place, value=section, remedy=remedy)
            return
        unfit = [step for step in steps if isinstance(step, str) and not prl.can_be_step(step)]
        if unfit and section:
            self.problem(
                "a key on the way to a search section must not hold any of . $ : # ,",
                place,
                value=unfit[0],
                remedy="Rename the key.",
            )
            return
        for index, item in enumerate(section):
            self.read_item(item, steps, index, json_path(*steps, "search", index))

    def read_lr_search(self, config: Mapping[str, Any]) -> None:
        """``"lr_search": [min, max]`` is short for a first-level float search of learning_rate, after the others."""
        first_level = config.get("search")
        self.read_item(
            {"domain": "lr", "type": "float", "args": [LEARNING_RATE], "targets": config["lr_search"]},
            (),
            len(first_level) if isinstance(first_level, list) else 0,
            "lr_search",
            sugar=True,
        )

    def read_item(self, item: Any, steps: Steps, index: int, place: str, sugar: bool = False) -> None:
        if not isinstance(item, dict):
            self.problem("a search item is an object with domain, type, args and targets", place, value=item)
            return
        before = len(self.problems)
        for key in item:
            if key not in _ITEM_KEYS and not _is_comment(key):
                rule = f'a search item has no key "{key}", only domain, type, args and targets'
                self.problem(rule, child(place, key), near=near_names(key, _ITEM_KEYS))
        for key in _ITEM_KEYS:
            if key not in item:
                self.problem(f'a search item needs "{key}"', place, remedy=f'Add "{key}".')
        if "domain" in item:
            self.check_word(item["domain"], _DOMAINS, f"{place}.domain")
        if "type" in item:
            self.check_word(item["type"], _KINDS, f"{place}.type")
        names = self.read_names(item["args"], f"{place}.args") if "args" in item else ()
        targets: tuple[Any, ...] = ()
        if names and "targets" in item:
            where = place if sugar else f"{place}.targets"
            if item.get("type") == "float":
                targets = self.read_range(item["targets"], where)
            elif item.get("type") == "enum":
                targets = self.read_choices(item["targets"], names, where)
        if len(self.problems) > before:
            return
        args = tuple(name.arg for name in names)
        locator = PRL(item["domain"], item["type"], prl.path_of(steps), index, args)
        parameter = ParameterRange(str(locator), item["domain"], item["type"], args, targets)
        self.items.append(Item(steps, place, names, parameter))

    def check_word(self, word: Any, known: tuple[str, ...], place: str) -> None:
        if not isinstance(word, str) or word not in known:
            listed = ", ".join(f'"{name}"' for name in known[:-1]) + f' or "{known[-1]}"'
            near = near_names(word, known) if isinstance(word, str) else ()
            self.problem(f"the {place.rpartition('.')[2]} of a search item is {listed}", place, value=word, near=near)

    def read_names(self, args: Any, place: str) -> tuple[Name, ...]:
        """Return the searched names; a bare string is a list of one."""
        words = [args] if isinstance(args, str) else args
        if not isinstance(words, list) or not words:
            self.problem("the args of a search item are a name or a list of at least one name", place, value=args)
            return ()
        names: list[Name] = []
        for position, word in enumerate(words):
            match = _NAME.fullmatch(word) if isinstance(word, str) else None
            if match is None:
                where = place if isinstance(args, str) else f"{place}[{position}]"
                self.problem(
                    'a searched name is an arg ("prob") or an attribute ("@disabled"); an alias follows "#" ("prob#a")',
                    where,
                    value=word,
                    remedy="Name several args in a list." if isinstance(word, str) and "," in word else "",
                )
                return ()
            names.append(Name(match["arg"], match["alias"]))
        return tuple(names)

    def read_range(self, targets: Any, place: str) -> tuple[Any, ...]:
        rule = 'the targets of a "float" search are [min, max]: two finite numbers with min <= max'
        if not isinstance(targets, list) or len(targets) != 2:
            flat = isinstance(targets, list) and len(targets) == 1 and isinstance(targets[0], list)
            self.problem(rule, place, value=targets, remedy="Leave out the inner brackets." if flat else "")
            return ()
        for bound in targets:
            if isinstance(bound, bool) or not isinstance(bound, (int, float)):
                variable = isinstance(bound, str) and "{" in bound
                remedy = "Write the number itself; variables are not read here." if variable else ""
                self.problem(rule, place, value=targets, remedy=remedy)
                return ()
        low, high = (_as_float(bound) for bound in targets)
        if not (math.isfinite(low) and math.isfinite(high)):
            self.problem(rule, place, value=targets)
            return ()
        if low > high:
            self.problem(rule, place, value=targets, remedy="Exchange the two.")
            return ()
        return (FloatRange(low, high),)

    def read_choices(self, targets: Any, names: tuple[Name, ...], place: str) -> tuple[Any, ...]:
        if not isinstance(targets, list) or not targets:
            rule = 'the targets of an "enum" search are a list of at least one choice, each a list'
            self.problem(rule, place, value=targets)
            return ()
        found = []
        for position, choice in enumerate(targets):
            if isinstance(choice, list) and len(choice) == len(names):
                found.append(tuple(choice))
                continue
            listed = ", ".join(name.arg for name in names)
            self.problem(
                f'each choice of an "enum" search is a list with one value for each of its args ({listed})',
                f"{place}[{position}]",
                value=choice,
                remedy=_choice_remedy(choice, len(names)),
            )
        return tuple(found) if len(found) == len(targets) else ()

    def read_apply(self, node: Mapping[str, Any], steps: Steps) -> None:
        place = json_path(*steps, "apply")
        if not steps or not is_component(node):
            self.problem(
                "an apply stands beside a component's name and args",
                place,
                remedy="A first-level value is searched in the first-level search.",
            )
            return
        if not isinstance(node["apply"], dict):
            rule = 'an apply is an object of the component\'s own args to aliases, such as {"prob": "shared"}'
            self.problem(rule, place, value=node["apply"])
            return
        for target, alias in node["apply"].items():
            where = json_path(*steps, "apply", target)
            if _is_comment(target):
                continue
            if not isinstance(alias, str) or not alias:
                self.problem("an apply gives the name of an alias", where, value=alias)
            elif not _TARGET.fullmatch(target):
                self.problem('an apply goes to an arg ("prob") or an attribute ("@disabled")', where, value=target)
            else:
                self.uses.append(Use(steps, where, target, alias))

    def find_hidden(self, node: Any, steps: Steps) -> None:
        """Tell search sections inside args: they would be given to the class instead of being searched."""
        if isinstance(node, list):
            for index, value in enumerate(node):
                self.find_hidden(value, (*steps, index))
        if not isinstance(node, dict):
            return
        section = node.get("search")
        items = section if isinstance(section, list) else []
        if any(isinstance(item, dict) and {"args", "targets"} <= set(item) for item in items):
            self.problem(
                "a search section stands beside args, not inside them",
                json_path(*steps, "search"),
                remedy="Move it out; to vary what lies inside an arg, search the whole arg with an enum.",
            )
        for key, value in node.items():
            if key != "search":
                self.find_hidden(value, (*steps, key))


def _as_float(number: int | float) -> float:
    """Return the number as a float; an int beyond all floats becomes infinite."""
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _choice_remedy(choice: Any, count: int) -> str:
    if not isinstance(choice, list):
        return "Put it into brackets: [[first], [second]]." if count == 1 else ""
    if count == 1:
        return "A list as a value needs one more pair of brackets: [[[8, 16]], [[16, 32]]]."
    return ""
