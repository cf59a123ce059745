"""Data lists written: items with relative paths, parted by seed, patient and label."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from medl.data.case import MANY, label_values
from medl.data.patients import numbered
from medl.data.split import folds, shares, split
from medl.data.volume import Unreadable, read_volume
from medl.errors import ConfigError, Problem
from medl.mmar.files import write_json


def present_labels(items: Sequence[Mapping[str, Any]], base: Path) -> list[frozenset[Hashable]]:
    """Return what each item's label holds: the values of a segmentation above 0, or the class.

    Raises:
        ConfigError: a label cannot be read; all such.
    """
    found: list[frozenset[Hashable]] = []
    problems: list[Problem] = []
    for item in items:
        label = item.get("label")
        values: frozenset[Hashable] = frozenset()
        if isinstance(label, (str, Path)) and (os.path.sep in str(label) or (base / label).exists()):
            try:
                volume = read_volume(base / label)
                numbers = label_values(volume) if volume is not None else ()
                values = frozenset(v for v in numbers if v > 0) if len(numbers) <= MANY else frozenset()
            except Unreadable as error:
                problems.append(error.problem(os.path.relpath(base / label, base)))
        elif label is not None:
            several = [f"{i}:{v}" for i, v in enumerate(label)] if isinstance(label, list) else [label]
            values = frozenset(several)
        found.append(values)
    if problems:
        raise ConfigError(problems)
    return found


def parted(
    items: Sequence[Mapping[str, Any]],
    labels: Sequence[frozenset[Hashable]],
    patients: Mapping[str, str],
    *,
    validation: float,
    test: float,
    count: int,
    seed: int,
) -> dict[str, list[dict[str, Any]]]:
    """Return the lists of items, each item with the number of its patient where patients are known.

    Args:
        items: the items, image paths relative to the data's folder.
        labels: what each item's label holds.
        patients: image path to patient; empty where each item is one of its own.
        validation: share of the validation; of what is left after the test where there are folds: it is not used.
        test: share of the test.
        count: number of folds, 0 for none; each item of "training" then has its ``fold``, counted from 0.
        seed: decides, with the items, all of it.

    Raises:
        ConfigError: a part would be empty.
    """
    names = [_name(item) for item in items]
    if len(set(names)) < len(names):
        double = sorted({name for name in names if names.count(name) > 1})
        raise ConfigError(Problem("an image is listed once", "", value=double[:6]))
    order = sorted(range(len(items)), key=names.__getitem__)
    items, labels, names = [items[i] for i in order], [labels[i] for i in order], [names[i] for i in order]
    tokens = numbered(patients, names)
    groups = [tokens[name] for name in names]
    given = shares(0.0 if count else validation, test)
    where = split(groups, labels, given, seed) if len(given) > 1 else ["training"] * len(items)
    lists: dict[str, list[dict[str, Any]]] = {part: [] for part in given}
    rest = [index for index, part in enumerate(where) if part == "training"]
    fold_of = (
        dict(zip(rest, folds([groups[i] for i in rest], [labels[i] for i in rest], count, seed), strict=True))
        if count
        else {}
    )
    for index, (item, part) in enumerate(zip(items, where, strict=True)):
        entry = dict(item)
        if patients:
            entry["patient"] = groups[index]
        if index in fold_of:
            entry["fold"] = fold_of[index]
        lists[part].append(entry)
    return lists


def relative(items: Sequence[Mapping[str, Any]], base: Path) -> list[dict[str, Any]]:
    """Return the items with their paths relative to the data's folder.

    Raises:
        ConfigError: a file lies outside of it.
    """
    root = Path(os.path.abspath(base))

    def inside(value: Any) -> Any:
        if isinstance(value, list):
            return [inside(one) for one in value]
        if not isinstance(value, Path):
            return value
        whole = Path(os.path.abspath(value))
        if not whole.is_relative_to(root):
            remedy = "Give a folder above all files with --base."
            raise ConfigError(Problem("images and labels lie in the data's folder", str(base), "", str(value), remedy))
        return str(whole.relative_to(root))

    return [{name: inside(value) for name, value in item.items()} for item in items]


def write_list(
    path: Path, lists: Mapping[str, Sequence[Mapping[str, Any]]], *, labels: Mapping[str, str], description: str
) -> None:
    """Write a data list; a file that is there is not overwritten.

    Raises:
        ConfigError: the file is there.
    """
    if path.exists():
        raise ConfigError(Problem("no file is overwritten", str(path), remedy="Choose another with -o FILE."))
    path.parent.mkdir(parents=True, exist_ok=True)
    head: dict[str, Any] = {"description": description}
    if labels:
        head["labels"] = dict(labels)
    write_json(path, {**head, **{name: list(items) for name, items in lists.items()}})


def _name(item: Mapping[str, Any]) -> str:
    image = item["image"]
    return str(image[0] if isinstance(image, list) else image)
