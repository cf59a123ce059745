"""What makes a run that run: a short text per part, so that a difference can be named."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def fingerprint(**parts: Any) -> str:
    """Return ``name=hash`` for each part, in the order given; the order of keys inside a part does not count.

    Args:
        parts: JSON values by name; for a run ``config``, ``data_list``, ``objective``, ``controller`` (with its args),
            ``space``.

    Raises:
        TypeError, ValueError: a part has no JSON form.

    >>> fingerprint(config={"a": 1, "b": 2}) == fingerprint(config={"b": 2, "a": 1})
    True
    """
    return " ".join(f"{name}={_digest(part)}" for name, part in parts.items())


def _digest(part: Any) -> str:
    text = json.dumps(part, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differing(old: str, new: str) -> tuple[str, ...]:
    """Return the names of the parts in which two fingerprints differ, in the order of the new one."""
    before, after = _parts(old), _parts(new)
    names = [*after, *(name for name in before if name not in after)]
    return tuple(name.replace("_", " ") for name in names if before.get(name) != after.get(name))


def _parts(text: str) -> dict[str, str]:
    return {name: digest for name, _, digest in (word.partition("=") for word in text.split())}
