"""What a clone of an archive leaves behind and still needs: where its data lie, the weights that it starts from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medl.conf.catalogue import Catalogue
from medl.conf.references import expand_refs
from medl.conf.today import in_todays_words
from medl.conf.variables import resolve_variables
from medl.errors import ConfigError

LEFT_BEHIND = ("DATA_ROOT", "DATASET_JSON", "start_from", "start_best")
"""Variables that name what is not cloned, relative to an archive's root: a job needs them relative to its own."""


def places(made: Mapping[str, Any], config: Mapping[str, Any], source: Path, clone: Path) -> dict[str, str]:
    """Return those of :data:`LEFT_BEHIND` that are relative to an archive, as seen from its clone.

    Args:
        made: the clone's environment.json.
        config: the train config, variables as text.
        source: the root of the archive.
        clone: the root of its clone.
    """
    found = {}
    for name in LEFT_BEHIND:
        value = made.get(name, config.get(name))
        if isinstance(value, str) and value and not os.path.isabs(value) and "{" not in value:
            found[name] = moved(value, source, clone)
    return found


def first_weights(config: Mapping[str, Any], environment: Mapping[str, Any], root: Path) -> str | None:
    """Return the checkpoint that a job starts from, relative to its archive; ``None`` where nothing enabled loads one.

    Args:
        config: the job's train config, variables as text.
        environment: its environment.json.
        root: the root of the archive that has the checkpoint.
    """
    try:
        resolved = resolve_variables(config, environment, {}, root)
    except ConfigError:  # the training itself will say it, in full
        return None
    place = resolved.variables.get("MMAR_CKPT")
    if not isinstance(place, str) or not Path(place).is_file():
        return None
    path = Path(os.path.join(root, place))
    if not path.is_relative_to(root) or not _uses(resolved.config.get("train"), place):
        return None
    return str(path.relative_to(root))


def resolved_config(config: Mapping[str, Any], environment: Mapping[str, Any], root: Path) -> dict[str, Any] | None:
    """Return a job's config as it is trained; ``None`` where it breaks a rule, which the training will say in full.

    Variables are in, old names and args are translated, each ``ref`` is what it refers to.

    Args:
        config: the job's train config, variables as text.
        environment: its environment.json.
        root: the root of its archive.
    """
    try:
        resolved = resolve_variables(config, environment, {}, root)
    except ConfigError:
        return None
    today = in_todays_words(resolved.config, resolved.variables, Catalogue.load())
    expanded, problems = expand_refs(today.config)
    return None if today.problems or problems else expanded


def _uses(value: Any, text: str) -> bool:
    """Return whether ``text`` stands in a value, outside disabled components."""
    if isinstance(value, Mapping):
        return value.get("disabled") is not True and any(_uses(item, text) for item in value.values())
    if isinstance(value, list):
        return any(_uses(item, text) for item in value)
    return isinstance(value, str) and value == text


def moved(path: str, source: Path, job: Path) -> str:
    """Return a path that is relative to ``source`` as seen from ``job``.

    It is relative where the job lies inside the archive, so that both can be moved together; else absolute.
    """
    root, here = source.resolve(), job.resolve()
    if here.is_relative_to(root):
        return os.path.join(os.path.relpath(root, here), path)
    return str(root / path)
