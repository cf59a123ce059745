"""Folds in the name of a list: ``training:fold=0`` and ``training:fold!=0``, for items with a ``fold`` key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_FOLD = re.compile(r"(?P<key>.+):fold(?P<sign>!?=)(?P<fold>\d+)")


def base_key(key: str) -> str:
    """Return the list that a name is about.

    >>> base_key("training:fold!=0"), base_key("validation")
    ('training', 'validation')
    """
    match = _FOLD.fullmatch(key)
    return match["key"] if match else key


def in_fold(key: str, item: Any) -> bool:
    """Return whether an item belongs to the list of that name: all do where the name has no fold.

    >>> in_fold("training:fold!=0", {"image": "a", "fold": 0})
    False
    """
    match = _FOLD.fullmatch(key)
    if match is None:
        return True
    fold = item.get("fold") if isinstance(item, Mapping) else None
    return (fold == int(match["fold"])) == (match["sign"] == "=")
