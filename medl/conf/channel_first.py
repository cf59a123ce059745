"""Transforms of geometry count a first axis of channels; where it is made after them, they work on the wrong axes.

Clara Train 4.0's own examples have ``Spacingd`` before ``EnsureChannelFirstd`` in ``validate``. MONAI 0.5 said nothing
and took the first axis of the volume for channels, so that it resampled the second and third axis with the spacings of
the first and second; today's MONAI does the same.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from medl.conf.catalogue import Catalogue
from medl.conf.json_path import child
from medl.conf.references import expand_refs, one_spelling
from medl.conf.rewriting import Rewriting
from medl.conf.sections import SECTIONS, args_of, class_name, full_name, is_component, is_disabled

GEOMETRY = ("monai.transforms.spatial.", "monai.transforms.croppad.")
"""The modules of the transforms that need channels first."""
MAKER = "EnsureChannelFirstd"
"""What makes the axis; the old names are translated into it."""
KEY = "pre_transforms"


class Late(NamedTuple):
    """A transform that makes the channels too late.

    Attributes:
        section: ``train`` or ``validate``.
        maker: its index in ``pre_transforms``.
        first: the index of the first transform that needed the channels.
        names: the classes of both, the maker's first.
    """

    section: str
    maker: int
    first: int
    names: tuple[str, str]


def late_channels(config: Mapping[str, Any], catalogue: Catalogue) -> Iterator[Late]:
    """Give the transforms that make channels after a transform of geometry has worked on the same key.

    Args:
        config: a config in today's names; refs may be there or expanded.
        catalogue: knows where a class is from.
    """
    expanded = expand_refs(config)[0]
    for section in SECTIONS:
        content = expanded.get(section)
        given = content.get(KEY) if isinstance(content, dict) else None
        specs = given if isinstance(given, list) else []
        made: set[str] = set()
        needed: dict[str, int] = {}
        for index, spec in enumerate(specs):
            if not is_component(spec) or is_disabled(spec):
                continue
            keys, args = _keys(spec), args_of(spec)[1]
            if one_spelling(class_name(spec)) == MAKER and not spec.get("path"):
                late = [key for key in keys if key in needed and key not in made]
                if late:
                    first = min(needed[key] for key in late)
                    yield Late(section, index, first, (class_name(spec), class_name(specs[first])))
                made |= set(keys)
            elif isinstance(args, dict) and args.get("ensure_channel_first") is True:
                made |= set(keys)
            else:
                entry = catalogue.find(full_name(spec), KEY)
                if entry is not None and entry.module.startswith(GEOMETRY):
                    for key in keys:
                        needed.setdefault(key, index)


def channels_first(config: Mapping[str, Any], catalogue: Catalogue) -> Rewriting:
    """Return the config with channels made before the first transform that needs them.

    Args:
        config: an old config in today's names.
        catalogue: knows where a class is from.
    """
    result = Rewriting(copy.deepcopy(dict(config)))
    orders: dict[str, list[int]] = {}
    while (late := next(late_channels(result.config, catalogue), None)) is not None:
        specs = result.config[late.section][KEY]
        order = orders.setdefault(late.section, list(range(len(specs))))
        for one in (specs, order):
            one.insert(late.first, one.pop(late.maker))
        maker, first = late.names
        result.note(
            f"{late.section}.{KEY}: {maker} stands after {first}, which takes the first axis for channels; it is done "
            "before it."
        )
    for section, order in orders.items():
        path = f"{section}.{KEY}"
        result.paths.update({child(path, now): child(path, old) for now, old in enumerate(order) if now != old})
    return result


def channel_warnings(config: Mapping[str, Any], catalogue: Catalogue, file: str = "") -> list[str]:
    """Return what is said where a config of today makes channels too late.

    Args:
        config: the normal form.
        catalogue: knows where a class is from.
        file: the config's name.
    """
    return [
        f"{file}: {late.section}.{KEY}[{late.maker}]: {late.names[0]} stands after {late.names[1]}, which takes the "
        "first axis for channels: put it before."
        for late in late_channels(config, catalogue)
    ]


def _keys(spec: Mapping[str, Any]) -> list[str]:
    args = args_of(spec)[1]
    given = args.get("keys") if isinstance(args, dict) else None
    names = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    return [name for name in names if isinstance(name, str)]
