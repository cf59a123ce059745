"""Whether what a scheduler gives its trials more of makes a difference to a training."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from medl.conf.validate import schema_problems
from medl.errors import Problem, near_names

READ = ("batch_size_per_rank", "data_fraction", "max_train_time")
"""First-level numbers that a training reads without being referred to."""

_VARIABLE = re.compile(r"\{([^\W\d]\w*)\}")


def fidelity_problems(
    fidelity: Any, train_config: Mapping[str, Any], train_file: str, searched: tuple[str, ...], file: str, path: str
) -> list[Problem]:
    """Return why a budget in a first-level variable cannot work.

    Args:
        fidelity: the controller's arg; whatever is no object with variable, min and max is left to its schema.
        train_config: the train config as it is written.
        train_file: its name, for messages.
        searched: first-level values that are searched.
        file: where the arg stands, for messages.
        path: the arg's place there.
    """
    if not isinstance(fidelity, Mapping) or not isinstance(name := fidelity.get("variable"), str):
        return []
    if name in searched:
        remedy = "Take the search of it out of the config, or take another variable."
        return [Problem(f"{name} is searched, so it cannot be the budget as well", file, path, remedy=remedy)]
    known = (*READ, *dict.fromkeys(_variables(train_config)))
    if name not in known:
        rule = f'nothing in {train_file} refers to "{{{name}}}", so all budgets would be the same training'
        remedy = f'Write "{{{name}}}" where its value belongs, or take data_fraction, which needs no reference.'
        return [Problem(rule, file, path, near=near_names(name, known), remedy=remedy)]
    found: dict[str, Problem] = {}
    for bound in ("min", "max"):
        for problem in schema_problems({name: fidelity.get(bound), "train": {}}, "config_train"):
            if problem.path == name:
                where = f"{path}.{bound}"
                found[where] = Problem(problem.rule, file, where, value=fidelity.get(bound), remedy=problem.remedy)
    return list(found.values())


def _variables(value: Any) -> Iterator[str]:
    """Yield the names in braces in every text of a value."""
    if isinstance(value, str):
        yield from _VARIABLE.findall(value)
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _variables(member)
    elif isinstance(value, list):
        for member in value:
            yield from _variables(member)
