"""What can go wrong, as a tree; catch the branch you mean.

::

    MedlError                exit 1
    ├── ConfigError          exit 2   a config, an argument or the data break a rule; carries every problem found
    ├── RunError             exit 2   a run cannot start or go on (locked, other fingerprint, folder in the way)
    └── TrainingError        exit 1   a training cannot go on (NaN loss, disk full)
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from medl.masked import masked

_ABSENT = object()


class MedlError(Exception):
    """The base of every error that medl raises on purpose; its text is meant for the user."""

    exit_code = 1


@dataclass(frozen=True)
class Problem:
    """One broken rule: which rule, where, the value found there and what to do about it.

    Attributes:
        rule: the rule as a sentence without its final full stop, such as
            ``a "float" range needs [min, max] with min <= max``.
        file: the file, relative to the archive where it lies inside it.
        path: the JSON path inside the file, such as ``train.pre_transforms[2].args.prob``; empty for the whole file.
        value: what was found; leave it out where there is nothing to show.
        remedy: what to do, as a sentence.
        near: names that may have been meant, best first.
    """

    rule: str
    file: str = ""
    path: str = ""
    value: Any = _ABSENT
    remedy: str = ""
    near: tuple[str, ...] = ()

    def __str__(self) -> str:
        return masked(self._text())

    def _text(self) -> str:
        place = ": ".join(part for part in (self.file, self.path) if part)
        text = self.rule
        if self.value is not _ABSENT:
            text += f", but got {show_value(self.value)}"
        text += "."
        if self.near:
            text += " Did you mean " + " or ".join(f'"{name}"' for name in self.near) + "?"
        if self.remedy:
            text += " " + self.remedy
        return f"{place}\n    {text}" if place else text


class ConfigError(MedlError):
    """Configs, arguments or data break rules; all problems that were found, in the order of the files."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem] | Problem):
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class RunError(MedlError):
    """A run cannot start or go on: another engine holds it, its record is of another configuration."""

    exit_code = 2


class TrainingError(MedlError):
    """A training cannot go on; the text says at which epoch and why."""


def near_names(name: str, known: Iterable[str], count: int = 3, cutoff: float = 0.6) -> tuple[str, ...]:
    """Return the names that may have been meant, best first, at most ``count``; ``cutoff`` (0 to 1) is how like it is.

    >>> near_names("RandomControler", ["GridController", "RandomController"], count=1)
    ('RandomController',)
    """
    by_lower: dict[str, str] = {}
    for candidate in known:
        by_lower.setdefault(candidate.lower(), candidate)
    matches = difflib.get_close_matches(name.lower(), list(by_lower), n=count, cutoff=cutoff)
    return tuple(by_lower[match] for match in matches)


def show_value(value: Any, limit: int = 120) -> str:
    """Return a value as one line of JSON (or its repr), shortened to ``limit`` characters.

    Of a long path the end is what tells it from others, so both ends of a text with a slash stay.
    """
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    end = limit * 2 // 3 if isinstance(value, str) and "/" in value else 0
    return f"{text[: limit - 1 - end]}…{text[len(text) - end :]}"
