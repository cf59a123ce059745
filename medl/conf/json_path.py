"""JSON paths as problems show them: ``train.pre_transforms[2].args.prob``, indices from 0."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_PLAIN_KEY = re.compile(r"[^\s.\[\]\"']+")


def child(path: str, key: str | int) -> str:
    """Return the path of a member of the value at ``path``.

    >>> child(child("train", "pre_transforms"), 2)
    'train.pre_transforms[2]'
    """
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not _PLAIN_KEY.fullmatch(key):
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key


def members(value: Any, path: str = "") -> Iterator[tuple[str | int, str, Any]]:
    """Give key or index, path and value of each direct member of an object or a list; nothing for other values."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key, child(path, key), item
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield index, child(path, index), item


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give path and value of ``value`` and of everything inside it, in document order."""
    yield path, value
    for _, item_path, item in members(value, path):
        yield from walk(item, item_path)
