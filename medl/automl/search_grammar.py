"""The search sections of a train config, read: every item and every ``apply``, and what breaks the grammar.

Read is the config as it stands in the file: variables are still text, old names are still old. One item is read in
:mod:`medl.automl.search_item`, its conditions in :mod:`medl.automl.conditions`; what the items mean together (aliases,
args of the class, two items for one arg) is checked in :mod:`medl.automl.search_checks`.
Source: the Clara Train 4.1 AutoML user guide and the public example archives; ``lr_search`` is of 4.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from medl.automl import prl
from medl.automl.conditions import with_conditions
from medl.automl.prl import Steps
from medl.automl.search_item import read_item
from medl.automl.search_sections import LEARNING_RATE, Item, Sections, Use, is_comment, json_path, walk
from medl.conf.sections import is_component
from medl.errors import Problem

_TARGET = re.compile(r"@?[^\W\d]\w*")


def read_sections(config: Mapping[str, Any], file: str = "") -> Sections:
    """Return the search sections of ``config``; items that break the grammar are left out and told as problems."""
    reader = _Reader(file)
    reader.read(config)
    on = tuple(item for item in reader.items if item.enabled)
    off = tuple(item for item in reader.items if not item.enabled)
    return with_conditions(config, Sections(on, tuple(reader.uses), tuple(reader.problems), off), file)


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
        made, problems = read_item(item, steps, index, place, self.file, sugar)
        self.problems += problems
        if made is not None:
            self.items.append(made)

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
            if is_comment(target):
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
