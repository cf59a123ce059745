"""Splits and folds by a seed: patients stay together, labels are spread evenly, no part is empty."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

from medl.errors import ConfigError, Problem


def split(
    patients: Sequence[str], labels: Sequence[frozenset[Hashable]], parts: Mapping[str, float], seed: int
) -> list[str]:
    """Return the part of each item.

    Iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011, On the stratification of multi-label data), with
    patients in place of single items: the rarest label first, each patient that has it to the part that lacks most of
    it. The same seed and the same items in any order give the same parts.

    Args:
        patients: the patient of each item; items of one patient come into one part.
        labels: the labels present in each item; an item without any counts as a kind of its own.
        parts: name of each part to its share, which add up to 1; each share above 0.
        seed: the seed.

    Raises:
        ConfigError: a part would be empty.
    """
    sizes = Counter(patients)
    has: dict[str, Counter[Hashable]] = {patient: Counter() for patient in sizes}
    for patient, present in zip(patients, labels, strict=True):
        has[patient].update(present or {_NONE})
    waiting = sorted(sizes)
    random.Random(f"medl split {seed}").shuffle(waiting)
    waiting.sort(key=lambda patient: -sizes[patient])  # the largest first; stable, so the seed orders the rest
    totals: Counter[Hashable] = Counter()
    for counts in has.values():
        totals.update(counts)
    lacks = {part: {label: share * count for label, count in totals.items()} for part, share in parts.items()}
    room = {part: share * len(patients) for part, share in parts.items()}
    chosen: dict[str, str] = {}
    while waiting:
        left: Counter[Hashable] = Counter()
        for patient in waiting:
            left.update(has[patient].keys())
        label = min(left, key=lambda label: (left[label], str(label)))
        for patient in [patient for patient in waiting if label in has[patient]]:
            part = max(parts, key=lambda part: (round(lacks[part][label], 9), round(room[part], 9)))
            chosen[patient] = part
            room[part] -= sizes[patient]
            for other, count in has[patient].items():
                lacks[part][other] -= count
            waiting.remove(patient)
    _refuse_empty(parts, chosen, len(patients))
    return [chosen[patient] for patient in patients]


def folds(patients: Sequence[str], labels: Sequence[frozenset[Hashable]], count: int, seed: int) -> list[int]:
    """Return the fold of each item, 0 to ``count - 1``; grouped and spread as :func:`split` does it.

    Raises:
        ConfigError: there are fewer patients than folds, or less than two folds.
    """
    if count < 2:
        raise ConfigError(Problem("there are at least 2 folds", "--folds", value=count))
    parts = {f"fold {index}": 1 / count for index in range(count)}
    return [int(part.removeprefix("fold ")) for part in split(patients, labels, parts, seed)]


def shares(validation: float, test: float) -> dict[str, float]:
    """Return the share of each list: ``training`` has what the others leave.

    Raises:
        ConfigError: a share is below 0, or nothing is left for training.
    """
    problems = [
        Problem("a share is a number from 0 to below 1", f"--{name}", value=value)
        for name, value in (("validation", validation), ("test", test))
        if not 0 <= value < 1
    ]
    if not problems and validation + test >= 1:
        rule = "the shares of validation and test leave something for training"
        problems.append(Problem(rule, "--validation, --test", value=validation + test, remedy="Lower one."))
    if problems:
        raise ConfigError(problems)
    given = {"training": 1 - validation - test, "validation": validation, "test": test}
    return {name: share for name, share in given.items() if share > 0}


_NONE = "nothing"


def _refuse_empty(parts: Mapping[str, float], chosen: Mapping[str, str], items: int) -> None:
    problems = []
    for part in parts:
        if part not in chosen.values():
            value = f"{items} items of {len(chosen)} patients for {len(parts)} parts"
            remedy = f'Raise the share of "{part}", leave it out (share 0), or add patients.'
            if part.startswith("fold "):
                remedy = "Ask for fewer folds, or add patients."
            problems.append(Problem(f'"{part}" is not empty', "split", value=value, remedy=remedy))
    if problems:
        raise ConfigError(problems)
