"""Which items belong to one patient, without ever writing down who that is."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from medl.errors import ConfigError, Problem, near_names


def by_expression(names: Iterable[str], pattern: str) -> dict[str, str]:
    """Return, for each name, what a regular expression finds in it: its first group, or all where it has no group.

    >>> by_expression(["images/p01_ct.nii.gz", "images/p01_mr.nii.gz"], "p([0-9]+)_")
    {'images/p01_ct.nii.gz': '01', 'images/p01_mr.nii.gz': '01'}

    Raises:
        ConfigError: it is no regular expression, or finds nothing in a name.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        rule = f"--patient is a regular expression: {error}"
        raise ConfigError(Problem(rule, "--patient", value=pattern)) from None
    found: dict[str, str] = {}
    without: list[str] = []
    for name in names:
        match = expression.search(name)
        if match is None:
            without.append(name)
        else:
            found[name] = (match.group(1) if expression.groups else match.group(0)) or ""
    if without:
        rule = f'"{pattern}" finds a patient in every path ({len(without)} without)'
        raise ConfigError(Problem(rule, "--patient", value=without[0], remedy="Try it on that path."))
    return found


def by_table(names: Iterable[str], file: Path, column: str, key: str = "") -> dict[str, str]:
    """Return, for each name, the value of a CSV column in the row whose first column (or ``key``) names it.

    A row names an item by its path, its file name, or that without endings.

    Raises:
        ConfigError: the file or the column is not there, or a name has no row.
    """
    rows = read_table(file)
    columns = list(rows[0])
    for wanted in filter(None, (column, key)):
        if wanted not in columns:
            remedy = f"It has {', '.join(columns)}."
            rule = f'the table has no column "{wanted}"'
            raise ConfigError(Problem(rule, str(file), near=near_names(wanted, columns), remedy=remedy))
    key = key or columns[0]
    table = {row[key].strip(): row[column].strip() for row in rows}
    found: dict[str, str] = {}
    without: list[str] = []
    for name in names:
        last = name.rpartition("/")[2]
        row = next((spelling for spelling in (name, last, stem(last)) if spelling in table), None)
        if row is None or not table[row]:
            without.append(name)
        else:
            found[name] = table[row]
    if without:
        rule = f'every path has a row with a value under "{column}" ({len(without)} without)'
        remedy = f'The column "{key}" names the file.'
        raise ConfigError(Problem(rule, str(file), value=without[0], remedy=remedy))
    return found


def read_table(file: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file with a header line.

    Raises:
        ConfigError: there is no such file, it is not UTF-8, or it has no row.
    """
    try:
        with open(file, encoding="utf-8-sig", newline="") as stream:
            rows = [{str(k): v or "" for k, v in row.items()} for row in csv.DictReader(stream)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(Problem(f"the table cannot be read: {reason}", str(file))) from None
    if not rows:
        raise ConfigError(Problem("a table has a header line and rows", str(file)))
    return rows


def numbered(patients: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return a number such as ``p001`` for each name's patient, counted in the order of the names.

    What a data list says of patients is this and nothing else: neither names nor hashes, which could be guessed. A name
    without a patient is one of its own.
    """
    names = list(names)
    width = max(3, len(str(len(names))))
    numbers: dict[str, str] = {}
    return {
        name: numbers.setdefault(patients.get(name) or f"\0{name}", f"p{len(numbers) + 1:0{width}d}") for name in names
    }


def stem(name: str) -> str:
    """Return a file's name without its endings.

    >>> stem("case_01.nii.gz"), stem("a.b.png")
    ('case_01', 'a.b')
    """
    for ending in (".nii.gz", ".nii", ".dcm", ".png", ".jpg", ".jpeg", ".bmp", ".tiff", ".tif", ".npy", ".npz"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name
