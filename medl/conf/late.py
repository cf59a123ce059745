"""What a handler is given once everything is built: the trainer that its own list belongs to.

A handler that stops a training needs the trainer, and the trainer needs its handlers, those of validation included. The
circle is cut where MONAI has the seam: ``set_trainer``, after both are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medl.conf.sections import args_of, class_name, is_component

TRAINER = "trainer"
REFERENCE = f"@{TRAINER}"
SETTERS = frozenset({"EarlyStopHandler"})
"""Known classes that take the trainer through ``set_trainer``, whether or not the config gives it."""

_KNOWN_ROOTS = ("monai.", "torch.", "ignite.")


def is_late(key: str, spec: Mapping[str, Any]) -> bool:
    """Return whether a component is given the trainer once it is built.

    Those are MONAI's EarlyStopHandler, and classes of the user's own whose arg ``trainer`` is ``"@trainer"``.

    Args:
        key: the section's key that the component stands under.
        spec: the component.
    """
    args = args_of(spec)[1] if key == "handlers" and is_component(spec) else None
    if not isinstance(args, dict):
        return False
    given = args.get(TRAINER)
    if class_name(spec) in SETTERS:
        return given in (None, REFERENCE)
    path = spec.get("path")
    return given == REFERENCE and isinstance(path, str) and not path.startswith(_KNOWN_ROOTS)


def without_late(key: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Return a component without the reference that is followed later; nothing else is copied.

    >>> without_late("handlers", {"name": "EarlyStopHandler", "args": {"patience": 2, "trainer": "@trainer"}})
    {'name': 'EarlyStopHandler', 'args': {'patience': 2}}
    """
    if not is_late(key, spec):
        return spec
    where, args = args_of(spec)
    kept = {name: value for name, value in args.items() if name != TRAINER}
    return {**spec, "args": kept if where == "args" else {**spec["args"], "class_attributes": kept}}
