"""From a train config to its search space, and from a point of the space back to a train config.

The config is the one in the file: variables are text and stay so, old names are not translated yet. Path by path:

- :mod:`medl.automl.search_grammar` reads the sections, :mod:`medl.automl.conditions` who depends on whom,
- :mod:`medl.automl.placement` knows where each value goes,
- :mod:`medl.automl.search_checks` finds what does not fit together.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from medl.automl.alternatives import alternative_problems
from medl.automl.defs import SearchSpace
from medl.automl.placement import ABSENT, is_first_level_value, placements, read, write
from medl.automl.prl import Steps
from medl.automl.search_checks import ClassTable, class_default, section_problems
from medl.automl.search_grammar import read_sections
from medl.automl.search_sections import walk
from medl.errors import ConfigError, Problem


def find_search_space(
    config: Mapping[str, Any], catalogue: ClassTable | None = None, file: str = ""
) -> tuple[SearchSpace, list[Problem]]:
    """Return the space that the config's search sections span, and everything that is wrong with them.

    Parameters are in document order, first-level ones first; the space is empty where the config searches nothing, and
    without the items that break the grammar.

    Args:
        config: a train config as it is in the file.
        catalogue: the known classes; without one, args are not compared with signatures.
        file: the config's name, for messages.
    """
    sections = read_sections(config, file)
    space = SearchSpace(tuple(item.parameter for item in sections.items))
    problems = [*sections.problems, *section_problems(config, sections, catalogue, file)]
    return space, [*problems, *alternative_problems(config, sections, file)]


def search_problems(config: Mapping[str, Any], catalogue: ClassTable | None = None, file: str = "") -> list[Problem]:
    """Return everything that is wrong with the config's search sections; arguments as of :func:`find_search_space`."""
    return find_search_space(config, catalogue, file)[1]


def apply_values(
    config: Mapping[str, Any], values: Mapping[str, int | float], *, remove_search: bool = True
) -> dict[str, Any]:
    """Return a copy of the config with the values in their places and the search sections gone.

    Nothing else changes: keys keep their order and variables stay text. A key that was missing (``disabled``, or an arg
    that had its default) is added as the last one of its object. Parameters without a value keep the config's own, and
    those whose conditions do not hold keep it whether they have a value or not.

    Args:
        config: a train config as it is in the file.
        values: PRL to a float, a whole number or the index of a choice.
        remove_search: whether ``search``, ``apply`` and ``lr_search`` go.

    Raises:
        ConfigError: the search sections break a rule, or a value is not one of the space.
    """
    sections = read_sections(config)
    space = SearchSpace(tuple(item.parameter for item in sections.items))
    known = {parameter.prl: parameter for parameter in space.parameters}
    problems = [*sections.problems, *section_problems(config, sections, None, "")]
    for name, value in values.items():
        if name not in known:
            problems.append(Problem("the search space has no such parameter", path=name, value=value))
        elif reason := known[name].fault(value):
            problems.append(Problem(f"the value is not of the search space: {reason}", path=name))
    if problems:
        raise ConfigError(problems)
    applied = copy.deepcopy(dict(config))
    concrete = {name: known[name].concrete(value) for name, value in space.active(values).items()}
    for placement in placements(config, sections):
        if placement.item.parameter.prl in concrete:
            value = concrete[placement.item.parameter.prl][placement.position]
            write(applied, placement.steps, placement.target, copy.deepcopy(value))
    if remove_search:
        for _, node in list(walk(applied)):
            node.pop("search", None)
            node.pop("apply", None)
        applied.pop("lr_search", None)
    return applied


def own_values(
    config: Mapping[str, Any], space: SearchSpace, catalogue: ClassTable | None = None
) -> dict[str, list[Any]]:
    """Return PRL to the config's own concrete values, one per arg: what a job without any recommendation trains with.

    A value that is exactly ``"{NAME}"`` is shown as the first-level value of that name. An arg that is not written down
    has its class's default where a catalogue is given, else ``None``.
    A free alias has the value of its first ``apply``.
    """
    places: dict[tuple[str, int], tuple[Steps, str]] = {}
    for placement in placements(config, read_sections(config)):
        places.setdefault((placement.item.parameter.prl, placement.position), (placement.steps, placement.target))
    found: dict[str, list[Any]] = {}
    for parameter in space.parameters:
        row = []
        for position in range(len(parameter.args)):
            place = places.get((parameter.prl, position))
            row.append(None if place is None else _own_value(config, *place, catalogue))
        found[parameter.prl] = row
    return found


def searched_variables(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the first-level values that the search replaces: giving one by ``--set`` would shadow the search."""
    return tuple(
        name.arg
        for item in read_sections(config).items
        if not item.steps
        for name in item.names
        if is_first_level_value(config, name.arg)
    )


def _own_value(config: Mapping[str, Any], steps: Steps, target: str, catalogue: ClassTable | None) -> Any:
    value = read(config, steps, target)
    if value is ABSENT:
        return class_default(config, steps, target, catalogue)
    if isinstance(value, str) and value[:1] == "{" and value[-1:] == "}" and is_first_level_value(config, value[1:-1]):
        value = config[value[1:-1]]
    return copy.deepcopy(value)
