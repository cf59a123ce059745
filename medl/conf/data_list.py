"""Data lists (Decathlon): JSON lists of items under keys such as ``training``, with paths relative to a base folder."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medl.conf.folds import base_key, in_fold
from medl.conf.item_keys import item_key_problems
from medl.conf.json_path import child
from medl.conf.load import read_object
from medl.errors import ConfigError, Problem, near_names

SHOWN = 10
"""How many problems of one kind are printed before only their number is."""
_META = ("name", "description", "reference", "licence", "license", "release", "tensorImageSize", "modality", "labels")


def read_data_list(path: Path, key: str, base_dir: Path, file: str = "") -> list[dict[str, Any]]:
    """Return the items of one list, their paths joined to the base folder.

    An item that is a plain text is the path of an image. Joined are the texts under ``image…``, those under ``label…``
    that look like a path, and others that name a file there; names, numbers and nested lists stay.

    Args:
        path: the data list.
        key: the list's name, such as ``training``; ``training:fold!=0`` is its items outside of fold 0.
        base_dir: the folder that relative paths start from.
        file: the name shown in problems; ``path`` where it is empty.

    Raises:
        ConfigError: the file cannot be read, or the list breaks a rule. Whether the files exist is for
            :func:`data_list_problems`.
    """
    items, problems = _items(path, key, file or str(path))
    if problems:
        raise ConfigError(problems)
    return [{name: _joined(name, value, base_dir) for name, value in item.items()} for _, item in items]


def listed_files(path: Path, key: str, base_dir: Path) -> list[tuple[str, str]]:
    """Return the place (``training[0].image``) and the whole path of each file that one list names.

    Args:
        path: the data list.
        key: the list's name; of ``training:fold!=0`` the files of these items.
        base_dir: the folder that relative paths start from.

    Raises:
        ConfigError: the file cannot be read.
    """
    items, _ = _items(path, key, str(path))
    return [
        (place, os.path.join(base_dir, text))
        for item_path, item in items
        for name, value in item.items()
        for place, text in _texts(value, child(item_path, name))
        if _is_path(name, text, base_dir)
    ]


def read_description(path: Path) -> str:
    """Return what a data list says of itself under ``description``; empty where it says nothing or cannot be read."""
    try:
        text = read_object(path).get("description", "")
    except ConfigError:
        return ""
    return text if isinstance(text, str) else ""


def data_list_problems(
    path: Path, key: str, base_dir: Path, file: str = "", *, keys: tuple[str, ...] = (), asked: str = ""
) -> list[Problem]:
    """Return what is wrong with one list: the file, the list itself, its items, and every file that does not exist.

    No image is opened. Of many missing files the first ten are named, then their number.

    Args:
        path: the data list.
        key: the list's name.
        base_dir: the folder that relative paths start from.
        file: the name shown in problems; ``path`` where it is empty.
        keys: keys that every item needs, as the first transform loads them.
        asked: where the list's name is given, for the message where there is no such list.
    """
    file = file or str(path)
    try:
        items, problems = _items(path, key, file, asked)
    except ConfigError as error:
        return list(error.problems)
    problems = problems + item_key_problems(items, keys, file, key)
    missing: list[Problem] = []
    known: dict[str, bool] = {}  # one look per file: a list may name the same volume many times
    for item_path, item in items:
        for name, value in item.items():
            for place, text in _texts(value, child(item_path, name)):
                if not _is_path(name, text, base_dir):
                    continue
                whole = os.path.join(base_dir, text)
                if whole not in known:
                    known[whole] = os.path.exists(whole)
                    if not known[whole]:
                        missing.append(Problem(rule="the file has to exist", file=file, path=place, value=whole))
    if missing and not os.path.isdir(base_dir):
        rule, remedy = "the folder of the data has to exist", "Set DATA_ROOT where the data lie."
        return [*problems, Problem(rule=rule, file=file, path=key, value=str(base_dir), remedy=remedy)]
    remedy = f"Relative paths start from {base_dir}; set DATA_ROOT where the data lie."
    if len(missing) > SHOWN:
        rule = f"{len(missing) - SHOWN} more of {len(known)} files do not exist"
        missing = [*missing[:SHOWN], Problem(rule=rule, file=file, path=key)]
    if missing:
        missing[-1] = dataclasses.replace(missing[-1], remedy=remedy)
    return problems + missing


def _items(path: Path, key: str, file: str, asked: str = "") -> tuple[list[tuple[str, dict[str, Any]]], list[Problem]]:
    """Return JSON path and content of each item, and what is wrong with the list."""
    data = read_object(path, file)
    lists = [name for name, value in data.items() if isinstance(value, list) and name not in _META]
    asked_for, key = key, key if key in data else base_key(key)
    if key not in data:
        have = "It has " + ", ".join(f'"{name}"' for name in lists) + "." if lists else "It has no list."
        have += f" The name is given at {asked}." if asked else ""
        return [], [Problem(rule=f'the data list has no "{key}"', file=file, near=near_names(key, lists), remedy=have)]
    value = data[key]
    if not isinstance(value, list):
        return [], [Problem(rule="the value is a list of items", file=file, path=key, value=value)]
    if not value:
        return [], [
            Problem(
                rule="the list has at least one item",
                file=file,
                path=key,
                value=value,
                remedy="Add data, or name another list.",
            )
        ]
    items: list[tuple[str, dict[str, Any]]] = []
    problems: list[Problem] = []
    for index, item in enumerate(value):
        place = child(key, index)
        if asked_for != key and not in_fold(asked_for, item):
            continue
        if isinstance(item, str):
            item = {"image": item}
        if not isinstance(item, dict) or not item:
            problems.append(
                Problem(
                    rule='an item is an object such as {"image": path, "label": path}, or a path',
                    file=file,
                    path=place,
                    value=item,
                )
            )
            continue
        items.append((place, item))
        for name, content in item.items():
            is_object = isinstance(content, dict) and name.startswith(("image", "label"))
            if content is None or content == "" or content == [] or is_object:
                problems.append(
                    Problem(
                        rule="the value is a path, a number or a list",
                        file=file,
                        path=child(place, name),
                        value=content,
                    )
                )
    if not items and not problems:
        remedy = 'Folds are counted from 0; an item says its own under "fold".'
        problems.append(Problem("the fold has items", file, key, asked_for, remedy))
    if len(problems) > SHOWN:
        rule = f"{len(problems) - SHOWN} more problems with the items of this list"
        problems = [*problems[:SHOWN], Problem(rule=rule, file=file, path=key)]
    return items, problems


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Give the path and the text of a value that is a text or a flat list of texts."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, str):
                yield child(path, index), item


def _is_path(name: str, text: str, base_dir: Path) -> bool:
    """Return whether a text of an item is a path.

    An image's always is; a label's where it looks like one, for it may be the name of a class; any other where there is
    such a file.
    """
    if name.startswith("image"):
        return True
    if name.startswith("label"):
        last = text.rpartition("/")[2]
        stem, _, ending = last.partition(".")
        return "/" in text or bool(stem and ending and " " not in ending and not ending.replace(".", "").isdigit())
    return bool(text) and os.path.exists(os.path.join(base_dir, text))


def _joined(name: str, value: Any, base_dir: Path) -> Any:
    if isinstance(value, str):
        return os.path.join(base_dir, value) if _is_path(name, value, base_dir) else value
    if isinstance(value, list):
        return [_joined(name, item, base_dir) if isinstance(item, str) else item for item in value]
    return value
