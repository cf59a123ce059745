"""Args by which a component of MONAI would import, unpickle or fetch what its config must not name.

``LoadImage`` looks a ``reader`` up by its full name wherever Python finds one, and calls it: so a text in an arg is
held to the same rule as ``path``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from medl.conf.component import ALLOWED_PACKAGES, place_problem
from medl.conf.json_path import child
from medl.errors import ConfigError, Problem, near_names

CLASS_ARGS: Mapping[str, tuple[str, ...]] = {
    "reader": (
        *("ITKReader", "NibabelReader", "NrrdReader", "NumpyReader", "PILReader", "PydicomReader"),
        *("WSIReader", "CuCIMWSIReader", "OpenSlideWSIReader", "TiffFileWSIReader", "cuCIM", "OpenSlide", "TiffFile"),
    ),
    "writer": ("ITKWriter", "NibabelWriter", "PILWriter"),
    "merger_cls": ("AvgMerger", "ZarrAvgMerger"),
}
"""Arg to the classes of MONAI that its text may name, in any case; any other has a full name, as a ``path`` has."""

FIXED: Mapping[str, tuple[bool, str]] = {
    "allow_pickle": (False, "a pickle runs what is in it: save arrays without Python objects in them"),
    "weights_only": (True, "a pickle runs what is in it: a cache holds tensors and plain values"),
}
"""Arg to the only value that it may have, and why."""

FETCHED = ("medicalnet", "radimagenet")
"""Kinds of ``PerceptualLoss`` whose code, not only weights, would be fetched from a public repository and run."""

Find = Callable[[str, str], Any]
"""``find(full name, JSON path)`` gives a class, or raises :class:`ConfigError`."""


def refused_args(
    args: Mapping[str, Any],
    *,
    folders: Sequence[Path] = (),
    packages: Sequence[str] = ALLOWED_PACKAGES,
    file: str = "",
    path: str = "",
    resolved: bool = False,
) -> list[Problem]:
    """Return what must not be given to a component that is not the user's own; nothing is imported.

    Args:
        args: the component's args.
        folders: of the user's own code.
        packages: that classes may come from.
        file: the config's name.
        path: the JSON path of the args.
        resolved: whether references and code in them have their values; else they are let through for now.
    """
    found: list[Problem] = []
    for name, place, text in _class_texts(args, path):
        if _is_mark(text) and not resolved:
            continue
        if text.lower() in _lower(name):
            continue
        if "." in text:
            problem = place_problem(text, folders, packages, file, place)
            found += [problem] if problem is not None else []
            continue
        near = near_names(text, CLASS_ARGS[name])
        rule = f"{name} is a class of MONAI, or the full name of one"
        remedy = 'For a class of your own write "module.Class", its module in custom/.'
        found.append(Problem(rule, file, place, text, remedy, near))
    for name, (only, why) in FIXED.items():
        value = args.get(name, only)
        if value is not only and (resolved or not _is_mark(value)):
            found.append(Problem(f"{name} is {str(only).lower()}: {why}", file, child(path, name), value))
    kind = args.get("network_type")
    if isinstance(kind, str) and kind.lower().startswith(FETCHED):
        remedy = "Take another network_type, or write a loss in custom/ that loads a network of your own."
        rule = "a loss fetches no code from the net"
        found.append(Problem(rule, file, child(path, "network_type"), kind, remedy))
    return found


def with_classes(args: Mapping[str, Any], find: Find, path: str) -> dict[str, Any]:
    """Return the args with classes in place of their full names, so that nothing else looks those names up."""
    made = dict(args)
    for name, place, text in _class_texts(args, path):
        if "." not in text:
            continue
        value = made[name]
        cls = find(text, place)
        made[name] = [cls if item == text else item for item in value] if isinstance(value, list | tuple) else cls
    return made


def require_args(args: Mapping[str, Any], **where: Any) -> None:
    """Raise :class:`ConfigError` where :func:`refused_args` finds anything in args that have their values."""
    if found := refused_args(args, resolved=True, **where):
        raise ConfigError(found)


def _class_texts(args: Mapping[str, Any], path: str) -> list[tuple[str, str, str]]:
    """Return name, JSON path and text of each class that the args name."""
    found: list[tuple[str, str, str]] = []
    for name in CLASS_ARGS:
        value = args.get(name)
        place = child(path, name)
        if isinstance(value, list | tuple):
            found += [(name, child(place, index), item) for index, item in enumerate(value) if isinstance(item, str)]
        elif isinstance(value, str):
            found.append((name, place, value))
    return found


def _is_mark(value: Any) -> bool:
    return isinstance(value, str) and (value.startswith(("@", "#")) or value.startswith("lambda"))


def _lower(name: str) -> tuple[str, ...]:
    return tuple(known.lower() for known in CLASS_ARGS[name])
