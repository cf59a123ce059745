"""The check of what needs a component that is disabled: a reference to one gives nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from medl.conf.catalogue import Catalogue
from medl.conf.json_path import child
from medl.conf.marks import Mark, mark_of
from medl.conf.references import target
from medl.conf.sections import Place, args_of, class_name, components, full_name, is_component, is_disabled
from medl.errors import Problem


def nothing_problems(config: Mapping[str, Any], catalogue: Catalogue, file: str = "") -> list[Problem]:
    """Return the args that a class cannot do without, but that refer to a disabled component.

    What a search may enable is left to the check of each job.

    Args:
        config: the normal form: variables in, refs expanded.
        catalogue: the components that are known.
        file: the config's name in messages.
    """
    found: list[Problem] = []
    for place in components(config):
        if is_disabled(place.spec) or is_switched(place.spec):
            continue
        where, args = args_of(place.spec)
        if not isinstance(args, dict):
            continue
        title = class_name(place.spec)
        for name in _needed(place, catalogue):
            gone = _disabled(config, place.section, args.get(name))
            if gone is not None:
                also = f", or disable {place.path} too" if place.index is not None else ""
                rule = f'{title} needs the arg "{name}", but {gone} is disabled'
                arg_path = child(f"{place.path}.{where}", name)
                found.append(Problem(rule, file, arg_path, remedy=f"Enable {gone}{also}."))
        if title == "CheckpointSaver" and args.get("save_key_metric") is True and not _has_metric(config, place):
            rule = f"save_key_metric needs a key metric, but {place.section} has none that is enabled"
            remedy = "Add a key_metric that the evaluator (key_val_metric) or trainer (key_train_metric) is given."
            found.append(Problem(rule, file, f"{place.path}.{where}.save_key_metric", remedy=remedy))
    return found


def is_switched(spec: Mapping[str, Any]) -> bool:
    """Return whether a search decides if the component is disabled."""
    apply, search = spec.get("apply"), spec.get("search")
    if isinstance(apply, dict) and "@disabled" in apply:
        return True
    for item in search if isinstance(search, list) else []:
        args = item.get("args") if isinstance(item, dict) else None
        names = [args] if isinstance(args, str) else args if isinstance(args, list) else []
        if any(isinstance(name, str) and name.partition("#")[0] == "@disabled" for name in names):
            return True
    return False


def _needed(place: Place, catalogue: Catalogue) -> Iterator[str]:
    """Yield the args of a known class that have no default."""
    entry = None if place.spec.get("path") else catalogue.find(full_name(place.spec), place.key)
    if entry is not None:
        yield from (parameter.name for parameter in entry.signature.parameters if parameter.required)


def _disabled(config: Mapping[str, Any], section: str, value: Any) -> str | None:
    """Return the JSON path of the disabled component that a value refers to, or None."""
    if mark_of(value) is not Mark.REFERENCE:
        return None
    node = target(config, section, value[1:])
    if node is None:
        return None
    spec = config[node[0]][node[1]]
    gone = is_component(spec) and is_disabled(spec) and not is_switched(spec)
    return child(*node) if gone else None


def _has_metric(config: Mapping[str, Any], saver: Place) -> bool:
    """Return whether the engine that a saver of a section watches may have a key metric."""
    section = config[saver.section]
    engine = section.get("evaluator" if saver.section == "validate" else "trainer")
    if not is_component(engine) or engine.get("path"):
        return True
    args = args_of(engine)[1]
    if not isinstance(args, dict):
        return True  # said elsewhere
    given = args.get("key_val_metric" if saver.section == "validate" else "key_train_metric")
    return given is not None and _disabled(config, saver.section, given) is None
