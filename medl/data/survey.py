"""All cases of a data list looked at, and what no case shows alone: one image or one patient in two parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medl.conf.json_path import child
from medl.conf.load import read_object
from medl.data.case import Case, look
from medl.data.geometry import TOLERANCE
from medl.errors import ConfigError, Problem

SHOWN = 10


@dataclass(frozen=True)
class Part:
    """One list of cases: what is trained on, or what is validated on.

    Attributes:
        name: the list's name, such as ``training``.
        items: JSON path and content of each item.
        base: the folder of the data.
        file: the data list's name in messages.
    """

    name: str
    items: tuple[tuple[str, Mapping[str, Any]], ...]
    base: Path
    file: str


@dataclass(frozen=True)
class Survey:
    """What was found: the cases, and the problems and notes that concern several of them."""

    cases: tuple[Case, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    @property
    def all_problems(self) -> list[Problem]:
        """Every problem, those of single cases first."""
        return [problem for case in self.cases for problem in case.problems] + list(self.problems)


def read_part(path: Path, key: str, base: Path, file: str) -> Part:
    """Return one list of a data list; unlike a training, items that break a rule are left to the survey.

    Args:
        path: the data list.
        key: the list's name; may choose a fold, see :mod:`medl.conf.folds`.
        base: the folder of the data.
        file: the data list's name in messages.

    Raises:
        ConfigError: the file cannot be read, or has no such list.
    """
    from medl.conf.folds import base_key, in_fold

    data = read_object(path, file)
    name = key if key in data else base_key(key)
    items = data.get(name)
    if not isinstance(items, list):
        raise ConfigError(Problem(f'the data list has no list "{name}"', file))
    chosen = []
    for index, item in enumerate(items):
        item = {"image": item} if isinstance(item, str) else item
        if isinstance(item, dict) and (name == key or in_fold(key, item)):
            chosen.append((child(name, index), item))
    return Part(key, tuple(chosen), base, file)


def list_names(path: Path, file: str) -> list[str]:
    """Return the names of the lists of cases in a data list."""
    return [
        name
        for name, value in read_object(path, file).items()
        if isinstance(value, list) and any((isinstance(i, dict) and "image" in i) or _is_path(i) for i in value)
    ]


def survey(
    parts: Sequence[Part],
    *,
    tolerance: float = TOLERANCE,
    patients: Mapping[str, str] | None = None,
    classes: int | None = None,
    allow_shared: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Survey:
    """Return what all cases hold, one after the other; one case's voxels are in memory at a time.

    Args:
        parts: the lists. An item of several lists is read once.
        tolerance: see :func:`medl.data.geometry.differences`.
        patients: image path (as the list has it) to its patient, in place of what files and items say.
        classes: number of channels that the network gives, where that is known: labels should be below it.
        allow_shared: whether one image or patient in two parts is a note and no problem, as in published splits.
        progress: is called with the number of cases looked at and of all.
    """
    cases: list[Case] = []
    read: dict[tuple[str, str], Case] = {}
    total, done = sum(len(part.items) for part in parts), 0
    for part in parts:
        for place, item in part.items:
            known = read.get((part.file, place))
            if known is None:
                known = look(item, part.name, place, part.base, part.file, tolerance=tolerance)
                read[part.file, place] = known
            image = item.get("image")
            named = (patients or {}).get(str(image[0] if isinstance(image, list) and image else image))
            cases.append(_in_part(known, part.name, named))
            done += 1
            if progress is not None:
                progress(done, total)
    shared = _shared(cases, "content", "the same image") + _shared(cases, "patient", "the same patient")
    files = ", ".join(dict.fromkeys(part.file for part in parts))
    problems = [] if allow_shared else [Problem(rule, files, remedy=remedy) for rule, remedy in shared]
    notes = _notes(cases, classes) + ([rule for rule, _ in shared] if allow_shared else [])
    return Survey(tuple(cases), tuple(problems), tuple(notes))


def _in_part(case: Case, part: str, patient: str | None) -> Case:
    import dataclasses

    return dataclasses.replace(case, part=part, patient=patient if patient is not None else case.patient)


def _shared(cases: Iterable[Case], what: str, words: str) -> list[tuple[str, str]]:
    """Return rule and remedy for each image or patient that lies in two parts."""
    where: dict[str, list[Case]] = {}
    for case in cases:
        for token in case.content if what == "content" else [case.patient] if case.patient else []:
            where.setdefault(token, []).append(case)
    found = []
    for group in where.values():
        parts = list(dict.fromkeys(case.part for case in group))
        if len(parts) > 1:
            shown = [f"{case.name} ({case.part})" for case in _one_each(group)]
            rule = f"{words} is in {len(parts)} parts: {', '.join(shown)}"
            found.append((rule, "Scores on it would be too good: keep it in one part, or pass --allow-shared."))
    if len(found) > SHOWN:
        found = [*found[:SHOWN], (f"{words} is in several parts {len(found) - SHOWN} more times", "")]
    return found


def _one_each(group: Sequence[Case]) -> list[Case]:
    """Return the first case of each part."""
    return list({case.part: case for case in reversed(group)}.values())[::-1]


def _notes(cases: Sequence[Case], classes: int | None) -> list[str]:
    notes = []
    for part in dict.fromkeys(case.part for case in cases):
        inside = [case for case in cases if case.part == part]
        seen: dict[str, list[str]] = {}
        for case in inside:
            for token in dict.fromkeys(case.content):
                seen.setdefault(token, []).append(case.name)
        double = [names for names in seen.values() if len(names) > 1]
        if double:
            notes.append(f"{part}: {len(double)} images more than once, such as {' and '.join(double[0][:2])}")
        for attribute, words in (("orientation", "orientations"), ("channels", "numbers of channels")):
            kinds = sorted(
                {str(getattr(case, attribute)) for case in inside if case.shape and getattr(case, attribute)}
            )
            if len(kinds) > 1:
                notes.append(f"{part}: several {words}: {', '.join(kinds[:6])}")
    numbers = {v for case in cases for v in case.labels or () if isinstance(v, int) and not isinstance(v, bool)}
    if classes is not None and classes > 1 and numbers and max(numbers) >= classes:
        notes.append(f"labels go up to {max(numbers)}, but the network gives {classes} channels: 0 to {classes - 1}")
    whole = {part: _values(cases, part) for part in dict.fromkeys(case.part for case in cases)}
    every = set().union(*whole.values()) if whole else set()
    for part, values in whole.items():
        if values and every - values:
            notes.append(f"{part}: no case has label {', '.join(map(str, sorted(every - values, key=str)))}")
    return notes


def _values(cases: Iterable[Case], part: str) -> set[Any]:
    return {v for case in cases if case.part == part for v in case.labels or () if isinstance(v, (int, str))}


def _is_path(item: Any) -> bool:
    return isinstance(item, str) and ("/" in item or "." in item)
