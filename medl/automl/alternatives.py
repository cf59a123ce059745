"""Alternatives in a list, such as two losses: every point of the search space must leave exactly one enabled."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

from medl.automl.defs import ParameterRange, SearchSpace
from medl.automl.placement import Placement, placements, read
from medl.automl.prl import Steps
from medl.automl.search_sections import DISABLED, Item, Sections, json_path, walk
from medl.conf.sections import ONE_COMPONENT
from medl.errors import Problem, show_value

_MAX_COMBINATIONS = 20_000
"""Lists that more combinations decide about are left to the check of each job's own config."""


def alternative_problems(config: Mapping[str, Any], sections: Sections, file: str = "") -> list[Problem]:
    """Return the lists of alternatives of which some combination of choices enables none or several."""
    switches = [p for p in placements(config, sections) if p.target == DISABLED]
    found = []
    for steps, node in walk(dict(config)):
        for key, members in node.items():
            if key not in ONE_COMPONENT or not isinstance(members, list):
                continue
            if not all(isinstance(member, dict) for member in members):
                continue
            way = (*steps, key)
            mine = [p for p in switches if p.steps[:-1] == way]
            if mine and (reason := _wrong_combination(config, way, len(members), mine, sections)):
                remedy = (
                    "Switch them together: one first-level item with a free name per alternative, "
                    "and exactly one false in each choice."
                )
                rule = f"exactly one of the alternatives is enabled, whatever the search chooses, but {reason}"
                found.append(Problem(rule, file, json_path(*way), remedy=remedy))
    return found


def _wrong_combination(
    config: Mapping[str, Any], way: Steps, count: int, switches: list[Placement], sections: Sections
) -> str:
    """Return in words the first combination of choices that leaves not exactly one enabled, or an empty text."""
    own = [_own_disabled(config, (*way, index)) for index in range(count)]
    if any(state is None for state in own):
        return ""
    items = _deciding(switches, sections)
    if any(p.item.parameter.kind != "enum" for p in switches):
        return ""
    ranges = [_values(item.parameter) for item in items]
    if math.prod(map(len, ranges)) > _MAX_COMBINATIONS:
        return ""
    space = SearchSpace(tuple(item.parameter for item in items))
    for values in itertools.product(*ranges):
        drawn = {item.parameter.prl: value for item, value in zip(items, values, strict=True)}
        chosen = space.active(drawn)  # a switch that does not count leaves the config's own state
        disabled = list(own)
        for switch in switches:
            parameter = switch.item.parameter
            if parameter.prl in chosen:
                disabled[int(switch.steps[-1])] = parameter.targets[chosen[parameter.prl]][switch.position]
        enabled = sum(state is not True for state in disabled)
        if enabled != 1:
            words = ", ".join(
                f"{item.place} = {show_value(_shown(item.parameter, value), 40)}"
                for item, value in zip(items, values, strict=True)
            )
            return f"with {words} there {'is none' if enabled == 0 else f'are {enabled}'}"
    return ""


def _deciding(switches: list[Placement], sections: Sections) -> list[Item]:
    """Return the items of the switches and those on which they depend."""
    known = {item.parameter.prl: item for item in sections.items}
    found: dict[str, Item] = {}
    left = [p.item.parameter.prl for p in switches]
    while left:
        prl = left.pop(0)
        if prl not in found:
            found[prl] = known[prl]
            left += [condition.prl for condition in known[prl].parameter.when]
    return list(found.values())


def _values(parameter: ParameterRange) -> range:
    """Return the values of a parameter that is no range of floats."""
    if parameter.kind == "enum":
        return range(len(parameter.targets))
    span = parameter.targets[0]
    return range(span.min, span.max + 1, span.step)


def _shown(parameter: ParameterRange, value: int) -> Any:
    return list(parameter.targets[value]) if parameter.kind == "enum" else value


def _own_disabled(config: Mapping[str, Any], steps: Steps) -> Any:
    """Return the component's own ``disabled``; ``None`` where it is a variable from elsewhere."""
    value = read(config, steps, DISABLED)
    if isinstance(value, str):
        return config.get(value[1:-1])
    return value
