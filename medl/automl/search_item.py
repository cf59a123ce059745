"""One item of a search list, read: names, kind, bounds or choices, scale, weights, conditions, and what breaks a rule.

Source: the Clara Train 4.1 AutoML user guide for ``domain``, ``type``, ``args`` and ``targets``; the other keys have
the meaning that NVIDIA TAO's AutoML gives them (integer ranges, option weights, lists as continuous ranges).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from medl.automl import prl
from medl.automl.defs import Domain, FloatRange, IntRange, Kind, ParameterRange, Scale
from medl.automl.prl import PRL, Steps
from medl.automl.search_sections import Item, Name, is_comment
from medl.conf.json_path import child
from medl.errors import Problem, near_names

NEEDED = ("domain", "type", "args", "targets")
OPTIONS: dict[str, tuple[str, ...]] = {
    "enabled": ("float", "int", "enum"),
    "when": ("float", "int", "enum"),
    "scale": ("float", "int"),
    "step": ("int",),
    "weights": ("enum",),
    "continuous": ("enum",),
    "valid_min": (),
    "valid_max": (),
}
"""The keys that may be left out, and the types of items that may have them; ``valid_min`` and ``valid_max`` are bounds
of a list that is ``continuous``, which has a scale too."""
KEYS = (*NEEDED, *OPTIONS)

DOMAINS: tuple[str, ...] = get_args(Domain)
_KINDS: tuple[str, ...] = get_args(Kind)
_SCALES: tuple[str, ...] = get_args(Scale)
_NAME = re.compile(r"(?P<arg>@?[^\W\d]\w*)(?:#(?P<alias>[^\W\d]\w*))?")
_LARGEST = 2**53
"""Whole numbers up to here are floats too."""

_FLOAT_RULE = 'the targets of a "float" search are [min, max]: two finite numbers with min <= max'
_INT_RULE = 'the targets of an "int" search are [min, max]: two whole numbers with min <= max'


def read_item(
    item: Any, steps: Steps, index: int, place: str, file: str = "", sugar: bool = False
) -> tuple[Item | None, list[Problem]]:
    """Return the item, ``None`` where it breaks a rule, and what it breaks.

    Args:
        item: what stands in the list.
        steps: the way to the component that carries the list; empty for the first level.
        index: place in the list, from 0.
        place: its JSON path.
        file: the config's name, for messages.
        sugar: it was written as ``lr_search``: its targets stand at ``place`` itself.
    """
    reader = _ItemReader(file, place, sugar)
    return reader.read(item, steps, index), reader.problems


class _ItemReader:
    """Collects the problems of one item while it is read."""

    def __init__(self, file: str, place: str, sugar: bool):
        self.file = file
        self.place = place
        self.targets_place = place if sugar else f"{place}.targets"
        self.problems: list[Problem] = []

    def problem(self, rule: str, place: str, **more: Any) -> None:
        self.problems.append(Problem(rule, file=self.file, path=place, **more))

    def read(self, item: Any, steps: Steps, index: int) -> Item | None:
        if not isinstance(item, dict):
            rule = "a search item is an object with domain, type, args and targets"
            self.problem(rule, self.place, value=item)
            return None
        self.check_keys(item)
        self.check_words(item)
        names = self.read_names(item["args"], f"{self.place}.args") if "args" in item else ()
        kind, span = self.read_targets(item, names) if names and "targets" in item else (None, ())
        scale = self.read_scale(item, span)
        weights = self.read_weights(item, span)
        when = self.read_when(item.get("when", {}))
        if self.problems or kind is None:
            return None
        args = tuple(name.arg for name in names)
        locator = PRL(item["domain"], kind, prl.path_of(steps), index, args)
        parameter = ParameterRange(str(locator), item["domain"], kind, args, span, scale, weights)
        return Item(steps, self.place, names, parameter, when, item.get("enabled", True))

    def check_keys(self, item: Mapping[str, Any]) -> None:
        for key in item:
            if key not in KEYS and not is_comment(key):
                rule = f'a search item has no key "{key}", only {", ".join(KEYS[:-1])} and {KEYS[-1]}'
                self.problem(rule, child(self.place, key), near=near_names(key, KEYS))
        for key in NEEDED:
            if key not in item:
                self.problem(f'a search item needs "{key}"', self.place, remedy=f'Add "{key}".')

    def check_words(self, item: Mapping[str, Any]) -> None:
        """Check the keys that are one of a few words, and that the others go with the type."""
        for key, known in (("domain", DOMAINS), ("type", _KINDS), ("scale", _SCALES)):
            word = item.get(key)
            if key in item and (not isinstance(word, str) or word not in known):
                listed = ", ".join(f'"{name}"' for name in known[:-1]) + f' or "{known[-1]}"'
                near = near_names(word, known) if isinstance(word, str) else ()
                rule = f"the {key} of a search item is {listed}"
                self.problem(rule, child(self.place, key), value=word, near=near)
        for key in ("enabled", "continuous"):
            if key in item and not isinstance(item[key], bool):
                self.problem(f'"{key}" is true or false', child(self.place, key), value=item[key])
        continuous = item.get("continuous") is True
        for key, kinds in OPTIONS.items():
            allowed = kinds
            if continuous:
                allowed = {"scale": ("enum",), "valid_min": ("enum",), "valid_max": ("enum",), "weights": ()}.get(
                    key, kinds
                )
            if key not in item or item.get("type") not in _KINDS or item["type"] in allowed:
                continue
            remedy = ""
            if key in ("valid_min", "valid_max"):
                rule = f'"{key}" is a bound of a list that is searched with "continuous": true'
                remedy = "" if item["type"] == "enum" else "The bounds of a range are its targets."
            elif key == "weights" and continuous:
                rule = 'a list that is searched with "continuous": true has no choices that "weights" could weigh'
            elif key == "scale":
                rule = 'the choices of an "enum" search have no scale'
            elif key == "continuous":
                rule = f'"continuous" makes a range of a list, but the targets of type "{item["type"]}" are one'
            else:
                listed = " or ".join(f'"{kind}"' for kind in kinds)
                rule = f'"{key}" is for a search of type {listed}, not "{item["type"]}"'
            self.problem(rule, child(self.place, key), remedy=remedy or f'Remove "{key}".')

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

    def read_targets(self, item: Mapping[str, Any], names: tuple[Name, ...]) -> tuple[Kind | None, tuple[Any, ...]]:
        """Return the kind of the parameter and its targets; these are empty where they break a rule."""
        targets = item["targets"]
        if item.get("type") == "float":
            bounds = self.read_bounds(targets, self.targets_place, _FLOAT_RULE, _finite)
            return "float", () if bounds is None else (FloatRange(*bounds),)
        if item.get("type") == "int":
            bounds = self.read_bounds(targets, self.targets_place, _INT_RULE, _whole)
            return "int", () if bounds is None else self.read_steps(item, *bounds)
        if item.get("type") == "enum" and item.get("continuous") is True:
            return "float", self.read_continuous(item, names)
        if item.get("type") == "enum":
            return "enum", self.read_choices(targets, names)
        return None, ()

    def read_bounds(self, targets: Any, place: str, rule: str, number: Callable[[Any], Any]) -> tuple[Any, Any] | None:
        """Return ``min`` and ``max``, each through ``number``, which gives ``None`` for what is none."""
        if not isinstance(targets, list) or len(targets) != 2:
            flat = isinstance(targets, list) and len(targets) == 1 and isinstance(targets[0], list)
            self.problem(rule, place, value=targets, remedy="Leave out the inner brackets." if flat else "")
            return None
        for bound in targets:
            if isinstance(bound, str) and "{" in bound:
                remedy = "Write the number itself; variables are not read here."
                self.problem(rule, place, value=targets, remedy=remedy)
                return None
        low, high = (number(bound) for bound in targets)
        if low is None or high is None:
            fraction = number is _whole and all(_finite(bound) is not None for bound in targets)
            self.problem(rule, place, value=targets, remedy='"type": "float" takes fractions.' if fraction else "")
            return None
        if low > high:
            self.problem(rule, place, value=targets, remedy="Exchange the two.")
            return None
        return low, high

    def read_steps(self, item: Mapping[str, Any], low: int, high: int) -> tuple[Any, ...]:
        step = item.get("step", 1)
        if isinstance(step, bool) or not isinstance(step, int) or step < 1:
            self.problem('"step" is a whole number of at least 1', f"{self.place}.step", value=step)
            return ()
        if step > 1 and item.get("scale") == "log":
            rule = 'the numbers of a "log" scale are as far apart as the scale says, so there is no "step"'
            self.problem(
                rule, f"{self.place}.step", value=step, remedy='Remove "step", or list the numbers as an "enum".'
            )
            return ()
        return (IntRange(low, high, step),)

    def read_continuous(self, item: Mapping[str, Any], names: tuple[Name, ...]) -> tuple[Any, ...]:
        """Return the range from the least to the largest number of a list, or to ``valid_min`` and ``valid_max``."""
        targets = item["targets"]
        rule = 'the targets of a search with "continuous": true are a list of numbers, such as [1, 2, 4] or [[1], [2]]'
        if not isinstance(targets, list) or not targets:
            self.problem(rule, self.targets_place, value=targets)
            return ()
        numbers: list[float] = []
        for position, target in enumerate(targets):
            same = isinstance(target, list) and len(target) == len(names) and all(one == target[0] for one in target)
            number = _finite(target[0] if same else target)
            if number is None:
                several = isinstance(target, list) and len(target) == len(names) > 1
                remedy = "All names of the item get the same number." if several else ""
                self.problem(rule, f"{self.targets_place}[{position}]", value=target, remedy=remedy)
                return ()
            numbers.append(number)
        bounds = {"valid_min": min(numbers), "valid_max": max(numbers)}
        for key in bounds:
            if key not in item:
                continue
            number = _finite(item[key])
            if number is None:
                self.problem(f'"{key}" is a finite number', f"{self.place}.{key}", value=item[key])
                return ()
            bounds[key] = number
        if bounds["valid_min"] > bounds["valid_max"]:
            key = "valid_min" if "valid_min" in item else "valid_max"
            rule = f"the range would be [{bounds['valid_min']:g}, {bounds['valid_max']:g}], but it needs min <= max"
            self.problem(rule, f"{self.place}.{key}")
            return ()
        return (FloatRange(bounds["valid_min"], bounds["valid_max"]),)

    def read_choices(self, targets: Any, names: tuple[Name, ...]) -> tuple[Any, ...]:
        if not isinstance(targets, list) or not targets:
            rule = 'the targets of an "enum" search are a list of at least one choice, each a list'
            self.problem(rule, self.targets_place, value=targets)
            return ()
        found = []
        for position, choice in enumerate(targets):
            if isinstance(choice, list) and len(choice) == len(names):
                found.append(tuple(choice))
                continue
            listed = ", ".join(name.arg for name in names)
            self.problem(
                f'each choice of an "enum" search is a list with one value for each of its args ({listed})',
                f"{self.targets_place}[{position}]",
                value=choice,
                remedy=_choice_remedy(choice, len(names)),
            )
        return tuple(found) if len(found) == len(targets) else ()

    def read_scale(self, item: Mapping[str, Any], span: tuple[Any, ...]) -> Scale:
        if item.get("scale") != "log":
            return "linear"
        if span and isinstance(span[0], FloatRange | IntRange) and span[0].min <= 0:
            rule = f'a "log" scale needs a range above 0, but this one begins at {span[0].min:g}'
            self.problem(rule, f"{self.place}.scale", remedy='Raise its least number, or leave "scale" out.')
        return "log"

    def read_weights(self, item: Mapping[str, Any], choices: tuple[Any, ...]) -> tuple[float, ...] | None:
        """Return the weights, their sum made 1."""
        if "weights" not in item or item.get("type") != "enum" or item.get("continuous") is True:
            return None
        place = f"{self.place}.weights"
        given = item["weights"]
        numbers = [_finite(number) for number in given] if isinstance(given, list) else []
        weights = [number for number in numbers if number is not None and number > 0]
        if not isinstance(given, list) or len(weights) != len(given):
            remedy = "Leave out the choices that are not to be tried." if 0 in numbers else ""
            self.problem(
                '"weights" are a list of numbers above 0, one for each choice', place, value=given, remedy=remedy
            )
            return None
        if choices and len(weights) != len(choices):
            rule = f'"weights" are one number for each choice, and there are {len(choices)} choices'
            self.problem(rule, place, value=given)
            return None
        largest = max(weights, default=1.0)  # first by it: the sum of large ones may be no float
        total = sum(weight / largest for weight in weights)
        made = tuple(weight / largest / total for weight in weights)
        if not all(made):
            self.problem("the weights are too far apart to be told from 0", place, value=given)
        return made

    def read_when(self, when: Any) -> dict[str, tuple[Any, ...]]:
        """Return the conditions as they are written, alias to values; who the aliases are is not known yet."""
        place = f"{self.place}.when"
        if not isinstance(when, dict):
            rule = '"when" is an object of aliases to lists of values, such as {"act": ["relu", "prelu"]}'
            self.problem(rule, place, value=when)
            return {}
        found: dict[str, tuple[Any, ...]] = {}
        for alias, values in when.items():
            if is_comment(alias):
                continue
            if not isinstance(values, list) or not values:
                remedy = "" if isinstance(values, list | dict) else "Put it into brackets."
                rule = 'a condition of "when" lists at least one value'
                self.problem(rule, child(place, alias), value=values, remedy=remedy)
            else:
                found[alias] = tuple(values)
        return found


def _finite(number: Any) -> float | None:
    """Return the number as a float; ``None`` for what is no number or lies beyond all floats."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    try:
        made = float(number)
    except OverflowError:
        return None
    return made if math.isfinite(made) else None


def _whole(number: Any) -> int | None:
    """Return a whole number that is a float too; ``None`` for anything else."""
    if isinstance(number, bool) or not isinstance(number, int):
        return None
    return number if abs(number) <= _LARGEST else None


def _choice_remedy(choice: Any, count: int) -> str:
    if not isinstance(choice, list):
        return "Put it into brackets: [[first], [second]]." if count == 1 else ""
    if count == 1:
        return "A list as a value needs one more pair of brackets: [[[8, 16]], [[16, 32]]]."
    return ""
