"""The keys that every item of a data list needs, because the transform that loads it reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from medl.conf.references import one_spelling
from medl.conf.sections import args_of, class_name, is_component, is_disabled
from medl.errors import Problem, near_names

SHOWN = 10
"""How many items are named before only their number is."""


def read_keys(config: Mapping[str, Any], section: str) -> tuple[str, ...]:
    """Return the keys that a section's first enabled transform reads of each item, where that is LoadImaged; else none.

    Args:
        config: the normal form: variables in, refs expanded.
        section: ``train`` or ``validate``.
    """
    content = config.get(section)
    transforms = content.get("pre_transforms") if isinstance(content, dict) else None
    for spec in transforms if isinstance(transforms, list) else []:
        if not is_component(spec) or is_disabled(spec):
            continue
        _, args = args_of(spec)
        if one_spelling(class_name(spec)) != one_spelling("LoadImaged") or not isinstance(args, dict):
            return ()
        keys = args.get("keys")
        keys = [keys] if isinstance(keys, str) else keys
        if args.get("allow_missing_keys") or not isinstance(keys, list):
            return ()
        return tuple(key for key in keys if isinstance(key, str) and key[:1] not in ("@", "#"))
    return ()


def item_key_problems(
    items: Iterable[tuple[str, Mapping[str, Any]]], keys: tuple[str, ...], file: str, path: str
) -> list[Problem]:
    """Return the items that lack a key which the loading transform reads.

    Args:
        items: JSON path and content of each item.
        keys: the keys that are read.
        file: the data list's name in messages.
        path: the JSON path of the list.
    """
    items = list(items)
    found: list[Problem] = []
    nowhere = [key for key in keys if items and not any(key in item for _, item in items)]
    for key in nowhere:
        near = near_names(key, {name: None for _, item in items for name in item})
        remedy = "Add it to the items, or change LoadImaged's keys."
        found.append(Problem(f'LoadImaged reads "{key}", which no item has', file, path, near=near, remedy=remedy))
    keys = tuple(key for key in keys if key not in nowhere)
    for place, item in items:
        missing = [key for key in keys if key not in item]
        if missing:
            names = " and ".join(f'"{key}"' for key in missing)
            found.append(
                Problem(
                    rule=f"LoadImaged reads {names} of every item",
                    file=file,
                    path=place,
                    value=list(item),
                    near=near_names(missing[0], item),
                    remedy="Add what is missing, take the item out, or change LoadImaged's keys.",
                )
            )
    if len(found) > SHOWN:
        rule = f"{len(found) - SHOWN} more items lack what LoadImaged reads"
        found = [*found[:SHOWN], Problem(rule=rule, file=file, path=path)]
    return found
